//! What learners did, and under which revision of a course's outline they were counted.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

use crate::execute;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        execute(manager, UP).await?;
        let random_id = match manager.get_database_backend() {
            DbBackend::Postgres => "gen_random_uuid()",
            _ => "randomblob(16)",
        };
        execute(manager, &[&BACKFILL.replace("{random_id}", random_id)]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        execute(manager, DOWN).await
    }
}

// An event belongs to its learner and its course and goes with them, but not with the rows that follow from it. Its
// `sequence` is the version of the aggregate that it made; its time is `created_at`. A lesson is named without a foreign
// key: what happened stays true.
const UP: &[&str] = &[
    "ALTER TABLE courses ADD COLUMN outline_revision bigint NOT NULL DEFAULT 1",
    "ALTER TABLE courses ADD COLUMN counted_revision bigint NOT NULL DEFAULT 1",
    "CREATE INDEX ix_courses_recount ON courses (id) WHERE counted_revision < outline_revision",
    "CREATE INDEX ix_courses_removed ON courses (created_at, id) WHERE deleted_at IS NOT NULL",
    "ALTER TABLE course_progress ADD COLUMN outline_revision bigint NOT NULL DEFAULT 1",
    "DROP INDEX ix_course_progress_course",
    "CREATE INDEX ix_course_progress_revision ON course_progress (course_id, outline_revision, user_id)",
    "CREATE INDEX ix_course_progress_cohort ON course_progress (course_id, updated_at, user_id)",
    "CREATE TABLE progress_events (
        user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
        course_id uuid NOT NULL REFERENCES courses (id) ON DELETE CASCADE,
        sequence bigint NOT NULL,
        id uuid NOT NULL,
        kind text NOT NULL CHECK (kind IN ('enrolled', 'left', 'recorded')),
        lesson_id uuid,
        from_status text CHECK (from_status IN ('not_started', 'in_progress', 'completed')),
        to_status text CHECK (to_status IN ('not_started', 'in_progress', 'completed')),
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        PRIMARY KEY (user_id, course_id, sequence),
        CHECK ((kind = 'recorded') = (lesson_id IS NOT NULL AND from_status IS NOT NULL AND to_status IS NOT NULL))
    )",
    "CREATE INDEX ix_progress_events_user ON progress_events (user_id, created_at, id)",
    "CREATE INDEX ix_progress_events_course ON progress_events (course_id)",
];

// What the rows know of what happened before events were kept: when somebody came, since when each lesson has its status,
// and whether they left (or came back) after that. The last one has the number of the row's version, as the next save
// expects; the first ones may have numbers below 1.
const BACKFILL: &str = "INSERT INTO progress_events
        (user_id, course_id, sequence, id, kind, lesson_id, from_status, to_status, created_at, updated_at)
    SELECT e.user_id, e.course_id,
        e.version - count(*) OVER (PARTITION BY e.user_id, e.course_id)
            + row_number() OVER (PARTITION BY e.user_id, e.course_id ORDER BY e.step, e.at, e.lesson_id),
        {random_id}, e.kind, e.lesson_id, e.from_status, e.to_status, e.at, e.at
    FROM (
        SELECT p.user_id, p.course_id, p.version, 0 AS step, 'enrolled' AS kind, CAST(NULL AS uuid) AS lesson_id,
            CAST(NULL AS text) AS from_status, CAST(NULL AS text) AS to_status, p.created_at AS at
        FROM course_progress p
        UNION ALL
        SELECT p.user_id, p.course_id, p.version, 1, 'recorded', s.lesson_id, 'not_started', s.status, s.updated_at
        FROM course_progress p JOIN lesson_progress s ON s.user_id = p.user_id AND s.course_id = p.course_id
        UNION ALL
        SELECT p.user_id, p.course_id, p.version, 2, CASE WHEN p.is_enrolled THEN 'enrolled' ELSE 'left' END,
            CAST(NULL AS uuid), CAST(NULL AS text), CAST(NULL AS text), p.updated_at
        FROM course_progress p
        WHERE NOT p.is_enrolled OR p.updated_at > COALESCE((SELECT max(s.updated_at) FROM lesson_progress s
            WHERE s.user_id = p.user_id AND s.course_id = p.course_id), p.created_at)
    ) e";

const DOWN: &[&str] = &[
    "DROP TABLE progress_events",
    "DROP INDEX ix_course_progress_cohort",
    "DROP INDEX ix_course_progress_revision",
    "CREATE INDEX ix_course_progress_course ON course_progress (course_id)",
    "ALTER TABLE course_progress DROP COLUMN outline_revision",
    "DROP INDEX ix_courses_removed",
    "DROP INDEX ix_courses_recount",
    "ALTER TABLE courses DROP COLUMN counted_revision",
    "ALTER TABLE courses DROP COLUMN outline_revision",
];
