//! Migrations on real databases. PostgreSQL is the server at `TEST_DATABASE_URL`, whose role may create databases.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod mentor;

use std::io::Write as _;

use lyceum_migration::{MigrateError, Migrator, down, reset, status, up};
use sea_orm_migration::{
    MigratorTrait as _,
    sea_orm::{
        ConnectionTrait as _, Database, DatabaseConnection, DbBackend, Statement,
        sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, error::DatabaseError},
    },
};
use tempfile::TempDir;
use tokio::task::JoinSet;

fn sqlite() -> (String, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("new/lyceum.db").display());
    (url, folder)
}

/// A PostgreSQL database of the test's own, dropped by [`Postgres::drop_it`].
struct Postgres {
    server: String,
    name: String,
    url: String,
}

impl Postgres {
    async fn make(test: &str) -> Option<Self> {
        let Some(server) = variable("TEST_DATABASE_URL") else {
            assert!(variable("LYCEUM_TESTS_SKIP_NOTHING").is_none(), "{test} must run");
            let _ = writeln!(std::io::stderr(), "SKIPPED {test}: TEST_DATABASE_URL is not set");
            return None;
        };
        let name = format!("lyceum_test_migration_{test}_{}", std::process::id());
        let (base, query) = server.split_once('?').unwrap_or((&server, ""));
        let (host, _) = base.rsplit_once('/').expect("an address with a database");
        let url = format!("{host}/{name}?{query}");
        let made = Self { server, name, url };
        made.admin(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", made.name)).await;
        made.admin(&format!("CREATE DATABASE {}", made.name)).await;
        Some(made)
    }

    async fn admin(&self, sql: &str) {
        let mut admin = PgConnection::connect(&self.server).await.expect("TEST_DATABASE_URL answers");
        // Two databases cannot be copied from one template at once.
        for _ in 0..50 {
            match admin.execute(AssertSqlSafe(sql)).await {
                Ok(_) => return,
                Err(error) if error.as_database_error().and_then(DatabaseError::code).as_deref() == Some("55006") => {
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
                Err(error) => panic!("{sql}: {error}"),
            }
        }
        panic!("{sql}: busy for too long");
    }

    async fn drop_it(self) {
        self.admin(&format!("DROP DATABASE {} WITH (FORCE)", self.name)).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "where the tests' server is, is no setting of the program")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Everything that the database says about its schema, sorted.
async fn schema(url: &str) -> Vec<String> {
    let db: DatabaseConnection = Database::connect(url).await.expect("connects");
    let sql = match db.get_database_backend() {
        DbBackend::Postgres => {
            "SELECT format('%s.%s %s %s', table_name, column_name, data_type, is_nullable) FROM \
             information_schema.columns WHERE table_schema = 'public' UNION ALL SELECT indexdef FROM pg_indexes \
             WHERE schemaname = 'public' UNION ALL SELECT conname || ' ' || pg_get_constraintdef(oid) FROM \
             pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1"
        }
        _ => "SELECT type || ' ' || name || ' ' || COALESCE(sql, '') FROM sqlite_master ORDER BY 1",
    };
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await.expect("a schema");
    db.close().await.expect("closes");
    rows.iter().map(|row| row.try_get_by_index(0).expect("a line")).collect()
}

async fn up_down_up(url: &str) {
    let all = up(url).await.expect("up");
    assert!(all.len() >= 6, "{all:?}");
    let first = schema(url).await;
    assert!(up(url).await.expect("up again").is_empty());

    let last = down(url, 1).await.expect("down");
    assert_eq!(last, all[all.len() - 1..]);
    let steps = status(url).await.expect("status");
    assert_eq!(steps.iter().filter(|(_, is_applied)| !is_applied).count(), 1);

    let rest = down(url, 100).await.expect("down");
    assert_eq!(rest.len(), all.len() - 1);
    let left: Vec<_> = schema(url).await.into_iter().filter(|line| !line.contains("seaql")).collect();
    // SQLite keeps a table of its own for row numbers.
    assert!(left.iter().all(|line| line.contains("sqlite_sequence")), "{left:?}");

    assert_eq!(up(url).await.expect("up"), all);
    assert_eq!(schema(url).await, first);
    reset(url).await.expect("reset");
    assert_eq!(schema(url).await, first);
}

async fn eight_at_once(url: &str) {
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let url = url.to_owned();
        tasks.spawn(async move { up(&url).await.expect("up").len() });
    }
    let applied = tasks.join_all().await;
    assert_eq!(applied.iter().filter(|count| **count > 0).count(), 1, "one of them did it all: {applied:?}");
    assert!(status(url).await.expect("status").iter().all(|(_, is_applied)| *is_applied));
}

async fn up_to(url: &str, count: usize) {
    let applied = status(url).await.expect("status").iter().filter(|(_, is_applied)| *is_applied).count();
    let db = Database::connect(url).await.expect("connects");
    let steps = u32::try_from(count - applied).expect("fits");
    Migrator::up(&db, Some(steps)).await.expect("up");
    db.close().await.expect("closes");
}

/// No schema, but a file.
async fn empty(url: &str) {
    up(url).await.expect("up");
    down(url, 100).await.expect("down");
}

async fn step_by_step(url: &str) {
    empty(url).await;
    let mut before = Vec::new();
    for n in 1..=Migrator::migrations().len() {
        before.push(schema(url).await);
        up_to(url, n).await;
    }
    while let Some(schema_before) = before.pop() {
        down(url, 1).await.expect("down");
        assert_eq!(schema(url).await, schema_before, "after {} migrations", before.len());
    }
}

async fn run(url: &str, statements: &[&str]) {
    let db = Database::connect(url).await.expect("connects");
    for statement in statements {
        db.execute_unprepared(statement).await.expect(statement);
    }
    db.close().await.expect("closes");
}

async fn texts(url: &str, sql: &str) -> Vec<String> {
    let db = Database::connect(url).await.expect("connects");
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await.expect("rows");
    db.close().await.expect("closes");
    rows.iter().map(|row| row.try_get_by_index(0).expect("a text")).collect()
}

/// As the database writes it.
const TIME: &str = "'2026-01-01T00:00:00+00:00'";

/// A user of this id, which is written as the database writes it.
fn insert_ada(id: &str) -> String {
    format!(
        "INSERT INTO users (id, email, username, username_key, display_name, locale, time_zone, role, plan, \
         profile_visibility, show_progress, ai_personalization, is_active, tokens_valid_from, created_at, updated_at, \
         version) VALUES ({id}, 'ada@example.com', 'Ada', 'ada', 'ÄDA', 'en', 'UTC', 'learner', 'free', 'members', \
         TRUE, TRUE, TRUE, {TIME}, {TIME}, {TIME}, 1)"
    )
}

/// `id` and `other` are ids as the database writes them.
async fn sessions_get_networks(url: &str, [id, other]: [&str; 2]) {
    empty(url).await;
    up_to(url, 7).await;
    let session = |session: &str, address: &str| {
        format!(
            "INSERT INTO sessions (id, user_id, ip_address, last_used_at, expires_at, created_at, updated_at) \
             VALUES ({session}, {id}, {address}, {TIME}, {TIME}, {TIME}, {TIME})"
        )
    };
    let token = format!(
        "INSERT INTO refresh_tokens (id, session_id, hash, expires_at, created_at, updated_at) \
         VALUES ({id}, {id}, '1e5', {TIME}, {TIME}, {TIME})"
    );
    run(url, &[&insert_ada(id), &session(id, "'203.0.113.7'"), &session(other, "NULL"), &token]).await;

    up_to(url, 8).await;
    assert_eq!(texts(url, "SELECT network FROM sessions ORDER BY network").await, ["203.0.113.7", "unknown"]);
    assert_eq!(texts(url, "SELECT hash FROM refresh_tokens WHERE parent_id IS NULL").await, ["1e5"]);
    down(url, 1).await.expect("down");
    assert_eq!(texts(url, "SELECT ip_address FROM sessions WHERE ip_address IS NOT NULL").await, ["203.0.113.7"]);
    assert_eq!(texts(url, "SELECT hash FROM refresh_tokens").await, ["1e5"]);
}

/// `id` and `other` are ids as the database writes them.
async fn tokens_move(url: &str, [id, other]: [&str; 2]) {
    empty(url).await;
    up_to(url, 6).await;
    let (user, time) = (insert_ada(id), TIME);
    let token = format!(
        "INSERT INTO one_time_tokens (id, user_id, purpose, hash, expires_at, created_at, updated_at) \
         VALUES ({id}, {id}, 'verify_email', '1e5', {time}, {time}, {time})"
    );
    run(url, &[&user, &token]).await;
    let all = "SELECT t.hash FROM one_time_tokens t JOIN users u ON u.id = t.user_id ORDER BY t.hash";

    up_to(url, 7).await;
    assert_eq!(texts(url, all).await, ["1e5"]);
    assert_eq!(texts(url, "SELECT display_name_key FROM users").await, ["äda"]);
    let registration = format!(
        "INSERT INTO registrations (id, email, username, username_key, password_hash, expires_at, created_at, \
         updated_at) VALUES ({id}, 'bob@example.com', 'Bob', 'bob', 'x', {time}, {time}, {time})"
    );
    let token = format!(
        "INSERT INTO one_time_tokens (id, registration_id, purpose, hash, expires_at, created_at, updated_at) \
         VALUES ({other}, {id}, 'verify_email', 'of a registration', {time}, {time}, {time})"
    );
    run(url, &[&registration, &token]).await;

    down(url, 1).await.expect("down");
    assert_eq!(texts(url, all).await, ["1e5"], "what a registration has cannot be kept");
    assert_eq!(texts(url, "SELECT hash FROM one_time_tokens").await, ["1e5"]);
}

/// What was recorded before events were kept becomes events: numbered so that the last one has the row's version, and so
/// that what follows from them is what the rows say.
async fn progress_becomes_events(url: &str, [id, other]: [&str; 2]) {
    empty(url).await;
    up_to(url, 9).await;
    let at = |hour: u8| format!("'2026-01-01T{hour:02}:00:00+00:00'");
    let course = |course: &str, slug: &str| {
        format!(
            "INSERT INTO courses (id, slug, title, status, lesson_count, created_at, updated_at, version, description, \
             search_text) VALUES ({course}, '{slug}', 'Knots', 'published', 2, {TIME}, {TIME}, 1, 'All of them', 'x')"
        )
    };
    let lesson = |lesson: &str, course: &str, slug: &str| {
        format!(
            "INSERT INTO lessons (id, course_id, slug, title, depth, position, estimated_minutes, is_draft, created_at, \
             updated_at, version, content) VALUES ({lesson}, {course}, '{slug}', '{slug}', 0, 0, 1, FALSE, {TIME}, {TIME}, \
             1, 'x')"
        )
    };
    // In the first course two lessons were recorded and then it was left: three events under the version 4. In the second
    // the first save recorded a lesson: two events under the version 1, so that one has the number 0.
    let progress = |course: &str, is_enrolled: bool, updated: u8, version: u8| {
        format!(
            "INSERT INTO course_progress (user_id, course_id, completed_lessons, is_enrolled, created_at, updated_at, \
             version) VALUES ({id}, {course}, 1, {is_enrolled}, {}, {}, {version})",
            at(1),
            at(updated)
        )
    };
    let status = |lesson: &str, course: &str, status: &str, hour: u8| {
        format!(
            "INSERT INTO lesson_progress (user_id, lesson_id, course_id, status, created_at, updated_at) \
             VALUES ({id}, {lesson}, {course}, '{status}', {}, {})",
            at(hour),
            at(hour)
        )
    };
    let statements = [
        insert_ada(id),
        course(id, "knots"),
        course(other, "ropes"),
        lesson(id, id, "a"),
        lesson(other, other, "b"),
        progress(id, false, 5, 4),
        progress(other, true, 2, 1),
        status(id, id, "in_progress", 3),
        status(other, other, "completed", 2),
    ];
    run(url, &statements.iter().map(String::as_str).collect::<Vec<_>>()).await;

    up_to(url, 10).await;
    let events = "SELECT c.slug || ' ' || e.sequence || ' ' || e.kind || ' ' || COALESCE(e.to_status, '') FROM \
                  progress_events e JOIN courses c ON c.id = e.course_id ORDER BY c.slug, e.sequence";
    let expected = [
        "knots 2 enrolled ",
        "knots 3 recorded in_progress",
        "knots 4 left ",
        "ropes 0 enrolled ",
        "ropes 1 recorded completed",
    ];
    assert_eq!(texts(url, events).await, expected);
    let times = "SELECT c.slug FROM course_progress p JOIN courses c ON c.id = p.course_id WHERE p.updated_at = (SELECT \
                 max(e.created_at) FROM progress_events e WHERE e.course_id = p.course_id) AND p.created_at = (SELECT \
                 min(e.created_at) FROM progress_events e WHERE e.course_id = p.course_id) ORDER BY c.slug";
    assert_eq!(texts(url, times).await, ["knots", "ropes"]);

    up_to(url, 11).await;
    down(url, 2).await.expect("down");
    assert_eq!(texts(url, "SELECT slug FROM courses ORDER BY slug").await, ["knots", "ropes"]);
}

#[tokio::test]
async fn progress_that_was_there_becomes_events_on_sqlite() {
    let (url, _folder) = sqlite();
    progress_becomes_events(&url, SQLITE_IDS).await;
}

#[tokio::test]
async fn progress_that_was_there_becomes_events_on_postgres() {
    if let Some(postgres) = Postgres::make("events").await {
        progress_becomes_events(&postgres.url, POSTGRES_IDS).await;
        postgres.drop_it().await;
    }
}

#[tokio::test]
async fn what_goes_up_comes_down_on_sqlite() {
    let (url, _folder) = sqlite();
    up_down_up(&url).await;
}

#[tokio::test]
async fn what_goes_up_comes_down_on_postgres() {
    if let Some(postgres) = Postgres::make("updown").await {
        up_down_up(&postgres.url).await;
        postgres.drop_it().await;
    }
}

#[tokio::test]
async fn each_step_down_leaves_what_was_before_on_sqlite() {
    let (url, _folder) = sqlite();
    step_by_step(&url).await;
}

#[tokio::test]
async fn each_step_down_leaves_what_was_before_on_postgres() {
    if let Some(postgres) = Postgres::make("steps").await {
        step_by_step(&postgres.url).await;
        postgres.drop_it().await;
    }
}

const SQLITE_IDS: [&str; 2] = ["x'00000000000000000000000000000001'", "x'00000000000000000000000000000002'"];
const POSTGRES_IDS: [&str; 2] = ["'00000000-0000-0000-0000-000000000001'", "'00000000-0000-0000-0000-000000000002'"];

#[tokio::test]
async fn sessions_that_were_there_get_a_network_on_sqlite() {
    let (url, _folder) = sqlite();
    sessions_get_networks(&url, SQLITE_IDS).await;
}

#[tokio::test]
async fn sessions_that_were_there_get_a_network_on_postgres() {
    if let Some(postgres) = Postgres::make("networks").await {
        sessions_get_networks(&postgres.url, POSTGRES_IDS).await;
        postgres.drop_it().await;
    }
}

#[tokio::test]
async fn one_time_tokens_outlive_their_table_on_sqlite() {
    let (url, _folder) = sqlite();
    tokens_move(&url, SQLITE_IDS).await;
}

#[tokio::test]
async fn one_time_tokens_outlive_their_table_on_postgres() {
    if let Some(postgres) = Postgres::make("tokens").await {
        tokens_move(&postgres.url, POSTGRES_IDS).await;
        postgres.drop_it().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_at_once_are_one_on_sqlite() {
    let (url, _folder) = sqlite();
    eight_at_once(&url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_at_once_are_one_on_postgres() {
    if let Some(postgres) = Postgres::make("several").await {
        eight_at_once(&postgres.url).await;
        postgres.drop_it().await;
    }
}

#[tokio::test]
async fn the_status_of_nothing_makes_no_file() {
    let (url, folder) = sqlite();
    assert!(status(&url).await.expect("status").iter().all(|(_, is_applied)| !is_applied));
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
}

#[tokio::test]
async fn an_address_of_nothing_is_refused() {
    for url in ["", "lyceum.db", "sqlite::memory:", "mysql://x"] {
        assert!(matches!(up(url).await, Err(MigrateError::Address(_))), "{url}");
    }
    let (url, _folder) = sqlite();
    assert!(matches!(lyceum_migration::enable_pgvector(&url, 768).await, Err(MigrateError::NeedsPostgres)));
}
