//! Journeys through the real server: the built binary `lyceum`, started as a child on a free port with a data folder
//! and a database of its own. This is the harness; the journeys are in `tests/it`.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`archives`] | books packed as clients send them |
//! | [`balancer`], [`rolling`] | a load balancer; restarting servers behind it while people work |
//! | [`binary`] | finding and building the binary, once for each run |
//! | [`by_hand`] | SQL past the server, for programs that need many rows |
//! | [`collector`] | where a server sends its spans |
//! | [`database`] | a fresh database on SQLite or PostgreSQL |
//! | [`house`] | an installation: folder, database, settings; runs commands |
//! | [`server`] | a running server, and what it writes |
//! | [`secrets`] | what no server may write into its log |
//! | [`person`] | somebody who calls it |
//! | [`persistent`] | somebody whose client does not give up |
//! | [`multipart`] | the bodies of uploads |
//! | [`post_office`] | a mail server that can be closed |
//! | [`provider`] | an identity provider |
//! | [`redis`] | a Redis that can be killed |
//! | [`answer`] | what comes back, and what all answers must be |
//! | [`form`], [`pictures`] | what clients upload |
//! | [`events`] | the event stream of an answer of the mentor |
//! | [`latencies`], [`tally`], [`vitals`] | times and counts of many requests, and what they take, for programs that print numbers |
//! | [`traces`] | looking through all of a database |
//! | [`upstream`] | an OpenAI-compatible model that does what the test says |
//! | [`wait`] | waiting for conditions, never for time |
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]
#![allow(clippy::return_self_not_must_use, reason = "checks are called for their own sake")]

pub mod answer;
pub mod archives;
pub mod balancer;
pub mod binary;
pub mod by_hand;
pub mod collector;
pub mod database;
pub mod events;
pub mod form;
pub mod house;
pub mod latencies;
pub mod multipart;
pub mod persistent;
pub mod person;
pub mod pictures;
pub mod post_office;
pub mod provider;
pub mod redis;
pub mod rolling;
pub mod secrets;
pub mod server;
pub mod tally;
pub mod traces;
pub mod upstream;
pub mod vitals;
pub mod wait;

/// A folder below `tests/fixtures`.
pub fn fixture(name: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// A variable of the environment that the tests run in.
#[expect(clippy::disallowed_methods, reason = "how the tests run is no setting of the program")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
