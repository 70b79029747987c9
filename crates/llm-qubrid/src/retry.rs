//! When to ask again, and for how long.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use backon::{ExponentialBuilder, Retryable as _};
use lyceum_domain::mentor::ChatError;

use crate::{
    failure::{Failure, retry_after},
    patience::Patience,
    settings::QubridSettings,
};

/// The longest wait that we choose ourselves, jitter apart.
const LONGEST_DELAY: Duration = Duration::from_secs(8);

/// Tries until it succeeds, cannot help, or the settings say that it is enough. Counts each try after the first.
pub(crate) async fn persist<T, F: Future<Output = Result<T, Failure>>>(
    settings: &QubridSettings,
    patience: Patience,
    retries: &AtomicU64,
    attempt: impl FnMut() -> F,
) -> Result<T, ChatError> {
    let delays = ExponentialBuilder::new()
        .with_min_delay(settings.retry_delay)
        .with_max_delay(LONGEST_DELAY)
        .with_max_times(usize::try_from(settings.max_retries).unwrap_or(usize::MAX))
        .with_jitter();
    let mut budget = settings.retry_budget;
    let outcome = attempt
        .retry(delays)
        .when(|failure| failure.can_retry)
        .adjust(|failure, delay| {
            let asked = retry_after(&failure.error).filter(|asked| !asked.is_zero());
            let wait = asked.or(delay).filter(|_| delay.is_some())?;
            if wait >= patience.left() {
                return None;
            }
            budget = budget.checked_sub(wait)?;
            Some(wait)
        })
        .notify(|failure, wait| {
            retries.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(
                provider = settings.provider,
                error = failure.error.code(),
                wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
                "the model is asked again"
            );
        });
    outcome.await.map_err(|failure| failure.error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lyceum_domain::mentor::Delivery;
    use tokio::time::Instant;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn settings() -> QubridSettings {
        QubridSettings { retry_delay: ms(20), retry_budget: ms(200), ..QubridSettings::default() }
    }

    /// Fails this often and then succeeds; answers how many tries there were, whether it succeeded, and its time.
    async fn tries(
        settings: &QubridSettings,
        failures: u32,
        asked: Option<Duration>,
        can_retry: bool,
    ) -> (u32, bool, Duration) {
        let (mut count, began, retries) = (0, Instant::now(), AtomicU64::new(0));
        let outcome = persist(settings, Patience::begin(settings, Delivery::Whole), &retries, || {
            count += 1;
            let error = ChatError::RateLimited { retry_after: asked };
            std::future::ready(if count > failures { Ok(()) } else { Err(Failure { error, can_retry }) })
        })
        .await;
        assert_eq!(retries.into_inner(), u64::from(count - 1));
        (count, outcome.is_ok(), began.elapsed())
    }

    #[tokio::test]
    async fn it_tries_as_often_as_allowed() {
        let settings = settings();
        let (count, is_ok, took) = tries(&settings, 2, None, true).await;
        assert_eq!((count, is_ok), (3, true));
        assert!(took >= ms(60), "20 ms and 40 ms, each up to twice as long: {took:?}");
        assert_eq!(tries(&settings, 9, None, true).await.0, 3);
        assert_eq!(tries(&settings, 9, None, false).await.0, 1);
        assert_eq!(tries(&QubridSettings { max_retries: 0, ..settings }, 9, None, true).await.0, 1);
    }

    #[tokio::test]
    async fn it_waits_as_long_as_it_is_asked_within_the_budget() {
        let settings = settings();
        let (count, is_ok, took) = tries(&settings, 1, Some(ms(150)), true).await;
        assert_eq!((count, is_ok), (2, true));
        assert!(took >= ms(150), "{took:?}");
        let (count, is_ok, _) = tries(&settings, 9, Some(ms(150)), true).await;
        assert_eq!((count, is_ok), (2, false), "the second wait is over the budget");
        for asked in [Duration::from_mins(1), Duration::MAX] {
            let (count, _, took) = tries(&settings, 9, Some(asked), true).await;
            assert_eq!(count, 1);
            assert!(took < ms(150), "it gives up at once: {took:?}");
        }
    }

    #[tokio::test]
    async fn it_does_not_wait_beyond_the_time_for_everything() {
        let settings = QubridSettings { total_timeout: ms(100), ..settings() };
        assert_eq!(tries(&settings, 9, Some(ms(150)), true).await.0, 1);
    }
}
