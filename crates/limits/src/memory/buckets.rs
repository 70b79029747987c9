//! What is kept in memory, within bounds.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
};

use lyceum_domain::limits::{Class, Counted, Verdict};

/// Parts of one class, each with a lock of its own.
const PARTS: usize = 16;

/// How often, in nanoseconds, a part is looked through for buckets that are full again.
const SWEEP_EVERY: u64 = 60 * 1_000_000_000;

/// For each key the moment at which its bucket is full, in nanoseconds since the limiter was made. A key is known by a
/// fingerprint of 64 bits that nobody outside can predict; that two in a full table have the same one, and so one bucket,
/// happens once in ten thousand million tables.
#[derive(Debug)]
pub(super) struct Buckets {
    fingerprints: RandomState,
    /// Those of the first class, then those of the next.
    parts: Vec<Mutex<Part>>,
    keys_per_part: usize,
}

#[derive(Debug, Default)]
struct Part {
    full_at: HashMap<u64, u64>,
    swept_at: u64,
}

impl Buckets {
    pub(super) fn new(keys_per_class: usize) -> Self {
        Self {
            fingerprints: RandomState::new(),
            parts: (0..Class::ALL.len() * PARTS).map(|_| Mutex::default()).collect(),
            keys_per_part: keys_per_class.div_ceil(PARTS).max(1),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.parts.iter().map(|part| locked(part).full_at.len()).sum()
    }

    /// Replaces the moment of one key by another, with nobody in between. The moment of a key that is not kept is now.
    pub(super) fn change(
        &self,
        class: Class,
        counted: &Counted,
        now: u64,
        decide: impl FnOnce(u64) -> (u64, Verdict),
    ) -> Verdict {
        let (fingerprint, mut part) = self.part(class, counted);
        if let Some(full_at) = part.full_at.get_mut(&fingerprint) {
            let (changed, verdict) = decide(*full_at);
            *full_at = changed;
            return verdict;
        }
        let (full_at, verdict) = decide(now);
        part.make_room(now, self.keys_per_part);
        part.full_at.insert(fingerprint, full_at);
        verdict
    }

    /// Replaces the moment of one key by another, if it is kept.
    pub(super) fn change_kept(&self, class: Class, counted: &Counted, decide: impl FnOnce(u64) -> u64) {
        let (fingerprint, mut part) = self.part(class, counted);
        if let Some(full_at) = part.full_at.get_mut(&fingerprint) {
            *full_at = decide(*full_at);
        }
    }

    /// The fingerprint of a key, and where it is kept.
    fn part(&self, class: Class, counted: &Counted) -> (u64, MutexGuard<'_, Part>) {
        let fingerprint = self.fingerprints.hash_one(counted);
        let low_bits = usize::from(fingerprint.to_le_bytes()[0]);
        (fingerprint, locked(&self.parts[class as usize * PARTS + low_bits % PARTS]))
    }
}

/// What a panic leaves behind is whole: each change is one statement.
fn locked(part: &Mutex<Part>) -> MutexGuard<'_, Part> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Part {
    /// Sees to it that there is place for one more.
    fn make_room(&mut self, now: u64, keys: usize) {
        let is_full = self.full_at.len() >= keys;
        if !is_full && now.saturating_sub(self.swept_at) < SWEEP_EVERY {
            return;
        }
        self.swept_at = now;
        self.full_at.retain(|_, full_at| *full_at > now);
        if self.full_at.len() >= keys {
            self.forget_the_fullest(keys);
        }
        if self.full_at.capacity() > 64 && self.full_at.len() < self.full_at.capacity() / 4 {
            self.full_at.shrink_to(self.full_at.len() * 2);
        }
    }

    /// Forgets an eighth of all, those that would be full soonest: many at once, so that a flood pays for looking
    /// through all of them once in a while and not each time.
    fn forget_the_fullest(&mut self, keys: usize) {
        let mut moments: Vec<u64> = self.full_at.values().copied().collect();
        let surplus = ((moments.len() - keys) + (keys / 8).max(1)).min(moments.len());
        let (_, &mut last, _) = moments.select_nth_unstable(surplus - 1);
        let mut to_forget = surplus;
        self.full_at.retain(|_, full_at| {
            let goes = *full_at <= last && to_forget > 0;
            to_forget -= usize::from(goes);
            !goes
        });
    }
}
