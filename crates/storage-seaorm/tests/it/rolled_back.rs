//! What SQLite rolls back by itself, as it does when the disk is full.

use lyceum_domain::store::Store as _;
use lyceum_storage_seaorm::SeaOrmStore;
use lyceum_testkit::contract::{
    self,
    statements::{begin, stored_subject, stored_user},
};
use sqlx::{Connection as _, Executor as _, SqliteConnection};

use crate::databases::sqlite_file;

/// Without care the driver takes the connection for one within a transaction ever after, and what is committed later is
/// seen by nobody.
#[test]
fn what_is_kept_after_a_unit_that_the_database_rolled_back_is_kept() {
    contract::run("rolled_back::what_is_kept_after_a_unit_that_the_database_rolled_back_is_kept", async {
        let (settings, _folder) = sqlite_file().await;
        let store = SeaOrmStore::connect(&settings).await.expect("connects");
        let user = stored_user(&store).await;
        let subject = stored_subject(&store, user.id).await;
        // As little as it takes: the statement fails, and the transaction is gone with it.
        let mut other = SqliteConnection::connect(&settings.url).await.expect("connects");
        let full =
            "CREATE TRIGGER full BEFORE UPDATE ON subjects BEGIN SELECT RAISE(ROLLBACK, 'as if it were full'); END";
        other.execute(full).await.expect("a trigger");

        let mut unit = begin(&store).await;
        unit.subjects().update(&subject).await.expect_err("is rolled back");
        drop(unit);
        other.execute("DROP TRIGGER full").await.expect("no trigger");
        drop(begin(&store).await);

        let later = stored_subject(&store, user.id).await;
        let found = store.read().subject(user.id, later.id).await.expect("an answer");
        assert_eq!(found.map(|found| found.id), Some(later.id));
    });
}
