//! Where learners stand: the reading side of progress, each answer from one statement.

use async_trait::async_trait;
use lyceum_domain::{
    courses::{CourseStatus, LessonNumber, Slug, Title},
    ids::{CourseId, LessonId, UserId},
    mentor::{CourseStanding, NextLesson},
    page::{Cursor, Page, PageRequest},
    progress::{
        CohortFilter, CourseProgress, CourseProgressView, DayActivity, LearnerView, LessonCompletion,
        LessonProgressView, LessonStanding, LessonStatus, Percent, ProgressEvent, ProgressHistory, ProgressQueries,
    },
    store::StoreError,
    time::{Timestamp, UtcOffset},
};

use crate::{
    activity, cohort,
    connect::SeaOrmStore,
    histories,
    progress::{self, completed},
    row::{Row, each, maybe},
    sql::{Sql, Values},
};

const LESSON: Sql = Sql::same(concat!(
    "SELECT c.id, c.status, c.author_id, c.lesson_count, c.outline_revision, l.is_draft, s.status, p.version, ",
    completed!(),
    ", p.is_enrolled, p.created_at, p.updated_at FROM lessons l JOIN courses c ON c.id = l.course_id \
     LEFT JOIN course_progress p ON p.user_id = $1 AND p.course_id = c.id \
     LEFT JOIN lesson_progress s ON s.user_id = $1 AND s.lesson_id = l.id \
     WHERE l.id = $2 AND l.deleted_at IS NULL AND c.deleted_at IS NULL"
));

const PAGE: Sql = Sql::same(concat!(
    "SELECT c.id, c.slug, c.title, ",
    completed!(),
    ", c.lesson_count, p.updated_at FROM course_progress p \
     JOIN courses c ON c.id = p.course_id AND c.deleted_at IS NULL \
     WHERE p.user_id = $1 AND (p.updated_at, p.course_id) < ($2, $3) AND p.is_enrolled \
     ORDER BY p.updated_at DESC, p.course_id DESC LIMIT $4"
));

/// The id of the first lesson in reading order that the learner of `p` has not done in the course of `p`. One look by key
/// for each lesson before it: as a join it may become all done lessons for each of them.
macro_rules! next_lesson {
    () => {
        "(SELECT l.id FROM lessons l WHERE l.course_id = p.course_id AND NOT l.is_draft AND l.deleted_at IS NULL \
         AND COALESCE((SELECT s.status FROM lesson_progress s WHERE s.user_id = p.user_id AND s.lesson_id = l.id), '') \
         <> 'completed' ORDER BY l.position, l.id LIMIT 1)"
    };
}
pub(crate) use next_lesson;

const RECENT: Sql = Sql::same(concat!(
    "SELECT c.id, c.slug, c.title, ",
    completed!(),
    ", c.lesson_count, n.id, n.slug, n.title, n.number FROM course_progress p \
     JOIN courses c ON c.id = p.course_id AND c.deleted_at IS NULL AND (c.status <> 'draft' OR c.author_id = $1) \
     LEFT JOIN lessons n ON n.id = ",
    next_lesson!(),
    " WHERE p.user_id = $1 AND p.is_enrolled ORDER BY p.updated_at DESC, p.course_id DESC LIMIT $2"
));

fn read_view(row: &mut Row<'_>) -> Result<CourseProgressView, StoreError> {
    Ok(CourseProgressView {
        course: row.id(CourseId::from_uuid)?,
        slug: row.text()?,
        title: row.text()?,
        completed_lessons: row.number()?,
        total_lessons: row.number()?,
        updated_at: row.time()?,
    })
}

fn read_lesson_standing(row: &mut Row<'_>, user: UserId, lesson: LessonId) -> Result<LessonStanding, StoreError> {
    let course = row.id(CourseId::from_uuid)?;
    let course_status = row.parsed(CourseStatus::parse)?;
    let course_author = row.maybe_id(UserId::from_uuid)?;
    let total_lessons = row.number()?;
    let outline_revision = row.number()?;
    let is_draft = row.flag()?;
    let status = row.maybe_parsed(LessonStatus::parse)?.unwrap_or_default();
    let progress = match row.maybe_number()? {
        None => None,
        Some(version) => Some(CourseProgress {
            user,
            course,
            completed_lessons: row.number()?,
            outline_revision,
            is_enrolled: row.flag()?,
            created_at: row.time()?,
            updated_at: row.time()?,
            version,
        }),
    };
    Ok(LessonStanding {
        lesson,
        course,
        course_status,
        course_author,
        total_lessons,
        outline_revision,
        is_draft,
        progress,
        status,
    })
}

fn read_standing(row: &mut Row<'_>) -> Result<CourseStanding, StoreError> {
    let course = row.id(CourseId::from_uuid)?;
    let slug = row.parsed(Slug::parse)?;
    let title = row.parsed(Title::parse)?;
    let (completed_lessons, total_lessons) = (row.number()?, row.number()?);
    let next_lesson = read_next_lesson(row)?;
    Ok(CourseStanding {
        course,
        slug,
        title,
        percent: Percent::of(completed_lessons, total_lessons),
        completed_lessons,
        total_lessons,
        next_lesson,
    })
}

/// Reads id, slug, title and number of a lesson that may not be there.
pub(crate) fn read_next_lesson(row: &mut Row<'_>) -> Result<Option<NextLesson>, StoreError> {
    let lesson = row.maybe_id(LessonId::from_uuid)?;
    let (slug, title) = (row.maybe_parsed(Slug::parse)?, row.maybe_parsed(Title::parse)?);
    let number = row.maybe_parsed(LessonNumber::parse)?;
    let (Some(lesson), Some(slug), Some(title)) = (lesson, slug, title) else { return Ok(None) };
    Ok(Some(NextLesson { lesson, slug, title, number }))
}

#[async_trait]
impl ProgressQueries for SeaOrmStore {
    async fn lesson_standing(&self, user: UserId, lesson: LessonId) -> Result<Option<LessonStanding>, StoreError> {
        let row = LESSON.one(&self.reads, Values::new().id(user.as_uuid()).id(lesson.as_uuid())).await?;
        maybe(row.as_ref(), |row| read_lesson_standing(row, user, lesson))
    }

    async fn course_progress(&self, user: UserId, course: CourseId) -> Result<Option<CourseProgress>, StoreError> {
        progress::one(&self.reads, user, course).await
    }

    async fn progress_page(&self, user: UserId, page: PageRequest) -> Result<Page<CourseProgressView>, StoreError> {
        let values = Values::new().id(user.as_uuid()).below(page).limit(page);
        let courses = each(&PAGE.all(&self.reads, values).await?, read_view)?;
        Ok(Page::cut(courses, page.size, |view| Cursor { at: view.updated_at, id: view.course.as_uuid() }))
    }

    async fn lessons_progress(&self, user: UserId, course: CourseId) -> Result<Vec<LessonProgressView>, StoreError> {
        progress::lessons(&self.reads, user, course).await
    }

    async fn recent_standings(&self, user: UserId, limit: u8) -> Result<Vec<CourseStanding>, StoreError> {
        each(&RECENT.all(&self.reads, Values::new().id(user.as_uuid()).number(limit)).await?, read_standing)
    }

    async fn activity(
        &self,
        user: UserId,
        since: Timestamp,
        offset: UtcOffset,
    ) -> Result<Vec<DayActivity>, StoreError> {
        activity::by_day(&self.reads, user, since, offset).await
    }

    async fn days_active(&self, user: UserId, course: CourseId, offset: UtcOffset) -> Result<u32, StoreError> {
        activity::days_active(&self.reads, user, course, offset).await
    }

    async fn progress_events_page(&self, user: UserId, page: PageRequest) -> Result<Page<ProgressEvent>, StoreError> {
        activity::page(&self.reads, user, page).await
    }

    async fn learners_page(
        &self,
        course: CourseId,
        filter: CohortFilter,
        page: PageRequest,
    ) -> Result<Page<LearnerView>, StoreError> {
        cohort::page(&self.reads, course, filter, page).await
    }

    async fn completion(&self, course: CourseId) -> Result<(u32, Vec<LessonCompletion>), StoreError> {
        cohort::completion(&self.reads, course).await
    }

    async fn histories(
        &self,
        after: Option<(UserId, CourseId)>,
        limit: u32,
    ) -> Result<Vec<ProgressHistory>, StoreError> {
        histories::histories(&self.reads, after, limit).await
    }
}
