//! How long `GET /search` takes over many lessons whose words are as frequent as those of a language: the n-th word of a
//! vocabulary comes 1/n times as often as the first one (Zipf).
//!
//! `cargo run -p lyceum-e2e --example search_latency [COURSES] [LESSONS]`, 100 courses of 100 lessons if nothing is said,
//! on a quiet machine; `LYCEUM_BIN` names another binary, and `TEST_DATABASE_URL` a PostgreSQL server. Without it only
//! SQLite is asked. The courses come in through the door, as books.
#![allow(clippy::print_stdout, clippy::expect_used, reason = "a program that prints numbers")]

use std::{fmt::Write as _, fs, path::Path, time::Instant};

use lyceum_e2e::{database::Database, house::House, latencies::Latencies, variable};

/// Different words.
const VOCABULARY: usize = 30_000;
/// Words of a lesson.
const LENGTH: usize = 400;
/// Requests for each number.
const ROUNDS: usize = 300;

/// The same numbers in each run (xorshift64*).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let drawn = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11;
        usize::try_from(drawn).unwrap_or(0) % end
    }
}

/// Words by how frequent they are, and how often each and those before it come.
struct Language {
    words: Vec<String>,
    sums: Vec<usize>,
}

impl Language {
    fn new(dice: &mut Dice) -> Self {
        const SYLLABLES: [&str; 20] = [
            "ba", "ko", "ri", "mu", "ten", "sal", "dor", "vi", "pe", "lum", "gra", "sto", "ne", "fi", "cor", "ya",
            "zel", "hu", "ma", "tro",
        ];
        let mut words = Vec::with_capacity(VOCABULARY);
        let mut known = std::collections::HashSet::new();
        while words.len() < VOCABULARY {
            let word: String = (0..2 + dice.below(3)).map(|_| SYLLABLES[dice.below(20)]).collect();
            if known.insert(word.clone()) {
                words.push(word);
            }
        }
        let mut sum = 0;
        let sums = (1..=VOCABULARY).map(|rank| {
            sum += 100_000_000 / rank;
            sum
        });
        Self { sums: sums.collect(), words }
    }

    fn word(&self, dice: &mut Dice) -> &str {
        let drawn = dice.below(*self.sums.last().expect("there are words"));
        &self.words[self.sums.partition_point(|sum| *sum <= drawn)]
    }

    fn some(&self, dice: &mut Dice, count: usize) -> String {
        (0..count).map(|_| self.word(dice)).collect::<Vec<_>>().join(" ")
    }

    /// The words from one rank to another, in turn.
    fn ranked(&self, from: usize, to: usize, n: usize) -> &str {
        &self.words[from + n % (to - from)]
    }
}

fn write_book(folder: &Path, number: usize, lessons: usize, language: &Language, dice: &mut Dice) {
    let source = folder.join("src");
    fs::create_dir_all(&source).expect("a folder");
    let title = language.some(dice, 3);
    fs::write(folder.join("book.toml"), format!("[book]\ntitle = \"{number} {title}\"\n")).expect("writes");
    let mut summary = "# Summary\n\n".to_owned();
    for lesson in 1..=lessons {
        let title = language.some(dice, 4);
        writeln!(summary, "- [{title}](lesson-{lesson}.md)").expect("a string takes all");
        let mut text = format!("# {title}\n\n");
        for _ in 0..4 {
            write!(text, "## {}\n\n", language.some(dice, 3)).expect("a string takes all");
            for _ in 0..LENGTH / 4 / 20 {
                write!(text, "{}.\n\n", language.some(dice, 20)).expect("a string takes all");
            }
        }
        fs::write(source.join(format!("lesson-{lesson}.md")), text).expect("writes");
    }
    fs::write(source.join("SUMMARY.md"), summary).expect("writes");
}

async fn measure(database: Database, courses: usize, lessons: usize) {
    let kind = if matches!(database, Database::Sqlite) { "SQLite" } else { "PostgreSQL" };
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let language = Language::new(&mut dice);
    let house = House::new(database).with("JWT_ACCESS_TTL_SECONDS", 3600);
    let server = house.start().await;
    let person = server.let_in(&house, "ada", "learner").await;
    let began = Instant::now();
    for number in 0..courses {
        let book = house.folder().join(format!("book-{number}"));
        write_book(&book, number, lessons, &language, &mut dice);
        house.import(&book);
    }
    house.by_hand().await.analyze().await;
    println!(
        "\n{kind}: {courses} courses of {lessons} lessons of {LENGTH} words, imported in {:.1} s",
        began.elapsed().as_secs_f64()
    );
    let first_letters = |word: &str| word[..4].to_owned();
    let queries: [(&str, &dyn Fn(usize) -> String); 7] = [
        ("rare", &|n| language.ranked(20_000, VOCABULARY, n).to_owned()),
        ("middling", &|n| language.ranked(1_000, 1_100, n).to_owned()),
        ("common", &|n| language.ranked(5, 25, n).to_owned()),
        ("the most common", &|_| language.words[0].clone()),
        ("two words", &|n| format!("{}+{}", language.ranked(100, 200, n), language.ranked(200, 300, n))),
        ("two common words", &|n| format!("{}+{}", language.ranked(0, 10, n), language.ranked(10, 20, n))),
        ("a beginning", &|n| first_letters(language.ranked(500, 600, n))),
    ];
    for (name, query) in queries {
        let path = |n| format!("/search?q={}", query(n));
        let answer = person.get(&path(0)).await;
        if answer.status != 200 {
            println!("{name:18} {} {}", answer.status, answer.body["code"]);
            continue;
        }
        Latencies::of_gets(&person, 20, path).await;
        println!("{name:18} {}", Latencies::of_gets(&person, ROUNDS, path).await);
    }
}

#[tokio::main]
async fn main() {
    let number = |place, otherwise| {
        std::env::args().nth(place).map_or(otherwise, |text: String| text.parse().expect("a number"))
    };
    let (courses, lessons) = (number(1, 100), number(2, 100));
    println!("{ROUNDS} searches each, one after the other");
    measure(Database::sqlite("").await.expect("always there"), courses, lessons).await;
    if variable("TEST_DATABASE_URL").is_some() {
        measure(Database::postgres("").await.expect("there is one"), courses, lessons).await;
    } else {
        println!("\nPostgreSQL is left out: TEST_DATABASE_URL is not set");
    }
}
