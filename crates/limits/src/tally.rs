//! How many requests were counted, for whoever draws the curves.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use lyceum_domain::limits::{Class, Demand, Verdict, Whose};

/// What was said so far, by class and by whose limit it was; goes up only. May be read at any time by anybody.
#[derive(Debug, Default)]
pub struct Tally([[Counters; Whose::ALL.len()]; Class::ALL.len()]);

#[derive(Debug, Default)]
struct Counters {
    allowed: AtomicU64,
    refused: AtomicU64,
    alone: AtomicU64,
    uncounted: AtomicU64,
}

/// What was said to the requests of one class, for one of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Said {
    /// Let through, whoever counted them.
    pub allowed: u64,
    /// Refused, whoever counted them.
    pub refused: u64,
    /// Of both, those that this server counted for itself because the shared counter was away.
    pub alone: u64,
    /// Of the allowed, those that nobody counted because the shared counter was away.
    pub uncounted: u64,
}

impl Tally {
    /// What was said to the requests of a class, for their networks or for their users.
    pub fn of(&self, class: Class, whose: Whose) -> Said {
        let counters = self.counters(class, whose);
        Said {
            allowed: counters.allowed.load(Relaxed),
            refused: counters.refused.load(Relaxed),
            alone: counters.alone.load(Relaxed),
            uncounted: counters.uncounted.load(Relaxed),
        }
    }

    pub(crate) fn counted(&self, demand: &Demand, verdict: &Verdict) {
        let counters = self.counters(demand.class, demand.counted.whose());
        let counter = if verdict.is_allowed() { &counters.allowed } else { &counters.refused };
        counter.fetch_add(1, Relaxed);
    }

    pub(crate) fn counted_alone(&self, demand: &Demand, verdict: &Verdict) {
        self.counted(demand, verdict);
        self.counters(demand.class, demand.counted.whose()).alone.fetch_add(1, Relaxed);
    }

    pub(crate) fn let_through(&self, demand: &Demand) {
        let counters = self.counters(demand.class, demand.counted.whose());
        counters.allowed.fetch_add(1, Relaxed);
        counters.uncounted.fetch_add(1, Relaxed);
    }

    fn counters(&self, class: Class, whose: Whose) -> &Counters {
        &self.0[class as usize][whose as usize]
    }
}
