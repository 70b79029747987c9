//! Migrating a database that others may be migrating too.
//!
//! Everything runs in one transaction on one connection, and the transaction starts with a lock that the database
//! gives up when the transaction ends, however it ends:
//! - PostgreSQL: `pg_advisory_xact_lock`. The session-wide kind would be lost behind a pooler.
//! - SQLite: `BEGIN IMMEDIATE`, the lock for writing.
//!
//! Who waited for the lock finds the work done. Who finds nothing to do takes no lock.

use std::{path::Path, str::FromStr, time::Duration};

use sea_orm_migration::{
    MigrationStatus, MigratorTrait,
    sea_orm::{
        ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
        SqliteTransactionMode, TransactionOptions, TransactionTrait, sqlx::sqlite::SqliteConnectOptions,
    },
};
use thiserror::Error;

use crate::Migrator;

/// How long to wait for another process that is migrating.
const PATIENCE: Duration = Duration::from_mins(1);

/// Any number, as long as nothing else locks it: "lyceum" in ASCII.
const LOCK: i64 = 0x6c79_6365_756d;

/// Why the schema is as it was.
#[derive(Debug, Error)]
pub enum MigrateError {
    /// Neither `sqlite://file` nor `postgres://…`, or one that cannot be read.
    #[error("not the address of a database: {0}")]
    Address(&'static str),
    /// Only PostgreSQL can do this.
    #[error("this needs PostgreSQL")]
    NeedsPostgres,
    /// The folder of the database cannot be made.
    #[error("the folder of the database cannot be made")]
    Folder(#[source] std::io::Error),
    /// The database is away, refused a statement, or was migrated by a newer release.
    #[error("the database could not be migrated")]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl MigrateError {
    pub(crate) fn database(error: DbErr) -> Self {
        Self::Database(Box::new(error))
    }
}

/// Applies what is missing and names it, oldest first.
pub async fn up(url: &str) -> Result<Vec<String>, MigrateError> {
    let db = connect(url, true).await?;
    let pending = Migrator::get_pending_migrations_read_only(&db).await.map_err(MigrateError::database)?;
    let applied = if pending.is_empty() { Ok(Vec::new()) } else { locked(&db, Step::Up).await };
    close(db, applied).await
}

/// Takes back the newest `steps` migrations and names them, newest first.
pub async fn down(url: &str, steps: u32) -> Result<Vec<String>, MigrateError> {
    let db = connect(url, true).await?;
    let reverted = locked(&db, Step::Down(steps)).await;
    close(db, reverted).await
}

/// Takes back everything and applies it again: all data is gone.
pub async fn reset(url: &str) -> Result<(), MigrateError> {
    let db = connect(url, true).await?;
    let done = locked(&db, Step::Reset).await.map(drop);
    close(db, done).await
}

/// The migrations that this release knows, oldest first.
pub fn names() -> Vec<String> {
    Migrator::migrations().iter().map(|migration| migration.name().to_owned()).collect()
}

/// Each migration by name, oldest first, and whether it is applied. Reads only; a file that is not there has none.
pub async fn status(url: &str) -> Result<Vec<(String, bool)>, MigrateError> {
    if sqlite_file(url)?.is_some_and(|file| !file.exists()) {
        return Ok(names().into_iter().map(|name| (name, false)).collect());
    }
    let db = connect(url, false).await?;
    let status = Migrator::get_migration_with_status_read_only(&db)
        .await
        .map_err(MigrateError::database)
        .map(|all| all.iter().map(|one| (one.name().to_owned(), one.status() == MigrationStatus::Applied)).collect());
    close(db, status).await
}

#[derive(Clone, Copy)]
enum Step {
    Up,
    Down(u32),
    Reset,
}

async fn locked(db: &DatabaseConnection, step: Step) -> Result<Vec<String>, MigrateError> {
    let work = async {
        let tx = begin_locked(db).await?;
        let before = applied(&tx).await?;
        match step {
            Step::Up => Migrator::up(&tx, None).await?,
            Step::Down(steps) => Migrator::down(&tx, Some(steps)).await?,
            Step::Reset => {
                Migrator::down(&tx, None).await?;
                Migrator::up(&tx, None).await?;
            }
        }
        let after = applied(&tx).await?;
        tx.commit().await?;
        let added = after.iter().filter(|name| !before.contains(name)).cloned();
        let removed = before.iter().rev().filter(|name| !after.contains(name)).cloned();
        Ok::<_, DbErr>(added.chain(removed).collect())
    };
    work.await.map_err(MigrateError::database)
}

async fn begin_locked(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let immediate = Some(SqliteTransactionMode::Immediate);
    let options = TransactionOptions { sqlite_transaction_mode: immediate, ..TransactionOptions::default() };
    let tx = db.begin_with_options(options).await?;
    if db.get_database_backend() == DbBackend::Postgres {
        tx.execute_unprepared(&format!("SET LOCAL lock_timeout = {}", PATIENCE.as_millis())).await?;
        tx.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({LOCK})")).await?;
    }
    Ok(tx)
}

async fn applied(tx: &DatabaseTransaction) -> Result<Vec<String>, DbErr> {
    let applied = Migrator::get_applied_migrations_read_only(tx).await?;
    Ok(applied.iter().map(|migration| migration.name().to_owned()).collect())
}

/// One connection. A SQLite file, and its folder, is made if `may_create`.
pub(crate) async fn connect(url: &str, may_create: bool) -> Result<DatabaseConnection, MigrateError> {
    if let Some(folder) = sqlite_file(url)?.as_deref().and_then(Path::parent)
        && may_create
    {
        std::fs::create_dir_all(folder).map_err(MigrateError::Folder)?;
    }
    let mut options = ConnectOptions::new(url);
    options
        .min_connections(1)
        .max_connections(1)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(move |sqlite| sqlite.create_if_missing(may_create).busy_timeout(PATIENCE))
        .map_sqlx_postgres_opts(|postgres| postgres.application_name("lyceum-migration").statement_cache_capacity(0));
    Database::connect(options).await.map_err(MigrateError::database)
}

async fn close<T>(db: DatabaseConnection, outcome: Result<T, MigrateError>) -> Result<T, MigrateError> {
    let closed = db.close().await.map_err(MigrateError::database);
    let outcome = outcome?;
    closed.map(|()| outcome)
}

/// The file of a SQLite address, nothing for PostgreSQL.
fn sqlite_file(url: &str) -> Result<Option<std::path::PathBuf>, MigrateError> {
    match url.split_once(':') {
        Some(("postgres" | "postgresql", _)) => Ok(None),
        Some(("sqlite", rest)) if rest.contains(":memory:") || rest.contains("mode=memory") => {
            Err(MigrateError::Address("an in-memory database ends with its connection; name a file"))
        }
        Some(("sqlite", _)) => SqliteConnectOptions::from_str(url)
            .map(|options| Some(options.get_filename().to_owned()))
            .map_err(|_| MigrateError::Address("this sqlite:// address cannot be read")),
        _ => Err(MigrateError::Address("it must begin with sqlite:// or postgres://")),
    }
}
