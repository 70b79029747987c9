//! What importing a book costs: the time by command line and over HTTP, again and for the first time, and the most memory
//! that the process took.
//!
//! `cargo run -p lyceum-e2e --example import_cost BOOK` with the folder of an mdBook; on PostgreSQL too if
//! `TEST_DATABASE_URL` is set. `LYCEUM_BIN` names another binary.
#![allow(clippy::print_stdout, clippy::expect_used, reason = "a program that prints numbers")]

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use lyceum_e2e::{archives, database::Database, house::House, server::Server};

fn peak(server: &Server) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0");
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap_or_default() / 1024.0
}

async fn measure(name: &str, database: Database, book: &Path) {
    let house = House::new(database);
    house.run(&["migrate", "up"]).succeeded();
    for round in ["first", "again"] {
        let began = Instant::now();
        let report = house.import(book);
        println!(
            "{name:10} command line, {round}: {:7.2} s, {} lessons, {} passed over",
            began.elapsed().as_secs_f64(),
            report["total_lessons"],
            report["passed_over"].as_array().map_or(0, Vec::len)
        );
    }
    let server = house.start().await;
    let mentor = server.let_in(&house, "mentor", "mentor").await;
    let before = peak(&server);
    let kinds = [("zip", archives::zip(book, "book")), ("tar.gz", archives::tar_gz(book, "book"))];
    for (kind, archive) in kinds {
        let began = Instant::now();
        let answer = mentor.upload("/courses/import", "book", "application/octet-stream", &archive).await.is(201);
        println!(
            "{name:10} HTTP, {kind:6} ({:5.2} MiB): {:7.2} s, {} lessons, new: {}; peak {:.0} MiB, before {before:.0} MiB",
            f64::from(u32::try_from(archive.len()).expect("a small archive")) / 1_048_576.0,
            began.elapsed().as_secs_f64(),
            answer["total_lessons"],
            answer["is_new"],
            peak(&server),
        );
    }
}

#[tokio::main]
async fn main() {
    let book = PathBuf::from(std::env::args().nth(1).expect("the folder of a book"));
    measure("SQLite", Database::Sqlite, &book).await;
    if let Some(database) = Database::postgres("import_cost").await {
        measure("PostgreSQL", database, &book).await;
    }
}
