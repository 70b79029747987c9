//! What the limiter let through and turned away.

use std::sync::{Mutex, PoisonError};

use lyceum_domain::limits::{Class, Whose};
use prometheus::{IntCounterVec, IntGauge, Registry, Result};

use super::{counters, mirror, registered};

/// What the limiter said to the requests of one class since the start, for their networks or for their users.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Decided {
    /// Let through, whoever counted them.
    pub allowed: u64,
    /// Turned away, whoever counted them.
    pub refused: u64,
    /// Of both, those that this server counted for itself because Redis was away.
    pub alone: u64,
    /// Of the allowed, those that nobody counted because Redis was away.
    pub uncounted: u64,
}

type Ask = (Box<dyn Fn(Class, Whose) -> Decided + Send>, Box<dyn Fn() -> bool + Send>);

/// What is known of limits.
pub struct LimitMetrics {
    source: Mutex<Option<Ask>>,
    decisions: IntCounterVec,
    without_redis: IntCounterVec,
    fallback: IntGauge,
}

impl LimitMetrics {
    pub(super) fn new(registry: &Registry) -> Result<Self> {
        Ok(Self {
            source: Mutex::default(),
            decisions: registered(
                registry,
                counters(
                    "lyceum_limiter_decisions_total",
                    "What the limiter let through (allowed) or turned away (refused), by class, and by whose limit it was: a \
                     request of somebody who is signed in is counted for its network and then for its user.",
                    &["class", "whose", "outcome"],
                )?,
            )?,
            without_redis: registered(
                registry,
                counters(
                    "lyceum_limiter_without_redis_total",
                    "Of these, those that this server counted for itself (alone) or nobody did (uncounted).",
                    &["class", "whose", "counted"],
                )?,
            )?,
            fallback: registered(
                registry,
                IntGauge::new("lyceum_limiter_fallback", "1 while Redis is away and each server counts for itself.")?,
            )?,
        })
    }

    /// From now on these are asked: what was decided so far, and whether Redis is away.
    pub fn watch(
        &self,
        decided: impl Fn(Class, Whose) -> Decided + Send + 'static,
        is_alone: impl Fn() -> bool + Send + 'static,
    ) {
        *self.source.lock().unwrap_or_else(PoisonError::into_inner) = Some((Box::new(decided), Box::new(is_alone)));
    }

    pub(super) fn look(&self) {
        let source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((decided, is_alone)) = &*source else { return };
        for (class, whose) in Class::ALL.into_iter().flat_map(|class| Whose::ALL.map(|whose| (class, whose))) {
            let decided = decided(class, whose);
            let of =
                |counters: &IntCounterVec, what| counters.with_label_values(&[class.as_str(), whose.as_str(), what]);
            mirror(&of(&self.decisions, "allowed"), decided.allowed);
            mirror(&of(&self.decisions, "refused"), decided.refused);
            mirror(&of(&self.without_redis, "alone"), decided.alone);
            mirror(&of(&self.without_redis, "uncounted"), decided.uncounted);
        }
        self.fallback.set(is_alone().into());
    }

    #[cfg(test)]
    pub(super) fn touch(&self) {
        self.watch(|_, _| Decided::default(), || false);
    }
}
