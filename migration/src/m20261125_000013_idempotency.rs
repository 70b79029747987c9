//! Keys of requests that are done once.

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

// Without an answer the request still runs, or its process died.
const UP: &[&str] = &[
    "CREATE TABLE idempotency_keys (
        user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
        key text NOT NULL,
        claim_id uuid NOT NULL,
        fingerprint text,
        status bigint,
        leased_until timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        body text,
        PRIMARY KEY (user_id, key),
        CHECK ((status IS NULL) = (fingerprint IS NULL) AND (status IS NULL) = (body IS NULL))
    )",
    "CREATE INDEX ix_idempotency_keys_expiry ON idempotency_keys (expires_at)",
];

const DOWN: &[&str] = &["DROP TABLE idempotency_keys"];
