//! The database and its pool.

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::{masking, parts::encoded};

/// The database and its pool. `Debug` and `Serialize` hide the password.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct DatabaseSettings {
    /// `sqlite://…` or `postgres://…`; it may hold a password. Default `sqlite://{data_dir}/lyceum.db`; after loading
    /// never empty.
    #[serde(serialize_with = "masking::url")]
    pub url: SecretString,
    /// Connections kept open. Default 1.
    pub min_connections: u32,
    /// Connections at most; 0 leaves it to the store. Default 0.
    pub max_connections: u32,
    /// The longest wait for a connection, in seconds. Default 5.
    pub acquire_timeout_seconds: u64,
    /// How long an idle connection is kept, in seconds; 0 for always. Default 600.
    pub idle_timeout_seconds: u64,
    /// The greatest age of a connection, in seconds; 0 for any. Default 1800.
    pub max_lifetime_seconds: u64,
    /// The longest time for one statement, in seconds (PostgreSQL); 0 for any. Without effect if `statement_cache` is 0.
    /// Default 30.
    pub statement_timeout_seconds: u64,
    /// Prepared statements kept per connection; 0 for poolers that cannot keep them. Default 100.
    pub statement_cache: usize,
    /// Statements that take longer are logged, in milliseconds; 0 for none. Default 500.
    pub slow_query_milliseconds: u64,
    /// Whether to apply pending migrations at start. Default `true`.
    pub migrate_on_start: bool,
    /// Whether production may run on SQLite. Default `false`.
    pub allow_sqlite_in_production: bool,
}

impl Default for DatabaseSettings {
    fn default() -> Self {
        Self {
            url: SecretString::default(),
            min_connections: 1,
            max_connections: 0,
            acquire_timeout_seconds: 5,
            idle_timeout_seconds: 600,
            max_lifetime_seconds: 1800,
            statement_timeout_seconds: 30,
            statement_cache: 100,
            slow_query_milliseconds: 500,
            migrate_on_start: true,
            allow_sqlite_in_production: false,
        }
    }
}

/// Which database a URL means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseKind {
    /// A file, or memory.
    Sqlite,
    /// A PostgreSQL server.
    Postgres,
}

impl DatabaseSettings {
    /// Which database the URL means; never `None` in settings that were loaded.
    pub fn kind(&self) -> Option<DatabaseKind> {
        match self.url_text().split_once(':')?.0 {
            "sqlite" => Some(DatabaseKind::Sqlite),
            "postgres" | "postgresql" => Some(DatabaseKind::Postgres),
            _ => None,
        }
    }

    /// The URL, password included.
    pub(super) fn url_text(&self) -> &str {
        self.url.expose_secret()
    }
}

/// The URL of the SQLite file in the data folder.
pub(super) fn url_in(data_dir: &str) -> String {
    // A folder that is only slashes is the root.
    sqlite_url(&format!("{}/lyceum.db", data_dir.trim_end_matches('/')))
}

/// The URL of a SQLite file. What a URL would read otherwise is percent-encoded.
pub(crate) fn sqlite_url(file: &str) -> String {
    format!("sqlite://{}", file.split('/').map(encoded).collect::<Vec<_>>().join("/"))
}
