//! What keeps each table from growing for ever. A new table has to say so here.

use std::collections::BTreeMap;

use lyceum_storage_seaorm::SeaOrmStore;
use sqlx::{Connection as _, PgConnection, Row as _};

use crate::databases::{postgres_of_its_own, sqlite_file};

/// What keeps a table from growing for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    /// It is what the place is for: it goes when its owner removes it, or is erased.
    Data,
    /// Housekeeping removes what is older than a time that the operator chose or a rule says.
    Retention,
    /// Something else does: a row for each thing of another table, a row that ends with what it is about, a number of
    /// rows that is given.
    Bounded,
}

const TABLES: [(&str, Kept); 35] = [
    ("answer_pieces", Kept::Bounded), // go with the turn that is under way
    ("api_keys", Kept::Data),         // a number for each account
    ("audit_events", Kept::Retention),
    ("blob_removals", Kept::Bounded), // go when the blob does
    ("conversations", Kept::Data),
    ("course_files", Kept::Data),
    ("course_progress", Kept::Data),
    ("course_texts", Kept::Bounded), // one for each course; SQLite
    ("courses", Kept::Data),
    ("document_texts", Kept::Data),
    ("documents", Kept::Data),
    ("idempotency_keys", Kept::Retention),
    ("identities", Kept::Data),
    ("instances", Kept::Bounded),  // forgotten when they have been silent
    ("job_leases", Kept::Bounded), // one for each kind of job
    ("lesson_progress", Kept::Data),
    ("lessons", Kept::Data),
    ("manifests", Kept::Data),
    ("messages", Kept::Data),
    ("one_time_tokens", Kept::Retention),
    ("outbox_mails", Kept::Retention),
    ("passages", Kept::Bounded), // of lessons
    ("progress_events", Kept::Data),
    ("quotations", Kept::Data),
    ("quoted_texts", Kept::Retention),
    ("refresh_tokens", Kept::Retention),
    ("registrations", Kept::Retention),
    ("seaql_migrations", Kept::Bounded), // one for each migration
    ("sessions", Kept::Retention),
    ("sign_in_failures", Kept::Retention),
    ("spending", Kept::Bounded), // one for each account
    ("subjects", Kept::Data),
    ("turns_under_way", Kept::Bounded), // end with the turn
    ("usage_records", Kept::Retention),
    ("users", Kept::Data),
];

fn classified(tables: impl IntoIterator<Item = String>) {
    let known = BTreeMap::from(TABLES);
    let unknown: Vec<_> = tables.into_iter().filter(|table| !known.contains_key(table.as_str())).collect();
    assert!(unknown.is_empty(), "what keeps these from growing for ever? {unknown:?}");
}

#[tokio::test]
async fn each_table_of_sqlite_is_kept_from_growing_for_ever() {
    let (settings, _folder) = sqlite_file().await;
    let store = SeaOrmStore::connect(&settings).await.expect("connects");
    let found: Vec<String> = store.row_counts().await.expect("an answer").into_iter().map(|(table, _)| table).collect();
    for (table, _) in TABLES {
        assert!(found.iter().any(|name| name == table), "there is no table {table} any more");
    }
    classified(found);
}

#[tokio::test]
async fn each_table_of_postgresql_is_kept_from_growing_for_ever() {
    let Some(settings) = postgres_of_its_own("retention").await else { return };
    let mut db = PgConnection::connect(&settings.url).await.expect("connects");
    let tables = "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'";
    let rows = sqlx::query(tables).fetch_all(&mut db).await.expect("tables");
    classified(rows.iter().map(|row| row.get(0)));
}
