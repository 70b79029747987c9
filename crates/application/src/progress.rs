//! Learning: enrolling, recording lessons, how far one is, and how far one's learners are.

mod cohort;
mod rebuild;
mod recount;
mod timeline;

use lyceum_domain::{
    courses::{Course, CourseKey},
    ids::{CourseId, LessonId, ProgressEventId},
    mentor::CourseStanding,
    page::{Page, PageRequest},
    policy::{Action, Actor, allow},
    progress::{CourseProgress, CourseProgressView, LessonProgressView, LessonStatus, Percent},
    time::{Timestamp, UtcOffset},
};

pub use cohort::{Cohort, CohortQuery, Completion};
pub use rebuild::{Difference, LearnerDifference, Rebuild, Rebuilt};
pub use timeline::{Timeline, TimelineDays};

use crate::{Error, Lyceum, error::denied, retry::retry_on_conflict};

/// A lesson that was recorded, and where the course stands now.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The lesson.
    pub lesson: LessonId,
    /// Its status now.
    pub status: LessonStatus,
    /// When it was recorded.
    pub at: Timestamp,
    /// The course.
    pub course: CourseStand,
}

/// Where a learner stands in a course.
#[derive(Debug, Clone)]
pub struct CourseStand {
    /// The course.
    pub course: CourseId,
    /// Lessons done.
    pub completed_lessons: u32,
    /// Lessons in all.
    pub total_lessons: u32,
    /// The last activity.
    pub updated_at: Timestamp,
}

/// A learner's progress in a course, lesson by lesson.
#[derive(Debug, Clone)]
pub struct CourseProgressDetail {
    /// The course.
    pub course: Course,
    /// Where the learner stands, if they were ever in it.
    pub stand: Option<CourseStand>,
    /// When they first came.
    pub started_at: Option<Timestamp>,
    /// On how many days they did something in it.
    pub days_active: u32,
    /// Its written lessons in reading order.
    pub lessons: Vec<LessonProgressView>,
}

impl CourseProgressDetail {
    /// Where to go on: the first lesson in reading order that is not done.
    pub fn next_lesson(&self) -> Option<&LessonProgressView> {
        self.lessons.iter().find(|lesson| lesson.status != LessonStatus::Completed)
    }
}

/// How many courses are offered to go on with.
const RECENT_COURSES: u8 = 5;

impl CourseStand {
    fn new(progress: &CourseProgress, total_lessons: u32) -> Self {
        Self {
            course: progress.course,
            completed_lessons: progress.completed_lessons,
            total_lessons,
            updated_at: progress.updated_at,
        }
    }

    /// The percentage that is done.
    pub fn percent(&self) -> Percent {
        Percent::of(self.completed_lessons, self.total_lessons)
    }
}

impl Lyceum {
    /// Comes to a course; also when one is there already. True if one was not.
    pub async fn enrol(&self, actor: &Actor, key: &CourseKey) -> Result<(CourseStand, bool), Error> {
        let user = actor.user().ok_or(Error::SignInRequired)?;
        retry_on_conflict(|| async {
            let course = self.ports.store.read().course(key).await?.ok_or(Error::NotFound("course"))?;
            let known = self.ports.store.read().course_progress(user, course.id).await?;
            let learn = Action::Learn { status: course.status, author: course.author, is_known: known.is_some() };
            allow(actor, &learn).map_err(denied("course"))?;
            let now = self.ports.clock.now();
            let begin = || CourseProgress::begin(user, course.id, course.outline_revision, now);
            let mut progress = known.unwrap_or_else(begin);
            let change = progress.enrol(ProgressEventId::new(&*self.ports.ids), now);
            if let Some(change) = &change {
                self.ports.store.write().save_progress(&progress, change).await?;
            }
            Ok((CourseStand::new(&progress, course.lesson_count), change.is_some()))
        })
        .await
    }

    /// Leaves a course; the progress stays for the day one comes back.
    pub async fn leave(&self, actor: &Actor, key: &CourseKey) -> Result<(), Error> {
        allow(actor, &Action::ReadOwnProgress).map_err(denied("course"))?;
        let user = actor.user().ok_or(Error::SignInRequired)?;
        retry_on_conflict(|| async {
            let course = self.ports.store.read().course(key).await?.ok_or(Error::NotFound("course"))?;
            let known = self.ports.store.read().course_progress(user, course.id).await?;
            let Some(mut progress) = known else {
                // Whether there is such a draft is nobody's business.
                let read = Action::ReadCourse { status: course.status, author: course.author };
                return allow(actor, &read).map_err(denied("course"));
            };
            let event = ProgressEventId::new(&*self.ports.ids);
            if let Some(change) = progress.leave(event, self.ports.clock.now()) {
                self.ports.store.write().save_progress(&progress, &change).await?;
            }
            Ok(())
        })
        .await
    }

    /// Records how far one is with a lesson, coming to its course if need be.
    pub async fn record_lesson(
        &self,
        actor: &Actor,
        lesson: LessonId,
        status: LessonStatus,
    ) -> Result<Recorded, Error> {
        let user = actor.user().ok_or(Error::SignInRequired)?;
        retry_on_conflict(|| async {
            let standing = self.ports.store.read().lesson_standing(user, lesson).await?;
            let standing = standing.filter(|standing| !standing.is_draft).ok_or(Error::NotFound("lesson"))?;
            let learn = Action::Learn {
                status: standing.course_status,
                author: standing.course_author,
                is_known: standing.progress.is_some(),
            };
            allow(actor, &learn).map_err(denied("lesson"))?;
            let now = self.ports.clock.now();
            let begin = || CourseProgress::begin(user, standing.course, standing.outline_revision, now);
            let mut progress = standing.progress.unwrap_or_else(begin);
            let event = ProgressEventId::new(&*self.ports.ids);
            let change = progress.record(event, lesson, standing.status, status, now);
            self.ports.store.write().save_progress(&progress, &change).await?;
            Ok(Recorded { lesson, status, at: now, course: CourseStand::new(&progress, standing.total_lessons) })
        })
        .await
    }

    /// The courses one is in, newest activity first.
    pub async fn progress(&self, actor: &Actor, page: PageRequest) -> Result<Page<CourseProgressView>, Error> {
        allow(actor, &Action::ReadOwnProgress).map_err(denied("progress"))?;
        let user = actor.user().ok_or(Error::SignInRequired)?;
        Ok(self.ports.store.read().progress_page(user, page).await?)
    }

    /// Where one left off: the courses one was last active in, each with the lesson to go on with.
    pub async fn next_lessons(&self, actor: &Actor) -> Result<Vec<CourseStanding>, Error> {
        allow(actor, &Action::ReadOwnProgress).map_err(denied("progress"))?;
        let user = actor.user().ok_or(Error::SignInRequired)?;
        Ok(self.ports.store.read().recent_standings(user, RECENT_COURSES).await?)
    }

    /// One's progress in a course, lesson by lesson; days are as they are at `offset`.
    pub async fn course_progress(
        &self,
        actor: &Actor,
        key: &CourseKey,
        offset: UtcOffset,
    ) -> Result<CourseProgressDetail, Error> {
        allow(actor, &Action::ReadOwnProgress).map_err(denied("course"))?;
        let user = actor.user().ok_or(Error::SignInRequired)?;
        let course = self.readable_course(actor, key).await?;
        let read = self.ports.store.read();
        let progress = read.course_progress(user, course.id).await?;
        let lessons = read.lessons_progress(user, course.id).await?;
        let days_active = match &progress {
            None => 0,
            Some(_) => read.days_active(user, course.id, offset).await?,
        };
        Ok(CourseProgressDetail {
            stand: progress.as_ref().map(|progress| CourseStand::new(progress, course.lesson_count)),
            started_at: progress.map(|progress| progress.created_at),
            course,
            days_active,
            lessons,
        })
    }
}
