//! Counting together as long as that is possible, and going on when it is not.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use lyceum_domain::limits::{Counting, Demand, Limiter, LimiterError, Verdict};

use self::absence::{Absence, Call};
use crate::{memory::MemoryLimiter, tally::Tally};

mod absence;

/// [`Limiter`] over one that counts for several servers, and may be away.
///
/// While it is away, requests of classes that fail open are let through uncounted, under a verdict by which nothing is
/// used up; the others are counted by this server alone. Nobody waits for that: after one failure the shared
/// counter has a rest, and then one request at a time finds out whether it is back. That is said in the log when it goes
/// and when it comes, not for each request.
///
/// What the shared counter lets through of the classes that fail closed is counted here as well, so that when it goes
/// nobody can guess at passwords from the beginning.
#[derive(Debug)]
pub struct SharedLimiter<L> {
    shared: L,
    standby: Arc<Standby>,
}

/// A counter that is asked over a connection of its own.
pub trait Remote: Limiter {
    /// Says how often the counter was away by now. A connection from before the last time may be dead without having been
    /// told, and is not to be used again.
    fn been_away(&self, times: u64);
}

/// What is left when the shared counter is away: one for each process, for all its [`SharedLimiter`]s.
#[derive(Debug, Default)]
pub struct Standby {
    local: MemoryLimiter,
    absence: Absence,
    tally: Tally,
}

impl Standby {
    /// One that has counted nothing yet, and takes the shared counter to be there.
    pub fn new() -> Self {
        Self::default()
    }

    /// What was said so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Whether requests are counted by this server alone at present, or not at all.
    pub fn is_alone(&self) -> bool {
        self.absence.is_away()
    }

    fn take(&self, demand: &Demand) -> Verdict {
        if demand.class.fails_open() {
            self.tally.let_through(demand);
            let limit = demand.rate.burst.get();
            return Verdict { limit, remaining: limit, reset: Duration::ZERO, retry_after: None };
        }
        let verdict = self.local.count(demand);
        self.tally.counted_alone(demand, &verdict);
        verdict
    }
}

impl<L: Remote> SharedLimiter<L> {
    /// Over that counter, with what is left without it.
    pub fn new(shared: L, standby: Arc<Standby>) -> Self {
        Self { shared, standby }
    }

    /// Lets the shared counter be asked; `None` while it has a rest.
    fn enter(&self) -> Option<Call<'_>> {
        let call = self.standby.absence.enter()?;
        self.shared.been_away(call.absences());
        Some(call)
    }
}

#[async_trait]
impl<L: Remote> Limiter for SharedLimiter<L> {
    async fn take(&self, demand: &Demand) -> Result<Verdict, LimiterError> {
        let standby = &*self.standby;
        let Some(call) = self.enter() else { return Ok(standby.take(demand)) };
        match self.shared.take(demand).await {
            Ok(verdict) => {
                call.succeeded();
                if verdict.is_allowed() && !demand.class.fails_open() {
                    standby.local.count(demand);
                }
                standby.tally.counted(demand, &verdict);
                Ok(verdict)
            }
            Err(error) => {
                call.failed(&error);
                Ok(standby.take(demand))
            }
        }
    }

    /// While the shared counter is away, nothing was taken from it.
    async fn give_back(&self, demand: &Demand) -> Result<(), LimiterError> {
        if !demand.class.fails_open() {
            self.standby.local.refill(demand);
        }
        if self.standby.is_alone() {
            return Ok(());
        }
        let Some(call) = self.enter() else { return Ok(()) };
        match self.shared.give_back(demand).await {
            Ok(()) => call.succeeded(),
            Err(error) => call.failed(&error),
        }
        Ok(())
    }

    /// Asks the shared counter, unless it has a rest. While it is away, that is the error.
    async fn check(&self) -> Result<Counting, LimiterError> {
        let Some(call) = self.enter() else {
            return Err(LimiterError("the shared counter is away; this server counts alone".into()));
        };
        let checked = self.shared.check().await;
        match &checked {
            Ok(_) => call.succeeded(),
            Err(error) => call.failed(error),
        }
        checked
    }
}

#[cfg(test)]
mod tests;
