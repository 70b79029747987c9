//! [`Store`](lyceum_domain::store::Store) on SQLite and PostgreSQL.
//!
//! sea-orm connects, pools, begins, binds and executes. The statements are SQL text: written once where both databases
//! take it, twice where they differ, constant always, so that each is prepared once per connection, can be read as it
//! runs and can be pasted after `EXPLAIN`. Entities are deliberately absent: a row goes straight into the nouns of the
//! domain, through their own constructors (`row.rs`), and one that does not fit is
//! [`StoreError::Corrupt`](lyceum_domain::store::StoreError::Corrupt).
//!
//! | file | what it holds |
//! | --- | --- |
//! | `settings.rs`, `connect.rs` | what can be set; how connections are opened and pooled |
//! | `unit.rs`, `single.rs` | the unit of work, and what needs none |
//! | `bounded.rs` | how long a database is waited for that says nothing |
//! | `sql.rs`, `row.rs`, `errors.rs`, `paging.rs` | binding, reading back, telling errors apart, cursors |
//! | `snapshot.rs`, `about.rs` | copies of a SQLite database in use, for backups; what a database says of itself |
//! | `sealing.rs`, `resealing.rs` | texts that only the house can read, and putting them under another key |
//! | `users.rs` … `usage_days.rs` | a noun each: its statements and its half of the ports |

#![allow(
    clippy::redundant_closure_for_method_calls,
    reason = "a method of `Row` is not general enough over its lifetime where a closure is"
)]

mod about;
mod activity;
mod api_keys;
mod audit;
mod backlog;
mod blob_removals;
mod bounded;
mod calls;
mod candidates;
mod catalogue;
mod claims;
mod cohort;
mod connect;
mod conversation_search;
mod conversations;
mod course_files;
mod courses;
mod documents;
mod endings;
mod erasure;
mod errors;
mod histories;
mod identities;
mod job_leases;
mod ledger;
mod lessons;
mod manifests;
mod messages;
mod outbox;
mod paging;
mod passages;
mod progress;
mod quotations;
mod registrations;
mod resealing;
mod rotation;
mod row;
mod sealing;
mod search;
mod sessions;
mod settings;
mod sign_in_failures;
mod single;
mod snapshot;
mod sql;
mod standings;
mod subjects;
mod tokens;
mod turns;
mod under_way;
mod unit;
mod usage_days;
mod users;
mod words;

pub use about::DatabaseAbout;
pub use connect::{PoolStatus, SeaOrmStore};
pub use settings::{OnStatement, StorageSettings};
pub use snapshot::{BlobSource, sqlite_file};
