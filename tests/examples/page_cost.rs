//! What a page of 20 costs with few and with many rows behind it: its time, and on PostgreSQL its transactions (a read
//! outside of a unit is one) and the blocks that were looked at for it.
//!
//! `cargo run -p lyceum-e2e --example page_cost [ROWS]`, on a quiet machine; `LYCEUM_BIN` names another binary, and
//! `TEST_DATABASE_URL` a PostgreSQL server. Without it only SQLite is asked. A million rows want 3 GB for each.
#![allow(clippy::print_stdout, clippy::expect_used, reason = "a program that prints numbers")]

use std::{
    collections::BTreeMap,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use lyceum_e2e::{by_hand::ByHand, database::Database, house::House, latencies::Latencies, person::Person, variable};
use sqlx::{Connection as _, PgConnection, Row as _};

const FEW: u64 = 100;
/// Requests for each number.
const ROUNDS: usize = 200;
/// Requests before those.
const WARM: usize = 20;

/// The kinds of the ids that are made by hand.
const USER: u32 = 1;
const COURSE: u32 = 2;
const DOCUMENT: u32 = 3;
const LESSON: u32 = 4;
/// The course that all learners are in, and its two lessons.
const COHORT: &str = "00000005-0000-7000-8000-000000000001";
const FIRST: &str = "00000006-0000-7000-8000-000000000001";
const SECOND: &str = "00000006-0000-7000-8000-000000000002";
const SUBJECT: &str = "00000007-0000-7000-8000-000000000001";
/// How long ago the first of the cohort was last active.
const COHORT_AGE: u64 = 30 * 24 * 3600;

/// Who signs in, and when it all ended.
struct Scene {
    rows: u64,
    /// Seconds since 1970.
    now: u64,
    learner: Person,
    mentor: Person,
}

impl Scene {
    /// How many seconds ago the `n`th of the cohort was last active.
    fn age(&self, n: &str) -> String {
        format!("({n} * {COHORT_AGE} / {})", self.rows)
    }

    /// What is asked: its name, who asks, and the address.
    fn questions(&self) -> Vec<(&'static str, &Person, String)> {
        let middle = self.rows / 2;
        let course = |n| format!("{COURSE:08x}00007000 8000{n:012x}").replace(' ', "");
        let user = format!("{USER:08x}000070008000{middle:012x}");
        let active = self.now - middle * COHORT_AGE / self.rows;
        let cursor = |seconds: u64, id: &str| format!("?cursor={:016x}{id}", seconds * 1_000_000);
        let newest_first = cursor(self.now - middle, &course(middle));
        let document = format!("{DOCUMENT:08x}000070008000{middle:012x}");
        let learners = format!("/courses/{COHORT}/learners");
        let documents = format!("/subjects/{SUBJECT}/documents");
        vec![
            ("courses", &self.learner, "/courses".to_owned()),
            ("courses, from the middle", &self.learner, format!("/courses{newest_first}")),
            ("courses I am in", &self.learner, "/courses?enrolled=true".to_owned()),
            ("my progress", &self.learner, "/progress".to_owned()),
            ("my progress, from the middle", &self.learner, format!("/progress{newest_first}")),
            ("learners of a course", &self.mentor, learners.clone()),
            ("learners, from the middle", &self.mentor, format!("{learners}{}", cursor(active, &user))),
            ("learners who are stuck", &self.mentor, format!("{learners}?stuck=true")),
            ("documents", &self.learner, documents.clone()),
            (
                "documents, from the middle",
                &self.learner,
                format!("{documents}{}", cursor(self.now - middle, &document)),
            ),
        ]
    }
}

/// Everything that is asked for has `rows` rows behind it.
async fn fill(db: &mut ByHand, scene: &Scene, learner: &str, mentor: &str) {
    let Scene { rows, now, .. } = *scene;
    let (learner, mentor, cohort) = (db.uuid(learner), db.uuid(mentor), db.uuid(COHORT));
    let (user, course, lesson) = (db.id(USER, "n"), db.id(COURSE, "n"), db.id(LESSON, "n"));
    let ago = db.time(&format!("{now} - n"));
    let active = db.time(&format!("{now} - {}", scene.age("n")));
    let long_ago = db.time(&format!("{now} - {}", 2 * COHORT_AGE));

    let people = "users (id, email, email_verified_at, username, username_key, locale, time_zone, role, plan, \
                  profile_visibility, show_progress, ai_personalization, is_active, tokens_valid_from, created_at, \
                  updated_at, version)";
    let person = format!(
        "{user}, 'learner-' || n || '@learners.example', {ago}, 'learner-' || n, 'learner-' || n, 'en', 'UTC', \
         'learner', 'free', 'members', TRUE, TRUE, TRUE, {ago}, {ago}, {ago}, 1"
    );
    db.insert_each(rows, people, &person).await;

    let courses = "courses (id, slug, title, description, search_text, status, author_id, lesson_count, published_at, \
                   created_at, updated_at, version)";
    let one = format!(
        "{course}, 'course-' || n, 'Course ' || n, 'How to tie the knot number ' || n || ', and when not to.', \
         'course ' || n, 'published', NULL, 10, {ago}, {ago}, {ago}, 1"
    );
    db.insert_each(rows, courses, &one).await;
    let one = format!(
        "{cohort}, 'the-cohort', 'The cohort', '', 'the cohort', 'published', {mentor}, 2, {long_ago}, {long_ago}, \
         {long_ago}, 1"
    );
    db.insert_each(1, courses, &one).await;
    let lessons = "lessons (id, course_id, slug, title, depth, position, content, estimated_minutes, is_draft, \
                   created_at, updated_at, version)";
    for (place, id) in [FIRST, SECOND].iter().enumerate() {
        let one = format!(
            "{}, {cohort}, 'lesson-{place}', 'Lesson {place}', 0, {place}, '', 5, FALSE, {long_ago}, {long_ago}, 1",
            db.uuid(id)
        );
        db.insert_each(1, lessons, &one).await;
    }
    // The courses that a page of progress shows have lessons of which one is next.
    let of = db.id(COURSE, "1 + n / 10");
    let one = format!("{lesson}, {of}, 'lesson-' || n, 'Lesson ' || n, 0, n, '', 5, FALSE, {ago}, {ago}, 1");
    db.insert_each(10 * FEW - 1, lessons, &one).await;

    let progress = "course_progress (user_id, course_id, completed_lessons, is_enrolled, created_at, updated_at, \
                    version)";
    db.insert_each(rows, progress, &format!("{learner}, {course}, 0, TRUE, {ago}, {ago}, 1")).await;
    let one = format!("{user}, {cohort}, 2 - n % 2, TRUE, {long_ago}, {active}, 1");
    db.insert_each(rows, progress, &one).await;
    let recorded = "lesson_progress (user_id, lesson_id, course_id, status, created_at, updated_at)";
    let [first, second] = [FIRST, SECOND].map(|id| db.uuid(id));
    db.insert_each(rows, recorded, &format!("{user}, {first}, {cohort}, 'completed', {active}, {active}")).await;
    let even = db.id(USER, "2 * n");
    let one = format!("{even}, {second}, {cohort}, 'completed', {long_ago}, {long_ago}");
    db.insert_each(rows / 2, recorded, &one).await;

    let subject = db.uuid(SUBJECT);
    let subjects = "subjects (id, owner_id, title, description, is_archived, created_at, updated_at, version)";
    let one = format!("{subject}, {learner}, 'Knots', '', FALSE, {long_ago}, {long_ago}, 1");
    db.insert_each(1, subjects, &one).await;
    let documents = "documents (id, subject_id, owner_id, name, media_type, size, sha256, blob_key, text_state, \
                     text_characters, text_is_cut, text_attempts, created_at, updated_at)";
    let one = format!(
        "{}, {subject}, {learner}, 'notes-' || n || '.md', 'text/markdown', 1000, '{:064x}', 'documents/' || n, \
         'ready', 1000, FALSE, 1, {ago}, {ago}",
        db.id(DOCUMENT, "n"),
        7
    );
    db.insert_each(rows, documents, &one).await;
    db.analyze().await;
}

/// What PostgreSQL counts of one database. Each connection tells at the latest when it was idle for ten seconds.
struct Counters {
    admin: PgConnection,
    name: String,
}

impl Counters {
    async fn of(database: &Database) -> Option<Self> {
        let Database::Postgres { server, name } = database else { return None };
        Some(Self { admin: PgConnection::connect(server).await.expect("connects"), name: name.clone() })
    }

    async fn read(&mut self) -> [f64; 2] {
        let counted =
            "SELECT xact_commit::float8, (blks_hit + blks_read)::float8 FROM pg_stat_database WHERE datname = $1";
        let row = sqlx::query(counted).bind(&self.name).fetch_one(&mut self.admin).await.expect("counters");
        [row.get(0), row.get(1)]
    }

    /// What was counted when all have told.
    async fn told(&mut self) -> [f64; 2] {
        tokio::time::sleep(Duration::from_secs(11)).await;
        self.read().await
    }
}

/// Answers the medians in milliseconds by question.
async fn measure(database: Database, rows: u64) -> BTreeMap<&'static str, f64> {
    let mut counters = Counters::of(&database).await;
    let kind = if counters.is_some() { "PostgreSQL" } else { "SQLite" };
    // Access tokens live for as long as the filling takes.
    let house = House::new(database).with("JWT_ACCESS_TTL_SECONDS", 3600);
    let server = house.start().await;
    let learner = server.let_in(&house, "ada", "learner").await;
    let mentor = server.let_in(&house, "grace", "mentor").await;
    let id = async |person: &Person| person.get("/users/me").await.is(200).text_at("/id");
    let (learner_id, mentor_id) = (id(&learner).await, id(&mentor).await);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let mut scene = Scene { rows, now, learner, mentor };

    let began = Instant::now();
    fill(&mut house.by_hand().await, &scene, &learner_id, &mentor_id).await;
    println!("\n{kind}, {rows} rows, filled in {:.1} s", began.elapsed().as_secs_f64());
    scene.learner.sign_in(&server).await;
    scene.mentor.sign_in(&server).await;

    let mut before = match &mut counters {
        None => [0.0; 2],
        Some(counters) => counters.told().await,
    };
    let mut medians = BTreeMap::new();
    for (name, person, path) in scene.questions() {
        let first = person.get(&path).await;
        if first.status != 200 {
            println!("{name:30} {} {}", first.status, first.body["code"]);
            continue;
        }
        let items = first.items().len();
        Latencies::of_gets(person, WARM, |_| path.clone()).await;
        let times = Latencies::of_gets(person, ROUNDS, |_| path.clone()).await;
        medians.insert(name, times.at(500));
        let mut counted = String::new();
        if let Some(counters) = &mut counters {
            let after = counters.told().await;
            #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
            let [transactions, blocks] = [0, 1].map(|n| (after[n] - before[n]) / (1 + WARM + ROUNDS) as f64);
            counted = format!("   {transactions:5.1} transactions   {blocks:7.1} blocks");
            before = after;
        }
        println!("{name:30} {times}   {items:2} items{counted}");
    }
    medians
}

#[tokio::main]
async fn main() {
    let many: u64 = std::env::args().nth(1).map_or(1_000_000, |text| text.parse().expect("a number of rows"));
    println!("pages of 20, {ROUNDS} requests each, one after the other");
    for is_postgres in [false, true] {
        if is_postgres && variable("TEST_DATABASE_URL").is_none() {
            println!("\nPostgreSQL is left out: TEST_DATABASE_URL is not set");
            continue;
        }
        let database = async || {
            let database = if is_postgres { Database::postgres("").await } else { Database::sqlite("").await };
            database.expect("there is one")
        };
        let few = measure(database().await, FEW).await;
        let much = measure(database().await, many).await;
        println!("\nmedians with {many} rows, as multiples of those with {FEW}");
        for (name, median) in &much {
            println!("{name:30} {:6.2}", median / few.get(name).copied().unwrap_or(f64::NAN));
        }
    }
}
