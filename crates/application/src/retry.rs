//! Trying again where two changed the same thing at once.

use std::time::Duration;

use crate::Error;

/// How often a change is tried before the one who asked is told to try again.
const ATTEMPTS: u32 = 40;

/// Runs `attempt` until it no longer meets a conflict. Each attempt loads what it decides on anew. One of those who
/// collide always gets through, so the wait is short; it grows a little to let a crowd thin out.
///
/// Not an `AsyncFnMut`: of its futures the compiler does not see that they are `Send`, and use cases are spawned.
pub(crate) async fn retry_on_conflict<T, F>(mut attempt: impl FnMut() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    for n in 1..ATTEMPTS {
        match attempt().await {
            Err(Error::Conflict) => tokio::time::sleep(Duration::from_millis(u64::from(n.min(20)))).await,
            other => return other,
        }
    }
    attempt().await
}
