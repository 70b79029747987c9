//! What a database says of itself, for who looks after it.

use lyceum_domain::{store::StoreError, time::Timestamp};
use sea_orm::{ConnectionTrait as _, DbBackend};

use crate::{
    connect::SeaOrmStore,
    row::maybe,
    sql::{Sql, Values},
};

/// What a database says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseAbout {
    /// Its version, as it writes it.
    pub version: String,
    /// How many connections it allows; `None` for SQLite, which has none.
    pub max_connections: Option<u32>,
    /// How many are open now, everybody's; 0 for SQLite.
    pub open_connections: u32,
    /// Its time, unless that is ours.
    pub now: Option<Timestamp>,
}

const ABOUT: Sql = Sql {
    postgres: "SELECT current_setting('server_version'), CAST(current_setting('max_connections') AS bigint), \
               (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'), clock_timestamp()",
    sqlite: "SELECT sqlite_version()",
};

impl SeaOrmStore {
    /// Asks the database about itself.
    pub async fn about(&self) -> Result<DatabaseAbout, StoreError> {
        let is_postgres = self.reads.get_database_backend() == DbBackend::Postgres;
        let row = ABOUT.one(&self.reads, Values::new()).await?;
        let about = maybe(row.as_ref(), |row| {
            let version = row.text()?;
            if !is_postgres {
                return Ok(DatabaseAbout { version, max_connections: None, open_connections: 0, now: None });
            }
            Ok(DatabaseAbout {
                version,
                max_connections: Some(row.number()?),
                open_connections: row.number()?,
                now: Some(row.time()?),
            })
        })?;
        about.ok_or_else(|| StoreError::Corrupt("a database that says nothing of itself".to_owned()))
    }
}
