//! Points in time, cut to microseconds (PostgreSQL keeps no more), and the clock port.

use std::{fmt, time::Duration};

use chrono::{DateTime, SecondsFormat, SubsecRound, Utc};

/// Tells the time. Nothing in the house asks the operating system but the one adapter behind this port.
pub trait Clock: Send + Sync {
    /// Now, in UTC.
    fn now(&self) -> Timestamp;
}

/// A point in time in UTC, microseconds at most.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(DateTime<Utc>);

impl Timestamp {
    /// Cuts `at` to microseconds.
    pub fn new(at: DateTime<Utc>) -> Self {
        Self(at.trunc_subsecs(6))
    }

    /// From microseconds since 1970; `None` outside of what a calendar date can hold.
    pub fn from_micros(micros: i64) -> Option<Self> {
        DateTime::from_timestamp_micros(micros).map(Self)
    }

    /// Microseconds since 1970.
    pub fn as_micros(self) -> i64 {
        self.0.timestamp_micros()
    }

    /// The date and time in UTC.
    pub fn as_datetime(self) -> DateTime<Utc> {
        self.0
    }

    /// Seconds since 1970, as JWT claims want them (RFC 7519 `NumericDate`).
    pub fn as_unix_seconds(self) -> i64 {
        self.0.timestamp()
    }

    /// This much later; the latest representable time if that is past the calendar.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        chrono::TimeDelta::from_std(span)
            .ok()
            .and_then(|delta| self.0.checked_add_signed(delta))
            .map_or(Self(DateTime::<Utc>::MAX_UTC.trunc_subsecs(6)), Self::new)
    }

    /// This much earlier; the earliest representable time if that is before the calendar.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        chrono::TimeDelta::from_std(span)
            .ok()
            .and_then(|delta| self.0.checked_sub_signed(delta))
            .map_or(Self(DateTime::<Utc>::MIN_UTC.trunc_subsecs(6)), Self::new)
    }

    /// How long after `earlier` this is; nothing if it is before.
    pub fn since(self, earlier: Self) -> Duration {
        (self.0 - earlier.0).to_std().unwrap_or_default()
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 with `Z` and as many digits as needed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
