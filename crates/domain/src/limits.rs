//! How often anybody may ask: classes of requests, what each allows, and the port that counts.
//!
//! The rule is the generic cell rate algorithm (GCRA, as in ITU-T I.371): a bucket that holds `burst` requests and is
//! filled evenly, so that nobody can save up more than a burst, and no window has an edge to wait for. One number is all
//! that is kept for each key.

use std::{fmt, num::NonZeroU32, time::Duration};

use async_trait::async_trait;
use thiserror::Error;

use crate::{ids::UserId, mentor::Cause, sessions::Network};

/// Kinds of requests that are counted apart, so that reading much does not stop anybody from signing in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// Signing in and up, mails: what can be guessed at, and what reaches others.
    Auth,
    /// Asking the mentor, which costs money.
    Chat,
    /// Files that come in.
    Uploads,
    /// Other changes.
    Writes,
    /// Everything else.
    Reads,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Auth, Self::Chat, Self::Uploads, Self::Writes, Self::Reads];

    /// The word for settings, metrics and keys.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Chat => "chat",
            Self::Uploads => "uploads",
            Self::Writes => "writes",
            Self::Reads => "reads",
        }
    }

    /// Whether such requests are let through while the shared counter is away. Those that can be guessed with, reach
    /// others or cost money are then counted by each server for itself; the rest goes on.
    pub const fn fails_open(self) -> bool {
        match self {
            Self::Auth | Self::Chat | Self::Uploads => false,
            Self::Writes | Self::Reads => true,
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who is counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Counted {
    /// Everybody in a client network.
    Network(Network),
    /// A user, wherever they come from.
    User(UserId),
}

impl Counted {
    /// Which of both it is.
    pub const fn whose(&self) -> Whose {
        match self {
            Self::Network(_) => Whose::Network,
            Self::User(_) => Whose::User,
        }
    }
}

/// Whose limit it is. A request of somebody who is signed in has to keep to both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Whose {
    /// That of a client network.
    Network,
    /// That of a user.
    User,
}

impl Whose {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Network, Self::User];

    /// The word for metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::User => "user",
        }
    }
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(network) => write!(f, "network:{network}"),
            Self::User(user) => write!(f, "user:{user}"),
        }
    }
}

/// How often: so many requests evenly in each minute, and at most so many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate {
    /// Requests in a minute, in the long run.
    pub per_minute: NonZeroU32,
    /// The most that are let through at once after a while of silence.
    pub burst: NonZeroU32,
}

impl Rate {
    /// How long it takes until one more is let through.
    pub fn interval(self) -> Duration {
        Duration::from_mins(1) / self.per_minute.get()
    }

    /// How long an empty bucket takes to be full again.
    pub fn full_after(self) -> Duration {
        self.interval() * self.burst.get()
    }
}

/// One request that wants to be let through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// The kind of request.
    pub class: Class,
    /// Who asks.
    pub counted: Counted,
    /// What is allowed.
    pub rate: Rate,
}

/// What a counter says to a demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// The most at once: [`Rate::burst`].
    pub limit: u32,
    /// How many more would be let through now.
    pub remaining: u32,
    /// How long until the bucket is full, if nothing more comes.
    pub reset: Duration,
    /// `None`: let through. Else how long until one would be.
    pub retry_after: Option<Duration>,
}

impl Verdict {
    /// Whether it is let through.
    pub const fn is_allowed(&self) -> bool {
        self.retry_after.is_none()
    }

    /// The one of two that the caller has to go by: a refusal, the later one of two; else the one with less left.
    #[must_use]
    pub fn tighter(self, other: Self) -> Self {
        let key = |verdict: &Self| (verdict.retry_after, std::cmp::Reverse(verdict.remaining), verdict.reset);
        if key(&other) > key(&self) { other } else { self }
    }
}

/// Counts requests. Keys are of a class and of who is counted; a rate that changes holds from the next request on.
#[async_trait]
pub trait Limiter: Send + Sync {
    /// Takes one from the bucket of the demand, if there is one; a refused demand takes nothing.
    ///
    /// # Errors
    /// [`LimiterError`] if nobody can count now.
    async fn take(&self, demand: &Demand) -> Result<Verdict, LimiterError>;

    /// Gives back what was taken for that demand a moment ago, because nothing will be done for it. A bucket is never
    /// fuller than full.
    ///
    /// # Errors
    /// [`LimiterError`] if nobody can count now. Then it comes back by itself, as everything that was taken.
    async fn give_back(&self, demand: &Demand) -> Result<(), LimiterError>;

    /// How counting goes on.
    async fn check(&self) -> Result<Counting, LimiterError>;
}

/// Where requests are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counting {
    /// In this process alone.
    InMemory,
    /// For all servers together.
    Shared,
}

/// Nobody can count.
#[derive(Debug, Error)]
#[error("requests cannot be counted")]
pub struct LimiterError(#[source] pub Cause);

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(remaining: u32, retry_after: Option<u64>) -> Verdict {
        let retry_after = retry_after.map(Duration::from_secs);
        Verdict { limit: 10, remaining, reset: Duration::from_secs(1), retry_after }
    }

    #[test]
    fn a_refusal_is_tighter_than_a_pass_and_a_longer_one_than_a_shorter_one() {
        let (passed, fuller, refused, longer) =
            (verdict(1, None), verdict(5, None), verdict(0, Some(1)), verdict(0, Some(9)));
        assert_eq!(passed.tighter(fuller), passed);
        assert_eq!(fuller.tighter(passed), passed);
        assert_eq!(passed.tighter(refused), refused);
        assert_eq!(refused.tighter(passed), refused);
        assert_eq!(refused.tighter(longer), longer);
        assert_eq!(longer.tighter(refused), longer);
    }

    #[test]
    fn a_bucket_is_full_again_after_the_time_its_burst_takes() {
        let rate = Rate { per_minute: NonZeroU32::new(30).unwrap(), burst: NonZeroU32::new(5).unwrap() };
        assert_eq!((rate.interval(), rate.full_after()), (Duration::from_secs(2), Duration::from_secs(10)));
    }
}
