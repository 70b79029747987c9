//! Connections that the database hung up on: on PostgreSQL.

use std::time::Duration;

use lyceum_domain::store::Store as _;
use lyceum_storage_seaorm::{SeaOrmStore, StorageSettings};
use lyceum_testkit::contract;
use sqlx::{Connection as _, PgConnection};

use crate::databases::postgres_database;

/// A server that was quiet while its database was started again.
#[test]
fn whoever_comes_a_second_after_the_database_hung_up_does_not_notice() {
    let name = "hung_up::whoever_comes_a_second_after_the_database_hung_up_does_not_notice";
    contract::run(name, async {
        let Some(settings) = postgres_database().await else {
            return contract::skip(name, "TEST_DATABASE_URL is not set");
        };
        let settings = StorageSettings { application_name: "lyceum-hung-up".to_owned(), ..settings };
        let store = SeaOrmStore::connect(&settings).await.expect("connects");
        store.check().await.expect("answers");
        let mut other = PgConnection::connect(&settings.url).await.expect("connects");
        let killed = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'lyceum-hung-up'";
        assert!(!sqlx::query(killed).fetch_all(&mut other).await.expect("killed").is_empty());
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        store.check().await.expect("answers on another connection");
    });
}
