//! Courses and their lessons.

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

// `search_text` is title and description in lower case, made by the application: neither database lowers all of
// Unicode alike. A course that loses its author belongs to the house. Long texts stand last: SQLite walks through them
// to what follows.
const UP: &[&str] = &[
    "CREATE TABLE courses (
        id uuid NOT NULL PRIMARY KEY,
        slug text NOT NULL,
        title text NOT NULL,
        language text,
        status text NOT NULL CHECK (status IN ('draft', 'published', 'archived')),
        author_id uuid REFERENCES users (id) ON DELETE SET NULL,
        source_key text,
        lesson_count bigint NOT NULL CHECK (lesson_count >= 0),
        published_at timestamptz,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        created_by uuid REFERENCES users (id) ON DELETE SET NULL,
        updated_by uuid REFERENCES users (id) ON DELETE SET NULL,
        deleted_at timestamptz,
        version bigint NOT NULL CHECK (version >= 1),
        description text NOT NULL,
        search_text text NOT NULL
    )",
    "CREATE UNIQUE INDEX uq_courses_slug ON courses (slug)",
    // Two: to a unique index one absent author differs from the other.
    "CREATE UNIQUE INDEX uq_courses_author_source ON courses (author_id, source_key)
        WHERE author_id IS NOT NULL AND deleted_at IS NULL",
    "CREATE UNIQUE INDEX uq_courses_house_source ON courses (source_key)
        WHERE author_id IS NULL AND deleted_at IS NULL",
    "CREATE INDEX ix_courses_newest ON courses (created_at, id)",
    "CREATE INDEX ix_courses_author ON courses (author_id, created_at, id)",
    "CREATE TABLE lessons (
        id uuid NOT NULL PRIMARY KEY,
        course_id uuid NOT NULL REFERENCES courses (id) ON DELETE CASCADE,
        slug text NOT NULL,
        title text NOT NULL,
        number text,
        depth bigint NOT NULL CHECK (depth BETWEEN 0 AND 255),
        position bigint NOT NULL CHECK (position >= 0),
        part text,
        estimated_minutes bigint NOT NULL CHECK (estimated_minutes >= 0),
        is_draft boolean NOT NULL,
        source_path text,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        deleted_at timestamptz,
        version bigint NOT NULL CHECK (version >= 1),
        content text NOT NULL
    )",
    "CREATE UNIQUE INDEX uq_lessons_course_slug ON lessons (course_id, slug)",
    "CREATE INDEX ix_lessons_reading_order ON lessons (course_id, position, id)",
];

const DOWN: &[&str] = &["DROP TABLE lessons", "DROP TABLE courses"];
