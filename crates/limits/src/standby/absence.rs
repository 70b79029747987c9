//! Whether the shared counter is asked at all.

use std::{
    error::Error,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use lyceum_domain::limits::LimiterError;
use tokio::time::Instant;

/// The first rest after a failure. Each further one is twice as long as the one before.
pub(super) const FIRST_REST: Duration = Duration::from_millis(500);

/// The longest rest. With the time-out of a connection this is how long the counter can be back before it is noticed.
const LONGEST_REST: Duration = Duration::from_secs(2);

/// How long one request may find out before another one may beside it.
const PROBE_PATIENCE: Duration = Duration::from_secs(5);

/// Remembers that the shared counter failed. One failure is enough: what is lost without it for half a second is little,
/// and waiting for a time-out in each request is much. Time is tokio's.
#[derive(Debug, Default)]
pub(super) struct Absence(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// How many absences have begun. What was asked before the last one says nothing of what is now.
    count: u64,
    away: Option<Away>,
}

#[derive(Debug)]
struct Away {
    since: Instant,
    rest: Duration,
    /// When somebody may find out whether it is back.
    next_probe: Instant,
    /// Which of the probes is the one that is waited for.
    probe: u64,
}

impl Absence {
    pub(super) fn is_away(&self) -> bool {
        self.state().away.is_some()
    }

    /// Lets the counter be asked; `None` while it has a rest.
    pub(super) fn enter(&self) -> Option<Call<'_>> {
        let mut state = self.state();
        let probe = match &mut state.away {
            None => None,
            Some(away) => {
                let now = Instant::now();
                if now < away.next_probe {
                    return None;
                }
                away.next_probe = now + PROBE_PATIENCE;
                away.probe += 1;
                Some(away.probe)
            }
        };
        Some(Call { absence: self, absences: state.count, probe })
    }

    /// What a panic leaves behind is whole: nothing is half done between two statements that can panic.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One question to the shared counter. Dropping it without a word says that the asker left; if it was to find out, another
/// one may after a rest.
#[derive(Debug)]
pub(super) struct Call<'a> {
    absence: &'a Absence,
    /// How many absences had begun when it was asked.
    absences: u64,
    /// Which probe this is; `None` for a question that was asked while all was well.
    probe: Option<u64>,
}

impl Call<'_> {
    pub(super) fn absences(&self) -> u64 {
        self.absences
    }

    pub(super) fn succeeded(mut self) {
        // A late answer to a question from before says nothing about now.
        let Some(_) = self.probe.take() else { return };
        let mut state = self.absence.state();
        if state.count != self.absences {
            return;
        }
        if let Some(away) = state.away.take() {
            drop(state);
            let away_ms = u64::try_from(away.since.elapsed().as_millis()).unwrap_or(u64::MAX);
            tracing::info!(away_ms, "the servers count requests together again");
        }
    }

    pub(super) fn failed(mut self, error: &LimiterError) {
        let now = Instant::now();
        let probe = self.probe.take();
        let mut state = self.absence.state();
        if state.count != self.absences {
            // Asked before the counter was away, on a connection from then: that it fails is no news.
            return;
        }
        match (&mut state.away, probe) {
            (None, None) => {
                state.count += 1;
                state.away = Some(Away { since: now, rest: FIRST_REST, next_probe: now + FIRST_REST, probe: 0 });
                drop(state);
                tracing::warn!(
                    cause = error.source().map(ToString::to_string),
                    "the shared counter of requests does not answer: this server counts alone what can do harm, and \
                     lets the rest through"
                );
            }
            (Some(away), Some(probe)) if away.probe == probe => {
                away.rest = (away.rest * 2).min(LONGEST_REST);
                away.next_probe = now + away.rest;
            }
            // A probe that another one has overtaken.
            _ => {}
        }
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if let Some(probe) = self.probe
            && let Some(away) = &mut self.absence.state().away
            && away.probe == probe
        {
            // Not at once: where all who find out leave, as a look at health does that has less patience than the
            // connection, each request would wait as long as they did.
            away.next_probe = Instant::now() + FIRST_REST;
        }
    }
}
