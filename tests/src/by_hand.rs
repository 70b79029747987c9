//! SQL by hand, past the server, for programs that fill a database with more rows than anybody would post.

use std::path::Path;

use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions,
};

/// A connection to the database of a house.
#[derive(Debug)]
pub enum ByHand {
    /// To a SQLite file.
    Sqlite(SqliteConnection),
    /// To PostgreSQL.
    Postgres(PgConnection),
}

impl ByHand {
    pub(crate) async fn open(postgres: Option<&str>, file: &Path) -> Self {
        if let Some(url) = postgres {
            return Self::Postgres(PgConnection::connect(url).await.expect("connects"));
        }
        // Nobody needs what it writes after a power cut.
        let options =
            SqliteConnectOptions::new().filename(file).pragma("synchronous", "OFF").pragma("cache_size", "-200000");
        Self::Sqlite(SqliteConnection::connect_with(&options).await.expect("connects"))
    }

    /// Whether this is PostgreSQL.
    pub fn is_postgres(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// Runs a statement; answers how many rows it changed.
    pub async fn run(&mut self, statement: &str) -> u64 {
        let sql = AssertSqlSafe(statement.to_owned());
        let done = match self {
            Self::Sqlite(db) => db.execute(sql).await.map(|done| done.rows_affected()),
            Self::Postgres(db) => db.execute(sql).await.map(|done| done.rows_affected()),
        };
        done.unwrap_or_else(|error| panic!("{error}: {statement}"))
    }

    /// The whole number that a statement answers with.
    pub async fn number(&mut self, statement: &str) -> i64 {
        let sql = AssertSqlSafe(statement.to_owned());
        let number = match self {
            Self::Sqlite(db) => sqlx::query_scalar(sql).fetch_one(db).await,
            Self::Postgres(db) => sqlx::query_scalar(sql).fetch_one(db).await,
        };
        number.unwrap_or_else(|error| panic!("{error}: {statement}"))
    }

    /// The names of all tables.
    pub async fn tables(&mut self) -> Vec<String> {
        let names = match self {
            Self::Sqlite(db) => {
                let sql =
                    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name";
                sqlx::query_scalar(sql).fetch_all(db).await
            }
            Self::Postgres(db) => {
                let sql = "SELECT table_name::text FROM information_schema.tables \
                           WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' ORDER BY 1";
                sqlx::query_scalar(sql).fetch_all(db).await
            }
        };
        names.expect("the names of the tables")
    }

    /// Inserts what a `SELECT` gives for every `n` from 1 to `rows`.
    pub async fn insert_each(&mut self, rows: u64, into: &str, select: &str) {
        let statement = if self.is_postgres() {
            format!("INSERT INTO {into} SELECT {select} FROM generate_series(CAST(1 AS bigint), {rows}) AS series (n)")
        } else {
            format!(
                "INSERT INTO {into} WITH RECURSIVE series (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series \
                 WHERE n < {rows}) SELECT {select} FROM series"
            )
        };
        self.run(&statement).await;
    }

    /// The id of this kind and number, as an expression over `n`.
    pub fn id(&self, kind: u32, n: &str) -> String {
        if self.is_postgres() {
            format!("CAST('{kind:08x}-0000-7000-8000-' || lpad(to_hex({n}), 12, '0') AS uuid)")
        } else {
            format!("unhex('{kind:08x}00007000' || '8000' || printf('%012x', {n}))")
        }
    }

    /// An id that was answered, as a value.
    pub fn uuid(&self, id: &str) -> String {
        if self.is_postgres() { format!("CAST('{id}' AS uuid)") } else { format!("unhex('{}')", id.replace('-', "")) }
    }

    /// A time as seconds since 1970, as an expression over `n`.
    pub fn time(&self, seconds: &str) -> String {
        if self.is_postgres() {
            format!("to_timestamp({seconds})")
        } else {
            format!("strftime('%Y-%m-%dT%H:%M:%S+00:00', {seconds}, 'unixepoch')")
        }
    }

    /// Lets the planner know what is there, as both databases do by themselves in time.
    pub async fn analyze(&mut self) {
        self.run(if self.is_postgres() { "VACUUM (ANALYZE)" } else { "ANALYZE" }).await;
    }
}
