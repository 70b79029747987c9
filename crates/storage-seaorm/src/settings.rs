//! What can be set about the database.

use std::{sync::Arc, time::Duration};

use lyceum_domain::conversations::Seal;

/// Where the database is and how it is talked to. [`Default`] is a SQLite file in the working folder.
#[derive(Clone)]
pub struct StorageSettings {
    /// `sqlite://path/to/file.db` (made if missing, unless it says `?mode=rw` or `?mode=ro`), or `postgres://…`,
    /// `postgresql://…`, as providers print it (`?sslmode=require`). It may hold a password.
    pub url: String,
    /// Connections kept open.
    pub min_connections: u32,
    /// Connections at most; with SQLite those for reading, one for writing comes on top. 8 for PostgreSQL and 4 for
    /// SQLite if `None`: more only wait for each other.
    pub max_connections: Option<u32>,
    /// How long to wait for a free connection before the store is called unavailable.
    pub acquire_timeout: Duration,
    /// How long an unused connection stays open; for ever if `None`.
    pub idle_timeout: Option<Duration>,
    /// How old a connection may grow; for ever if `None`.
    pub max_lifetime: Option<Duration>,
    /// PostgreSQL ends a statement that takes longer, and if it says nothing for two seconds more, it is called unavailable.
    /// Not sent behind a transaction pooler, which refuses it: set it for the role there.
    pub statement_timeout: Option<Duration>,
    /// How many prepared statements a connection keeps. 0 behind a pooler that hands out its connections by
    /// transaction (`PgBouncer`, Neon's `-pooler` host).
    pub statement_cache: usize,
    /// Statements that take longer are logged as warnings, without their values; none are if `None`.
    pub slow_query_threshold: Option<Duration>,
    /// Log every statement at debug level. It costs some microseconds for each even where nobody listens.
    pub log_statements: bool,
    /// What PostgreSQL shows as the client.
    pub application_name: String,
    /// Seals what learners and the mentor say before it is stored. `None`: in clear; what was sealed before cannot be
    /// read then.
    pub seal: Option<Arc<dyn Seal>>,
    /// Hears of each statement how long it took, and whether it went well.
    pub on_statement: Option<OnStatement>,
}

/// What hears of statements; called where the answer is awaited, so it must not take long.
pub type OnStatement = Arc<dyn Fn(Duration, bool) + Send + Sync>;

impl StorageSettings {
    /// The defaults, at this address.
    pub fn at(url: impl Into<String>) -> Self {
        Self { url: url.into(), ..Self::default() }
    }
}

impl Default for StorageSettings {
    fn default() -> Self {
        Self {
            url: "sqlite://lyceum.db".to_owned(),
            min_connections: 1,
            max_connections: None,
            acquire_timeout: Duration::from_secs(5),
            idle_timeout: Some(Duration::from_mins(10)),
            max_lifetime: Some(Duration::from_mins(30)),
            statement_timeout: Some(Duration::from_secs(10)),
            statement_cache: 200,
            slow_query_threshold: Some(Duration::from_millis(500)),
            log_statements: false,
            application_name: "lyceum".to_owned(),
            seal: None,
            on_statement: None,
        }
    }
}

impl std::fmt::Debug for StorageSettings {
    /// All but the address, which may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StorageSettings")
            .field("min_connections", &self.min_connections)
            .field("max_connections", &self.max_connections)
            .field("acquire_timeout", &self.acquire_timeout)
            .field("idle_timeout", &self.idle_timeout)
            .field("max_lifetime", &self.max_lifetime)
            .field("statement_timeout", &self.statement_timeout)
            .field("statement_cache", &self.statement_cache)
            .field("slow_query_threshold", &self.slow_query_threshold)
            .field("log_statements", &self.log_statements)
            .field("application_name", &self.application_name)
            .field("seal", &self.seal.as_deref().map(Seal::key))
            .finish_non_exhaustive()
    }
}
