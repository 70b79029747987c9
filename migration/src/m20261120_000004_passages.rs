//! Passages of lessons, to be found by their words.

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
        if manager.get_database_backend() == DbBackend::Sqlite {
            execute(manager, &["DROP TABLE passages_words"]).await?;
        }
        execute(manager, &["DROP TABLE passages"]).await
    }
}

// `topic` is the heading or, before the first one, the title that the lesson had when it was cut.
const UP_POSTGRES: &[&str] = &[
    "CREATE TABLE passages (
        id uuid NOT NULL PRIMARY KEY,
        course_id uuid NOT NULL REFERENCES courses (id) ON DELETE CASCADE,
        lesson_id uuid NOT NULL REFERENCES lessons (id) ON DELETE CASCADE,
        heading text NOT NULL,
        topic text NOT NULL,
        text text NOT NULL,
        words tsvector NOT NULL GENERATED ALWAYS AS (
            setweight(to_tsvector('english', topic), 'A') || setweight(to_tsvector('english', text), 'B')
        ) STORED,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL
    )",
    "CREATE INDEX ix_passages_words ON passages USING gin (words)",
];

// The word index names rows by `number`: a rowid without a column of its own may change when the file is compacted.
// `scope` holds the course and the lesson as words, so that a search of one of them need not rank all others' passages.
// Triggers keep the index, so that passages that go with their lesson leave it too.
const UP_SQLITE: &[&str] = &[
    "CREATE TABLE passages (
        number integer NOT NULL PRIMARY KEY AUTOINCREMENT,
        id uuid NOT NULL UNIQUE,
        course_id uuid NOT NULL REFERENCES courses (id) ON DELETE CASCADE,
        lesson_id uuid NOT NULL REFERENCES lessons (id) ON DELETE CASCADE,
        heading text NOT NULL,
        scope text NOT NULL,
        topic text NOT NULL,
        text text NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL
    )",
    "CREATE VIRTUAL TABLE passages_words USING fts5 (
        scope, topic, text, content = 'passages', content_rowid = 'number', tokenize = 'porter unicode61'
    )",
    "CREATE TRIGGER passages_added AFTER INSERT ON passages BEGIN
        INSERT INTO passages_words (rowid, scope, topic, text) VALUES (new.number, new.scope, new.topic, new.text);
    END",
    "CREATE TRIGGER passages_removed AFTER DELETE ON passages BEGIN
        INSERT INTO passages_words (passages_words, rowid, scope, topic, text)
            VALUES ('delete', old.number, old.scope, old.topic, old.text);
    END",
    "CREATE TRIGGER passages_changed AFTER UPDATE OF topic, text ON passages BEGIN
        INSERT INTO passages_words (passages_words, rowid, scope, topic, text)
            VALUES ('delete', old.number, old.scope, old.topic, old.text);
        INSERT INTO passages_words (rowid, scope, topic, text) VALUES (new.number, new.scope, new.topic, new.text);
    END",
];

const UP_BOTH: &[&str] = &[
    "CREATE INDEX ix_passages_lesson ON passages (lesson_id)",
    "CREATE INDEX ix_passages_course ON passages (course_id)",
];
