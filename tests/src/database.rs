//! Fresh databases.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::Duration,
};

use sqlx::{Connection as _, Executor as _, PgConnection};

use crate::variable;

/// A database that nothing was ever in; it goes with this value.
#[derive(Debug)]
pub enum Database {
    /// The server's default: a file in its data folder.
    Sqlite,
    /// A database of the test's own on the server at `TEST_DATABASE_URL`.
    Postgres {
        /// The server's address, with a database to connect to.
        server: String,
        /// The database's name.
        name: String,
    },
}

impl Database {
    /// SQLite, which is always there.
    #[expect(clippy::unused_async, reason = "called like the other one")]
    pub async fn sqlite(_test: &str) -> Option<Self> {
        Some(Self::Sqlite)
    }

    /// PostgreSQL; without a server the test says that it is skipped, or fails if `LYCEUM_TESTS_SKIP_NOTHING` is set.
    pub async fn postgres(test: &str) -> Option<Self> {
        let Some(server) = variable("TEST_DATABASE_URL") else {
            assert!(
                variable("LYCEUM_TESTS_SKIP_NOTHING").is_none(),
                "{test} must run, but TEST_DATABASE_URL is not set"
            );
            eprintln!("SKIPPED {test}: TEST_DATABASE_URL is not set");
            return None;
        };
        Some(Self::on(&server).await)
    }

    /// A database of its own on this server, whose role must be allowed to create one.
    pub async fn on(server: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("lyceum_test_e2e_{}_{count}", std::process::id());
        let mut admin = PgConnection::connect(server).await.expect("the database server answers");
        drop_database(&mut admin, &name).await;
        for tries in 0.. {
            match admin.execute(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).await {
                Ok(_) => break,
                // Somebody else makes one from the same template.
                Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("55006") && tries < 50 => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Err(error) => panic!("the role must be allowed to create databases: {error}"),
            }
        }
        Self::Postgres { server: server.to_owned(), name }
    }

    /// The value of `DATABASE_URL`, if there is to be one.
    pub fn url(&self) -> Option<String> {
        let Self::Postgres { server, name } = self else { return None };
        let (base, query) = server.split_once('?').unwrap_or((server, ""));
        let (host, _) = base.rsplit_once('/').expect("an address with a database");
        Some(format!("{host}/{name}?{query}").trim_end_matches('?').to_owned())
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let Self::Postgres { server, name } = self else { return };
        // From within a runtime nothing can be waited for but by another thread.
        let (server, name) = (std::mem::take(server), std::mem::take(name));
        let dropping = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                if let Ok(mut admin) = PgConnection::connect(&server).await {
                    drop_database(&mut admin, &name).await;
                }
            });
        });
        // What is left behind on a test server harms nobody.
        let _ = dropping.join();
    }
}

async fn drop_database(admin: &mut PgConnection, name: &str) {
    let _ = admin.execute(sqlx::AssertSqlSafe(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))).await;
}

/// Makes two tests of each function that takes a [`Database`]: one for each kind.
#[macro_export]
macro_rules! on_both_databases {
    ($($(#[$note:meta])* $test:ident),* $(,)?) => {
        mod sqlite {
            $($(#[$note])* #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let database = $crate::database::Database::sqlite(stringify!($test)).await;
                Box::pin(super::$test(database.expect("always there"))).await;
            })*
        }
        mod postgres {
            $($(#[$note])* #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                if let Some(database) = $crate::database::Database::postgres(stringify!($test)).await {
                    Box::pin(super::$test(database)).await;
                }
            })*
        }
    };
}
