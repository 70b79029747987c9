//! The schema of Lyceum, up and down, the same on SQLite and PostgreSQL; knows no other crate of the house.
//!
//! Everything here takes the address of a database and opens a connection of its own, so that a caller needs no type of
//! the database layer. [`up`], [`down`] and [`reset`] may run in several processes at once: each is one transaction that
//! begins with the database's own lock (see `run.rs`), so it happens wholly or not at all, and the others find it done.
//!
//! One file per noun. A migration that has been released is never changed: the next change is the next file.

mod m20261120_000001_users;
mod m20261120_000002_sessions;
mod m20261120_000003_courses;
mod m20261120_000004_passages;
mod m20261120_000005_progress;
mod m20261120_000006_conversations;
mod m20261125_000007_accounts;
mod m20261125_000008_sessions_network;
mod m20261125_000009_trail;
mod m20261125_000010_progress_events;
mod m20261125_000011_course_search;
mod m20261125_000012_files;
mod m20261125_000013_idempotency;
mod m20261125_000014_mentor;
mod m20261125_000015_instances;
mod m20261125_000016_quotations;
mod pgvector;
mod run;

pub use pgvector::{disable_pgvector, enable_pgvector};
pub use run::{MigrateError, down, names, reset, status, up};

use sea_orm_migration::{
    MigrationTrait, MigratorTrait, SchemaManager, async_trait, sea_orm::ConnectionTrait, sea_orm::DbErr,
};

/// All migrations, oldest first.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261120_000001_users::Migration),
            Box::new(m20261120_000002_sessions::Migration),
            Box::new(m20261120_000003_courses::Migration),
            Box::new(m20261120_000004_passages::Migration),
            Box::new(m20261120_000005_progress::Migration),
            Box::new(m20261120_000006_conversations::Migration),
            Box::new(m20261125_000007_accounts::Migration),
            Box::new(m20261125_000008_sessions_network::Migration),
            Box::new(m20261125_000009_trail::Migration),
            Box::new(m20261125_000010_progress_events::Migration),
            Box::new(m20261125_000011_course_search::Migration),
            Box::new(m20261125_000012_files::Migration),
            Box::new(m20261125_000013_idempotency::Migration),
            Box::new(m20261125_000014_mentor::Migration),
            Box::new(m20261125_000015_instances::Migration),
            Box::new(m20261125_000016_quotations::Migration),
        ]
    }
}

/// Runs statements one after the other.
///
/// The schema is written as SQL that both databases take: `uuid`, `timestamptz`, `boolean` and `jsonb` are types to
/// PostgreSQL and mere names to SQLite, which keeps UUIDs as 16 bytes and times as RFC 3339 text in UTC; both sort as
/// they should. There are no defaults for times: the application stamps them.
async fn execute(manager: &SchemaManager<'_>, statements: &[&str]) -> Result<(), DbErr> {
    for statement in statements {
        manager.get_connection().execute_unprepared(statement).await?;
    }
    Ok(())
}
