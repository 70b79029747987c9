//! Looking through all of a database for anything that is left of somebody.

use std::path::Path;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _, SqliteConnection, sqlite::SqliteConnectOptions};

/// Walks the schema, whatever tables and columns it has by now.
pub(crate) async fn find(postgres: Option<&str>, file: &Path, of: &[&str]) -> Vec<String> {
    match postgres {
        Some(url) => in_postgres(url, of).await,
        None => in_sqlite(file, of).await,
    }
}

async fn in_postgres(url: &str, of: &[&str]) -> Vec<String> {
    let mut db = PgConnection::connect(url).await.expect("connects");
    let columns = "SELECT table_name::text, column_name::text FROM information_schema.columns \
                   WHERE table_schema = 'public' ORDER BY 1, 2";
    let columns = sqlx::query(columns).fetch_all(&mut db).await.expect("columns");
    let mut found = Vec::new();
    for row in columns {
        let (table, column): (String, String) = (row.get(0), row.get(1));
        let looked = format!(
            "SELECT count(*) FROM \"{table}\" WHERE EXISTS (SELECT 1 FROM unnest($1::text[]) w \
             WHERE strpos(lower(\"{column}\"::text), lower(w)) > 0)"
        );
        let of: Vec<String> = of.iter().map(ToString::to_string).collect();
        let count: i64 =
            sqlx::query_scalar(AssertSqlSafe(looked)).bind(of).fetch_one(&mut db).await.expect("an answer");
        if count > 0 {
            found.push(format!("{table}.{column}"));
        }
    }
    found
}

async fn in_sqlite(file: &Path, of: &[&str]) -> Vec<String> {
    let options = SqliteConnectOptions::new().filename(file).read_only(true);
    let mut db = SqliteConnection::connect_with(&options).await.expect("connects");
    let columns = "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c \
                   WHERE m.type = 'table' ORDER BY 1, 2";
    let columns = sqlx::query(columns).fetch_all(&mut db).await.expect("columns");
    let mut found = Vec::new();
    for row in columns {
        let (table, column): (String, String) = (row.get(0), row.get(1));
        let mut count = 0;
        for word in of {
            // A UUID is kept as its 16 bytes.
            let bytes = if word.len() == 36 { word.replace('-', "").to_uppercase() } else { "no UUID".to_owned() };
            let looked = format!(
                "SELECT count(*) FROM \"{table}\" WHERE instr(lower(CAST(\"{column}\" AS TEXT)), lower($1)) > 0 \
                 OR instr(hex(\"{column}\"), $2) > 0"
            );
            let some: i64 = sqlx::query_scalar(AssertSqlSafe(looked))
                .bind(*word)
                .bind(bytes)
                .fetch_one(&mut db)
                .await
                .expect("an answer");
            count += some;
        }
        if count > 0 {
            found.push(format!("{table}.{column}"));
        }
    }
    found
}

/// What stands open while an answer is given, and only then.
pub(crate) const COUNT_OPEN: [&str; 4] = [
    "SELECT count(*) FROM messages WHERE status = 'streaming'",
    "SELECT count(*) FROM turns_under_way",
    "SELECT count(*) FROM answer_pieces",
    "SELECT count(*) FROM usage_records WHERE outcome = 'open'",
];
/// How many blobs are noted to be removed.
pub(crate) const COUNT_REMOVALS: &str = "SELECT count(*) FROM blob_removals";
/// A time that has passed, in the form that the database keeps times in: when somebody's account was made.
pub(crate) const MAKE_REMOVALS_DUE: &str =
    "UPDATE blob_removals SET due_at = (SELECT min(created_at) FROM users) RETURNING 1";

/// The number that a statement answers with; nothing is 0.
pub(crate) async fn number(postgres: Option<&str>, file: &Path, statement: &'static str) -> i64 {
    let number = if let Some(url) = postgres {
        let mut db = PgConnection::connect(url).await.expect("connects");
        let row = sqlx::query(statement).fetch_optional(&mut db).await.expect("an answer");
        row.map(|row| row.try_get::<i64, _>(0).unwrap_or_else(|_| row.get::<i32, _>(0).into()))
    } else {
        let options = SqliteConnectOptions::new().filename(file).busy_timeout(crate::wait::PATIENCE);
        let mut db = SqliteConnection::connect_with(&options).await.expect("connects");
        sqlx::query_scalar(statement).fetch_optional(&mut db).await.expect("an answer")
    };
    number.unwrap_or_default()
}
