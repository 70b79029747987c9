//! Courses to be found by their words, and passages by the title of their lesson too.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

use crate::execute;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let statements = if manager.get_database_backend() == DbBackend::Postgres { UP_POSTGRES } else { UP_SQLITE };
        execute(manager, statements).await?;
        execute(manager, UP_BOTH).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let is_postgres = manager.get_database_backend() == DbBackend::Postgres;
        execute(manager, if is_postgres { DOWN_POSTGRES } else { DOWN_SQLITE }).await?;
        execute(manager, DOWN_BOTH).await
    }
}

// A description from a book may be of any length; what a text search vector can hold is bounded. An index of words does
// not know which of them are a title's: titles have indexes of their own.
const UP_POSTGRES: &[&str] = &[
    "ALTER TABLE courses ADD COLUMN words tsvector NOT NULL GENERATED ALWAYS AS (
        setweight(to_tsvector('english', title), 'A') || setweight(to_tsvector('english', left(description, 50000)), 'B')
    ) STORED",
    "CREATE INDEX ix_courses_words ON courses USING gin (words)",
    "CREATE INDEX ix_courses_title_words ON courses USING gin (to_tsvector('english', title))",
    "CREATE INDEX ix_passages_topic_words ON passages USING gin (to_tsvector('english', topic))",
];

// As with passages: the word index names rows by a number that never changes, and triggers keep it.
const UP_SQLITE: &[&str] = &[
    "CREATE TABLE course_texts (
        number integer NOT NULL PRIMARY KEY AUTOINCREMENT,
        course_id uuid NOT NULL UNIQUE REFERENCES courses (id) ON DELETE CASCADE,
        title text NOT NULL,
        description text NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL
    )",
    "CREATE VIRTUAL TABLE courses_words USING fts5 (
        title, description, content = 'course_texts', content_rowid = 'number', tokenize = 'porter unicode61'
    )",
    "CREATE TRIGGER course_texts_added AFTER INSERT ON course_texts BEGIN
        INSERT INTO courses_words (rowid, title, description) VALUES (new.number, new.title, new.description);
    END",
    "CREATE TRIGGER course_texts_removed AFTER DELETE ON course_texts BEGIN
        INSERT INTO courses_words (courses_words, rowid, title, description)
            VALUES ('delete', old.number, old.title, old.description);
    END",
    "CREATE TRIGGER course_texts_changed AFTER UPDATE OF title, description ON course_texts BEGIN
        INSERT INTO courses_words (courses_words, rowid, title, description)
            VALUES ('delete', old.number, old.title, old.description);
        INSERT INTO courses_words (rowid, title, description) VALUES (new.number, new.title, new.description);
    END",
    "INSERT INTO course_texts (course_id, title, description, created_at, updated_at)
        SELECT id, title, description, created_at, updated_at FROM courses ORDER BY created_at, id",
    "CREATE TRIGGER courses_added AFTER INSERT ON courses BEGIN
        INSERT INTO course_texts (course_id, title, description, created_at, updated_at)
            VALUES (new.id, new.title, new.description, new.created_at, new.updated_at);
    END",
    "CREATE TRIGGER courses_changed AFTER UPDATE OF title, description ON courses
        WHEN old.title <> new.title OR old.description <> new.description BEGIN
        UPDATE course_texts SET title = new.title, description = new.description, updated_at = new.updated_at
            WHERE course_id = new.id;
    END",
];

// The topic of a passage is the title of its lesson, and the heading if that is another.
const UP_BOTH: &[&str] =
    &["UPDATE passages SET topic = l.title || CASE WHEN passages.heading IN ('', l.title) THEN '' ELSE ': ' || \
     passages.heading END FROM lessons l WHERE l.id = passages.lesson_id"];

const DOWN_POSTGRES: &[&str] = &[
    "DROP INDEX ix_passages_topic_words",
    "DROP INDEX ix_courses_title_words",
    "DROP INDEX ix_courses_words",
    "ALTER TABLE courses DROP COLUMN words",
];

const DOWN_SQLITE: &[&str] = &[
    "DROP TRIGGER courses_changed",
    "DROP TRIGGER courses_added",
    "DROP TABLE courses_words",
    "DROP TABLE course_texts",
];

const DOWN_BOTH: &[&str] =
    &["UPDATE passages SET topic = CASE WHEN passages.heading = '' THEN l.title ELSE passages.heading END \
     FROM lessons l WHERE l.id = passages.lesson_id"];
