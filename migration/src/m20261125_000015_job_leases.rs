//! Which server does which job for all.

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

// A row stays when its job is let go of: its version never begins anew, so no two leases of a job look the same.
const UP: &[&str] = &["CREATE TABLE job_leases (
        job text NOT NULL PRIMARY KEY,
        holder_id uuid,
        version bigint NOT NULL CHECK (version > 0),
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL
    )"];

const DOWN: &[&str] = &["DROP TABLE job_leases"];
