//! Trying again where two changed the same thing at once.

use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    time::Duration,
};

use tokio::{sync::Semaphore, time::timeout};

use crate::Error;

/// How often a change is tried before the one who asked is told to try again.
const ATTEMPTS: u32 = 40;
/// How long somebody who collided waits for their turn. Then they go on without: whoever has it may be at something long.
const PATIENCE: Duration = Duration::from_secs(2);

/// Those who collided try again one after the other, in the order in which they came. A crowd of two hundred needs two
/// attempts each so, where without order each success costs all others one; and who comes late because writers wait for
/// each other is not late again and again.
static TURN: Semaphore = Semaphore::const_new(1);

/// Runs `attempt` until it no longer meets a conflict. Each attempt loads what it decides on anew. Whoever tries again
/// collides only with those who come new, and with other servers: the first waits are short, as one of those who collide
/// always gets through, and they are of different length, so that those who collided once don't come back together.
///
/// Not an `AsyncFnMut`: of its futures the compiler does not see that they are `Send`, and use cases are spawned.
pub(crate) async fn retry_on_conflict<T, F>(mut attempt: impl FnMut() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    match attempt().await {
        Err(Error::Conflict) => {}
        other => return other,
    }
    let _turn = timeout(PATIENCE, TURN.acquire()).await;
    for n in 2..ATTEMPTS {
        match attempt().await {
            Err(Error::Conflict) => tokio::time::sleep(wait(n)).await,
            other => return other,
        }
    }
    attempt().await
}

/// About a millisecond after the second attempt, never more than 150: half of it to one and a half times it by chance.
fn wait(attempt: u32) -> Duration {
    let micros = 1_000 * u64::from(attempt * attempt / 8 + 1).min(100);
    // Each of these is seeded anew.
    let chance = RandomState::new().build_hasher().finish();
    Duration::from_micros(micros / 2 + chance % micros)
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };

    use tokio::{task::JoinSet, time::sleep};

    use super::*;

    /// As long as one reads, decides and writes.
    const MOMENT: Duration = Duration::from_millis(5);

    #[tokio::test(start_paused = true)]
    async fn a_crowd_that_collides_gets_through_in_turn() {
        const CROWD: u32 = 200;
        let (version, attempts) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let mut crowd = JoinSet::new();
        for _ in 0..CROWD {
            let (version, attempts) = (Arc::clone(&version), Arc::clone(&attempts));
            crowd.spawn(retry_on_conflict(move || {
                let (version, attempts) = (Arc::clone(&version), Arc::clone(&attempts));
                async move {
                    attempts.fetch_add(1, Ordering::SeqCst);
                    let read = version.load(Ordering::SeqCst);
                    sleep(MOMENT).await;
                    let saved = version.compare_exchange(read, read + 1, Ordering::SeqCst, Ordering::SeqCst);
                    saved.map(drop).map_err(|_| Error::Conflict)
                }
            }));
        }
        for done in crowd.join_all().await {
            done.expect("everybody gets through");
        }
        assert_eq!(version.load(Ordering::SeqCst), CROWD);
        let attempts = attempts.load(Ordering::SeqCst);
        assert!(attempts <= CROWD * 2, "{attempts} attempts");
    }
}
