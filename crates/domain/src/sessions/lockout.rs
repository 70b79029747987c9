//! Failed sign-ins: how they are counted, and for how long the next one has to wait.

use std::time::Duration;

use async_trait::async_trait;

use crate::{ids::UserId, sessions::Network, store::StoreError, time::Timestamp};

/// When a row of failed sign-ins locks, and for how long.
///
/// Failures are counted twice: for an account from one client network, and for an account from anywhere. The first lock
/// slows down whoever guesses, and nobody else: the owner gets in from elsewhere. The second, far higher, stops those
/// who guess from many networks; it does not hold for networks that the owner signed in from before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lockout {
    /// So many failures in a row from one network lock.
    pub after: u32,
    /// How long the first lock from one network lasts; each further failure doubles it.
    pub first: Duration,
    /// The longest lock from one network.
    pub longest: Duration,
    /// So many failures from anywhere lock the account for networks that are not known.
    pub overall_after: u32,
    /// How long that lasts.
    pub overall: Duration,
    /// Failures are forgotten when none came for so long.
    pub forget_after: Duration,
}

impl Default for Lockout {
    /// Five failures; 30 seconds, doubled up to 15 minutes; 100 from anywhere lock for 15 minutes; forgotten after a day.
    fn default() -> Self {
        Self {
            after: 5,
            first: Duration::from_secs(30),
            longest: Duration::from_mins(15),
            overall_after: 100,
            overall: Duration::from_mins(15),
            forget_after: Duration::from_hours(24),
        }
    }
}

/// Failures in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Failures {
    /// How many.
    pub count: u32,
    /// The last one.
    pub last_at: Option<Timestamp>,
}

/// What is counted against one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AccountFailures {
    /// From the network that asks.
    pub here: Failures,
    /// From anywhere.
    pub anywhere: Failures,
    /// Whether the owner signed in from the network that asks before.
    pub is_known_network: bool,
}

/// What a lock does to an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// There is none.
    Open,
    /// Nobody gets in before then; somebody who knows the password is told so.
    Locked {
        /// When it ends.
        until: Timestamp,
    },
    /// Nobody gets in before then, and the password is not looked at: too many were tried while it was locked, so that
    /// even the news that one is right must wait.
    Blind {
        /// When it ends.
        until: Timestamp,
    },
}

impl Lock {
    /// When it ends, if there is one.
    pub const fn until(self) -> Option<Timestamp> {
        match self {
            Self::Open => None,
            Self::Locked { until } | Self::Blind { until } => Some(until),
        }
    }
}

impl Lockout {
    /// What holds for an attempt at `now`.
    pub fn lock(&self, failures: &AccountFailures, now: Timestamp) -> Lock {
        let here = self.locked_until(&failures.here, now);
        let anywhere = if failures.is_known_network { None } else { self.overall_until(&failures.anywhere, now) };
        let Some(until) = here.max(anywhere) else { return Lock::Open };
        // While one is locked, as many guesses as it took to get there are still looked at.
        let guessed_on = failures.here.count >= self.after.saturating_mul(2);
        if guessed_on || anywhere.is_some() { Lock::Blind { until } } else { Lock::Locked { until } }
    }

    fn locked_until(&self, failures: &Failures, now: Timestamp) -> Option<Timestamp> {
        let beyond = failures.count.checked_sub(self.after)?;
        let span = self.first.saturating_mul(1_u32.checked_shl(beyond).unwrap_or(u32::MAX)).min(self.longest);
        self.still(failures.last_at?.plus(span), failures, now)
    }

    fn overall_until(&self, failures: &Failures, now: Timestamp) -> Option<Timestamp> {
        if failures.count < self.overall_after {
            return None;
        }
        self.still(failures.last_at?.plus(self.overall), failures, now)
    }

    fn still(&self, until: Timestamp, failures: &Failures, now: Timestamp) -> Option<Timestamp> {
        let is_forgotten = failures.last_at.is_some_and(|last| now.since(last) >= self.forget_after);
        (until > now && !is_forgotten).then_some(until)
    }
}

/// What failures are counted against: an account, or a name that has none. The latter are counted as well, so that
/// nobody can tell the two apart by the work that is done.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountKey(String);

impl AccountKey {
    /// An account's.
    pub fn of_user(user: UserId) -> Self {
        Self(user.to_string())
    }

    /// That of a name without an account; `digest` is the hash of the name.
    pub fn of_nobody(digest: &crate::sessions::SecretHash) -> Self {
        Self(format!("?{}", digest.as_str()))
    }

    /// The text, for the store alone.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Counts failed sign-ins inside a unit of work.
#[async_trait]
pub trait SignInFailures: Send {
    /// Counts one more, here and anywhere, in one step each: none is lost under races. Failures whose last one was
    /// before `forget_before` are forgotten first.
    async fn add(
        &mut self,
        account: &AccountKey,
        network: &Network,
        at: Timestamp,
        forget_before: Timestamp,
    ) -> Result<(), StoreError>;

    /// Forgets those from one network, and takes them off those from anywhere.
    async fn forget(&mut self, account: &AccountKey, network: &Network) -> Result<(), StoreError>;

    /// Forgets all of an account.
    async fn forget_all(&mut self, account: &AccountKey) -> Result<(), StoreError>;

    /// Removes at most `limit` rows whose last failure was before `at`, and says how many.
    async fn remove_old(&mut self, at: Timestamp, limit: u32) -> Result<u64, StoreError>;
}

/// Reads failed sign-ins without a transaction.
#[async_trait]
pub trait SignInFailureQueries: Send + Sync {
    /// What is counted against an account, in one round trip. A network is known if a session of `user` began there.
    async fn failures(
        &self,
        account: &AccountKey,
        user: Option<UserId>,
        network: &Network,
    ) -> Result<AccountFailures, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(1_800_000_000_000_000 + seconds * 1_000_000).expect("in the calendar")
    }

    fn here(count: u32) -> AccountFailures {
        AccountFailures { here: Failures { count, last_at: Some(at(0)) }, ..AccountFailures::default() }
    }

    #[test]
    fn the_delay_grows_with_each_failure_up_to_the_longest() {
        let rule = Lockout::default();
        let waits: Vec<_> = (3..13)
            .map(|count| match rule.lock(&here(count), at(0)) {
                Lock::Open => 0,
                Lock::Locked { until } | Lock::Blind { until } => until.since(at(0)).as_secs(),
            })
            .collect();
        assert_eq!(waits, [0, 0, 30, 60, 120, 240, 480, 900, 900, 900]);
        assert_eq!(rule.lock(&here(5), at(30)), Lock::Open);
    }

    #[test]
    fn who_goes_on_guessing_learns_nothing_more() {
        let rule = Lockout::default();
        assert!(matches!(rule.lock(&here(9), at(0)), Lock::Locked { .. }));
        assert!(matches!(rule.lock(&here(10), at(0)), Lock::Blind { .. }));
    }

    #[test]
    fn guesses_from_everywhere_lock_all_but_the_owners_networks() {
        let rule = Lockout::default();
        let anywhere = Failures { count: 100, last_at: Some(at(0)) };
        let foreign = AccountFailures { anywhere, ..AccountFailures::default() };
        assert!(matches!(rule.lock(&foreign, at(0)), Lock::Blind { .. }));
        assert_eq!(rule.lock(&AccountFailures { is_known_network: true, ..foreign }, at(0)), Lock::Open);
    }

    proptest! {
        /// Whatever was counted: a lock ends, and within the longest time that the rule knows.
        #[test]
        fn every_lock_ends(count in 0_u32.., all in 0_u32.., known: bool, after in 1_u32..100) {
            let rule = Lockout { after, ..Lockout::default() };
            let failures = AccountFailures {
                here: Failures { count, last_at: Some(at(0)) },
                anywhere: Failures { count: all, last_at: Some(at(0)) },
                is_known_network: known,
            };
            prop_assert_eq!(rule.lock(&failures, at(900)), Lock::Open);
        }
    }
}
