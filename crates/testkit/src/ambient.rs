//! Time and ids for tests: a clock that stands still until it is moved, ids that count up.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use lyceum_domain::{
    ids::IdGenerator,
    time::{Clock, Timestamp},
};
use uuid::Uuid;

/// 2026-01-01T09:00:00Z: where every [`ManualClock`] starts.
const START_MICROS: i64 = 1_767_258_000_000_000;

/// Where every [`ManualClock`] starts: 2026-01-01T09:00:00Z.
pub fn start() -> Timestamp {
    Timestamp::from_micros(START_MICROS).expect("a date")
}

/// A clock that a test moves. Its clones show the same time.
#[derive(Debug, Clone)]
pub struct ManualClock {
    micros: Arc<AtomicI64>,
    tick: i64,
}

impl ManualClock {
    /// A clock that stands at [`start`].
    pub fn new() -> Self {
        Self::at(start())
    }

    /// A clock that stands at another time.
    pub fn at(at: Timestamp) -> Self {
        Self { micros: Arc::new(AtomicI64::new(at.as_micros())), tick: 0 }
    }

    /// A clock that goes on by a microsecond each time it is read, so that the order of events is seen.
    pub fn ticking() -> Self {
        Self { tick: 1, ..Self::new() }
    }

    /// Moves it forward.
    pub fn advance(&self, span: Duration) {
        let span = i64::try_from(span.as_micros()).expect("a span that a test can mean");
        self.micros.fetch_add(span, Ordering::SeqCst);
    }

    /// Sets it, also back, as operating systems do.
    pub fn set(&self, at: Timestamp) {
        self.micros.store(at.as_micros(), Ordering::SeqCst);
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.micros.fetch_add(self.tick, Ordering::SeqCst)).expect("a date")
    }
}

/// Counts through the whole process, so that tests which share a database don't meet.
static COUNTER: AtomicU64 = AtomicU64::new(0);

/// Other in each process, for the same reason.
static PROCESS: LazyLock<u64> = LazyLock::new(|| RandomState::new().build_hasher().finish());

/// Ids of the form of UUIDv7 that count up. No two in a process are the same, whichever instance they come from, and
/// two processes share none.
#[derive(Debug, Clone, Copy, Default)]
pub struct SequentialIds;

impl SequentialIds {
    /// All instances are alike.
    pub fn new() -> Self {
        Self
    }
}

impl IdGenerator for SequentialIds {
    fn next(&self) -> Uuid {
        let n = COUNTER.fetch_add(1, Ordering::SeqCst);
        let millis = START_MICROS.cast_unsigned() / 1000 + (n >> 12);
        let high = (millis << 16) | 0x7000 | (n & 0xfff);
        let low = (0b10 << 62) | (*PROCESS >> 2);
        Uuid::from_u64_pair(high, low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_stands_still_until_it_is_moved() {
        let clock = ManualClock::new();
        let other = clock.clone();
        assert_eq!(clock.now(), clock.now());
        assert_eq!(clock.now().to_string(), "2026-01-01T09:00:00Z");
        clock.advance(Duration::from_millis(1500));
        assert_eq!(other.now().to_string(), "2026-01-01T09:00:01.500Z");
    }

    #[test]
    fn a_ticking_clock_shows_the_order() {
        let clock = ManualClock::ticking();
        assert!(clock.now() < clock.now());
    }

    #[test]
    fn ids_rise_and_look_like_version_7() {
        let ids: Vec<Uuid> =
            (0..10_000).map(|n| if n % 2 == 0 { SequentialIds } else { SequentialIds::new() }.next()).collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
        assert!(ids.iter().all(|id| id.get_version_num() == 7 && id.get_variant() == uuid::Variant::RFC4122));
    }
}
