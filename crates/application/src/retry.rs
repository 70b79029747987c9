//! Trying again where two changed the same thing at once.

use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    time::Duration,
};

use crate::Error;

/// How often a change is tried before the one who asked is told to try again; some seconds in all. Forty were too few for
/// two who record as fast as they can on a machine where writers wait for each other longer than anything else takes:
/// whoever failed read too late nine times of ten.
const ATTEMPTS: u32 = 120;

/// Runs `attempt` until it no longer meets a conflict. Each attempt loads what it decides on anew. One of those who
/// collide always gets through, so the first waits are short; they grow to let a crowd thin out, and are of different
/// length, so that those who collided once don't come back together.
///
/// Not an `AsyncFnMut`: of its futures the compiler does not see that they are `Send`, and use cases are spawned.
pub(crate) async fn retry_on_conflict<T, F>(mut attempt: impl FnMut() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    for n in 1..ATTEMPTS {
        match attempt().await {
            Err(Error::Conflict) => tokio::time::sleep(wait(n)).await,
            other => return other,
        }
    }
    attempt().await
}

/// About a millisecond after the first attempt, never more than 75: half of it to one and a half times it by chance.
fn wait(attempt: u32) -> Duration {
    let micros = 1_000 * u64::from(attempt * attempt / 8 + 1).min(50);
    // Each of these is seeded anew.
    let chance = RandomState::new().build_hasher().finish();
    Duration::from_micros(micros / 2 + chance % micros)
}
