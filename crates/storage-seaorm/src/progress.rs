//! How far learners are: the writing side, and what a list of lessons shows.

use std::collections::BTreeMap;

use async_trait::async_trait;
use lyceum_domain::{
    courses::{LessonNumber, Title},
    ids::{CourseId, LessonId, UserId},
    progress::{CourseProgress, LessonProgressView, LessonStatus, Progress, ProgressChange, Step},
    store::StoreError,
    time::Timestamp,
};
use sea_orm::{ConnectionTrait, DbBackend};
use serde_json::json;

use crate::{
    histories,
    row::{Row, each, maybe},
    sql::{Sql, Values},
    unit::SeaOrmUnit,
};

/// How many lessons that count the learner of `p` has completed in the course of `p`, which is `c`: as it was counted, or
/// anew if lessons that counted went or came back since.
macro_rules! completed {
    () => {
        concat!(
            "CASE WHEN p.outline_revision >= c.outline_revision THEN p.completed_lessons ELSE ",
            $crate::progress::count_completed!("p"),
            " END"
        )
    };
}
pub(crate) use completed;

/// The same, always counted; `$progress` names a row of `course_progress`. One look by key for each lesson of the course:
/// as a join it may become all lessons of all courses.
macro_rules! count_completed {
    ($progress:literal) => {
        concat!(
            "(SELECT count(*) FROM lessons cl WHERE cl.course_id = ",
            $progress,
            ".course_id AND NOT cl.is_draft AND cl.deleted_at IS NULL AND (SELECT cs.status FROM lesson_progress cs \
             WHERE cs.user_id = ",
            $progress,
            ".user_id AND cs.lesson_id = cl.id) = 'completed')"
        )
    };
}
pub(crate) use count_completed;

/// The first save: nothing happens if somebody was quicker.
macro_rules! insert {
    () => {
        "INSERT INTO course_progress (user_id, course_id, completed_lessons, outline_revision, is_enrolled, updated_at, \
         created_at, version) VALUES ($1, $2, $3, $4, $5, $6, $7, 1) ON CONFLICT (user_id, course_id) DO NOTHING"
    };
}

/// Every other save: nothing happens if the version moved on.
macro_rules! update {
    () => {
        "UPDATE course_progress SET completed_lessons = $3, outline_revision = $4, is_enrolled = $5, updated_at = $6, \
         version = version + 1 WHERE user_id = $1 AND course_id = $2 AND version = $7"
    };
}

/// The aggregate, its event and its lesson in one statement: one round trip, and the others only if the aggregate was
/// saved.
macro_rules! with_event {
    ($save:expr) => {
        concat!(
            "WITH saved AS (",
            $save,
            " RETURNING user_id, course_id, version), happened AS (INSERT INTO progress_events (user_id, course_id, \
             sequence, id, kind, lesson_id, from_status, to_status, created_at, updated_at) SELECT saved.user_id, \
             saved.course_id, saved.version, $8, $9, $10, $11, $12, $13, $13 FROM saved), recorded AS (INSERT INTO \
             lesson_progress (user_id, lesson_id, course_id, status, created_at, updated_at) SELECT saved.user_id, $10, \
             saved.course_id, $12, $13, $13 FROM saved WHERE $10 IS NOT NULL ON CONFLICT (user_id, lesson_id) DO UPDATE \
             SET status = excluded.status, updated_at = excluded.updated_at) SELECT 1 FROM saved"
        )
    };
}

const INSERT: Sql = Sql::same(insert!());
const UPDATE: Sql = Sql::same(update!());
/// For PostgreSQL alone: SQLite changes nothing inside `WITH`.
const INSERT_WITH_EVENT: Sql = Sql::same(with_event!(insert!()));
const UPDATE_WITH_EVENT: Sql = Sql::same(with_event!(update!()));

const INSERT_EVENT: Sql = Sql::same(
    "INSERT INTO progress_events (user_id, course_id, sequence, id, kind, lesson_id, from_status, to_status, created_at, \
     updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)",
);

const SET_LESSON: Sql = Sql::same(
    "INSERT INTO lesson_progress (user_id, course_id, lesson_id, status, created_at, updated_at) \
     VALUES ($1, $2, $3, $4, $5, $5) \
     ON CONFLICT (user_id, lesson_id) DO UPDATE SET status = excluded.status, updated_at = excluded.updated_at",
);

macro_rules! to_recount {
    () => {
        "SELECT p.user_id FROM course_progress p WHERE p.course_id = $1 AND p.outline_revision < \
         (SELECT c.outline_revision FROM courses c WHERE c.id = $1) ORDER BY p.outline_revision, p.user_id LIMIT $2"
    };
}

/// At most `$2` learners of the course `$1` who were counted under an older revision, held until the unit ends. Whoever
/// saves at the same moment is waited for.
const TO_RECOUNT: Sql = Sql { postgres: concat!(to_recount!(), " FOR UPDATE OF p"), sqlite: to_recount!() };

macro_rules! recount {
    ($learners:literal) => {
        concat!(
            "UPDATE course_progress SET completed_lessons = ",
            count_completed!("course_progress"),
            ", outline_revision = c.outline_revision FROM courses c WHERE c.id = course_progress.course_id AND \
             course_progress.course_id = $1 AND course_progress.user_id ",
            $learners
        )
    };
}

/// A statement of its own: one that had to wait for a learner who saves sees their row as it is then, but their lessons as
/// they were when it began.
const RECOUNT: Sql = Sql {
    postgres: recount!("= ANY (ARRAY(SELECT r.id FROM jsonb_to_recordset($2) AS r (id uuid)))"),
    sqlite: recount!("= $2"),
};

const ONE: Sql = Sql::same(concat!(
    "SELECT ",
    completed!(),
    ", c.outline_revision, p.is_enrolled, p.created_at, p.updated_at, p.version FROM course_progress p \
     JOIN courses c ON c.id = p.course_id WHERE p.user_id = $1 AND p.course_id = $2"
));

const LESSONS: Sql = Sql::same(
    "SELECT l.id, l.slug, l.title, l.number, l.depth, l.position, s.status, s.updated_at FROM lessons l \
     LEFT JOIN lesson_progress s ON s.user_id = $1 AND s.lesson_id = l.id \
     WHERE l.course_id = $2 AND NOT l.is_draft AND l.deleted_at IS NULL ORDER BY l.position, l.id",
);

fn key(progress: &CourseProgress) -> Values {
    Values::new().id(progress.user.as_uuid()).id(progress.course.as_uuid())
}

pub(crate) async fn save(
    db: &impl ConnectionTrait,
    progress: &CourseProgress,
    change: &ProgressChange,
) -> Result<(), StoreError> {
    let is_first = progress.version == 0;
    let values = key(progress)
        .number(progress.completed_lessons)
        .number(progress.outline_revision)
        .flag(progress.is_enrolled)
        .time(progress.updated_at);
    let values = if is_first { values.time(progress.created_at) } else { values.number(progress.version) };
    if db.get_database_backend() == DbBackend::Postgres {
        let whole = if is_first { INSERT_WITH_EVENT } else { UPDATE_WITH_EVENT };
        let saved = whole.one(db, event(values, change)).await?;
        return if saved.is_some() { Ok(()) } else { Err(StoreError::Conflict) };
    }
    let alone = if is_first { INSERT } else { UPDATE };
    alone.run_for_one(db, values).await?;
    let happened = event(key(progress).number(i64::from(progress.version) + 1), change);
    INSERT_EVENT.run_for_one(db, happened).await?;
    let Step::Recorded { lesson, to, .. } = change.step else { return Ok(()) };
    SET_LESSON.run_for_one(db, key(progress).id(lesson.as_uuid()).text(to.as_str()).time(change.at)).await
}

/// The event's own columns, behind what comes before.
fn event(values: Values, change: &ProgressChange) -> Values {
    let (lesson, statuses) = match change.step {
        Step::Recorded { lesson, from, to } => (Some(lesson.as_uuid()), Some((from.as_str(), to.as_str()))),
        Step::Enrolled | Step::Left => (None, None),
    };
    values
        .id(change.id.as_uuid())
        .text(change.step.kind())
        .maybe_id(lesson)
        .maybe_text(statuses.map(|(from, _)| from))
        .maybe_text(statuses.map(|(_, to)| to))
        .time(change.at)
}

pub(crate) async fn one(
    db: &impl ConnectionTrait,
    user: UserId,
    course: CourseId,
) -> Result<Option<CourseProgress>, StoreError> {
    let row = ONE.one(db, Values::new().id(user.as_uuid()).id(course.as_uuid())).await?;
    maybe(row.as_ref(), |row| {
        Ok(CourseProgress {
            user,
            course,
            completed_lessons: row.number()?,
            outline_revision: row.number()?,
            is_enrolled: row.flag()?,
            created_at: row.time()?,
            updated_at: row.time()?,
            version: row.number()?,
        })
    })
}

pub(crate) async fn lessons(
    db: &impl ConnectionTrait,
    user: UserId,
    course: CourseId,
) -> Result<Vec<LessonProgressView>, StoreError> {
    each(&LESSONS.all(db, Values::new().id(user.as_uuid()).id(course.as_uuid())).await?, read_lesson)
}

fn read_lesson(row: &mut Row<'_>) -> Result<LessonProgressView, StoreError> {
    Ok(LessonProgressView {
        lesson: row.id(LessonId::from_uuid)?,
        slug: row.text()?,
        title: row.parsed(Title::parse)?,
        number: row.maybe_parsed(LessonNumber::parse)?,
        depth: row.number()?,
        position: row.number()?,
        status: row.maybe_parsed(LessonStatus::parse)?.unwrap_or_default(),
        updated_at: row.maybe_time()?,
    })
}

async fn recount(db: &impl ConnectionTrait, course: CourseId, limit: u32) -> Result<u64, StoreError> {
    let course = || Values::new().id(course.as_uuid());
    let rows = TO_RECOUNT.all(db, course().number(limit)).await?;
    let learners = each(&rows, |row| row.id(UserId::from_uuid))?;
    if learners.is_empty() {
        return Ok(0);
    }
    if db.get_database_backend() == DbBackend::Postgres {
        let learners = learners.iter().map(|learner| json!({ "id": learner.to_string() })).collect();
        return RECOUNT.run(db, course().json(learners)).await;
    }
    for learner in &learners {
        RECOUNT.run(db, course().id(learner.as_uuid())).await?;
    }
    u64::try_from(learners.len()).map_err(|_| StoreError::Corrupt("too many learners".to_owned()))
}

#[async_trait]
impl Progress for SeaOrmUnit {
    async fn save(&mut self, progress: &CourseProgress, change: &ProgressChange) -> Result<(), StoreError> {
        let mut step = self.step()?;
        step.end(save(step.tx, progress, change).await)
    }

    async fn recount(&mut self, course: CourseId, limit: u32) -> Result<u64, StoreError> {
        let mut step = self.step()?;
        step.end(recount(step.tx, course, limit).await)
    }

    async fn rebuild(
        &mut self,
        progress: &CourseProgress,
        lessons: &BTreeMap<LessonId, (LessonStatus, Timestamp)>,
        stored: Option<u32>,
    ) -> Result<(), StoreError> {
        let mut step = self.step()?;
        step.end(histories::rebuild(step.tx, progress, lessons, stored).await)
    }
}
