//! Counting in Redis, for several servers together.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use lyceum_domain::limits::{Counting, Demand, Limiter, LimiterError, Rate, Verdict};
use redis::{AsyncConnectionConfig, Client, Script};
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;

use self::line::Line;
use crate::standby::Remote;

mod line;

/// The longest time that a bucket takes to be full, whatever the rate says: a century, in microseconds. With it, all that
/// the script adds up is below 2⁵³, up to which Lua's numbers are exact.
const LONGEST: u64 = 100 * 365 * 24 * 60 * 60 * 1_000_000;

/// Where Redis is, and how long it may take.
#[derive(Debug, Clone)]
pub struct RedisSettings {
    /// `redis://user:password@host:port/0`, or `rediss://…` for TLS, which trusts whom the system trusts.
    pub url: SecretString,
    /// What the names of all keys begin with.
    pub key_prefix: String,
    /// The longest time for a connection to come up, its sign-in included.
    pub connect_timeout: Duration,
    /// The longest time for one answer.
    pub response_timeout: Duration,
}

/// The settings name no server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the address of Redis is not one: redis://user:password@host:port/0, or rediss://… for TLS")]
pub struct RedisSettingsError;

/// [`Limiter`] in Redis 6 or later, or in Valkey: a script, one round trip, one key for each bucket, which goes when the
/// bucket is full.
///
/// Keys are `PREFIX:limit:CLASS:WHO`, as `lyceum:limit:auth:network:203.0.113.7`: readable, so that an operator who is
/// asked why a school is refused can look (and delete the key). They hold addresses, in memory and only until their
/// bucket is full, a minute as a rule; a digest would keep them from nobody, for there are few enough IPv4 addresses to
/// try. Numbers are whole microseconds, rounded so that never more than the rate is let through.
///
/// The user needs `+evalsha +script|load +time +get +set` on these keys, and `+select` for a database other than 0.
///
/// # The connection
/// Is made when the first request is to be counted: making a limiter asks nobody, and needs no runtime. All requests share
/// it. After any error it is given up, and the next request makes another one; the same request does if the connection was
/// there before and turns out to be closed. That is more than waiting for it to break: one to a host that has vanished
/// stays open for minutes, and one to a server that is a replica now stays useful for everything but counting.
///
/// It belongs to the runtime that asked first. Where each worker has a runtime of its own, each should have a limiter.
pub struct RedisLimiter {
    line: Line,
    key_prefix: String,
    taking: Script,
    giving_back: Script,
}

impl RedisLimiter {
    /// A limiter that has no connection yet.
    ///
    /// # Errors
    /// [`RedisSettingsError`] if the address is none. That there is nobody at it is no error.
    pub fn new(settings: &RedisSettings) -> Result<Self, RedisSettingsError> {
        // The library's error may quote the address, with the password in it.
        let client = Client::open(settings.url.expose_secret()).map_err(|_| RedisSettingsError)?;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(settings.connect_timeout))
            .set_response_timeout(Some(settings.response_timeout));
        Ok(Self {
            line: Line::new(client, config),
            key_prefix: settings.key_prefix.clone(),
            taking: Script::new(include_str!("gcra.lua")),
            giving_back: Script::new(include_str!("give_back.lua")),
        })
    }

    fn key(&self, demand: &Demand) -> String {
        format!("{}:limit:{}:{}", self.key_prefix, demand.class, demand.counted)
    }

    /// Takes one from the bucket with that name: how long until one would be let through, and until the bucket is full.
    async fn take_of(&self, key: &str, interval: u64, full_after: u64) -> Result<(u64, u64), LimiterError> {
        let mut question = self.taking.key(key);
        question.arg(interval).arg(full_after);
        self.line.ask(&question).await.map_err(|error| LimiterError(error.into()))
    }
}

impl Remote for RedisLimiter {
    fn been_away(&self, absences: u64) {
        self.line.been_away(absences);
    }
}

impl fmt::Debug for RedisLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisLimiter").field("key_prefix", &self.key_prefix).finish_non_exhaustive()
    }
}

#[async_trait]
impl Limiter for RedisLimiter {
    async fn take(&self, demand: &Demand) -> Result<Verdict, LimiterError> {
        let key = self.key(demand);
        let (interval, full_after) = microseconds(demand.rate);
        let (wait, ahead) = self.take_of(&key, interval, full_after).await?;
        let is_allowed = wait == 0;
        let left = if is_allowed { full_after.saturating_sub(ahead) / interval } else { 0 };
        Ok(Verdict {
            limit: demand.rate.burst.get(),
            remaining: u32::try_from(left).unwrap_or(u32::MAX),
            reset: Duration::from_micros(ahead),
            retry_after: (!is_allowed).then(|| Duration::from_micros(wait)),
        })
    }

    async fn give_back(&self, demand: &Demand) -> Result<(), LimiterError> {
        let (interval, _) = microseconds(demand.rate);
        let mut question = self.giving_back.key(self.key(demand));
        question.arg(interval);
        self.line.ask(&question).await.map_err(|error| LimiterError(error.into()))
    }

    async fn check(&self) -> Result<Counting, LimiterError> {
        // Whoever answers need not be able to count: it may be full, or a replica, or refuse scripts to this user. A bucket
        // that holds a century's worth always has one more, so that each check writes.
        self.take_of(&format!("{}:limit:check", self.key_prefix), 1, LONGEST).await?;
        Ok(Counting::Shared)
    }
}

/// How long one request takes of a bucket, and how long all of it is.
fn microseconds(rate: Rate) -> (u64, u64) {
    let interval = 60_000_000_u64.div_ceil(u64::from(rate.per_minute.get()));
    let most = LONGEST / interval;
    (interval, interval * u64::from(rate.burst.get()).min(most))
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    fn settings(url: &str) -> RedisSettings {
        RedisSettings {
            url: url.into(),
            key_prefix: "test".to_owned(),
            connect_timeout: Duration::from_secs(1),
            response_timeout: Duration::from_millis(250),
        }
    }

    #[test]
    fn an_address_is_one_or_refused_without_being_told() {
        for good in ["redis://127.0.0.1", "redis://user:p%40ss@[::1]:6380/3", "rediss://cache.example.org:6380/0"] {
            assert!(RedisLimiter::new(&settings(good)).is_ok(), "{good}");
        }
        for bad in ["", "127.0.0.1:6379", "http://user:hunter2@host", "redis://user:hunter2@host/zero"] {
            let refused = RedisLimiter::new(&settings(bad)).expect_err(bad);
            assert!(!format!("{refused} {refused:?}").contains("hunter2"), "{refused}");
        }
    }

    #[test]
    fn nobody_sees_the_password_of_a_limiter() {
        let settings = settings("redis://user:hunter2@host/0");
        let limiter = RedisLimiter::new(&settings).expect("good settings");
        assert!(!format!("{settings:?} {limiter:?}").contains("hunter2"));
    }

    #[test]
    fn never_more_than_the_rate_is_meant() {
        let of = |per_minute, burst| {
            let number = |n| NonZeroU32::new(n).expect("not zero");
            microseconds(Rate { per_minute: number(per_minute), burst: number(burst) })
        };
        assert_eq!(of(60, 3), (1_000_000, 3_000_000));
        assert_eq!(of(7, 1), (8_571_429, 8_571_429));
        assert_eq!(of(u32::MAX, 2), (1, 2));
        let (interval, full_after) = of(1, u32::MAX);
        assert!(full_after <= LONGEST && full_after % interval == 0, "{full_after}");
    }
}
