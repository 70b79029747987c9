//! How far each learner is.

use sea_orm_migration::prelude::*;

use crate::execute;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        execute(manager, UP).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        execute(manager, DOWN).await
    }
}

// A lesson's status belongs to the progress in its course and goes with it.
const UP: &[&str] = &[
    "CREATE TABLE course_progress (
        user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
        course_id uuid NOT NULL REFERENCES courses (id) ON DELETE CASCADE,
        completed_lessons bigint NOT NULL CHECK (completed_lessons >= 0),
        is_enrolled boolean NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        version bigint NOT NULL CHECK (version >= 1),
        PRIMARY KEY (user_id, course_id)
    )",
    "CREATE INDEX ix_course_progress_activity ON course_progress (user_id, updated_at, course_id)",
    "CREATE INDEX ix_course_progress_course ON course_progress (course_id)",
    "CREATE TABLE lesson_progress (
        user_id uuid NOT NULL,
        lesson_id uuid NOT NULL REFERENCES lessons (id) ON DELETE CASCADE,
        course_id uuid NOT NULL,
        status text NOT NULL CHECK (status IN ('not_started', 'in_progress', 'completed')),
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        PRIMARY KEY (user_id, lesson_id),
        FOREIGN KEY (user_id, course_id) REFERENCES course_progress (user_id, course_id) ON DELETE CASCADE
    )",
    "CREATE INDEX ix_lesson_progress_lesson ON lesson_progress (lesson_id)",
];

const DOWN: &[&str] = &["DROP TABLE lesson_progress", "DROP TABLE course_progress"];
