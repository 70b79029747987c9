//! How far learners are: the writing side, and what a list of lessons shows.

use async_trait::async_trait;
use lyceum_domain::{
    courses::{LessonNumber, Title},
    ids::{CourseId, LessonId, UserId},
    progress::{CourseProgress, LessonChange, LessonProgressView, LessonStatus, Progress},
    store::StoreError,
    time::Timestamp,
};
use sea_orm::{ConnectionTrait, DbBackend};

use crate::{
    row::{Row, each, maybe},
    sql::{Sql, Values},
    unit::SeaOrmUnit,
};

/// The first save: nothing happens if somebody was quicker.
macro_rules! insert {
    () => {
        "INSERT INTO course_progress (user_id, course_id, completed_lessons, is_enrolled, updated_at, created_at, \
         version) VALUES ($1, $2, $3, $4, $5, $6, 1) ON CONFLICT (user_id, course_id) DO NOTHING"
    };
}

/// Every other save: nothing happens if the version moved on.
macro_rules! update {
    () => {
        "UPDATE course_progress SET completed_lessons = $3, is_enrolled = $4, updated_at = $5, version = version + 1 \
         WHERE user_id = $1 AND course_id = $2 AND version = $6"
    };
}

/// The aggregate and its lesson in one statement: one round trip, and the lesson only if the aggregate was saved.
macro_rules! with_lesson {
    ($save:expr) => {
        concat!(
            "WITH saved AS (",
            $save,
            " RETURNING user_id, course_id) \
             INSERT INTO lesson_progress (user_id, lesson_id, course_id, status, created_at, updated_at) \
             SELECT saved.user_id, $7, saved.course_id, $8, $9, $9 FROM saved \
             ON CONFLICT (user_id, lesson_id) DO UPDATE SET status = excluded.status, updated_at = excluded.updated_at"
        )
    };
}

const INSERT: Sql = Sql::same(insert!());
const UPDATE: Sql = Sql::same(update!());
/// For PostgreSQL alone: SQLite changes nothing inside `WITH`.
const INSERT_WITH_LESSON: Sql = Sql::same(with_lesson!(insert!()));
const UPDATE_WITH_LESSON: Sql = Sql::same(with_lesson!(update!()));

const SET_LESSON: Sql = Sql::same(
    "INSERT INTO lesson_progress (user_id, course_id, lesson_id, status, created_at, updated_at) \
     VALUES ($1, $2, $3, $4, $5, $5) \
     ON CONFLICT (user_id, lesson_id) DO UPDATE SET status = excluded.status, updated_at = excluded.updated_at",
);

const RECOUNT: Sql = Sql::same(
    "UPDATE course_progress SET version = version + 1, completed_lessons = (SELECT count(*) FROM lessons l \
     JOIN lesson_progress s ON s.lesson_id = l.id AND s.user_id = course_progress.user_id AND s.status = 'completed' \
     WHERE l.course_id = course_progress.course_id AND NOT l.is_draft AND l.deleted_at IS NULL) WHERE course_id = $1",
);

const ONE: Sql = Sql::same(
    "SELECT p.completed_lessons, p.is_enrolled, p.created_at, p.updated_at, p.version FROM course_progress p \
     WHERE p.user_id = $1 AND p.course_id = $2",
);

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
    change: Option<LessonChange>,
) -> Result<(), StoreError> {
    let is_first = progress.version == 0;
    let values = key(progress).number(progress.completed_lessons).flag(progress.is_enrolled).time(progress.updated_at);
    let values = if is_first { values.time(progress.created_at) } else { values.number(progress.version) };
    let alone = if is_first { INSERT } else { UPDATE };
    let Some(change) = change else {
        return alone.run_for_one(db, values).await;
    };
    if db.get_database_backend() == DbBackend::Postgres {
        let values = values.id(change.lesson.as_uuid()).text(change.to.as_str()).time(change.at);
        let both = if is_first { INSERT_WITH_LESSON } else { UPDATE_WITH_LESSON };
        return both.run_for_one(db, values).await;
    }
    alone.run_for_one(db, values).await?;
    let values = key(progress).id(change.lesson.as_uuid()).text(change.to.as_str()).time(change.at);
    SET_LESSON.run_for_one(db, values).await
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

#[async_trait]
impl Progress for SeaOrmUnit {
    async fn save(&mut self, progress: &CourseProgress, change: Option<LessonChange>) -> Result<(), StoreError> {
        let mut step = self.step()?;
        step.end(save(step.tx, progress, change).await)
    }

    /// When it was counted is nobody's activity, so the time is not kept.
    async fn recount(&mut self, course: CourseId, _at: Timestamp) -> Result<(), StoreError> {
        let mut step = self.step()?;
        step.end(RECOUNT.run(step.tx, Values::new().id(course.as_uuid())).await.map(drop))
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
