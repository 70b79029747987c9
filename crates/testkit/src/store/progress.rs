//! Progress.

use async_trait::async_trait;
use lyceum_domain::{
    courses::{Course, CourseStatus},
    ids::{CourseId, LessonId, UserId},
    mentor::{CourseStanding, NextLesson},
    page::{Page, PageRequest},
    progress::{
        CourseProgress, CourseProgressView, LessonChange, LessonProgressView, LessonStanding, LessonStatus, Percent,
        Progress, ProgressQueries,
    },
    store::StoreError,
    time::Timestamp,
};

use super::{
    MemoryStore, MemoryUnit,
    tables::{Tables, newest_first, refer},
};

#[async_trait]
impl Progress for MemoryUnit {
    async fn save(&mut self, progress: &CourseProgress, change: Option<LessonChange>) -> Result<(), StoreError> {
        self.run(|tables| {
            refer(&tables.users, &progress.user, "user")?;
            refer(&tables.courses, &progress.course, "course")?;
            let key = (progress.user, progress.course);
            let stored = tables.course_progress.get(&key).map_or(0, |stored| stored.version);
            if stored != progress.version {
                return Err(StoreError::Conflict);
            }
            let row = CourseProgress { version: progress.version + 1, ..progress.clone() };
            tables.course_progress.insert(key, row);
            if let Some(LessonChange { lesson, to, at, .. }) = change {
                refer(&tables.lessons, &lesson, "lesson")?;
                tables.lesson_progress.insert((progress.user, lesson), (to, at));
            }
            Ok(())
        })
    }

    async fn recount(&mut self, course: CourseId, _at: Timestamp) -> Result<(), StoreError> {
        self.run(|tables| {
            let counting: Vec<LessonId> =
                tables.lessons_of(course).into_iter().filter(|lesson| lesson.counts()).map(|l| l.id).collect();
            let learners: Vec<UserId> =
                tables.course_progress.keys().filter(|(_, of)| *of == course).map(|(user, _)| *user).collect();
            for user in learners {
                let is_done = |lesson: &&LessonId| tables.lesson_status(user, **lesson) == LessonStatus::Completed;
                let completed = u32::try_from(counting.iter().filter(is_done).count()).unwrap_or(u32::MAX);
                if let Some(progress) = tables.course_progress.get_mut(&(user, course)) {
                    progress.completed_lessons = completed;
                    progress.version += 1;
                }
            }
            Ok(())
        })
    }

    async fn rebuild(
        &mut self,
        _progress: &CourseProgress,
        _lessons: &BTreeMap<LessonId, (LessonStatus, Timestamp)>,
        _stored: Option<u32>,
    ) -> Result<(), StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }
}

/// The courses of a learner that are there, with the learner's progress in each.
fn courses_of(tables: &Tables, user: UserId) -> Vec<(Course, CourseProgress)> {
    tables
        .course_progress
        .values()
        .filter(|progress| progress.user == user && progress.is_enrolled)
        .filter_map(|progress| Some((tables.live_course(progress.course)?.clone(), progress.clone())))
        .collect()
}

fn next_lesson(tables: &Tables, user: UserId, course: CourseId) -> Option<NextLesson> {
    let lessons = tables.lessons_of(course);
    let next = lessons
        .into_iter()
        .find(|lesson| lesson.counts() && tables.lesson_status(user, lesson.id) != LessonStatus::Completed)?;
    Some(NextLesson { title: next.title.clone(), number: next.number.clone() })
}

#[async_trait]
impl ProgressQueries for MemoryStore {
    async fn lesson_standing(&self, user: UserId, lesson: LessonId) -> Result<Option<LessonStanding>, StoreError> {
        let tables = self.tables()?;
        let lesson = tables.lessons.get(&lesson).filter(|lesson| lesson.deleted_at.is_none());
        Ok(lesson.and_then(|lesson| {
            let course = tables.live_course(lesson.course)?;
            Some(LessonStanding {
                lesson: lesson.id,
                course: course.id,
                course_status: course.status,
                course_author: course.author,
                total_lessons: course.lesson_count,
                is_draft: lesson.is_draft,
                progress: tables.course_progress.get(&(user, course.id)).cloned(),
                status: tables.lesson_status(user, lesson.id),
            })
        }))
    }

    async fn course_progress(&self, user: UserId, course: CourseId) -> Result<Option<CourseProgress>, StoreError> {
        Ok(self.tables()?.course_progress.get(&(user, course)).cloned())
    }

    async fn progress_page(&self, user: UserId, page: PageRequest) -> Result<Page<CourseProgressView>, StoreError> {
        let rows = courses_of(&*self.tables()?, user);
        let page = newest_first(rows, page, |(course, progress)| (progress.updated_at, course.id.as_uuid()));
        Ok(page.map(|(course, progress)| CourseProgressView {
            course: course.id,
            slug: course.slug.to_string(),
            title: course.title.to_string(),
            completed_lessons: progress.completed_lessons,
            total_lessons: course.lesson_count,
            updated_at: progress.updated_at,
        }))
    }

    async fn lessons_progress(&self, user: UserId, course: CourseId) -> Result<Vec<LessonProgressView>, StoreError> {
        let tables = self.tables()?;
        let written = tables.lessons_of(course).into_iter().filter(|lesson| lesson.counts());
        Ok(written
            .map(|lesson| LessonProgressView {
                lesson: lesson.id,
                slug: lesson.slug.to_string(),
                title: lesson.title.clone(),
                number: lesson.number.clone(),
                depth: lesson.depth,
                position: lesson.position,
                status: tables.lesson_status(user, lesson.id),
                updated_at: tables.lesson_progress.get(&(user, lesson.id)).map(|(_, at)| *at),
            })
            .collect())
    }

    async fn recent_standings(&self, user: UserId, limit: u8) -> Result<Vec<CourseStanding>, StoreError> {
        let tables = self.tables()?;
        let mut rows = courses_of(&tables, user);
        rows.retain(|(course, _)| course.status != CourseStatus::Draft || course.author == Some(user));
        rows.sort_by_key(|(course, progress)| std::cmp::Reverse((progress.updated_at, course.id)));
        rows.truncate(usize::from(limit));
        Ok(rows
            .into_iter()
            .map(|(course, progress)| CourseStanding {
                course: course.id,
                percent: Percent::of(progress.completed_lessons, course.lesson_count),
                completed_lessons: progress.completed_lessons,
                total_lessons: course.lesson_count,
                next_lesson: next_lesson(&tables, user, course.id),
                title: course.title,
            })
            .collect())
    }

    async fn activity(
        &self,
        _user: UserId,
        _since: Timestamp,
        _offset: UtcOffset,
    ) -> Result<Vec<DayActivity>, StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }

    async fn days_active(&self, _user: UserId, _course: CourseId, _offset: UtcOffset) -> Result<u32, StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }

    async fn progress_events_page(&self, _user: UserId, _page: PageRequest) -> Result<Page<ProgressEvent>, StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }

    async fn learners_page(
        &self,
        _course: CourseId,
        _filter: CohortFilter,
        _page: PageRequest,
    ) -> Result<Page<LearnerView>, StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }

    async fn completion(&self, _course: CourseId) -> Result<(u32, Vec<LessonCompletion>), StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }

    async fn histories(
        &self,
        _after: Option<(UserId, CourseId)>,
        _limit: u32,
    ) -> Result<Vec<ProgressHistory>, StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }
}
