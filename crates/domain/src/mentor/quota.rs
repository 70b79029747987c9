//! What a plan may ask of the mentor, and how much of it is used up.
//!
//! The most that a call may cost is reserved before it starts, in one step that no other call of the same user can come
//! between; when it ends, the reservation becomes what it did cost. So calls at once cannot slip past a quota. Days and
//! months are those of UTC.

use crate::{
    mentor::{TokenUsage, estimated_tokens},
    time::{Day, Timestamp, UtcOffset},
    users::Plan,
};

/// What somebody may ask; `None` is without limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quota {
    /// Of one day.
    pub day: Allowance,
    /// Of one month.
    pub month: Allowance,
}

/// What may be asked within a day or a month; `None` is without limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Allowance {
    /// Answers.
    pub requests: Option<u32>,
    /// Tokens of questions and answers together.
    pub tokens: Option<u64>,
}

/// The quota of each plan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quotas {
    /// Of [`Plan::Free`].
    pub free: Quota,
    /// Of [`Plan::Premium`].
    pub premium: Quota,
}

impl Quotas {
    /// The quota of a plan.
    pub const fn of(&self, plan: Plan) -> Quota {
        match plan {
            Plan::Free => self.free,
            Plan::Premium => self.premium,
        }
    }
}

/// What was asked within a day or a month, what is reserved for calls under way included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Used {
    /// Answers.
    pub requests: u32,
    /// Tokens.
    pub tokens: u64,
}

/// What a user has used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spending {
    /// The day that `today` is about.
    pub day: Day,
    /// Used on that day.
    pub today: Used,
    /// Used in that day's month.
    pub this_month: Used,
}

impl Spending {
    /// Nothing, at this time.
    pub fn nothing(at: Timestamp) -> Self {
        Self { day: day_of(at), today: Used::default(), this_month: Used::default() }
    }

    /// The same, seen at another time: what is of an earlier day or month counts no more. A day that has begun goes on for
    /// a clock that is behind (one of another server, or one that was set back): it would forget the day, and the next
    /// clock that is right would forget it again.
    #[must_use]
    pub fn at(self, at: Timestamp) -> Self {
        let day = day_of(at).max(self.day);
        Self {
            day,
            today: if day == self.day { self.today } else { Used::default() },
            this_month: if day.first_of_month() == self.day.first_of_month() {
                self.this_month
            } else {
                Used::default()
            },
        }
    }

    /// Reserves for a call, or says which allowance is used up and changes nothing.
    pub fn reserve(&mut self, reservation: &Reservation) -> Reserved {
        let mut seen = self.at(reservation.at);
        let quota = &reservation.quota;
        let windows = [(Window::Day, seen.today, quota.day), (Window::Month, seen.this_month, quota.month)];
        let mut tokens = u64::from(reservation.most);
        for (window, used, allowance) in windows {
            if allowance.requests.is_some_and(|most| used.requests >= most) {
                return Reserved::UsedUp(window);
            }
            if let Some(most) = allowance.tokens {
                let left = most.saturating_sub(used.tokens);
                if left < u64::from(reservation.least) {
                    return Reserved::UsedUp(window);
                }
                tokens = tokens.min(left);
            }
        }
        for used in [&mut seen.today, &mut seen.this_month] {
            used.requests += 1;
            used.tokens += tokens;
        }
        *self = seen;
        Reserved::Granted { tokens: u32::try_from(tokens).unwrap_or(u32::MAX) }
    }

    /// Replaces what a call of `made_at` counted for by what it counts for now. One of another day changes nothing; so what
    /// was set aside in a day that had begun, by a clock that was behind, stays set aside until that day ends.
    pub fn settle(&mut self, made_at: Timestamp, before: Counted, now: Counted) {
        let day = day_of(made_at);
        let settle = |used: &mut Used| {
            used.requests = (used.requests + now.requests).saturating_sub(before.requests);
            used.tokens = (used.tokens + u64::from(now.tokens)).saturating_sub(u64::from(before.tokens));
        };
        if day == self.day {
            settle(&mut self.today);
        }
        if day.first_of_month() == self.day.first_of_month() {
            settle(&mut self.this_month);
        }
    }
}

/// The day of UTC.
fn day_of(at: Timestamp) -> Day {
    Day::of(at, UtcOffset::default())
}

/// What a call asks to be set aside for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reservation {
    /// What the user may ask.
    pub quota: Quota,
    /// When.
    pub at: Timestamp,
    /// The fewest tokens with which it makes sense to begin.
    pub least: u32,
    /// The most that it may cost.
    pub most: u32,
}

/// The fewest tokens that make an answer.
const SHORTEST_ANSWER: u32 = 64;

impl Reservation {
    /// For a prompt of these bytes and an answer of at most `answer` tokens. A token is at least two bytes in any text
    /// that is worth asking about; if less than that is left, a shorter answer is given as long as it can be one.
    pub fn new(quota: Quota, prompt_bytes: usize, answer: u32, at: Timestamp) -> Self {
        let tokens = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
        Self {
            quota,
            at,
            least: tokens(prompt_bytes.div_ceil(4)).saturating_add(SHORTEST_ANSWER.min(answer)),
            most: tokens(prompt_bytes.div_ceil(2)).saturating_add(answer),
        }
    }

    /// How long the answer may be if these tokens were granted.
    pub fn answer_within(&self, granted: u32, prompt_bytes: usize, answer: u32) -> u32 {
        let prompt = u32::try_from(prompt_bytes.div_ceil(4)).unwrap_or(u32::MAX);
        if granted >= self.most { answer } else { granted.saturating_sub(prompt).clamp(1, answer.max(1)) }
    }
}

/// What came of a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reserved {
    /// So many tokens are set aside: the most, or what is left.
    Granted {
        /// The tokens.
        tokens: u32,
    },
    /// Nothing is; the allowance of this window is used up.
    UsedUp(Window),
}

/// A span that has an allowance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Window {
    /// The day.
    Day,
    /// The month.
    Month,
}

impl Window {
    /// The word used in messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    /// When the next one begins.
    pub fn ends(self, at: Timestamp) -> Timestamp {
        let day = day_of(at);
        match self {
            Self::Day => day.next(),
            Self::Month => day.first_of_next_month(),
        }
        .begins(UtcOffset::default())
    }
}

/// What a call counts for in its user's quota.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// One, or none if it was refunded.
    pub requests: u32,
    /// Tokens: while it runs what is reserved, then what it took.
    pub tokens: u32,
}

impl Counted {
    /// What a call took.
    pub const fn of(tokens: TokenUsage) -> Self {
        Self { requests: 1, tokens: tokens.prompt_tokens.saturating_add(tokens.completion_tokens) }
    }
}

/// About how many tokens were taken by a prompt and what was said, for a call whose provider did not say.
pub fn estimated_usage(prompt_tokens: u32, said: &str) -> TokenUsage {
    TokenUsage { prompt_tokens, completion_tokens: estimated_tokens(said) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    fn at(seconds: u64) -> Timestamp {
        // 30 November 2026, midnight.
        Timestamp::from_micros(1_795_996_800_000_000).expect("a time").plus(Duration::from_secs(seconds))
    }

    fn limited(requests: u32, tokens: u64) -> Quota {
        let allowance = Allowance { requests: Some(requests), tokens: Some(tokens) };
        Quota { day: allowance, month: Allowance::default() }
    }

    #[test]
    fn what_is_left_may_be_less_than_the_most() {
        let mut spending = Spending::nothing(at(0));
        let reservation = Reservation::new(limited(9, 1_000), 400, 1_000, at(1));
        assert_eq!((reservation.least, reservation.most), (164, 1_200));
        assert_eq!(spending.reserve(&reservation), Reserved::Granted { tokens: 1_000 });
        assert_eq!(reservation.answer_within(1_000, 400, 1_000), 900);
        assert_eq!(spending.reserve(&reservation), Reserved::UsedUp(Window::Day));
        spending.settle(at(1), Counted { requests: 1, tokens: 1_000 }, Counted { requests: 1, tokens: 200 });
        assert_eq!(spending.today, Used { requests: 1, tokens: 200 });
        assert_eq!(spending.reserve(&reservation), Reserved::Granted { tokens: 800 });
    }

    #[test]
    fn a_new_day_forgets_the_day_and_a_new_month_both() {
        let mut spending = Spending::nothing(at(0));
        let quota = Quota { day: Allowance { requests: Some(1), tokens: None }, month: Allowance::default() };
        let ask = |seconds| Reservation::new(quota, 4, 10, at(seconds));
        assert!(matches!(spending.reserve(&ask(0)), Reserved::Granted { .. }));
        assert_eq!(spending.reserve(&ask(86_399)), Reserved::UsedUp(Window::Day));
        assert!(matches!(spending.reserve(&ask(86_400)), Reserved::Granted { .. }), "the first of December");
        assert_eq!((spending.today.requests, spending.this_month.requests), (1, 1));
        assert_eq!(Window::Day.ends(at(5)), at(86_400));
        assert_eq!(Window::Month.ends(at(5)), at(86_400));
        // What began on the day before is settled where it was counted, which is nowhere any more.
        spending.settle(at(0), Counted { requests: 1, tokens: 12 }, Counted::default());
        assert_eq!(spending.today.requests, 1);
    }

    #[test]
    fn a_clock_that_is_behind_goes_on_with_the_day_and_the_month_that_have_begun() {
        let mut spending = Spending::nothing(at(86_400));
        let allowance = Allowance { requests: Some(2), tokens: None };
        let quota = Quota { day: allowance, month: allowance };
        let ask = |seconds| Reservation::new(quota, 4, 10, at(seconds));
        assert!(matches!(spending.reserve(&ask(86_400)), Reserved::Granted { .. }), "the first of December");
        assert!(matches!(spending.reserve(&ask(86_100)), Reserved::Granted { .. }), "five minutes earlier");
        assert_eq!((spending.day, spending.today.requests), (day_of(at(86_400)), 2));
        for seconds in [86_100, 86_400, 90_000] {
            assert_eq!(spending.reserve(&ask(seconds)), Reserved::UsedUp(Window::Day));
            assert_eq!(spending.at(at(seconds)).this_month.requests, 2);
        }
    }

    #[test]
    fn nothing_is_none_and_unset_is_without_limit() {
        let mut spending = Spending::nothing(at(0));
        assert_eq!(
            spending.reserve(&Reservation::new(limited(0, 99_999), 4, 10, at(0))),
            Reserved::UsedUp(Window::Day)
        );
        assert_eq!(spending.reserve(&Reservation::new(limited(9, 0), 4, 10, at(0))), Reserved::UsedUp(Window::Day));
        for _ in 0..1_000 {
            let unlimited = Reservation::new(Quota::default(), 4, 10, at(0));
            assert_eq!(spending.reserve(&unlimited), Reserved::Granted { tokens: 12 });
        }
    }

    proptest! {
        #[test]
        fn what_is_reserved_never_passes_the_allowance(
            asks in proptest::collection::vec((0_usize..8_000, 1_u32..2_000, any::<bool>()), 1..60),
        ) {
            let mut spending = Spending::nothing(at(0));
            let quota = limited(20, 20_000);
            let mut open = Vec::new();
            for (bytes, answer, ends) in asks {
                let reservation = Reservation::new(quota, bytes, answer, at(1));
                if let Reserved::Granted { tokens } = spending.reserve(&reservation) {
                    prop_assert!(tokens >= reservation.least && tokens <= reservation.most);
                    prop_assert!(reservation.answer_within(tokens, bytes, answer) <= answer);
                    open.push(tokens);
                }
                prop_assert!(spending.today.tokens <= 20_000 && spending.today.requests <= 20);
                if ends && let Some(tokens) = open.pop() {
                    spending.settle(at(1), Counted { requests: 1, tokens }, Counted { requests: 0, tokens: 0 });
                }
            }
            let left: u64 = open.iter().map(|tokens| u64::from(*tokens)).sum();
            prop_assert_eq!(spending.today.tokens, left);
        }
    }
}
