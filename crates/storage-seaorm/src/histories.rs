//! All that is kept about learners, to be compared, and putting it right.

use std::collections::BTreeMap;

use lyceum_domain::{
    ids::{CourseId, LessonId, ProgressEventId, UserId},
    progress::{CourseProgress, LessonStatus, ProgressEvent, ProgressHistory, Step},
    store::StoreError,
    time::Timestamp,
};
use sea_orm::{ConnectionTrait, DbBackend};
use serde_json::json;
use uuid::Uuid;

use crate::{
    row::Row,
    sql::{Sql, Values},
};

/// The columns of an event that [`read_event`] reads behind learner and course, of the table `e`.
macro_rules! event_columns {
    () => {
        "e.sequence, e.id, e.created_at, e.kind, e.lesson_id, e.from_status, e.to_status"
    };
}
pub(crate) use event_columns;

/// The next `$3` pairs of learner and course after `$1` and `$2`, and of each its row, its events and its lessons: one
/// statement, so that all of it is as of one moment.
const HISTORIES: Sql = Sql::same(concat!(
    "WITH pairs AS MATERIALIZED (SELECT user_id, course_id FROM (SELECT * FROM (SELECT p.user_id, p.course_id \
     FROM course_progress p WHERE (p.user_id, p.course_id) > ($1, $2) ORDER BY p.user_id, p.course_id LIMIT $3) r \
     UNION SELECT * FROM (SELECT DISTINCT e.user_id, e.course_id FROM progress_events e \
     WHERE (e.user_id, e.course_id) > ($1, $2) ORDER BY e.user_id, e.course_id LIMIT $3) h) u \
     ORDER BY user_id, course_id LIMIT $3) \
     SELECT k.user_id, k.course_id, 'row' AS part, p.version AS number, NULL AS id, p.updated_at, NULL AS word, NULL \
     AS lesson_id, NULL AS from_status, NULL AS to_status, p.completed_lessons, p.outline_revision, p.is_enrolled, \
     p.created_at FROM pairs k JOIN course_progress p ON p.user_id = k.user_id AND p.course_id = k.course_id \
     UNION ALL SELECT k.user_id, k.course_id, 'event', ",
    event_columns!(),
    ", NULL, NULL, NULL, NULL FROM pairs k JOIN progress_events e ON e.user_id = k.user_id AND e.course_id = k.course_id \
     UNION ALL SELECT k.user_id, k.course_id, 'lesson', NULL, NULL, s.updated_at, s.status, s.lesson_id, NULL, NULL, \
     NULL, NULL, NULL, NULL FROM pairs k JOIN lesson_progress s ON s.user_id = k.user_id AND s.course_id = k.course_id \
     ORDER BY 1, 2, 3, 4"
));

// A learner saves with the version that they saw; so does this.
const REBUILD: Sql = Sql::same(
    "UPDATE course_progress SET completed_lessons = $3, outline_revision = $4, is_enrolled = $5, created_at = $6, \
     updated_at = $7, version = $8 WHERE user_id = $1 AND course_id = $2 AND version = $9",
);

const BUILD: Sql = Sql::same(
    "INSERT INTO course_progress (user_id, course_id, completed_lessons, outline_revision, is_enrolled, created_at, \
     updated_at, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (user_id, course_id) DO NOTHING",
);

const FORGET_LESSONS: Sql = Sql::same("DELETE FROM lesson_progress WHERE user_id = $1 AND course_id = $2");

/// The row of a lesson is the learner's own, whichever course it says.
macro_rules! set_lessons {
    ($values:literal) => {
        concat!(
            "INSERT INTO lesson_progress (user_id, course_id, lesson_id, status, created_at, updated_at) ",
            $values,
            " ON CONFLICT (user_id, lesson_id) DO UPDATE SET course_id = excluded.course_id, \
             status = excluded.status, updated_at = excluded.updated_at"
        )
    };
}
const SET_LESSONS: Sql = Sql {
    postgres: set_lessons!(
        "SELECT $1, $2, s.id, s.status, s.at, s.at FROM jsonb_to_recordset($3) AS s (id uuid, status text, \
         at timestamptz)"
    ),
    sqlite: set_lessons!("VALUES ($1, $2, $3, $4, $5, $5)"),
};

/// Reads [`event_columns`].
pub(crate) fn read_event(row: &mut Row<'_>, user: UserId, course: CourseId) -> Result<ProgressEvent, StoreError> {
    let sequence = row.number()?;
    let id = row.id(ProgressEventId::from_uuid)?;
    let at = row.time()?;
    let kind = row.text()?;
    let lesson = row.maybe_id(LessonId::from_uuid)?;
    let (from, to) = (row.maybe_parsed(LessonStatus::parse)?, row.maybe_parsed(LessonStatus::parse)?);
    let recorded = match (lesson, from, to) {
        (Some(lesson), Some(from), Some(to)) => Some((lesson, from, to)),
        _ => None,
    };
    let step = Step::stored(&kind, recorded)
        .map_err(|reason| StoreError::Corrupt(format!("an event of progress is none: {reason}")))?;
    Ok(ProgressEvent { id, user, course, sequence, step, at })
}

pub(crate) async fn histories(
    db: &impl ConnectionTrait,
    after: Option<(UserId, CourseId)>,
    limit: u32,
) -> Result<Vec<ProgressHistory>, StoreError> {
    // No learner has this id: ids tell their version.
    let (user, course) = after.map_or((Uuid::nil(), Uuid::nil()), |(user, course)| (user.as_uuid(), course.as_uuid()));
    let rows = HISTORIES.all(db, Values::new().id(user).id(course).number(limit)).await?;
    let mut histories: Vec<ProgressHistory> = Vec::new();
    for row in &rows {
        let mut row = Row::new(row);
        let (user, course) = (row.id(UserId::from_uuid)?, row.id(CourseId::from_uuid)?);
        if histories.last().is_none_or(|last| (last.user, last.course) != (user, course)) {
            let (events, lessons) = (Vec::new(), BTreeMap::new());
            histories.push(ProgressHistory { user, course, events, stored: None, lessons });
        }
        if let Some(history) = histories.last_mut() {
            take(history, &mut row)?;
        }
    }
    Ok(histories)
}

/// Reads the rest of a row of [`HISTORIES`].
fn take(history: &mut ProgressHistory, row: &mut Row<'_>) -> Result<(), StoreError> {
    let (user, course) = (history.user, history.course);
    match row.text()?.as_str() {
        "event" => history.events.push(read_event(row, user, course)?),
        "lesson" => {
            row.skip(2);
            let (at, status) = (row.time()?, row.parsed(LessonStatus::parse)?);
            history.lessons.insert(row.id(LessonId::from_uuid)?, (status, at));
        }
        _ => {
            let version = row.number()?;
            row.skip(1);
            let updated_at = row.time()?;
            row.skip(4);
            history.stored = Some(CourseProgress {
                user,
                course,
                completed_lessons: row.number()?,
                outline_revision: row.number()?,
                is_enrolled: row.flag()?,
                created_at: row.time()?,
                updated_at,
                version,
            });
        }
    }
    Ok(())
}

pub(crate) async fn rebuild(
    db: &impl ConnectionTrait,
    progress: &CourseProgress,
    lessons: &BTreeMap<LessonId, (LessonStatus, Timestamp)>,
    stored: Option<u32>,
) -> Result<(), StoreError> {
    let key = || Values::new().id(progress.user.as_uuid()).id(progress.course.as_uuid());
    let values = key()
        .number(progress.completed_lessons)
        .number(progress.outline_revision)
        .flag(progress.is_enrolled)
        .time(progress.created_at)
        .time(progress.updated_at)
        .number(progress.version);
    match stored {
        Some(version) => REBUILD.run_for_one(db, values.number(version)).await?,
        None => BUILD.run_for_one(db, values).await?,
    }
    FORGET_LESSONS.run(db, key()).await?;
    if db.get_database_backend() == DbBackend::Postgres {
        let row = |(lesson, (status, at)): (&LessonId, &(LessonStatus, Timestamp))| json!({ "id": lesson.to_string(), "status": status.as_str(), "at": at.to_string() });
        return SET_LESSONS.run(db, key().json(lessons.iter().map(row).collect())).await.map(drop);
    }
    for (lesson, (status, at)) in lessons {
        SET_LESSONS.run_for_one(db, key().id(lesson.as_uuid()).text(status.as_str()).time(*at)).await?;
    }
    Ok(())
}
