//! How the last call went: all that can be known about a provider without paying for it.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use lyceum_domain::mentor::ChatError;
use tokio::time::Instant;

/// How long a failure says something about now. A model that nobody asks any more, because it is said to be down,
/// would otherwise stay down for ever.
const MEMORY: Duration = Duration::from_mins(1);

/// The last failure, unless something went well since.
#[derive(Default)]
pub(crate) struct Health(Mutex<Option<Failed>>);

#[derive(Clone, Copy)]
struct Failed {
    at: Instant,
    code: &'static str,
}

impl Health {
    pub(crate) fn went_well(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(crate) fn failed(&self, error: &ChatError) {
        // A refusal is about one question.
        if !matches!(error, ChatError::Refused { .. }) {
            let failed = Failed { at: Instant::now(), code: error.code() };
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(failed);
        }
    }

    pub(crate) fn check(&self) -> Result<(), ChatError> {
        self.check_at(Instant::now())
    }

    fn check_at(&self, now: Instant) -> Result<(), ChatError> {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match last {
            Some(Failed { at, code }) if now.saturating_duration_since(at) < MEMORY => {
                let ago = now.saturating_duration_since(at).as_secs();
                let detail = format!("the last call failed {ago} s ago: {code}");
                Err(match code {
                    "misconfigured" => ChatError::Misconfigured { detail },
                    _ => ChatError::Unavailable { detail, retry_after: None, source: None },
                })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_forgotten_after_a_while_or_a_success() {
        let health = Health::default();
        assert!(health.check().is_ok());
        health.failed(&ChatError::Refused { detail: String::new() });
        assert!(health.check().is_ok());
        health.failed(&ChatError::Misconfigured { detail: String::new() });
        assert!(matches!(health.check(), Err(ChatError::Misconfigured { .. })));
        assert!(health.check_at(Instant::now() + MEMORY).is_ok());
        health.failed(&ChatError::RateLimited { retry_after: None });
        assert!(matches!(health.check(), Err(ChatError::Unavailable { .. })));
        health.went_well();
        assert!(health.check().is_ok());
    }
}
