//! Work that one server does for all: each job is held by one server at a time, and taken over when that one dies.
//!
//! Who holds a job is a row that changes with every sign of life. Nobody's clock is compared with anybody else's: whoever
//! wants a job that is held watches its row, and takes it over once it has stayed the same for [`DEAD_AFTER`] by their own
//! reckoning. The holder trusts its hold for [`TRUSTED`] from the moment at which it began to renew it, which is shorter. So
//! two never hold one, also where clocks differ or are set back.

use std::{fmt, time::Duration};

use async_trait::async_trait;

use crate::{ids::InstanceId, invalid::Invalid, store::StoreError, time::Timestamp};

/// How often a holder renews its hold.
pub const RENEWED: Duration = Duration::from_secs(5);
/// How long a holder believes that it holds a job, from when it began to renew its hold.
pub const TRUSTED: Duration = Duration::from_secs(15);
/// A hold that stays the same for so long is of a server that is gone.
pub const DEAD_AFTER: Duration = Duration::from_secs(20);
/// How often those who hold a job not look whether they can have it.
pub const LOOKED_FOR: Duration = Duration::from_secs(3);

/// The name of a job: 1 to 64 small letters, digits and underscores.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Job(String);

impl Job {
    /// The largest number of characters.
    pub const MAX: usize = 64;

    /// Counts learners anew whose course has other lessons now.
    pub fn recount() -> Self {
        Self("recount".to_owned())
    }

    /// Removes what is over, erases accounts whose time has come, ends the records of calls that nobody ends.
    pub fn tidy() -> Self {
        Self("tidy".to_owned())
    }

    /// Checks the form.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        if raw.is_empty() {
            return Err(Invalid::Empty);
        }
        if raw.len() > Self::MAX {
            return Err(Invalid::TooLong { max: Self::MAX });
        }
        if raw.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
            Ok(Self(raw.to_owned()))
        } else {
            Err(Invalid::Malformed { expected: "small letters, digits and underscores" })
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who holds a job, as it was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// The server; `None` if the last one let go of it.
    pub holder: Option<InstanceId>,
    /// Counts every take, renewal and release, so that no two leases of a job look the same.
    pub version: u64,
}

/// Keeps who holds which job. Every method is whole in itself.
#[async_trait]
pub trait JobLeases: Send + Sync {
    /// The lease of a job; `None` if nobody ever held it.
    async fn lease(&self, job: &Job) -> Result<Option<Lease>, StoreError>;

    /// Puts a lease of `holder` in the place of `seen`, to take a job, to take it over or to renew one's own hold. `None` if
    /// the lease is no longer the one that was seen; of those who try at once one gets it. `at` is for people who look.
    async fn take(
        &self,
        job: &Job,
        seen: Option<Lease>,
        holder: InstanceId,
        at: Timestamp,
    ) -> Result<Option<Lease>, StoreError>;

    /// Lets go of a job. Nothing happens if the lease is no longer this one.
    async fn release(&self, job: &Job, held: Lease, at: Timestamp) -> Result<(), StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_jobs_are_plain_words() {
        for job in [Job::recount(), Job::tidy()] {
            assert_eq!(Job::parse(job.as_str()), Ok(job));
        }
        for bad in ["", "Tidy", "ti dy", "tidy-up", "tîdy", &"x".repeat(65)] {
            assert!(Job::parse(bad).is_err(), "{bad:?}");
        }
    }

    /// A holder stops believing before anybody takes over, and misses a renewal or two without losing the job.
    #[test]
    fn nobody_takes_over_what_its_holder_still_trusts() {
        assert!(TRUSTED < DEAD_AFTER);
        assert!(RENEWED * 2 < TRUSTED);
        assert!(DEAD_AFTER + LOOKED_FOR * 2 < Duration::from_secs(30), "taken over in half a minute");
    }
}
