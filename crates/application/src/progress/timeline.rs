//! What a learner did, day by day.

use lyceum_domain::{
    invalid::Invalid,
    policy::{Action, Actor, allow},
    progress::DayActivity,
    time::{Day, UtcOffset},
};

use crate::{Error, Lyceum, error::denied};

/// How many days a timeline shows: 1 to 366, 30 if nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimelineDays(u16);

impl TimelineDays {
    /// 1 to 366.
    pub fn parse(days: u32) -> Result<Self, Invalid> {
        let days = u16::try_from(days).ok().filter(|days| (1..=366).contains(days));
        days.map(Self).ok_or(Invalid::OutOfRange { min: 1, max: 366 })
    }
}

impl Default for TimelineDays {
    fn default() -> Self {
        Self(30)
    }
}

/// A learner's days, up to today.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline {
    /// Every day, oldest first, those without activity too.
    pub days: Vec<DayActivity>,
    /// On how many of them the learner did something.
    pub days_active: u32,
    /// How many days in a row they did something up to today, or up to yesterday as long as today is not over.
    pub current_streak: u32,
    /// The most days in a row.
    pub longest_streak: u32,
}

impl Timeline {
    fn new(today: Day, length: TimelineDays, active: &[DayActivity]) -> Self {
        let first = today.epoch_days() - i64::from(length.0) + 1;
        let nothing = |day| DayActivity { day, steps: 0, lessons_completed: 0, courses: 0 };
        let on = |day: Day| active.iter().find(|active| active.day == day).copied().unwrap_or_else(|| nothing(day));
        let days: Vec<_> = (first..=today.epoch_days()).filter_map(Day::from_epoch_days).map(on).collect();
        let (mut run, mut longest, mut before_today) = (0, 0, 0);
        for day in &days {
            if day.day == today {
                before_today = run;
            }
            run = if day.steps > 0 { run + 1 } else { 0 };
            longest = longest.max(run);
        }
        let days_active = days.iter().filter(|day| day.steps > 0).count();
        Self {
            days,
            days_active: u32::try_from(days_active).unwrap_or(u32::MAX),
            current_streak: if run > 0 { run } else { before_today },
            longest_streak: longest,
        }
    }
}

impl Lyceum {
    /// What one did on each of the last `length` days, days as they are at `offset`. Streaks are those within them.
    pub async fn timeline(&self, actor: &Actor, length: TimelineDays, offset: UtcOffset) -> Result<Timeline, Error> {
        allow(actor, &Action::ReadOwnProgress).map_err(denied("progress"))?;
        let user = actor.user().ok_or(Error::SignInRequired)?;
        let today = Day::of(self.ports.clock.now(), offset);
        let first = Day::from_epoch_days(today.epoch_days() - i64::from(length.0) + 1).unwrap_or(today);
        let active = self.ports.store.read().activity(user, first.begins(offset), offset).await?;
        Ok(Timeline::new(today, length, &active))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline(length: u32, today: i64, active: &[i64]) -> (usize, u32, u32, u32) {
        let on = |day: &i64| {
            let day = Day::from_epoch_days(*day).expect("a day");
            DayActivity { day, steps: 2, lessons_completed: 1, courses: 1 }
        };
        let active: Vec<_> = active.iter().map(on).collect();
        let today = Day::from_epoch_days(today).expect("a day");
        let made = Timeline::new(today, TimelineDays::parse(length).expect("a length"), &active);
        assert!(made.days.iter().map(|day| day.day.epoch_days()).is_sorted_by(|a, b| a + 1 == *b), "{:?}", made.days);
        (made.days.len(), made.days_active, made.current_streak, made.longest_streak)
    }

    #[test]
    fn a_streak_lasts_until_the_day_is_over() {
        assert_eq!(timeline(30, 100, &[]), (30, 0, 0, 0));
        assert_eq!(timeline(30, 100, &[100]), (30, 1, 1, 1));
        assert_eq!(timeline(30, 100, &[97, 98, 99]), (30, 3, 3, 3));
        assert_eq!(timeline(30, 100, &[97, 98, 99, 100]), (30, 4, 4, 4));
        assert_eq!(timeline(30, 100, &[96, 97, 98]), (30, 3, 0, 3));
        assert_eq!(timeline(30, 100, &[80, 81, 82, 83, 99]), (30, 5, 1, 4));
    }

    #[test]
    fn what_was_before_or_comes_after_is_not_in_it() {
        assert_eq!(timeline(1, 100, &[99, 100, 101]), (1, 1, 1, 1));
        assert_eq!(timeline(1, 100, &[99]), (1, 0, 0, 0));
        assert_eq!(timeline(366, 400, &[34, 35]), (366, 1, 0, 1));
    }

    #[test]
    fn a_year_is_the_most() {
        assert!(TimelineDays::parse(0).is_err() && TimelineDays::parse(367).is_err());
        assert!(TimelineDays::parse(1).is_ok() && TimelineDays::parse(366).is_ok());
    }
}
