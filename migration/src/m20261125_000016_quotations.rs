//! Which answers quote which texts, so that a text that no answer quotes any more can go; and what finds refresh tokens
//! that ran out.

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

// What was quoted before is not counted, for the manifests that say so may be sealed: those texts stay. There will be no
// more of them.
const UP: &[&str] = &[
    "ALTER TABLE quoted_texts ADD COLUMN is_counted boolean NOT NULL DEFAULT FALSE",
    "CREATE INDEX ix_quoted_texts_due ON quoted_texts (updated_at, digest) WHERE is_counted",
    "CREATE TABLE quotations (
        message_id uuid NOT NULL REFERENCES manifests (message_id) ON DELETE CASCADE,
        digest text NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        PRIMARY KEY (message_id, digest)
    )",
    "CREATE INDEX ix_quotations_digest ON quotations (digest)",
    "CREATE INDEX ix_refresh_tokens_expires ON refresh_tokens (expires_at)",
];

const DOWN: &[&str] = &[
    "DROP INDEX ix_refresh_tokens_expires",
    "DROP TABLE quotations",
    "DROP INDEX ix_quoted_texts_due",
    "ALTER TABLE quoted_texts DROP COLUMN is_counted",
];
