//! Points in time, cut to microseconds (PostgreSQL keeps no more), and the clock port.

use std::{fmt, time::Duration};

use chrono::{DateTime, Datelike, NaiveDate, SecondsFormat, SubsecRound, Utc};

use crate::invalid::Invalid;

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

/// How far a place's clocks are ahead of UTC: -14 to +14 hours, in minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UtcOffset(i32);

impl UtcOffset {
    /// Minutes, positive to the east.
    pub fn parse(minutes: i32) -> Result<Self, Invalid> {
        const MAX: i32 = 14 * 60;
        if (-MAX..=MAX).contains(&minutes) {
            Ok(Self(minutes))
        } else {
            Err(Invalid::OutOfRange { min: i64::from(-MAX), max: i64::from(MAX) })
        }
    }

    /// Seconds, positive to the east.
    pub const fn seconds(self) -> i64 {
        self.0 as i64 * 60
    }
}

/// A day of the calendar (ISO 8601).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Day(NaiveDate);

impl Day {
    /// The day that it is at this time where clocks are `offset` ahead.
    pub fn of(at: Timestamp, offset: UtcOffset) -> Self {
        let local = at.as_datetime().naive_utc().checked_add_signed(chrono::TimeDelta::seconds(offset.seconds()));
        Self(local.map_or_else(|| at.as_datetime().date_naive(), |local| local.date()))
    }

    /// This many days after 1970-01-01; `None` outside of the calendar.
    pub fn from_epoch_days(days: i64) -> Option<Self> {
        let from_year_one = i32::try_from(days).ok()?.checked_add(EPOCH_FROM_YEAR_ONE)?;
        NaiveDate::from_num_days_from_ce_opt(from_year_one).map(Self)
    }

    /// Days since 1970-01-01.
    pub fn epoch_days(self) -> i64 {
        i64::from(self.0.num_days_from_ce() - EPOCH_FROM_YEAR_ONE)
    }

    /// The day after; the last day of the calendar has none and stays.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.succ_opt().unwrap_or(self.0))
    }

    /// The first day of its month, which stands for the month.
    #[must_use]
    pub fn first_of_month(self) -> Self {
        Self(self.0.with_day(1).unwrap_or(self.0))
    }

    /// The first day of the month after.
    #[must_use]
    pub fn first_of_next_month(self) -> Self {
        Self(self.0.with_day(1).and_then(|first| first.checked_add_months(chrono::Months::new(1))).unwrap_or(self.0))
    }

    /// Reads `2026-11-25`.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let bad = Invalid::Malformed { expected: "a day as 2026-11-25" };
        if text.len() != 10 {
            return Err(bad);
        }
        NaiveDate::parse_from_str(text, "%Y-%m-%d").map(Self).map_err(|_| bad)
    }

    /// When it begins where clocks are `offset` ahead.
    pub fn begins(self, offset: UtcOffset) -> Timestamp {
        let midnight = self.0.and_time(chrono::NaiveTime::MIN).and_utc();
        Timestamp::new(midnight.checked_sub_signed(chrono::TimeDelta::seconds(offset.seconds())).unwrap_or(midnight))
    }
}

/// 1970-01-01, counted from the first day of the year 1.
const EPOCH_FROM_YEAR_ONE: i32 = 719_163;

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.format("%Y-%m-%d"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::new(text.parse::<DateTime<Utc>>().expect("a time"))
    }

    #[test]
    fn a_day_begins_earlier_in_the_east() {
        let tokyo = UtcOffset::parse(540).expect("an offset");
        let evening = at("2026-03-01T20:00:00Z");
        assert_eq!(Day::of(evening, UtcOffset::default()).to_string(), "2026-03-01");
        assert_eq!(Day::of(evening, tokyo).to_string(), "2026-03-02");
        assert_eq!(Day::of(evening, tokyo).begins(tokyo), at("2026-03-01T15:00:00Z"));
        assert!(UtcOffset::parse(841).is_err());
    }

    #[test]
    fn days_are_counted_from_1970() {
        assert_eq!(Day::from_epoch_days(0).expect("a day").to_string(), "1970-01-01");
        assert_eq!(Day::of(at("1969-12-31T23:00:00Z"), UtcOffset::default()).epoch_days(), -1);
        assert_eq!(Day::from_epoch_days(20_000).map(Day::epoch_days), Some(20_000));
        assert_eq!(Day::from_epoch_days(i64::MAX), None);
    }
}
