//! Conversations with the mentor, and what they cost.

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

// What an answer cost outlives its conversation, so the record points to the user alone by a foreign key.
const UP: &[&str] = &[
    "CREATE TABLE conversations (
        id uuid NOT NULL PRIMARY KEY,
        owner_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
        title text NOT NULL,
        course_id uuid REFERENCES courses (id) ON DELETE SET NULL,
        is_archived boolean NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        version bigint NOT NULL CHECK (version >= 1)
    )",
    "CREATE INDEX ix_conversations_owner ON conversations (owner_id, updated_at, id)",
    "CREATE INDEX ix_conversations_course ON conversations (course_id)",
    "CREATE TABLE messages (
        id uuid NOT NULL PRIMARY KEY,
        conversation_id uuid NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
        author text NOT NULL CHECK (author IN ('user', 'assistant')),
        content text NOT NULL,
        status text NOT NULL CHECK (status IN ('complete', 'streaming', 'interrupted', 'failed')),
        lesson_id uuid REFERENCES lessons (id) ON DELETE SET NULL,
        sources jsonb NOT NULL,
        model text,
        finish_reason text CHECK (finish_reason IN ('stop', 'length', 'content_filter')),
        prompt_tokens bigint CHECK (prompt_tokens >= 0),
        completion_tokens bigint CHECK (completion_tokens >= 0),
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL
    )",
    "CREATE INDEX ix_messages_conversation ON messages (conversation_id, created_at, id)",
    "CREATE INDEX ix_messages_lesson ON messages (lesson_id)",
    "CREATE TABLE usage_records (
        id uuid NOT NULL PRIMARY KEY,
        user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
        conversation_id uuid NOT NULL,
        message_id uuid NOT NULL,
        provider text NOT NULL,
        model text NOT NULL,
        outcome text NOT NULL CHECK (outcome IN ('open', 'complete', 'interrupted', 'failed')),
        prompt_tokens bigint NOT NULL CHECK (prompt_tokens >= 0),
        completion_tokens bigint NOT NULL CHECK (completion_tokens >= 0),
        is_estimated boolean NOT NULL,
        error_code text,
        first_piece_ms bigint CHECK (first_piece_ms >= 0),
        duration_ms bigint CHECK (duration_ms >= 0),
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL
    )",
    "CREATE INDEX ix_usage_records_user ON usage_records (user_id, created_at, id)",
];

const DOWN: &[&str] = &["DROP TABLE usage_records", "DROP TABLE messages", "DROP TABLE conversations"];
