//! Whether the passages that a mentor is given are the right ones: imports a book, asks questions whose lessons are known,
//! and counts how often one of the five best passages is from the right chapter (4 for 4.1 and 4.3), and from the very
//! lesson.
//!
//! `cargo run -p lyceum-e2e --example passage_recall BOOK QUESTIONS…` with the folder of an mdBook and files as those in
//! `tests/fixtures/questions`: a line is `4.1, 4.3 | What is …?`, lines that are indented go on with the question, and
//! `#` begins a comment. On PostgreSQL too if `TEST_DATABASE_URL` is set. `LYCEUM_BIN` names another binary for the import.
#![allow(clippy::print_stdout, clippy::expect_used, reason = "a program that prints numbers")]

use std::{fs, path::Path, time::Instant};

use lyceum_domain::{
    courses::{Passage, PassageScope},
    ids::{CourseId, UserId},
    store::Store as _,
};
use lyceum_e2e::{database::Database, house::House, latencies::Latencies};
use lyceum_storage_seaorm::{SeaOrmStore, StorageSettings};

/// As many as the mentor is given.
const PASSAGES: u8 = 5;
/// How often all questions are asked for the times.
const ROUNDS: usize = 3;

/// A question with the numbers of the lessons that answer it.
struct Question {
    lessons: Vec<String>,
    text: String,
}

fn read_questions(file: &Path) -> Vec<Question> {
    let mut questions: Vec<Question> = Vec::new();
    let text = fs::read_to_string(file).expect("a file of questions");
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        if line.starts_with(char::is_whitespace) {
            let question = questions.last_mut().expect("a question to go on with");
            question.text.push('\n');
            question.text.push_str(line.trim());
            continue;
        }
        let (lessons, text) = line.split_once(" | ").expect("numbers of lessons | a question");
        let lessons = lessons.split(',').map(|number| number.trim().to_owned()).collect();
        questions.push(Question { lessons, text: text.to_owned() });
    }
    questions
}

fn chapter(number: &str) -> &str {
    number.split_once('.').map_or(number, |(chapter, _)| chapter)
}

/// What was found for all questions of a file.
#[derive(Default)]
struct Tally {
    asked: usize,
    chapters: usize,
    first: usize,
    lessons: usize,
    misses: Vec<String>,
}

impl Tally {
    fn take(&mut self, question: &Question, passages: &[Passage]) {
        let found: Vec<&str> = passages.iter().map(|passage| passage.lesson_number.as_deref().unwrap_or("-")).collect();
        let is_chapter = |number: &&str| question.lessons.iter().any(|lesson| chapter(lesson) == chapter(number));
        self.asked += 1;
        self.first += usize::from(found.first().is_some_and(is_chapter));
        self.lessons += usize::from(found.iter().any(|number| question.lessons.iter().any(|lesson| lesson == number)));
        if found.iter().any(is_chapter) {
            self.chapters += 1;
        } else {
            let (wanted, found) = (question.lessons.join(", "), found.join(", "));
            self.misses.push(format!("{wanted:9} {:?} found {found}", question.text));
        }
    }
}

fn share(part: usize, all: usize) -> f64 {
    let [part, all] = [part, all].map(|number| f64::from(u32::try_from(number).unwrap_or(u32::MAX)));
    100.0 * part / all.max(1.0)
}

async fn ask(store: &SeaOrmStore, scope: PassageScope, questions: &[Question]) -> (Tally, Latencies) {
    let mut tally = Tally::default();
    let mut times = Vec::with_capacity(questions.len() * ROUNDS);
    for round in 0..=ROUNDS {
        for question in questions {
            let began = Instant::now();
            let passages = store.read().find_passages(scope, &question.text, PASSAGES).await.expect("an answer");
            // The first round fills the caches.
            if round == 0 {
                tally.take(question, &passages);
            } else {
                times.push(began.elapsed());
            }
        }
    }
    (tally, Latencies::of(times))
}

async fn measure(name: &str, database: Database, book: &Path, files: &[(String, Vec<Question>)]) {
    let postgres = database.url();
    let house = House::new(database);
    house.run(&["migrate", "up"]).succeeded();
    let report = house.import(book);
    let course: CourseId = report["course_id"].as_str().expect("an id").parse().expect("an id");
    let learner: UserId = {
        let server = house.start().await;
        let person = server.let_in(&house, "ada", "learner").await;
        person.post_empty(&format!("/courses/{course}/enrollment")).await.is(201);
        person.get("/users/me").await.is(200)["id"].as_str().expect("an id").parse().expect("an id")
    };
    house.by_hand().await.analyze().await;
    let url = postgres.unwrap_or_else(|| format!("sqlite://{}", house.data().join("lyceum.db").display()));
    let store = SeaOrmStore::connect(&StorageSettings::at(url)).await.expect("a store");
    for (file, questions) in files {
        for (place, scope) in
            [("course", PassageScope::Course(course)), ("courses of the learner", PassageScope::CoursesOf(learner))]
        {
            let (tally, latencies) = ask(&store, scope, questions).await;
            println!(
                "{name:10} {file}, {place:22} chapter {:3} of {} ({:.1} %), lesson {:3} ({:.1} %), chapter first {:3}   {latencies}",
                tally.chapters,
                tally.asked,
                share(tally.chapters, tally.asked),
                tally.lessons,
                share(tally.lessons, tally.asked),
                tally.first,
            );
            if matches!(scope, PassageScope::Course(_)) {
                for miss in tally.misses {
                    println!("           missed: {miss}");
                }
            }
        }
    }
    store.close().await.expect("closes");
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let book = arguments.next().expect("the folder of a book");
    let files: Vec<(String, Vec<Question>)> = arguments
        .map(|file| {
            let file = Path::new(&file);
            let name = file.file_stem().expect("a file").to_string_lossy().into_owned();
            (name, read_questions(file))
        })
        .collect();
    measure("SQLite", Database::Sqlite, Path::new(&book), &files).await;
    if let Some(database) = Database::postgres("passage_recall").await {
        measure("PostgreSQL", database, Path::new(&book), &files).await;
    }
}
