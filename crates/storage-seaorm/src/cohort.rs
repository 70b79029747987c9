//! The learners of a course, as its mentor sees them.

use lyceum_domain::{
    blobs::BlobKey,
    courses::{LessonNumber, Slug, Title},
    ids::{CourseId, LessonId, UserId},
    page::{Cursor, Page, PageRequest},
    progress::{CohortFilter, LearnerView, LessonCompletion},
    store::StoreError,
    users::{DisplayName, Username},
};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use crate::{
    progress::completed,
    row::{Row, each},
    sql::{Sql, Values},
    standings::{next_lesson, read_next_lesson},
};

/// `$1` the course, `$2` and `$3` where the page starts, `$4` how many.
macro_rules! learners {
    ($condition:expr) => {
        Sql::same(concat!(
            "SELECT u.id, u.username, u.display_name, u.portrait_key, p.is_enrolled, ",
            completed!(),
            ", c.lesson_count, p.created_at, p.updated_at, n.id, n.slug, n.title, n.number FROM course_progress p \
             JOIN courses c ON c.id = p.course_id JOIN users u ON u.id = p.user_id AND u.deleted_at IS NULL \
             LEFT JOIN lessons n ON n.id = ",
            next_lesson!(),
            " WHERE p.course_id = $1 AND (p.updated_at, p.user_id) < ($2, $3) AND ",
            $condition,
            " ORDER BY p.updated_at DESC, p.user_id DESC LIMIT $4"
        ))
    };
}
const LEARNERS: Sql = learners!("(p.is_enrolled OR u.show_progress)");
const STUCK_LEARNERS: Sql = learners!(concat!("p.is_enrolled AND ", completed!(), " < c.lesson_count"));

// A course without lessons is one row without a lesson.
const COMPLETION: Sql = Sql::same(
    "WITH learners AS MATERIALIZED (SELECT p.user_id FROM course_progress p \
     JOIN users u ON u.id = p.user_id AND u.deleted_at IS NULL WHERE p.course_id = $1 AND p.is_enrolled) \
     SELECT k.learners, l.id, l.slug, l.title, l.number, l.position, COALESCE(t.in_progress, 0), \
     COALESCE(t.completed, 0) FROM (SELECT count(*) AS learners FROM learners) k \
     LEFT JOIN lessons l ON l.course_id = $1 AND NOT l.is_draft AND l.deleted_at IS NULL \
     LEFT JOIN (SELECT s.lesson_id, count(CASE WHEN s.status = 'in_progress' THEN 1 END) AS in_progress, \
     count(CASE WHEN s.status = 'completed' THEN 1 END) AS completed FROM lessons w \
     JOIN lesson_progress s ON s.lesson_id = w.id JOIN learners ON learners.user_id = s.user_id \
     WHERE w.course_id = $1 GROUP BY s.lesson_id) t ON t.lesson_id = l.id ORDER BY l.position, l.id",
);

pub(crate) async fn page(
    db: &impl ConnectionTrait,
    course: CourseId,
    filter: CohortFilter,
    page: PageRequest,
) -> Result<Page<LearnerView>, StoreError> {
    let (sql, after) = match filter.stuck_since {
        None => (LEARNERS, page.after),
        // They stand behind all who were active since: the page begins there if it does not begin later.
        Some(since) => {
            let since = Cursor { at: since, id: Uuid::nil() };
            let is_later = |after: &Cursor| (after.at, after.id) < (since.at, since.id);
            (STUCK_LEARNERS, Some(page.after.filter(is_later).unwrap_or(since)))
        }
    };
    let values = Values::new().id(course.as_uuid()).below(PageRequest { after, ..page }).limit(page);
    let learners = each(&sql.all(db, values).await?, read_learner)?;
    Ok(Page::cut(learners, page.size, |learner| Cursor { at: learner.updated_at, id: learner.user.as_uuid() }))
}

fn read_learner(row: &mut Row<'_>) -> Result<LearnerView, StoreError> {
    Ok(LearnerView {
        user: row.id(UserId::from_uuid)?,
        username: row.parsed(Username::parse)?,
        display_name: row.maybe_parsed(DisplayName::parse)?,
        portrait: row.maybe_parsed(BlobKey::parse)?,
        is_enrolled: row.flag()?,
        completed_lessons: row.number()?,
        total_lessons: row.number()?,
        started_at: row.time()?,
        updated_at: row.time()?,
        next_lesson: read_next_lesson(row)?,
    })
}

pub(crate) async fn completion(
    db: &impl ConnectionTrait,
    course: CourseId,
) -> Result<(u32, Vec<LessonCompletion>), StoreError> {
    let rows = COMPLETION.all(db, Values::new().id(course.as_uuid())).await?;
    let rows: Vec<(u32, Option<LessonCompletion>)> = each(&rows, |row| Ok((row.number()?, read_completion(row)?)))?;
    let learners = rows.first().map_or(0, |(learners, _)| *learners);
    Ok((learners, rows.into_iter().filter_map(|(_, lesson)| lesson).collect()))
}

fn read_completion(row: &mut Row<'_>) -> Result<Option<LessonCompletion>, StoreError> {
    let Some(lesson) = row.maybe_id(LessonId::from_uuid)? else { return Ok(None) };
    Ok(Some(LessonCompletion {
        lesson,
        slug: row.parsed(Slug::parse)?,
        title: row.parsed(Title::parse)?,
        number: row.maybe_parsed(LessonNumber::parse)?,
        position: row.number()?,
        in_progress: row.number()?,
        completed: row.number()?,
    }))
}
