//! Rows that no noun of the domain takes.

use lyceum_domain::{
    idempotency::{Claim, IdempotencyKey},
    ids::{ClaimId, DocumentId, InstanceId, SubjectId, UserId},
    page::PageRequest,
    store::{Store as _, StoreError, UnitOfWork},
    subjects::SubjectQueries as _,
    time::Timestamp,
    users::UserQueries as _,
};
use lyceum_storage_seaorm::SeaOrmStore;
use lyceum_testkit::contract;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, SqliteConnection, types::Uuid};
use tempfile::TempDir;

use crate::databases::sqlite_file;

/// The columns of an account whose id is all zeros.
const USER: &str = "INSERT INTO users (id, email, username, username_key, locale, time_zone, role, plan, \
                    profile_visibility, show_progress, ai_personalization, is_active, tokens_valid_from, created_at, \
                    updated_at, version) VALUES (zeroblob(16), '$', 'ada', 'ada', 'en', 'UTC', 'learner', 'free', \
                    'members', TRUE, TRUE, TRUE, '2026-01-01T00:00:00+00:00', '2026-01-01T00:00:00+00:00', \
                    '2026-01-01T00:00:00+00:00', 1)";

const SUBJECT: &str = "INSERT INTO subjects (id, owner_id, title, description, color, is_archived, created_at, \
                       updated_at, version) VALUES (zeroblob(16), zeroblob(16), 'Knots', '', NULL, FALSE, \
                       '2026-01-01T00:00:00+00:00', '2026-01-01T00:00:00+00:00', 1)";

const DOCUMENT: &str = "INSERT INTO documents (id, subject_id, owner_id, name, media_type, size, sha256, blob_key, \
                        text_state, text_attempts, text_due_at, created_at, updated_at) VALUES (zeroblob(16), \
                        zeroblob(16), zeroblob(16), 'a.md', 'text/markdown', 1, \
                        '0000000000000000000000000000000000000000000000000000000000000000', 'documents/a', 'pending', \
                        0, '2026-01-01T00:00:00+00:00', '2026-01-01T00:00:00+00:00', '2026-01-01T00:00:00+00:00')";

const USER_ID: UserId = UserId::from_uuid(Uuid::nil());

/// A store in which somebody wrote by hand.
async fn store_after(statements: &[&str]) -> (SeaOrmStore, TempDir) {
    let (settings, folder) = sqlite_file().await;
    let mut by_hand = SqliteConnection::connect(&settings.url).await.expect("connects");
    for statement in statements {
        by_hand.execute(AssertSqlSafe((*statement).to_owned())).await.expect("executes");
    }
    (SeaOrmStore::connect(&settings).await.expect("connects"), folder)
}

fn is_corrupt<T>(answer: &Result<T, StoreError>) -> bool {
    matches!(answer, Err(StoreError::Corrupt(_)))
}

/// The unit keeps nothing.
async fn is_broken(unit: Box<dyn UnitOfWork>) -> bool {
    matches!(unit.commit().await, Err(StoreError::Aborted))
}

fn now() -> Timestamp {
    Timestamp::from_micros(1_900_000_000_000_000).expect("in the calendar")
}

#[test]
fn a_row_that_is_no_user_is_corrupt() {
    contract::run("corruption::a_row_that_is_no_user_is_corrupt", async {
        let (store, _folder) = store_after(&[&USER.replace('$', "no address")]).await;
        assert!(is_corrupt(&store.user(USER_ID).await));
        let mut unit = store.begin().await.expect("begins");
        assert!(is_corrupt(&unit.users().find(USER_ID).await));
        assert!(is_broken(unit).await);
    });
}

#[test]
fn a_row_that_is_no_subject_is_corrupt() {
    contract::run("corruption::a_row_that_is_no_subject_is_corrupt", async {
        let user = USER.replace('$', "ada@example.com");
        for wrong in ["title = ''", "color = 'red'", "version = 4294967296"] {
            let (store, _folder) = store_after(&[&user, SUBJECT, &format!("UPDATE subjects SET {wrong}")]).await;
            let subject = SubjectId::from_uuid(Uuid::nil());
            assert!(is_corrupt(&store.subject(USER_ID, subject).await), "{wrong}");
            assert!(is_corrupt(&store.subjects_page(USER_ID, false, PageRequest::default()).await), "{wrong}");
        }
    });
}

#[test]
fn a_row_that_is_no_document_is_corrupt() {
    contract::run("corruption::a_row_that_is_no_document_is_corrupt", async {
        let user = USER.replace('$', "ada@example.com");
        let document = DocumentId::from_uuid(Uuid::nil());
        for wrong in [
            "name = 'a/b'",
            "media_type = 'image/png'",
            "sha256 = '00'",
            "blob_key = '../etc/passwd'",
            "text_characters = 7",
            "text_reason = 'torn'",
            "text_state = 'ready'",
            "text_state = 'unreadable'",
        ] {
            let spoil = format!("UPDATE documents SET {wrong}");
            let (store, _folder) = store_after(&[&user, SUBJECT, DOCUMENT, &spoil]).await;
            assert!(is_corrupt(&store.document(USER_ID, document).await), "{wrong}");
            assert!(is_corrupt(&store.documents_of(USER_ID, PageRequest::default()).await), "{wrong}");
            if !wrong.starts_with("text_state") {
                let mut unit = store.begin().await.expect("begins");
                assert!(is_corrupt(&unit.subjects().take_unread(now(), now(), 1).await), "{wrong}");
                assert!(is_broken(unit).await, "{wrong}");
            }
        }
    });
}

#[test]
fn a_key_that_is_no_blobs_is_not_removed() {
    contract::run("corruption::a_key_that_is_no_blobs_is_not_removed", async {
        let note = "INSERT INTO blob_removals (key, due_at, attempts, created_at, updated_at) VALUES ('../lyceum.db', \
                    '2026-01-01T00:00:00+00:00', 0, '2026-01-01T00:00:00+00:00', '2026-01-01T00:00:00+00:00')";
        let (store, _folder) = store_after(&[note]).await;
        let mut unit = store.begin().await.expect("begins");
        assert!(is_corrupt(&unit.blob_removals().take_due(now(), now(), 1).await));
        assert!(is_broken(unit).await);
    });
}

#[test]
fn an_answer_that_none_can_be_is_corrupt() {
    contract::run("corruption::an_answer_that_none_can_be_is_corrupt", async {
        let user = USER.replace('$', "ada@example.com");
        for (fingerprint, status) in [("no digest", 201), ("0".repeat(64).as_str(), 70_000)] {
            let key = format!(
                "INSERT INTO idempotency_keys (user_id, key, claim_id, fingerprint, status, body, leased_until, \
                 expires_at, created_at, updated_at) VALUES (zeroblob(16), 'k', zeroblob(16), '{fingerprint}', {status}, \
                 '', '2026-01-01T00:00:00+00:00', '2999-01-01T00:00:00+00:00', '2026-01-01T00:00:00+00:00', \
                 '2026-01-01T00:00:00+00:00')"
            );
            let (store, _folder) = store_after(&[&user, &key]).await;
            let claim = Claim {
                id: ClaimId::from_uuid(Uuid::max()),
                user: USER_ID,
                key: IdempotencyKey::parse("k").expect("a key"),
                instance: InstanceId::from_uuid(Uuid::max()),
                created_at: now(),
                leased_until: now(),
                expires_at: now(),
            };
            let mut unit = store.begin().await.expect("begins");
            assert!(is_corrupt(&unit.claims().claim(&claim).await), "{fingerprint} {status}");
            assert!(is_broken(unit).await);
        }
    });
}
