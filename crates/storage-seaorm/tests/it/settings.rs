//! What can be set, and what is refused.

use std::time::Duration;

use lyceum_domain::{
    courses::CourseFilter,
    courses::CourseQueries as _,
    ids::UserId,
    page::{Cursor, PageRequest},
    progress::ProgressQueries as _,
    store::{Store as _, StoreError},
    time::Timestamp,
};
use lyceum_storage_seaorm::{SeaOrmStore, StorageSettings};
use lyceum_testkit::contract;
use sea_orm::sqlx::types::Uuid;

use crate::databases::{postgres_database, sqlite_file};

#[test]
fn an_address_of_nothing_is_unavailable() {
    contract::run("settings::an_address_of_nothing_is_unavailable", async {
        for url in
            ["", "lyceum.db", "mysql://localhost/x", "sqlite::memory:", "sqlite://x?mode=memory", "postgres://:::"]
        {
            let refused = SeaOrmStore::connect(&StorageSettings::at(url)).await.err();
            assert!(matches!(refused, Some(StoreError::Unavailable(_))), "{url}: {refused:?}");
        }
    });
}

#[test]
fn a_server_that_is_away_is_unavailable_and_its_password_stays_secret() {
    contract::run("settings::a_server_that_is_away", async {
        let settings = StorageSettings {
            acquire_timeout: Duration::from_millis(300),
            ..StorageSettings::at("postgres://ada:geheim@127.0.0.1:1/lyceum")
        };
        let refused = SeaOrmStore::connect(&settings).await.expect_err("nobody listens there");
        assert!(matches!(refused, StoreError::Unavailable(_)), "{refused:?}");
        assert!(!format!("{refused:?} {settings:?}").contains("geheim"));
    });
}

#[test]
fn the_folder_of_a_sqlite_file_is_made() {
    contract::run("settings::the_folder_of_a_sqlite_file_is_made", async {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("deep/down/lyceum.db");
        let store = SeaOrmStore::connect(&StorageSettings::at(format!("sqlite://{}", file.display()))).await;
        store.expect("connects").check().await.expect("answers");
        assert!(file.exists());
    });
}

#[test]
fn a_schema_that_is_not_there_is_a_fault_and_no_panic() {
    contract::run("settings::a_schema_that_is_not_there", async {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite://{}", folder.path().join("empty.db").display());
        let store = SeaOrmStore::connect(&StorageSettings::at(url)).await.expect("connects");
        let answer = store.progress_page(UserId::from_uuid(Uuid::nil()), PageRequest::default()).await;
        assert!(matches!(answer, Err(StoreError::Corrupt(_))), "{answer:?}");
    });
}

#[test]
fn a_waiting_writer_gives_up_in_time() {
    contract::run("settings::a_waiting_writer_gives_up_in_time", async {
        let (settings, _folder) = sqlite_file().await;
        let settings = StorageSettings { acquire_timeout: Duration::from_millis(200), ..settings };
        let store = SeaOrmStore::connect(&settings).await.expect("connects");
        let unit = store.begin().await.expect("begins");
        assert!(matches!(store.begin().await.err(), Some(StoreError::Unavailable(_))));
        drop(unit);
        assert!(store.begin().await.is_ok());
        store.close().await.expect("closes");
    });
}

/// Cursors come from outside and hold any time that a calendar date can.
async fn far_cursors(settings: &StorageSettings) {
    let store = SeaOrmStore::connect(settings).await.expect("connects");
    for micros in [i64::MIN / 2, -62_135_596_800_000_001, 253_402_300_800_000_000, 8_210_266_876_799_999_999] {
        let Some(at) = Timestamp::from_micros(micros) else { continue };
        let page = PageRequest { after: Some(Cursor { at, id: Uuid::max() }), ..PageRequest::default() };
        store.courses_page(&CourseFilter::default(), page).await.expect("a page");
        store.progress_page(UserId::from_uuid(Uuid::nil()), page).await.expect("a page");
    }
}

#[test]
fn cursors_from_other_ages_are_cursors_on_sqlite() {
    contract::run("settings::cursors_from_other_ages_on_sqlite", async {
        let (settings, _folder) = sqlite_file().await;
        far_cursors(&settings).await;
    });
}

#[test]
fn cursors_from_other_ages_are_cursors_on_postgres_without_prepared_statements() {
    let name = "settings::cursors_from_other_ages_on_postgres";
    contract::run(name, async {
        let Some(settings) = postgres_database().await else {
            return contract::skip(name, "TEST_DATABASE_URL is not set");
        };
        far_cursors(&StorageSettings { statement_cache: 0, ..settings }).await;
    });
}

/// Turning a new file to its write-ahead log needs it alone for a moment.
#[test]
fn several_connect_at_once_to_a_new_file() {
    contract::run("settings::several_connect_at_once_to_a_new_file", async {
        let (settings, _folder) = sqlite_file().await;
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let settings = settings.clone();
            tasks.spawn(async move {
                let store = SeaOrmStore::connect(&settings).await.expect("connects");
                store.begin().await.expect("begins").commit().await.expect("commits");
            });
        }
        tasks.join_all().await;
    });
}
