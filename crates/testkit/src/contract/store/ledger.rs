//! The ledger: what is set aside becomes what was taken, once.

use std::time::Duration;

use lyceum_domain::{
    ids::UserId,
    mentor::{Allowance, Counted, Quota, Reserved, Spending, UsageOutcome, UsageRecord, Window},
    store::Store,
    time::{Day, Timestamp, UtcOffset},
};

use crate::contract::{
    fixtures::{SET_ASIDE, Turn, at, call, ended, in_year, reservation},
    statements::{
        begin, begin_turn, close_abandoned, delete_conversation, end_turn, spending_at, stored_turn, stored_user, used,
    },
};

const DAY: u64 = 86_400;

async fn today(store: &dyn Store, user: UserId) -> lyceum_domain::mentor::Used {
    let spending = spending_at(store, user, at(0)).await;
    assert_eq!(spending.today, spending.this_month);
    spending.today
}

async fn records(store: &dyn Store, user: UserId) -> Vec<UsageRecord> {
    store.read().usage_of(user).await.expect("an answer")
}

/// Who never asked has spent nothing. What is set aside for a turn becomes what it took, less or more, or is given back
/// wholly; nobody else's is touched.
pub async fn what_is_set_aside_becomes_what_was_taken(store: &dyn Store) {
    let (user, other) = (stored_user(store).await.id, stored_user(store).await.id);
    assert_eq!(store.read().spending(user).await.expect("an answer"), None);
    stored_turn(store, other).await;
    let mut turns = Vec::new();
    for _ in 0..3 {
        turns.push(stored_turn(store, user).await);
    }
    assert_eq!(today(store, user).await, used(3, 3 * u64::from(SET_ASIDE)));
    turns[0].usage = ended(&turns[0].usage, 90);
    end_turn(store, &turns[0]).await.expect("ended");
    assert_eq!(today(store, user).await, used(3, 2_090));
    turns[1].usage = ended(&turns[1].usage, SET_ASIDE + 234);
    store.write().end_turn(&turns[1].ending()).await.expect("ended");
    assert_eq!(today(store, user).await, used(3, 2_324));
    turns[2].usage = UsageRecord { counted: Counted::default(), ..turns[2].usage.clone() };
    end_turn(store, &turns[2]).await.expect("ended");
    assert_eq!(today(store, user).await, used(2, 1_324));
    assert_eq!(records(store, user).await, turns.into_iter().map(|turn| turn.usage).collect::<Vec<_>>());
    assert_eq!(today(store, other).await, used(1, u64::from(SET_ASIDE)));
}

/// However often an ending is written down, it is charged once, and the last one counts.
pub async fn an_ending_is_charged_once(store: &dyn Store) {
    let user = stored_user(store).await.id;
    let mut turn = stored_turn(store, user).await;
    let open = turn.usage.clone();
    for tokens in [600, 600, 90, 1_500, 300] {
        turn.usage = ended(&open, tokens);
        end_turn(store, &turn).await.expect("ended");
        store.write().end_turn(&turn.ending()).await.expect("ended");
        assert_eq!(today(store, user).await, used(1, u64::from(tokens)));
        assert_eq!(records(store, user).await, [turn.usage.clone()]);
    }
}

/// A turn that was closed for a server which lives after all (it was only slow) is put right when that server ends it: the
/// answer and the charge are those of who gave it.
pub async fn an_ending_corrects_what_was_closed_as_abandoned(store: &dyn Store) {
    let user = stored_user(store).await.id;
    let turn = stored_turn(store, user).await;
    let mut closed = turn.clone();
    "Half of".clone_into(&mut closed.answer.content);
    closed.usage = UsageRecord { outcome: UsageOutcome::Interrupted, ..ended(&turn.usage, 400) };
    assert!(close_abandoned(store, &closed).await.expect("an answer"));
    assert_eq!(today(store, user).await, used(1, 400));
    let mut whole = turn;
    "Half of it, and the rest.".clone_into(&mut whole.answer.content);
    whole.usage = ended(&whole.usage, 700);
    end_turn(store, &whole).await.expect("ended");
    assert_eq!(today(store, user).await, used(1, 700));
    assert!(!close_abandoned(store, &closed).await.expect("an answer"));
    assert_eq!(today(store, user).await, used(1, 700));
    let answer = store.read().message(user, whole.answer.id).await.expect("an answer");
    assert_eq!(answer, Some(whole.answer));
    assert_eq!(records(store, user).await, [whole.usage]);
}

/// A new day (UTC) forgets the day, and a new month both. What began on the day before and ends today is put right where
/// it counts still: in the month, and after the month nowhere.
pub async fn a_new_day_and_a_new_month_begin_with_nothing(store: &dyn Store) {
    let user = stored_user(store).await.id;
    // `at(0)` is the first of January, in the morning.
    let begun = |days| at(days * DAY);
    let one_a_day = Allowance { requests: Some(1), tokens: None };
    let three_a_month = Allowance { requests: Some(3), tokens: None };
    let quota = Quota { day: one_a_day, month: three_a_month };
    let mut turns = Vec::new();
    for (days, expected) in [
        (0, None),
        (0, Some(Window::Day)),
        (1, None),
        (30, None),
        (30, Some(Window::Day)),
        (31, None),
        (31, Some(Window::Day)),
        (32, None),
    ] {
        let turn = Turn { reservation: reservation(quota, begun(days)), ..Turn::first_at(user, begun(days)) };
        let reserved = begin_turn(store, &turn, true).await.expect("an answer");
        assert_eq!(reserved, expected.map_or(Reserved::Granted { tokens: SET_ASIDE }, Reserved::UsedUp), "{days}");
        if expected.is_none() {
            turns.push(turn);
        }
    }
    let after = async || {
        let spending = spending_at(store, user, begun(32)).await;
        (spending.today, spending.this_month)
    };
    assert_eq!(after().await, (used(1, 1_000), used(2, 2_000)));
    // Of February: one of the day before, one of today.
    for (n, expected) in [
        (0, (used(1, 1_000), used(2, 2_000))),
        (2, (used(1, 1_000), used(2, 2_000))),
        (3, (used(1, 1_000), used(2, 1_100))),
        (4, (used(1, 100), used(2, 200))),
    ] {
        turns[n].usage = ended(&turns[n].usage, 100);
        end_turn(store, &turns[n]).await.expect("ended");
        assert_eq!(after().await, expected, "{n}");
    }
    let quota = Quota { day: Allowance::default(), ..quota };
    for expected in [Reserved::Granted { tokens: SET_ASIDE }, Reserved::UsedUp(Window::Month)] {
        let turn = Turn { reservation: reservation(quota, begun(32)), ..Turn::first_at(user, begun(32)) };
        assert_eq!(begin_turn(store, &turn, true).await.expect("an answer"), expected);
    }
}

/// A call outside of a conversation is recorded, set aside for and charged in the same way; and leaves nothing once an
/// allowance is used up.
pub async fn calls_outside_of_a_conversation_are_charged_too(store: &dyn Store) {
    let user = stored_user(store).await.id;
    let quota = Quota { day: Allowance { requests: Some(2), tokens: Some(1_500) }, month: Allowance::default() };
    let reservation = reservation(quota, at(0));
    let (first, second, third) = (call(user, at(0)), call(user, at(1)), call(user, at(2)));
    let open = async |call: &UsageRecord| {
        // What it counts for comes of the reservation, whatever stands there.
        let call = UsageRecord { counted: Counted::default(), ..call.clone() };
        store.write().open_call(&call, &reservation).await.expect("an answer")
    };
    assert_eq!(open(&first).await, Reserved::Granted { tokens: SET_ASIDE });
    assert_eq!(open(&second).await, Reserved::Granted { tokens: 500 });
    assert_eq!(open(&third).await, Reserved::UsedUp(Window::Day));
    let second = UsageRecord { counted: Counted { requests: 1, tokens: 500 }, ..second };
    assert_eq!(records(store, user).await, [first.clone(), second.clone()]);
    assert_eq!(today(store, user).await, used(2, 1_500));
    for tokens in [300, 300, 200] {
        store.write().close_call(&ended(&first, tokens)).await.expect("closed");
        assert_eq!(today(store, user).await, used(2, 500 + u64::from(tokens)));
    }
    let failed = UsageRecord {
        outcome: UsageOutcome::Failed,
        counted: Counted::default(),
        error_code: Some("unavailable".to_owned()),
        first_piece_ms: Some(1),
        duration_ms: Some(2),
        updated_at: at(9),
        ..second
    };
    store.write().close_call(&failed).await.expect("closed");
    assert_eq!(today(store, user).await, used(1, 200));
    assert_eq!(records(store, user).await, [ended(&first, 200), failed]);
    assert_eq!(open(&third).await, Reserved::Granted { tokens: SET_ASIDE });
}

/// Calls that never ended and whose answer is no message are found after their time, the oldest first: those of dead
/// servers outside of a conversation, or in one that was deleted. (In a year that no other case has to do with.)
pub async fn stale_calls_are_those_that_nobody_ends(store: &dyn Store) {
    let user = stored_user(store).await.id;
    let begun = |seconds| in_year(1790, seconds);
    let mut calls: Vec<UsageRecord> = [5, 3, 4, 60, 1].into_iter().map(|seconds| call(user, begun(seconds))).collect();
    for call in &calls {
        let reservation = reservation(Quota::default(), call.created_at);
        store.write().open_call(call, &reservation).await.expect("opened");
    }
    let closed = ended(&calls.pop().expect("five"), 9);
    store.write().close_call(&closed).await.expect("closed");
    let in_conversation = Turn::first_at(user, begun(2));
    let deleted = Turn::first_at(user, begun(6));
    for turn in [&in_conversation, &deleted] {
        begin_turn(store, turn, true).await.expect("a first turn");
    }
    assert!(delete_conversation(store, user, deleted.conversation.id).await.expect("an answer"));

    let expected = [calls[1].clone(), calls[2].clone(), calls[0].clone(), deleted.usage];
    let stale = async |limit| store.read().stale_calls(begun(60), limit).await.expect("an answer");
    for limit in [0, 1, 3, 4, 100] {
        let so_many = expected.len().min(usize::try_from(limit).expect("few"));
        assert_eq!(stale(limit).await, expected[..so_many], "{limit}");
    }
    for call in &expected {
        store.write().close_call(&ended(call, 0)).await.expect("closed");
    }
    assert_eq!(stale(100).await, []);
}

/// Numbers that look random and are the same each time (`SplitMix64`).
struct Dice(u64);

impl Dice {
    /// One of the numbers below `n`.
    fn roll(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }

    fn below(&mut self, n: u32) -> u32 {
        u32::try_from(self.roll(u64::from(n))).expect("below a small number")
    }
}

/// What the ledger must say of one user.
struct Account {
    user: UserId,
    spending: Spending,
    /// The turns that were begun, each with what it counts for.
    turns: Vec<(Turn, Counted)>,
}

impl Account {
    async fn begins(&mut self, store: &dyn Store, dice: &mut Dice, now: Timestamp) {
        let allowance = |dice: &mut Dice, times: u32| Allowance {
            requests: (dice.roll(3) > 0).then(|| dice.below(12 * times)),
            tokens: (dice.roll(3) > 0).then(|| dice.roll(12_000 * u64::from(times))),
        };
        let quota = Quota { day: allowance(dice, 1), month: allowance(dice, 4) };
        let turn = Turn { reservation: reservation(quota, now), ..Turn::first_at(self.user, now) };
        let reserved = match dice.roll(3) {
            0 => begin_turn(store, &turn, true).await,
            1 => store.write().begin_turn(&turn.opening(true)).await,
            _ => store.write().open_call(&turn.usage, &turn.reservation).await,
        };
        let expected = self.spending.reserve(&turn.reservation);
        assert_eq!(reserved.expect("an answer"), expected);
        if let Reserved::Granted { tokens } = expected {
            self.turns.push((turn, Counted { requests: 1, tokens }));
        }
    }

    async fn ends(&mut self, store: &dyn Store, dice: &mut Dice) {
        let Some(n) = u64::try_from(self.turns.len()).ok().filter(|n| *n > 0) else { return };
        let (turn, counted) = &mut self.turns[usize::try_from(dice.roll(n)).expect("an index")];
        turn.usage = ended(&turn.usage, dice.below(2_000));
        if dice.roll(4) == 0 {
            turn.usage.counted = Counted::default();
        }
        match dice.roll(5) {
            0 => store.write().end_turn(&turn.ending()).await.expect("ended"),
            1 => store.write().close_call(&turn.usage).await.expect("closed"),
            2 => {
                // It does nothing if the turn has ended, or was none.
                if !close_abandoned(store, turn).await.expect("an answer") {
                    return;
                }
            }
            3 => {
                delete_conversation(store, self.user, turn.conversation.id).await.expect("an answer");
                return;
            }
            _ => end_turn(store, turn).await.expect("ended"),
        }
        self.spending.settle(turn.usage.created_at, *counted, turn.usage.counted);
        *counted = turn.usage.counted;
    }
}

/// However turns and calls begin, end, end again, are closed and deleted, by whomever, over how many days and by which
/// clock: each user's ledger says what [`Spending`] makes of it, and each record what it counts for.
pub async fn a_ledger_is_what_all_its_calls_make_of_it(store: &dyn Store) {
    for seed in [1, 20_261_125] {
        let mut dice = Dice(seed);
        let mut now = at(25 * DAY);
        let mut accounts = Vec::new();
        for _ in 0..2 {
            let user = stored_user(store).await.id;
            accounts.push(Account { user, spending: Spending::nothing(now), turns: Vec::new() });
        }
        for step in 0..150 {
            now = now.plus(Duration::from_secs(dice.roll(20_000)));
            // The clocks of servers differ, and some are set back.
            let now = if dice.roll(6) == 0 { now.minus(Duration::from_secs(dice.roll(40_000))) } else { now };
            let account = &mut accounts[usize::try_from(dice.roll(2)).expect("an index")];
            if dice.roll(2) == 0 {
                account.begins(store, &mut dice, now).await;
            } else {
                account.ends(store, &mut dice).await;
            }
            let found = spending_at(store, account.user, now).await;
            assert_eq!(found, account.spending.at(now), "step {step} of {seed}");
        }
        for account in &accounts {
            let stored = records(store, account.user).await;
            let counted: Vec<_> = stored.iter().map(|record| (record.id, record.counted)).collect();
            let mut turns: Vec<_> = account.turns.iter().collect();
            turns.sort_by_key(|(turn, _)| (turn.usage.created_at, turn.usage.id));
            let expected: Vec<_> = turns.iter().map(|(turn, counted)| (turn.usage.id, *counted)).collect();
            assert_eq!(counted, expected, "{seed}");
            assert!(expected.len() > 20, "only {} began", expected.len());
        }
    }
}

/// Records of calls from before a day are removed, no more than so many; what was used up stays as it is.
pub async fn records_of_old_calls_are_removed(store: &dyn Store) {
    let user = stored_user(store).await.id;
    let day = i64::try_from(DAY).expect("fits");
    // Noon of a day, for the days of a year begin when they begin.
    let noon =
        Day::of(in_year(1500, 0), UtcOffset::default()).begins(UtcOffset::default()).plus(Duration::from_secs(DAY / 2));
    let on = |days: i64| {
        Turn::first_at(user, Timestamp::from_micros(noon.as_micros() + days * day * 1_000_000).expect("a time"))
    };
    let turns: Vec<Turn> = [-3, -2, -1, 0, 1].map(on).into();
    for turn in &turns {
        begin_turn(store, turn, true).await.expect("a first turn");
        end_turn(store, turn).await.expect("ended");
    }
    let spent = store.read().spending(user).await.expect("an answer");
    let mut unit = begin(store).await;
    for removed in [2, 1, 0] {
        assert_eq!(unit.conversations().remove_usage(noon, 2).await.expect("an answer"), removed);
    }
    unit.commit().await.expect("kept");
    let left: Vec<_> = records(store, user).await.into_iter().map(|record| record.id).collect();
    assert_eq!(left, turns[3..].iter().map(|turn| turn.usage.id).collect::<Vec<_>>());
    assert_eq!(store.read().spending(user).await.expect("an answer"), spent);
}
