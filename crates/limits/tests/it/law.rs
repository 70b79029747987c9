//! The law, against the simplest thing that keeps it.

use std::{num::NonZeroU32, time::Duration};

use governor::clock::FakeRelativeClock;
use lyceum_domain::{
    limits::{Class, Counted, Demand, Rate, Verdict},
    sessions::Network,
};
use lyceum_limits::MemoryLimiter;
use proptest::prelude::*;

/// A list of the times at which requests were let through. In nanoseconds.
#[derive(Default)]
struct Model {
    let_through: Vec<u64>,
}

impl Model {
    /// When the bucket is full: each request takes its interval, one after the other, and none before it came.
    fn full_at(&self, interval: u64) -> u64 {
        self.let_through.iter().fold(0, |full_at, &came| full_at.max(came) + interval)
    }

    fn take(&mut self, now: u64, rate: Rate) -> Verdict {
        let interval = u64::try_from(rate.interval().as_nanos()).expect("short");
        let limit = rate.burst.get();
        // Room for one more is there when the bucket would not be emptier than empty with it.
        let room_at = |full_at: u64| (full_at.max(now) + interval).saturating_sub(interval * u64::from(limit));
        let full_at = self.full_at(interval);
        let wait = room_at(full_at).saturating_sub(now);
        if wait == 0 {
            self.let_through.push(now);
        }
        let reset = self.full_at(interval).saturating_sub(now);
        let taken = u32::try_from(reset.div_ceil(interval)).expect("few");
        Verdict {
            limit,
            remaining: limit - taken,
            reset: Duration::from_nanos(reset),
            retry_after: (wait > 0).then(|| Duration::from_nanos(wait)),
        }
    }
}

proptest! {
    #[test]
    fn verdicts_are_those_of_a_list_of_times(
        per_minute in 1_u32..10_000,
        burst in 1_u32..20,
        pauses in prop::collection::vec((0_u64..4, 0_u64..1_000_000_000), 1..100),
    ) {
        let number = |n| NonZeroU32::new(n).expect("not zero");
        let rate = Rate { per_minute: number(per_minute), burst: number(burst) };
        let interval = u64::try_from(rate.interval().as_nanos()).expect("short");
        let clock = FakeRelativeClock::default();
        let limiter = MemoryLimiter::with(clock.clone(), 16);
        let demand = Demand { class: Class::Auth, counted: Counted::Network(Network::of(None)), rate };
        let (mut model, mut now) = (Model::default(), 0);
        for (intervals, part) in pauses {
            // Nothing, a part of an interval, or some: so that bursts, edges and silence all occur.
            let pause = match intervals {
                0 => 0,
                1 => part % interval,
                2 => interval,
                _ => interval * (part % 30) + part % interval,
            };
            clock.advance(Duration::from_nanos(pause));
            now += pause;
            prop_assert_eq!(limiter.count(&demand), model.take(now, rate));
        }
        // And what the law is for: in no stretch of time more than a burst and what the rate gives in it.
        for (first, &begin) in model.let_through.iter().enumerate() {
            for (count, &end) in (1..).zip(&model.let_through[first..]) {
                prop_assert!(count <= u64::from(burst) + (end - begin) / interval);
            }
        }
    }
}
