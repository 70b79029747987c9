//! Keeping a provider's keys.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use lyceum_domain::{sessions::TokenError, users::ProviderName};
use tokio::sync::watch;

use super::{
    fetch::{FetchError, Fetched, KeySource},
    settings::{KeyCacheSettings, ProviderSettings, ProviderSettingsError, TraceHeaders},
};
use crate::jws::{Found, KeySet, PublicKey};

/// The keys of one provider. Keys of others, and our own, never come here.
pub(super) struct KeyCache {
    provider: ProviderName,
    source: KeySource,
    settings: KeyCacheSettings,
    trace: Option<TraceHeaders>,
    /// Locked for moments, never while anything is waited for.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    kept: Option<Kept>,
    /// The fetch that is on its way, if its sender is still there.
    flight: Option<Flight>,
    /// In a row.
    failures: u32,
    /// Not before.
    retry_at: Option<Instant>,
    /// When a key that is not known last had the keys fetched.
    unknown_at: Option<Instant>,
}

struct Kept {
    keys: KeySet,
    fetched_at: Instant,
    lifetime: Duration,
}

/// Nothing is ever sent: [`changed`](watch::Receiver::changed) ends when the fetch has.
pub(super) type Flight = watch::Receiver<()>;

/// What a look at the cache comes to.
enum Look {
    Key(Arc<PublicKey>),
    Refused(&'static str),
    /// Look again when it has landed.
    Wait(Flight),
    Unavailable,
}

impl KeyCache {
    /// How often a token waits for a fetch: one that was on its way when it came, one of its own, and one more.
    const MAX_WAITS: usize = 3;

    pub(super) fn new(settings: &ProviderSettings) -> Result<Self, ProviderSettingsError> {
        Ok(Self {
            provider: settings.name.clone(),
            source: KeySource::new(settings.jwks_url.clone(), settings.algorithms.clone(), &settings.cache)?,
            settings: settings.cache.clone(),
            trace: settings.trace,
            state: Mutex::default(),
        })
    }

    /// Begins to fetch the keys if there are none.
    pub(super) fn warm(self: &Arc<Self>) -> Option<Flight> {
        let mut state = self.state();
        if state.kept.is_some() { None } else { self.flight(&mut state, Instant::now()) }
    }

    /// The key of exactly this name.
    pub(super) async fn get(self: &Arc<Self>, kid: &str) -> Result<Arc<PublicKey>, TokenError> {
        for _ in 0..=Self::MAX_WAITS {
            match self.look(kid, Instant::now()) {
                Look::Key(key) => return Ok(key),
                Look::Refused(reason) => return Err(TokenError::Invalid(reason.to_owned())),
                Look::Unavailable => break,
                // An error says that the fetch has ended, or was cut off.
                Look::Wait(mut flight) => drop(flight.changed().await),
            }
        }
        Err(TokenError::Unavailable { retry_after: self.retry_after(Instant::now()) })
    }

    fn look(self: &Arc<Self>, kid: &str, now: Instant) -> Look {
        let mut state = self.state();
        let age = state.kept.as_ref().map(|kept| (now - kept.fetched_at, kept.lifetime));
        let Some((age, lifetime)) = age.filter(|(age, _)| *age < self.settings.max_age) else {
            return self.flight(&mut state, now).map_or(Look::Unavailable, Look::Wait);
        };
        if age >= lifetime / 5 * 4 {
            let flight = self.flight(&mut state, now);
            // While the provider is away, nobody waits for it.
            if let Some(flight) = flight.filter(|_| age >= lifetime && state.failures == 0) {
                return Look::Wait(flight);
            }
        }
        match state.kept.as_ref().map_or(Found::None, |kept| kept.keys.get(kid)) {
            Found::One(key) => Look::Key(Arc::clone(key)),
            Found::Several => Look::Refused("the header names two keys"),
            Found::None => self.look_for_new(&mut state, now),
        }
    }

    /// The provider may have made the key just now.
    fn look_for_new(self: &Arc<Self>, state: &mut State, now: Instant) -> Look {
        if let Some(flight) = state.aloft() {
            return Look::Wait(flight);
        }
        let is_due = state.unknown_at.is_none_or(|last| now - last >= self.settings.unknown_key_cooldown);
        if is_due && let Some(flight) = self.flight(state, now) {
            state.unknown_at = Some(now);
            return Look::Wait(flight);
        }
        // With the provider away nobody knows; else it has been asked not long ago.
        if state.failures > 0 { Look::Unavailable } else { Look::Refused("the header names an unknown key") }
    }

    /// The fetch that is on its way, or else a new one, unless the provider is to be left alone.
    fn flight(self: &Arc<Self>, state: &mut State, now: Instant) -> Option<Flight> {
        if let Some(flight) = state.aloft() {
            return Some(flight);
        }
        if state.retry_at.is_some_and(|at| now < at) {
            return None;
        }
        let (sender, flight) = watch::channel(());
        state.flight = Some(flight.clone());
        let cache = Arc::clone(self);
        // Here: the task is nobody's.
        let trace = self.trace.map(|trace| trace()).unwrap_or_default();
        let task = async move {
            let fetched = cache.source.fetch(trace).await;
            cache.land(fetched);
            drop(sender);
        };
        #[expect(
            clippy::disallowed_methods,
            reason = "a fetch outlives the request that began it, ends by its time-out, and may be cut off by a shutdown"
        )]
        drop(tokio::task::spawn(task));
        Some(flight)
    }

    fn land(&self, fetched: Result<Fetched, FetchError>) {
        let now = Instant::now();
        let mut state = self.state();
        state.flight = None;
        match fetched {
            Ok(Fetched { keys, max_age }) => {
                let bounds = &self.settings.lifetime_bounds;
                let lifetime = max_age.map_or(self.settings.lifetime, |age| age.clamp(*bounds.start(), *bounds.end()));
                tracing::debug!(
                    provider = %self.provider, keys = keys.len(), passed_over = keys.skipped(), ?lifetime,
                    "the keys of an identity provider were fetched"
                );
                state.kept = Some(Kept { keys, fetched_at: now, lifetime });
                state.failures = 0;
                state.retry_at = None;
            }
            Err(error) => {
                // A good set is never replaced by nothing.
                let delays = &self.settings.retry_delays;
                let doubled = delays.start().saturating_mul(1 << state.failures.min(16));
                state.retry_at = Some(now + doubled.min(*delays.end()));
                state.failures += 1;
                tracing::warn!(
                    provider = %self.provider, error = &error as &dyn std::error::Error, in_a_row = state.failures,
                    has_keys = state.kept.is_some(), "the keys of an identity provider cannot be fetched"
                );
            }
        }
    }

    /// When the provider will be asked again; a second at least.
    fn retry_after(&self, now: Instant) -> Duration {
        let retry_at = self.state().retry_at;
        retry_at.map_or(Duration::ZERO, |at| at.saturating_duration_since(now)).max(Duration::from_secs(1))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The fetch that is on its way. One whose runtime has ended has lost its sender.
    fn aloft(&self) -> Option<Flight> {
        self.flight.clone().filter(|flight| flight.has_changed().is_ok())
    }
}
