//! Few, long journeys through the real server, and the rules of the house's architecture.
//!
//! SQLite is always there; PostgreSQL is the server at `TEST_DATABASE_URL`, see [`lyceum_e2e::database`].
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::print_stderr, reason = "tests tell what they drew by chance")]

mod accounts;
mod architecture;
mod authoring;
mod backups;
mod cohort;
mod commands;
mod conventions;
mod conversations;
mod crash;
mod explaining;
mod families;
mod faults;
mod imports;
mod instances;
mod journey;
mod limits;
mod mails;
mod mentor;
mod openai;
mod packing;
mod percentages;
mod providers;
mod quotas;
mod rights;
mod sessions;
mod starting;
mod streams;
mod telemetry;
mod uploads;
