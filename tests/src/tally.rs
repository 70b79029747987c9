//! What came of many requests, for programs that print numbers.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    hash::{BuildHasher as _, RandomState},
    sync::{Mutex, MutexGuard},
    time::{Duration, Instant},
};

use crate::latencies::Latencies;

/// Counts by what was done, and what went wrong. Many count at once.
#[derive(Debug, Default)]
pub struct Tally(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    done: BTreeMap<&'static str, u64>,
    again: BTreeMap<&'static str, u64>,
    failed: BTreeMap<String, u64>,
    times: Vec<Duration>,
}

impl Tally {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().expect("no panic while counting")
    }

    /// Something was done, since then.
    pub fn done(&self, what: &'static str, began: Instant) {
        let mut counts = self.counts();
        *counts.done.entry(what).or_default() += 1;
        counts.times.push(began.elapsed());
    }

    /// Something had to be tried again.
    pub fn again(&self, what: &'static str) {
        *self.counts().again.entry(what).or_default() += 1;
    }

    /// Something went wrong: the same words for the same thing.
    pub fn failed(&self, what: &'static str, how: impl fmt::Display) {
        *self.counts().failed.entry(format!("{what}: {how}")).or_default() += 1;
    }

    /// How much was done.
    pub fn total(&self) -> u64 {
        self.counts().done.values().sum()
    }

    /// How much had to be tried again.
    pub fn total_again(&self) -> u64 {
        self.counts().again.values().sum()
    }

    /// How much went wrong.
    pub fn failures(&self) -> u64 {
        self.counts().failed.values().sum()
    }

    /// How long what was done took since this was asked for the last time.
    pub fn take_times(&self) -> Latencies {
        Latencies::of(std::mem::take(&mut self.counts().times))
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.counts();
        let line = |of: &BTreeMap<&'static str, u64>| {
            of.iter().fold(String::new(), |mut line, (what, count)| {
                let _ = write!(line, "  {what} {count}");
                line
            })
        };
        writeln!(f, "done:     {}{}", counts.done.values().sum::<u64>(), line(&counts.done))?;
        if !counts.again.is_empty() {
            writeln!(f, "again:    {}{}", counts.again.values().sum::<u64>(), line(&counts.again))?;
        }
        write!(f, "failed:   {}", counts.failed.values().sum::<u64>())?;
        for (what, count) in &counts.failed {
            write!(f, "\n  {count} × {what}")?;
        }
        Ok(())
    }
}

/// A number below `limit`, by chance.
pub fn random(limit: usize) -> usize {
    let bits = RandomState::new().hash_one(0);
    usize::try_from(bits % limit.max(1) as u64).expect("below a usize")
}
