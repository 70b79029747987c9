//! The nouns, rules and ports of Lyceum, and nothing else: no I/O, no runtime, no web, no database.
//!
//! Another service depends on this crate alone and implements the ports it needs; the crate
//! `lyceum-testkit` has an in-memory implementation of each and the contract suites that any
//! implementation can run. `examples/own_model.rs` is such a service.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`users`], [`sessions`] | accounts, e-mail, username, password rules, keys; sign-ins, tokens, lockout |
//! | [`audit`] | the trail of what happened to accounts |
//! | [`courses`], [`progress`] | courses, lessons, outlines, imports; how far a learner is |
//! | [`subjects`] | a learner's own subjects and documents |
//! | [`blobs`] | the bytes of files, and how none is left behind |
//! | [`backlog`] | what waits to be done by the server itself |
//! | [`conversations`], [`mentor`] | what was asked and answered; the model port and the prompt |
//! | [`limits`] | how often anybody may ask, and the port that counts |
//! | [`idempotency`] | requests that are done once |
//! | [`jobs`] | work that one server does for all |
//! | [`policy`] | who may do what, in one place |
//! | [`store`] | units of work, the read side, the one storage error |
//! | [`mail`] | what mails say, the outbox, the ports that write and send |
//! | [`ids`], [`time`], [`page`], [`text`], [`invalid`] | identifiers, clock, paging, text rules, refusals |

pub mod audit;
pub mod backlog;
pub mod blobs;
pub mod conversations;
pub mod courses;
pub mod idempotency;
pub mod ids;
pub mod invalid;
pub mod jobs;
pub mod limits;
pub mod mail;
pub mod mentor;
pub mod page;
pub mod policy;
pub mod progress;
pub mod sessions;
pub mod store;
pub mod subjects;
pub mod text;
pub mod time;
pub mod users;
