//! How the calls of the last minute went.

use std::time::Duration;

use tokio::time::Instant;

/// Parts of the window; the oldest is forgotten as a whole.
const SLOTS: u32 = 10;

/// Outcomes within a window that moves on, counted and not kept: its size does not depend on how many calls there are.
#[derive(Debug)]
pub(crate) struct Recent {
    began: Instant,
    /// Of one part.
    span: Duration,
    slots: [Slot; SLOTS as usize],
    in_a_row: u32,
    last_failure: Option<Instant>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    /// Which part of all time this is.
    number: u64,
    calls: u32,
    failures: u32,
}

/// What the window holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    /// All calls that ended.
    pub(crate) calls: u32,
    /// Those that failed.
    pub(crate) failures: u32,
    /// Those that failed since the last that did not.
    pub(crate) in_a_row: u32,
}

impl Recent {
    /// Nothing yet, in a window of this length.
    pub(crate) fn new(window: Duration, now: Instant) -> Self {
        let span = (window / SLOTS).max(Duration::from_millis(1));
        Self { began: now, span, slots: [Slot::default(); SLOTS as usize], in_a_row: 0, last_failure: None }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.slots = [Slot::default(); SLOTS as usize];
        self.in_a_row = 0;
        self.last_failure = None;
    }

    /// A call ended well.
    pub(crate) fn succeeded(&mut self, now: Instant) {
        let slot = self.slot(now);
        slot.calls = slot.calls.saturating_add(1);
        self.in_a_row = 0;
    }

    /// A call failed; answers what the window holds with it.
    pub(crate) fn failed(&mut self, now: Instant) -> Tally {
        // Failures that are hours apart are no row.
        let window = self.span * SLOTS;
        if self.last_failure.is_some_and(|last| now.saturating_duration_since(last) >= window) {
            self.in_a_row = 0;
        }
        self.last_failure = Some(now);
        self.in_a_row = self.in_a_row.saturating_add(1);
        let slot = self.slot(now);
        slot.calls = slot.calls.saturating_add(1);
        slot.failures = slot.failures.saturating_add(1);
        let oldest = self.number(now).saturating_sub(u64::from(SLOTS - 1));
        let within = self.slots.iter().filter(|slot| slot.number >= oldest);
        within.fold(Tally { calls: 0, failures: 0, in_a_row: self.in_a_row }, |tally, slot| Tally {
            calls: tally.calls.saturating_add(slot.calls),
            failures: tally.failures.saturating_add(slot.failures),
            ..tally
        })
    }

    fn number(&self, now: Instant) -> u64 {
        let parts = now.saturating_duration_since(self.began).as_nanos() / self.span.as_nanos();
        u64::try_from(parts).unwrap_or(u64::MAX)
    }

    /// The part that is now, empty if it has just begun.
    fn slot(&mut self, now: Instant) -> &mut Slot {
        let number = self.number(now);
        // Less than ten, whatever the number.
        let slot = &mut self.slots[usize::try_from(number % u64::from(SLOTS)).unwrap_or(0)];
        if slot.number != number {
            *slot = Slot { number, ..Slot::default() };
        }
        slot
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WINDOW: Duration = Duration::from_mins(1);

    #[test]
    fn a_success_ends_a_row_but_not_the_window() {
        let now = Instant::now();
        let mut recent = Recent::new(WINDOW, now);
        recent.failed(now);
        recent.succeeded(now);
        assert_eq!(recent.failed(now), Tally { calls: 3, failures: 2, in_a_row: 1 });
    }

    #[test]
    fn failures_that_are_a_window_apart_are_no_row() {
        let now = Instant::now();
        let mut recent = Recent::new(WINDOW, now);
        recent.failed(now);
        assert_eq!(recent.failed(now + Duration::from_secs(59)).in_a_row, 2);
        assert_eq!(recent.failed(now + Duration::from_secs(119)), Tally { calls: 1, failures: 1, in_a_row: 1 });
    }

    proptest! {
        /// Against a list of all that happened: what is younger than nine tenths of the window counts, what is older
        /// than the window does not, and in between it may.
        #[test]
        fn the_window_is_what_happened_within_it(
            calls in proptest::collection::vec((0_u64..20_000, any::<bool>()), 1..120),
        ) {
            let began = Instant::now();
            let mut recent = Recent::new(WINDOW, began);
            let (mut at, mut all) = (began, Vec::new());
            for (later, is_good) in calls {
                at += Duration::from_millis(later);
                all.push((at, is_good));
                if is_good {
                    recent.succeeded(at);
                    continue;
                }
                let tally = recent.failed(at);
                let within = |span: Duration, failed_only: bool| {
                    let count = all.iter().filter(|(then, good)| at - *then <= span && !(failed_only && *good)).count();
                    u32::try_from(count).expect("few")
                };
                prop_assert!((within(WINDOW * 9 / 10, false)..=within(WINDOW, false)).contains(&tally.calls));
                prop_assert!((within(WINDOW * 9 / 10, true)..=within(WINDOW, true)).contains(&tally.failures));
            }
        }
    }
}
