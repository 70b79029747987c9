//! Rows that no noun of the domain takes.

use lyceum_domain::{
    ids::UserId,
    store::{Store as _, StoreError},
    users::UserQueries as _,
};
use lyceum_storage_seaorm::SeaOrmStore;
use lyceum_testkit::contract;
use sqlx::{Connection as _, Executor as _, SqliteConnection, types::Uuid};

use crate::databases::sqlite_file;

#[test]
fn a_row_that_is_no_user_is_corrupt() {
    contract::run("corruption::a_row_that_is_no_user_is_corrupt", async {
        let (settings, _folder) = sqlite_file().await;
        let mut by_hand = SqliteConnection::connect(&settings.url).await.expect("connects");
        by_hand
            .execute(
                "INSERT INTO users (id, email, username, username_key, locale, time_zone, role, plan, \
                 profile_visibility, show_progress, ai_personalization, is_active, tokens_valid_from, created_at, \
                 updated_at, version) VALUES (zeroblob(16), 'no address', 'ada', 'ada', 'en', 'UTC', 'learner', 'free', \
                 'members', TRUE, TRUE, TRUE, '2026-01-01T00:00:00+00:00', '2026-01-01T00:00:00+00:00', \
                 '2026-01-01T00:00:00+00:00', 1)",
            )
            .await
            .expect("inserts");
        let store = SeaOrmStore::connect(&settings).await.expect("connects");
        let id = UserId::from_uuid(Uuid::nil());
        assert!(matches!(store.user(id).await, Err(StoreError::Corrupt(_))));
        let mut unit = store.begin().await.expect("begins");
        assert!(matches!(unit.users().find(id).await, Err(StoreError::Corrupt(_))));
        assert!(matches!(unit.commit().await, Err(StoreError::Aborted)));
    });
}
