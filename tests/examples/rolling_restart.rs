//! Restarts two servers over one PostgreSQL in turn, again and again, behind a balancer that tries nothing twice, while
//! people read, write, chat and read streams: not one request may fail, and all streams are whole.
//!
//! `cargo run -p lyceum-e2e --example rolling_restart -- [--rounds 3] [--people 12] [--db postgres|sqlite]`; `LYCEUM_BIN`
//! names another binary. PostgreSQL is the server at `TEST_DATABASE_URL`. Prints counts; the exit code is 1 if anything
//! failed.
#![allow(clippy::print_stdout, clippy::expect_used, clippy::panic, reason = "a program that prints numbers")]

use std::{process::ExitCode, time::Duration};

use lyceum_e2e::{
    database::Database,
    rolling::{Plan, restart},
};

#[tokio::main]
async fn main() -> ExitCode {
    let mut plan = Plan { rounds: 3, people: 12, between: Duration::from_secs(2) };
    let mut is_postgres = true;
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().unwrap_or_else(|| panic!("{name} needs a value"));
        match name.as_str() {
            "--rounds" => plan.rounds = value.parse().expect("a number of rounds"),
            "--people" => plan.people = value.parse().expect("a number of people"),
            "--db" => is_postgres = value == "postgres",
            _ => panic!("{name} is not known; --rounds, --people, --db postgres|sqlite"),
        }
    }
    let database = if is_postgres {
        Database::postgres("rolling_restart").await.expect("TEST_DATABASE_URL")
    } else {
        Database::Sqlite
    };
    let tally = restart(database, plan).await;
    println!("{} restarts, {} people", plan.rounds * 2, plan.people);
    println!("{tally}");
    println!("each took: {}", tally.take_times());
    if tally.failures() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
