//! What the limiter let through and turned away.

use prometheus::{IntCounterVec, IntGauge, Registry, Result};

use super::{counters, registered};

/// What is known of limits.
pub struct LimitMetrics {
    decisions: IntCounterVec,
    fallback: IntGauge,
}

impl LimitMetrics {
    pub(super) fn new(registry: &Registry) -> Result<Self> {
        Ok(Self {
            decisions: registered(
                registry,
                counters(
                    "lyceum_limiter_decisions_total",
                    "Requests that the limiter let through (allowed) or turned away (refused), by class.",
                    &["class", "outcome"],
                )?,
            )?,
            fallback: registered(
                registry,
                IntGauge::new("lyceum_limiter_fallback", "1 while Redis is away and each server counts for itself.")?,
            )?,
        })
    }

    /// The limiter decided about a request of a class.
    pub fn decided(&self, class: &str, is_allowed: bool) {
        self.decisions.with_label_values(&[class, if is_allowed { "allowed" } else { "refused" }]).inc();
    }

    /// Whether the limiter counts without the others.
    pub fn on_its_own(&self, is_alone: bool) {
        self.fallback.set(is_alone.into());
    }

    #[cfg(test)]
    pub(super) fn touch(&self) {
        self.decided("reads", true);
    }
}
