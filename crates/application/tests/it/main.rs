//! Stories: what people do with the whole house, told against its in-memory adapters.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests may fail as loudly as the tests themselves"
)]
#![allow(clippy::large_futures, reason = "a story is one future with all its turns, and runs once")]

mod administration;
mod api_keys;
mod authoring;
mod cohort;
mod conversations;
mod courses;
mod documents;
mod house;
mod idempotency;
mod imports;
mod jobs;
mod leaving;
mod lockout;
mod mentor;
mod outbox;
mod passwords;
mod portraits;
mod progress;
mod providers;
mod rebuild;
mod registering;
mod search;
mod sessions;
mod subjects;
mod texts;
mod timeline;
mod trail;
mod uploads;
mod users;
