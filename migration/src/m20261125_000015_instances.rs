//! Which server does which job for all, and which requests that are done once.

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

// A job's row stays when it is let go of: its version never begins anew, so no two leases of a job look the same. A key
// without a server was claimed before there was this column, or by a command.
const UP: &[&str] = &[
    "CREATE TABLE job_leases (
        job text NOT NULL PRIMARY KEY,
        holder_id uuid,
        version bigint NOT NULL CHECK (version > 0),
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL
    )",
    "ALTER TABLE idempotency_keys ADD COLUMN instance_id uuid",
    "CREATE INDEX ix_idempotency_keys_running ON idempotency_keys (instance_id) WHERE status IS NULL",
];

const DOWN: &[&str] = &[
    "DROP INDEX ix_idempotency_keys_running",
    "ALTER TABLE idempotency_keys DROP COLUMN instance_id",
    "DROP TABLE job_leases",
];
