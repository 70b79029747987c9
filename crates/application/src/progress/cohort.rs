//! What a mentor sees of those who learn in a course.

use std::time::Duration;

use lyceum_domain::{
    courses::{Course, CourseKey},
    page::{Page, PageRequest},
    policy::{Action, Actor, allow},
    progress::{CohortFilter, LearnerView, LessonCompletion},
    time::Timestamp,
};

use crate::{Error, Lyceum, error::denied};

/// Which learners a mentor asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CohortQuery {
    /// After how many days without activity somebody counts as stuck.
    pub idle_days: u16,
    /// Only those who are stuck.
    pub only_stuck: bool,
}

impl Default for CohortQuery {
    /// Everybody; stuck after a week.
    fn default() -> Self {
        Self { idle_days: 7, only_stuck: false }
    }
}

/// Some of the learners of a course.
#[derive(Debug, Clone)]
pub struct Cohort {
    /// The course.
    pub course: Course,
    /// The learners, latest activity first.
    pub learners: Page<LearnerView>,
    /// Who is in the course, not at its end, and was last active before this is stuck.
    pub idle_since: Timestamp,
}

/// How far the learners of a course are with each of its lessons.
#[derive(Debug, Clone)]
pub struct Completion {
    /// The course.
    pub course: Course,
    /// How many learners are in it.
    pub learners: u32,
    /// Its written lessons in reading order.
    pub lessons: Vec<LessonCompletion>,
}

impl Lyceum {
    /// The learners of a course, page by page.
    pub async fn learners(
        &self,
        actor: &Actor,
        key: &CourseKey,
        query: CohortQuery,
        page: PageRequest,
    ) -> Result<Cohort, Error> {
        let course = self.course_of_cohort(actor, key).await?;
        let idle = Duration::from_hours(u64::from(query.idle_days) * 24);
        let idle_since = self.ports.clock.now().minus(idle);
        let filter = CohortFilter { stuck_since: query.only_stuck.then_some(idle_since) };
        let learners = self.ports.store.read().learners_page(course.id, filter, page).await?;
        Ok(Cohort { course, learners, idle_since })
    }

    /// How far the learners of a course are, lesson by lesson.
    pub async fn completion(&self, actor: &Actor, key: &CourseKey) -> Result<Completion, Error> {
        let course = self.course_of_cohort(actor, key).await?;
        let (learners, lessons) = self.ports.store.read().completion(course.id).await?;
        Ok(Completion { course, learners, lessons })
    }

    async fn course_of_cohort(&self, actor: &Actor, key: &CourseKey) -> Result<Course, Error> {
        let course = self.readable_course(actor, key).await?;
        allow(actor, &Action::SeeCohort { author: course.author }).map_err(denied("course"))?;
        Ok(course)
    }
}
