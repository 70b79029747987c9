//! Files: portraits, the files of courses, subjects with their documents, and the blobs that are to go.

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

// A blob's key stands in one row only. `text_due_at` is when the text of a document is to be read (again).
const UP: &[&str] = &[
    "CREATE TABLE blob_removals (
        key text NOT NULL PRIMARY KEY,
        due_at timestamptz NOT NULL,
        attempts bigint NOT NULL CHECK (attempts >= 0),
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL
    )",
    "CREATE INDEX ix_blob_removals_due ON blob_removals (due_at, key)",
    "ALTER TABLE users ADD COLUMN portrait_key text",
    "CREATE TABLE course_files (
        course_id uuid NOT NULL REFERENCES courses (id) ON DELETE CASCADE,
        path text NOT NULL,
        size bigint NOT NULL CHECK (size >= 0),
        sha256 text NOT NULL,
        blob_key text NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        PRIMARY KEY (course_id, path)
    )",
    "CREATE UNIQUE INDEX uq_course_files_blob ON course_files (blob_key)",
    "CREATE TABLE subjects (
        id uuid NOT NULL PRIMARY KEY,
        owner_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
        title text NOT NULL,
        color text,
        is_archived boolean NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        version bigint NOT NULL CHECK (version >= 1),
        description text NOT NULL
    )",
    "CREATE INDEX ix_subjects_newest ON subjects (owner_id, is_archived, created_at, id)",
    "CREATE TABLE documents (
        id uuid NOT NULL PRIMARY KEY,
        subject_id uuid NOT NULL REFERENCES subjects (id) ON DELETE CASCADE,
        owner_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
        name text NOT NULL,
        media_type text NOT NULL,
        size bigint NOT NULL CHECK (size >= 0),
        sha256 text NOT NULL,
        blob_key text NOT NULL,
        text_state text NOT NULL CHECK (text_state IN ('pending', 'ready', 'unreadable')),
        text_characters bigint CHECK (text_characters >= 0),
        text_is_cut boolean,
        text_reason text,
        text_attempts bigint NOT NULL CHECK (text_attempts >= 0),
        text_due_at timestamptz,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL
    )",
    "CREATE UNIQUE INDEX uq_documents_blob ON documents (blob_key)",
    "CREATE INDEX ix_documents_subject ON documents (subject_id, created_at, id)",
    "CREATE INDEX ix_documents_owner ON documents (owner_id, created_at, id)",
    "CREATE INDEX ix_documents_unread ON documents (text_due_at, id) WHERE text_state = 'pending'",
    "CREATE TABLE document_texts (
        document_id uuid NOT NULL PRIMARY KEY REFERENCES documents (id) ON DELETE CASCADE,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        text text NOT NULL
    )",
];

const DOWN: &[&str] = &[
    "DROP TABLE document_texts",
    "DROP TABLE documents",
    "DROP TABLE subjects",
    "DROP TABLE course_files",
    "ALTER TABLE users DROP COLUMN portrait_key",
    "DROP TABLE blob_removals",
];
