//! Where a sign-in began, and which refresh token followed from which.

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

const UP: &[&str] = &[
    // SQLite adds no column without a default to a table that has rows.
    "ALTER TABLE sessions ADD COLUMN network text NOT NULL DEFAULT 'unknown'",
    // An IPv6 address is more than its network, so those who signed in from one are known there at their next sign-in.
    "UPDATE sessions SET network = ip_address WHERE ip_address IS NOT NULL",
    "DROP INDEX ix_sessions_user",
    "CREATE INDEX ix_sessions_user_created ON sessions (user_id, created_at, id)",
    "CREATE INDEX ix_sessions_user_network ON sessions (user_id, network)",
    "CREATE INDEX ix_sessions_ended ON sessions (COALESCE(revoked_at, expires_at))",
    // No foreign key: a family goes with its session, and SQLite drops no column that has one.
    "ALTER TABLE refresh_tokens ADD COLUMN parent_id uuid",
    "CREATE INDEX ix_refresh_tokens_parent ON refresh_tokens (parent_id)",
];

const DOWN: &[&str] = &[
    "DROP INDEX ix_refresh_tokens_parent",
    "ALTER TABLE refresh_tokens DROP COLUMN parent_id",
    "DROP INDEX ix_sessions_ended",
    "DROP INDEX ix_sessions_user_network",
    "DROP INDEX ix_sessions_user_created",
    "CREATE INDEX ix_sessions_user ON sessions (user_id)",
    "ALTER TABLE sessions DROP COLUMN network",
];
