//! Waiting for conditions, never for time.

use std::time::{Duration, Instant};

/// How long anything may take that is bound to happen.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Looks until there is something, at most [`PATIENCE`].
pub async fn eventually<T>(what: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
    within(PATIENCE, what, look).await
}

/// Looks until there is something, at most so long.
pub async fn within<T>(patience: Duration, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(began.elapsed() < patience, "{what} did not happen within {patience:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
