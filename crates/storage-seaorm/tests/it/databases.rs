//! Databases for tests.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use lyceum_storage_seaorm::{SeaOrmStore, StorageSettings};
use lyceum_testkit::contract::store::Subject;
use sqlx::{Connection as _, Executor as _, PgConnection, Row as _};
use tempfile::TempDir;
use tokio::sync::OnceCell;

/// A SQLite file of the test's own, with the schema, and the folder that goes with it.
pub async fn sqlite_file() -> (StorageSettings, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let file: PathBuf = folder.path().join("lyceum.db");
    let settings = StorageSettings::at(format!("sqlite://{}", file.display()));
    lyceum_migration::up(&settings.url).await.expect("migrates");
    (settings, folder)
}

pub async fn sqlite() -> Option<Subject> {
    let (settings, folder) = sqlite_file().await;
    let store = SeaOrmStore::connect(&settings).await.expect("connects");
    Some(Subject::holding(Arc::new(store), folder))
}

pub async fn postgres() -> Option<Subject> {
    let settings = postgres_database().await?;
    let store = SeaOrmStore::connect(&settings).await.expect("connects");
    Some(Subject::from(Arc::new(store)))
}

/// The PostgreSQL database that all tests of this run share, with the schema; few connections, as there are many tests.
pub async fn postgres_database() -> Option<StorageSettings> {
    static URL: OnceCell<String> = OnceCell::const_new();
    let server = variable("TEST_DATABASE_URL")?;
    let url = URL.get_or_init(|| prepared(server, "")).await;
    Some(StorageSettings { max_connections: Some(4), min_connections: 0, ..StorageSettings::at(url) })
}

/// A PostgreSQL database that nobody but the test of this name has, with the schema: for what changes all there is.
pub async fn postgres_of_its_own(test: &str) -> Option<StorageSettings> {
    let url = prepared(variable("TEST_DATABASE_URL")?, test).await;
    Some(StorageSettings { max_connections: Some(4), min_connections: 0, ..StorageSettings::at(url) })
}

/// The address of a database of this run, which is there and has the schema.
async fn prepared(server: String, of: &str) -> String {
    // Under nextest every test is a process; under `cargo test` all are one.
    let run = variable("NEXTEST_RUN_ID").unwrap_or_else(|| std::process::id().to_string());
    let name = format!("{PREFIX}{}{of}", run.replace('-', ""));
    let (base, query) = server.split_once('?').unwrap_or((&server, ""));
    let (host, _) = base.rsplit_once('/').expect("an address with a database");
    let url = format!("{host}/{name}?{query}");
    // As a rule another process has made it.
    if lyceum_migration::up(&url).await.is_err() {
        create(&server, &name).await;
        lyceum_migration::up(&url).await.expect("migrates");
    }
    url
}

const PREFIX: &str = "lyceum_test_storage_";

/// Makes the database unless another test did. Nobody knows which test is the last, so the first one of a run sweeps up
/// behind the runs before.
async fn create(server: &str, name: &str) {
    let mut admin = PgConnection::connect(server).await.expect("TEST_DATABASE_URL answers");
    let exists = "SELECT 1 FROM pg_database WHERE datname = $1";
    for _ in 0..50 {
        if sqlx::query(exists).bind(name).fetch_optional(&mut admin).await.expect("lists databases").is_some() {
            return;
        }
        let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
        match admin.execute(create).await {
            Ok(_) => return sweep(&mut admin, name).await,
            // Somebody else makes it, or another one from the same template.
            Err(sqlx::Error::Database(error))
                if matches!(error.code().as_deref(), Some("23505" | "42P04" | "55006")) =>
            {
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
            Err(error) => panic!("the role of TEST_DATABASE_URL must be allowed to create databases: {error}"),
        }
    }
    panic!("{name} could not be made");
}

/// Writes down when this database was made, and drops those that are more than an hour old.
async fn sweep(admin: &mut PgConnection, name: &str) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let comment = sqlx::AssertSqlSafe(format!("COMMENT ON DATABASE {name} IS '{now}'"));
    admin.execute(comment).await.expect("comments");
    let old = "SELECT datname FROM pg_database WHERE datname LIKE $1 \
               AND shobj_description(oid, 'pg_database') ~ '^[0-9]+$' \
               AND shobj_description(oid, 'pg_database')::bigint < $2";
    let before = i64::try_from(now).expect("fits") - 3600;
    let rows = sqlx::query(old).bind(format!("{PREFIX}%")).bind(before).fetch_all(&mut *admin).await.expect("lists");
    for row in rows {
        let name: String = row.get(0);
        // Another run may be doing the same.
        let _ = admin.execute(sqlx::AssertSqlSafe(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "where the tests' server is, is no setting of the program")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
