//! Whether a provider is asked at all.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use lyceum_domain::mentor::ChatError;
use tokio::time::Instant;

use crate::recent::Recent;

/// When to come again while somebody else finds out whether the provider is back.
const WHILE_PROBED: Duration = Duration::from_secs(1);
/// How long a provider that is asked too often is left alone if it asks for that.
const LONGEST_ASKED: Duration = Duration::from_mins(1);

/// When a provider is given a rest, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakerSettings {
    /// So many failures in a row, none more than a window after the one before, begin a rest; at least 1.
    pub failures: u32,
    /// How far back the share of failures looks.
    pub window: Duration,
    /// The share, in percent, of the calls within the window that begins a rest when it failed: for a provider that
    /// answers now and then.
    pub failed_percent: u32,
    /// So many calls within the window make a share.
    pub fewest_calls: u32,
    /// How long the first rest lasts. Each further one lasts twice as long as the one before, until the provider has
    /// been well for a whole window.
    pub open_for: Duration,
    /// The longest rest, also if the provider asks for a longer one.
    pub longest: Duration,
    /// How long a probe may go on before another one is made beside it: an answer may take minutes, and the others
    /// need not wait for its end; and one that never ends keeps nobody out.
    pub probe_patience: Duration,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self {
            failures: 15,
            window: Duration::from_mins(1),
            failed_percent: 50,
            fewest_calls: 40,
            open_for: Duration::from_secs(10),
            longest: Duration::from_mins(5),
            probe_patience: Duration::from_secs(30),
        }
    }
}

/// The circuit breaker of one provider, shared by all who ask it.
///
/// - **Closed**, all calls are made. Too many failures open it.
/// - **Open**, none is: each fails at once, and says how much of the rest is left.
/// - **Half-open**, after the rest, one call at a time is made as a probe. Its success closes the breaker, its failure
///   opens it for longer.
///
/// What counts as a failure: everything but [`ChatError::Refused`], which is about the request and not the provider.
/// A refusal, and a caller who leaves, say nothing either way: they neither open nor close it, and a probe that ends so
/// leaves its place to the next.
///
/// What a call says about the provider holds for the time it was made in. A call from before a rest that ends after it
/// began moves nothing: a late success does not close the breaker that hundreds of failures have opened, a late failure
/// does not prolong the rest or end a probe.
///
/// A `Retry-After` of a provider that is asked too often ([`ChatError::RateLimited`]) is how long the rest lasts, no
/// longer and no shorter, up to a minute; one of a provider that cannot now is the least, up to the longest rest. It takes as many failures as any: the
/// provider may mean one long prompt, and one caller must not silence it for all.
///
/// Time is tokio's.
#[derive(Debug)]
pub struct Breaker {
    name: String,
    settings: BreakerSettings,
    state: Mutex<State>,
}

/// Whether calls are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerStatus {
    /// All are.
    Closed,
    /// One at a time is, to see whether the provider is back.
    HalfOpen,
    /// None is.
    Open,
}

#[derive(Debug)]
struct State {
    mode: Mode,
    /// Which stretch of one mode this is; what was begun in another stretch is of no account.
    stretch: u64,
    /// Rests since the provider was last well.
    rests: u32,
    recent: Recent,
}

#[derive(Debug, Clone, Copy)]
enum Mode {
    Closed {
        since: Instant,
    },
    Open {
        until: Instant,
    },
    HalfOpen {
        /// Probes under way.
        probes: u32,
        /// When another one may be made beside them.
        next: Instant,
    },
}

impl Breaker {
    /// A closed breaker for the provider of this name, which stands in details and logs.
    pub fn new(name: impl Into<String>, settings: BreakerSettings) -> Self {
        let now = Instant::now();
        let recent = Recent::new(settings.window, now);
        // It begins as one that was always well.
        let state = State { mode: Mode::Closed { since: now }, stretch: 0, rests: 0, recent };
        Self { name: name.into(), settings, state: Mutex::new(state) }
    }

    /// What is left of the rest, if the provider has one. A probe under way is no rest.
    pub fn rest(&self) -> Option<Duration> {
        match self.state().mode {
            Mode::Open { until } => {
                Some(until.saturating_duration_since(Instant::now())).filter(|left| !left.is_zero())
            }
            Mode::Closed { .. } | Mode::HalfOpen { .. } => None,
        }
    }

    /// How it stands now.
    pub fn status(&self) -> BreakerStatus {
        match self.state().mode {
            Mode::Closed { .. } => BreakerStatus::Closed,
            Mode::Open { until } if Instant::now() < until => BreakerStatus::Open,
            // The rest is over; the next call is the probe.
            Mode::Open { .. } | Mode::HalfOpen { .. } => BreakerStatus::HalfOpen,
        }
    }

    /// The name of its provider.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The error of a call that is not made.
    pub(crate) fn resting(&self, retry_after: Duration) -> ChatError {
        let detail = format!("{} failed too often and is not asked for a while", self.name);
        ChatError::Unavailable { detail, retry_after: Some(retry_after), source: None }
    }

    /// Lets a call be made, or answers how long to wait.
    pub(crate) fn enter(self: &Arc<Self>) -> Result<Call, Duration> {
        let now = Instant::now();
        let mut state = self.state();
        if let Mode::Open { until } = state.mode {
            if now < until {
                return Err(until - now);
            }
            state.go(Mode::HalfOpen { probes: 0, next: now });
        }
        if let Mode::HalfOpen { probes, next } = &mut state.mode {
            if *probes > 0 && now < *next {
                return Err(WHILE_PROBED);
            }
            *probes += 1;
            *next = now + self.settings.probe_patience;
        }
        Ok(Call { breaker: self.clone(), stretch: state.stretch, is_settled: false })
    }

    fn succeeded(&self, stretch: u64) {
        let now = Instant::now();
        let mut state = self.state();
        if state.stretch != stretch {
            return;
        }
        match state.mode {
            Mode::Closed { .. } => state.recent.succeeded(now),
            Mode::Open { .. } => {}
            Mode::HalfOpen { .. } => {
                state.go(Mode::Closed { since: now });
                state.recent.clear();
                drop(state);
                tracing::info!(provider = self.name, "the model answers again");
            }
        }
    }

    fn failed(&self, stretch: u64, error: &ChatError) {
        let now = Instant::now();
        let mut state = self.state();
        if state.stretch != stretch {
            return;
        }
        match state.mode {
            Mode::Closed { since } => {
                let tally = state.recent.failed(now);
                let is_share = tally.calls >= self.settings.fewest_calls.max(1)
                    && u64::from(tally.failures) * 100
                        >= u64::from(tally.calls) * u64::from(self.settings.failed_percent);
                if tally.in_a_row < self.settings.failures.max(1) && !is_share {
                    return;
                }
                if now.saturating_duration_since(since) >= self.settings.window {
                    state.rests = 0;
                }
            }
            Mode::Open { .. } => return,
            Mode::HalfOpen { .. } => {}
        }
        let rest = self.rest_after(&mut state, error);
        state.go(Mode::Open { until: now + rest });
        drop(state);
        tracing::warn!(
            provider = self.name,
            error = error.code(),
            rest_ms = u64::try_from(rest.as_millis()).unwrap_or(u64::MAX),
            cause = %error,
            "the model fails too often and is not asked for a while"
        );
    }

    /// How long the rest is that this failure begins.
    fn rest_after(&self, state: &mut State, error: &ChatError) -> Duration {
        let longest = self.settings.longest.max(self.settings.open_for);
        let asked = |asked: &Option<Duration>| asked.filter(|asked| !asked.is_zero());
        if let ChatError::RateLimited { retry_after } = error
            && let Some(asked) = asked(retry_after)
        {
            return asked.min(longest.max(LONGEST_ASKED));
        }
        let factor = 2_u32.saturating_pow(state.rests);
        state.rests = state.rests.saturating_add(1);
        let ours = self.settings.open_for.saturating_mul(factor);
        let theirs = match error {
            ChatError::Unavailable { retry_after, .. } => asked(retry_after),
            _ => None,
        };
        ours.max(theirs.unwrap_or_default()).min(longest)
    }

    /// A call ended and said nothing about the provider.
    fn left(&self, stretch: u64) {
        let mut state = self.state();
        if state.stretch == stretch
            && let Mode::HalfOpen { probes, .. } = &mut state.mode
        {
            *probes = probes.saturating_sub(1);
        }
    }

    /// What a panic leaves behind is whole: nothing in here is half done between two statements that can panic.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn go(&mut self, mode: Mode) {
        self.mode = mode;
        self.stretch += 1;
    }
}

/// One call that was let through. Dropping it without a word says that its caller left.
#[derive(Debug)]
pub(crate) struct Call {
    breaker: Arc<Breaker>,
    stretch: u64,
    is_settled: bool,
}

impl Call {
    /// The answer is whole.
    pub(crate) fn succeeded(mut self) {
        self.is_settled = true;
        self.breaker.succeeded(self.stretch);
    }

    /// There is no answer, or no whole one.
    pub(crate) fn failed(mut self, error: &ChatError) {
        if matches!(error, ChatError::Refused { .. }) {
            return;
        }
        self.is_settled = true;
        self.breaker.failed(self.stretch, error);
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !mem::replace(&mut self.is_settled, true) {
            self.breaker.left(self.stretch);
        }
    }
}

#[cfg(test)]
mod tests;
