//! The time-outs of one call.

use std::time::Duration;

use lyceum_domain::mentor::{ChatError, Delivery};
use tokio::time::Instant;

use crate::settings::QubridSettings;

/// How long a call has taken, and what it may still take.
#[derive(Clone, Copy)]
pub(crate) struct Patience {
    began: Instant,
    total: Duration,
    first_byte: Duration,
    silence: Duration,
}

/// What is waited for.
#[derive(Clone, Copy)]
pub(crate) enum Awaited {
    /// The first text of an answer, from this try on.
    First { since: Instant },
    /// The next piece, after this one.
    Next { since: Instant },
}

impl Patience {
    pub(crate) fn begin(settings: &QubridSettings, delivery: Delivery) -> Self {
        let first_byte = match delivery {
            Delivery::Pieces => settings.first_byte_timeout,
            Delivery::Whole => settings.total_timeout,
        };
        Self { began: Instant::now(), total: settings.total_timeout, first_byte, silence: settings.read_timeout }
    }

    /// What is left of the time for everything.
    pub(crate) fn left(&self) -> Duration {
        self.total.saturating_sub(self.began.elapsed())
    }

    /// Waits for a step as long as may be.
    pub(crate) async fn wait<T>(&self, awaited: Awaited, step: impl Future<Output = T>) -> Result<T, ChatError> {
        let (limit, since, what) = match awaited {
            Awaited::First { since } => (self.first_byte, since, "no first byte"),
            Awaited::Next { since } => (self.silence, since, "no next piece"),
        };
        let (left, total) = (limit.saturating_sub(since.elapsed()), self.left());
        let waited = tokio::time::timeout(left.min(total), step).await;
        waited.map_err(|_| {
            let (what, limit) = if total <= left { ("no whole answer", self.total) } else { (what, limit) };
            ChatError::Timeout { detail: format!("{what} within {limit:?}") }
        })
    }
}
