//! In-memory adapters of every port, fakes that a test can talk to, and the contract suites that any other adapter
//! can run. Only ever a dev-dependency.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`ambient`] | a clock that a test moves, ids that count up |
//! | [`blobs`] | blobs in memory |
//! | [`store`] | a whole [`Store`](lyceum_domain::store::Store) in memory, with real units of work |
//! | [`chat`] | a language model whose upstream the test plays |
//! | [`mail`], [`passwords`] | a mailer that keeps, letters that can be read, a hasher that is quick |
//! | [`media`] | portraits and texts that a test can read, made without a decoder |
//! | [`tokens`], [`providers`] | tokens that can be read, ours and those of identity providers |
//! | [`contract`] | what every adapter of a port keeps, case by case |
//!
//! # How an adapter runs the store's contract
//!
//! ```
//! # #[cfg(test)]
//! mod memory {
//!     use std::sync::Arc;
//!     lyceum_testkit::store_contract!(|| async { Some(Arc::new(lyceum_testkit::store::MemoryStore::new())) });
//! }
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the crate is part of tests: a fake that is misused and a case that does not hold have to panic"
)]

pub mod ambient;
pub mod blobs;
pub mod chat;
pub mod contract;
pub mod mail;
pub mod media;
pub mod passwords;
pub mod providers;
pub mod store;
pub mod tokens;
