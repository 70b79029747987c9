//! Connections and pools.

use std::{path::Path, str::FromStr, time::Duration};

use async_trait::async_trait;
use log::LevelFilter;
use lyceum_domain::store::{Queries, SingleWrites, Store, StoreError, UnitOfWork};
use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, DbBackend, DbErr};
use sqlx::{
    Connection as _, SqliteConnection,
    postgres::PgConnectOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use crate::{
    bounded::{Bounded, Patience},
    errors::store_error,
    sealing::Sealing,
    settings::StorageSettings,
    sql::{Sql, Values},
    unit::SeaOrmUnit,
};

/// A connection that nobody used for this long is asked whether it lives before it is used again: a database that was away
/// has hung up on all of them, and whoever comes a second after it is back must not find out. Where there is work enough
/// no connection rests for so long, and elsewhere nobody misses the time that asking takes.
const TEST_AFTER: Duration = Duration::from_secs(1);
/// How long SQLite waits for another process's lock.
const BUSY: Duration = Duration::from_secs(5);

/// Everything in one database. Cheap to clone; the clones share the connections.
#[derive(Debug, Clone)]
pub struct SeaOrmStore {
    pub(crate) reads: Bounded<DatabaseConnection>,
    pub(crate) writes: Bounded<DatabaseConnection>,
    pub(crate) sealing: Sealing,
}

/// How busy a pool is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolStatus {
    /// What it is for: `all`, or `reads` and `writes` where each has a pool of its own.
    pub name: &'static str,
    /// Open connections.
    pub size: u32,
    /// Those of them that nobody uses now.
    pub idle: usize,
    /// How many it may open.
    pub max: u32,
}

impl PoolStatus {
    fn of<D: sqlx::Database>(name: &'static str, pool: &sqlx::Pool<D>) -> Self {
        Self { name, size: pool.size(), idle: pool.num_idle(), max: pool.options().get_max_connections() }
    }
}

impl SeaOrmStore {
    /// Connects. The schema must be there: see `lyceum-migration`.
    ///
    /// SQLite gets two pools: writers there only ever run one at a time, and those that wait in a queue are served in
    /// turn while those that wait for the file's lock sleep and lose. It keeps a write-ahead log with
    /// `synchronous = NORMAL`: what was committed survives the end of the process, however it ends; the last moments
    /// before a power cut may be lost, but not the file.
    ///
    /// [`StoreError::Unavailable`] if the address is none, or nothing answers there.
    pub async fn connect(settings: &StorageSettings) -> Result<Self, StoreError> {
        let backend = backend(&settings.url)?;
        let sealing = Sealing::new(settings.seal.clone());
        if backend == DbBackend::Postgres {
            let patience = Patience::beyond(settings.statement_timeout);
            let mut options = postgres(settings)?;
            let releasing = patience.clone();
            options.map_sqlx_postgres_pool_opts(move |pool| {
                let patience = releasing.clone();
                pool.after_release(move |connection, _| {
                    let patience = patience.clone();
                    Box::pin(async move { patience.is_fit(connection).await })
                })
            });
            let pool = Bounded { inner: connect(options, settings).await?, patience };
            return Ok(Self { reads: pool.clone(), writes: pool, sealing });
        }
        // The writer first: it makes the file and its log.
        let mut one = sqlite(settings)?;
        one.min_connections(1).max_connections(1);
        one.map_sqlx_sqlite_before_acquire(|connection, _| {
            let is_at_rest = is_at_rest(connection);
            Box::pin(async move { Ok(is_at_rest) })
        });
        // It is in this process, and ends no statement.
        let patience = Patience::beyond(None);
        let writes = Bounded { inner: connect(one, settings).await?, patience: patience.clone() };
        let reads = Bounded { inner: connect(sqlite(settings)?, settings).await?, patience };
        Ok(Self { reads, writes, sealing })
    }

    /// How busy the connections are: on PostgreSQL of one pool, on SQLite of two.
    pub fn pools(&self) -> Vec<PoolStatus> {
        if self.reads.get_database_backend() == DbBackend::Postgres {
            return vec![PoolStatus::of("all", self.reads.inner.get_postgres_connection_pool())];
        }
        vec![
            PoolStatus::of("reads", self.reads.inner.get_sqlite_connection_pool()),
            PoolStatus::of("writes", self.writes.inner.get_sqlite_connection_pool()),
        ]
    }

    /// Closes all connections, waiting for those in use. SQLite folds its log into the file then.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.reads.inner.clone().close().await.map_err(store_error)?;
        self.writes.inner.clone().close().await.map_err(store_error)
    }
}

#[async_trait]
impl Store for SeaOrmStore {
    async fn begin(&self) -> Result<Box<dyn UnitOfWork>, StoreError> {
        Ok(Box::new(SeaOrmUnit::begin(&self.writes, &self.sealing).await?))
    }

    fn read(&self) -> &dyn Queries {
        self
    }

    fn write(&self) -> &dyn SingleWrites {
        self
    }

    async fn check(&self) -> Result<(), StoreError> {
        Sql::same("SELECT 1").one(&self.reads, Values::new()).await.map(drop)
    }
}

fn backend(url: &str) -> Result<DbBackend, StoreError> {
    match url.split_once(':') {
        Some(("postgres" | "postgresql", _)) => Ok(DbBackend::Postgres),
        Some(("sqlite", rest)) if rest.contains(":memory:") || rest.contains("mode=memory") => {
            Err(bad_address("an in-memory database lives in one connection only; name a file"))
        }
        Some(("sqlite", _)) => Ok(DbBackend::Sqlite),
        _ => Err(bad_address("it must begin with sqlite:// or postgres://")),
    }
}

fn bad_address(reason: &str) -> StoreError {
    StoreError::Unavailable(Box::new(DbErr::Custom(format!("not the address of a database: {reason}"))))
}

async fn connect(options: ConnectOptions, settings: &StorageSettings) -> Result<DatabaseConnection, StoreError> {
    let mut pool = Database::connect(options).await.map_err(store_error)?;
    if let Some(heard) = settings.on_statement.clone() {
        // Neither the statement nor its values leave.
        pool.set_metric_callback(move |done| heard(done.elapsed, !done.failed));
    }
    Ok(pool)
}

/// Whether the driver takes a connection that nobody has for one without a transaction. Some failures (a full disk) make
/// SQLite roll back by itself; the driver's own `ROLLBACK` fails then, and it goes on to take the connection for one within
/// a transaction. The next unit would be a savepoint, and the first to roll back to one would leave a transaction open that
/// nobody ever commits: whatever is written from then on is answered as done, and lost. Such a connection is closed.
fn is_at_rest(connection: &SqliteConnection) -> bool {
    !connection.is_in_transaction()
}

fn common(settings: &StorageSettings) -> ConnectOptions {
    let mut options = ConnectOptions::new(&settings.url);
    options
        .min_connections(settings.min_connections)
        .acquire_timeout(settings.acquire_timeout)
        .idle_timeout(settings.idle_timeout)
        .max_lifetime(settings.max_lifetime)
        .test_before_acquire_if_idle_for(TEST_AFTER)
        .record_stmt_in_spans(false)
        .sqlx_logging(settings.log_statements || settings.slow_query_threshold.is_some())
        .sqlx_logging_level(if settings.log_statements { LevelFilter::Debug } else { LevelFilter::Off });
    if let Some(slow) = settings.slow_query_threshold {
        options.sqlx_slow_statements_logging_settings(LevelFilter::Warn, slow);
    }
    options
}

fn postgres(settings: &StorageSettings) -> Result<ConnectOptions, StoreError> {
    // Checked here because the cause must not print the address.
    PgConnectOptions::from_str(&settings.url).map_err(|_| bad_address("this postgres:// address cannot be read"))?;
    let mut options = common(settings);
    options.max_connections(settings.max_connections.unwrap_or(8));
    let (cache, name) = (settings.statement_cache, settings.application_name.clone());
    options.map_sqlx_postgres_opts(move |postgres| postgres.statement_cache_capacity(cache).application_name(&name));
    if let Some(timeout) = settings.statement_timeout.filter(|_| cache > 0) {
        options.statement_timeout(timeout);
    }
    Ok(options)
}

fn sqlite(settings: &StorageSettings) -> Result<ConnectOptions, StoreError> {
    let parsed = SqliteConnectOptions::from_str(&settings.url)
        .map_err(|_| bad_address("this sqlite:// address cannot be read"))?;
    let says_mode = settings.url.contains("mode=");
    if let Some(folder) = parsed.get_filename().parent()
        && folder != Path::new("")
    {
        std::fs::create_dir_all(folder).map_err(|error| StoreError::Unavailable(Box::new(error)))?;
    }
    let mut options = common(settings);
    options.max_connections(settings.max_connections.unwrap_or(4));
    let cache = settings.statement_cache.max(1);
    options.map_sqlx_sqlite_opts(move |sqlite| {
        let sqlite = if says_mode { sqlite } else { sqlite.create_if_missing(true) };
        sqlite
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(BUSY)
            .foreign_keys(true)
            .statement_cache_capacity(cache)
    });
    Ok(options)
}
