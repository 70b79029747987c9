//! Counting in this process.

use std::{cell::Cell, num::NonZeroU32, time::Duration};

use async_trait::async_trait;
use governor::{
    Quota, RateLimiter,
    clock::{Clock, MonotonicClock, Reference as _},
    middleware::StateInformationMiddleware,
    nanos::Nanos,
    state::{NotKeyed, StateStore},
};
use lyceum_domain::limits::{Counting, Demand, Limiter, LimiterError, Rate, Verdict};

use self::buckets::Buckets;
use crate::tally::Tally;

mod buckets;

/// How many are counted in one class, at most.
pub const KEYS_PER_CLASS: usize = 65_536;

/// The longest time that a bucket takes to be full, whatever the rate says: a century, in nanoseconds.
const LONGEST: u64 = 100 * 365 * 24 * 60 * 60 * 1_000_000_000;

/// [`Limiter`] in memory. The law is governor's; what is kept for each key is the moment at which its bucket is full.
///
/// # How much is kept
/// [`KEYS_PER_CLASS`] keys of each class at most, 16 bytes each (about 12 MB if all are taken). A bucket that is full
/// again is the same as none, and is dropped when others come. Should there be no place all the same, because requests
/// come from more networks than that at once, those buckets make way that would be full soonest: who has used up much
/// stays counted, nobody is refused for what others do, and a flood of addresses mostly displaces its own, of which each
/// has asked but once.
///
/// # Time
/// The system's monotonic clock: setting the time of day changes nothing. (governor's own default reads the processor's
/// counter, which is a little faster, and is calibrated first, which holds up a start for 10 to 200 ms.)
#[derive(Debug)]
pub struct MemoryLimiter<C: Clock = MonotonicClock> {
    clock: C,
    origin: C::Instant,
    buckets: Buckets,
    tally: Tally,
}

impl MemoryLimiter {
    /// A limiter that has counted nothing yet.
    pub fn new() -> Self {
        Self::with(MonotonicClock, KEYS_PER_CLASS)
    }
}

impl Default for MemoryLimiter {
    fn default() -> Self {
        Self::new()
    }
}

impl<C: Clock> MemoryLimiter<C> {
    /// A limiter by another clock, which keeps so many keys of each class, rounded up to a multiple of 16.
    pub fn with(clock: C, keys_per_class: usize) -> Self {
        let origin = clock.now();
        Self { clock, origin, buckets: Buckets::new(keys_per_class), tally: Tally::default() }
    }

    /// How many are counted at present, of all classes; with some whose buckets are full again.
    pub fn keys(&self) -> usize {
        self.buckets.len()
    }

    /// What was said so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Takes one from the bucket of the demand, if there is one.
    pub fn count(&self, demand: &Demand) -> Verdict {
        let now = self.clock.now().duration_since(self.origin).as_u64();
        let rate = demand.rate;
        let quota = quota(rate);
        let verdict = self.buckets.change(demand.class, &demand.counted, now, |full_at| {
            // Not longer than an empty bucket takes: the rate may be another one than the last time.
            let ahead = full_at.saturating_sub(now).min(nanoseconds(quota.burst_size_replenished_in()));
            let bucket = Bucket(Cell::new(ahead));
            let limiter = Decision::new(quota, bucket, Present);
            let outcome = limiter.check();
            let ahead = limiter.into_state_store().0.get();
            let (remaining, retry_after) = match outcome {
                Ok(state) => (state.remaining_burst_capacity(), None),
                Err(refusal) => (0, Some(refusal.wait_time_from(Present.now()))),
            };
            let reset = Duration::from_nanos(ahead);
            (now.saturating_add(ahead), Verdict { limit: rate.burst.get(), remaining, reset, retry_after })
        });
        self.tally.counted(demand, &verdict);
        verdict
    }

    /// Gives one back to the bucket of the demand.
    pub fn refill(&self, demand: &Demand) {
        let now = self.clock.now().duration_since(self.origin).as_u64();
        let interval = nanoseconds(quota(demand.rate).replenish_interval());
        self.buckets.change_kept(demand.class, &demand.counted, |full_at| full_at.saturating_sub(interval).max(now));
    }
}

#[async_trait]
impl<C: Clock<Instant: Sync> + Send + Sync> Limiter for MemoryLimiter<C> {
    async fn take(&self, demand: &Demand) -> Result<Verdict, LimiterError> {
        Ok(self.count(demand))
    }

    async fn give_back(&self, demand: &Demand) -> Result<(), LimiterError> {
        self.refill(demand);
        Ok(())
    }

    async fn check(&self) -> Result<Counting, LimiterError> {
        Ok(Counting::InMemory)
    }
}

/// Governor's limiter, for one bucket and one moment.
type Decision = RateLimiter<NotKeyed, Bucket, Present, StateInformationMiddleware>;

/// What governor calls a rate.
fn quota(rate: Rate) -> Quota {
    let quota = Quota::per_minute(rate.per_minute);
    // A burst that takes longer than a century would leave the numbers that governor counts in.
    let most = LONGEST / nanoseconds(quota.replenish_interval()).max(1);
    let most = u32::try_from(most).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MAX);
    quota.allow_burst(rate.burst.min(most))
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Governor's clock for one decision. Times are told from now, so that now is always zero, and one bucket may be judged
/// by any rate.
#[derive(Debug)]
struct Present;

impl Clock for Present {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::new(0)
    }
}

/// How many nanoseconds from now one bucket is full, as what governor keeps its state in. Who has it holds a lock.
#[derive(Debug)]
struct Bucket(Cell<u64>);

impl StateStore for Bucket {
    type Key = NotKeyed;

    fn measure_and_replace<T, F, E>(&self, _: &NotKeyed, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let (outcome, ahead) = decide(Some(Nanos::new(self.0.get())))?;
        self.0.set(ahead.as_u64());
        Ok(outcome)
    }
}

#[cfg(test)]
mod tests;
