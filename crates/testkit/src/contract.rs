//! The contract suites: a case is a paragraph of a port's specification, written once, run on every adapter.
//!
//! Each suite has a macro that makes one test of each case, so that each fails alone:
//! [`store_contract!`](crate::store_contract), [`password_contract!`](crate::password_contract),
//! [`access_token_contract!`](crate::access_token_contract), [`secret_contract!`](crate::secret_contract),
//! [`blobs_contract!`](crate::blobs_contract), [`limiter_contract!`](crate::limiter_contract).

pub mod blobs;
pub mod chat_model;
pub mod fixtures;
pub mod limiter;
pub mod passwords;
pub mod statements;
pub mod store;
pub mod tokens;

use std::{future::Future, io::Write as _, time::Duration};

/// Longer than any case takes; a case that hangs (on a lock that nobody gives back) fails instead.
const PATIENCE: Duration = Duration::from_secs(50);

/// Runs one case to its end on a runtime of its own.
pub fn run<F: Future<Output = ()>>(case: &str, body: F) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("the operating system gives threads");
    runtime.block_on(async {
        tokio::time::timeout(PATIENCE, body).await.unwrap_or_else(|_| panic!("{case} hangs"));
    });
}

/// Says on the terminal, past the harness that swallows what a passing test prints, that a case did not run. Fails
/// instead where `LYCEUM_TESTS_SKIP_NOTHING` is set.
pub fn skip(case: &str, why: &str) {
    assert!(std::env::var_os("LYCEUM_TESTS_SKIP_NOTHING").is_none(), "{case} must run, but {why}");
    // The terminal may be gone; the case is skipped all the same.
    let _ = std::io::stderr().write_all(format!("SKIPPED {case}: {why}\n").as_bytes());
}
