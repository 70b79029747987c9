//! What was spent, by day and user.

use lyceum_domain::{
    ids::UserId,
    mentor::{Cost, ModelUsage, Quota, TokenUsage, UsageDay, UsageFilter, UsageOutcome, UsageRecord},
    store::Store,
    time::{Day, Timestamp, UtcOffset},
};

use crate::contract::{
    fixtures::{Turn, call, ended, in_year, reservation},
    statements::{begin_turn, delete_conversation, first_page, stored_user, walk},
};

/// A day of a year that no other case has to do with.
const YEAR: i64 = 2400;

fn day(n: i64) -> Day {
    let first = Day::of(in_year(YEAR, 0), UtcOffset::default());
    Day::from_epoch_days(first.epoch_days() + n).expect("a day")
}

/// When that day begins, and the last moment of it.
fn ends_of(n: i64) -> [Timestamp; 2] {
    let [begins, ends] = [day(n), day(n + 1)].map(|day| day.begins(UtcOffset::default()));
    [begins, Timestamp::from_micros(ends.as_micros() - 1).expect("a time")]
}

async fn record(store: &dyn Store, call: &UsageRecord) {
    let opened = UsageRecord { outcome: UsageOutcome::Open, cost: Cost::default(), ..call.clone() };
    store.write().open_call(&opened, &reservation(Quota::default(), call.created_at)).await.expect("opened");
    store.write().close_call(call).await.expect("closed");
}

async fn days(store: &dyn Store, since: i64, until: i64, user: UserId) -> Vec<UsageDay> {
    let filter = UsageFilter { since: day(since), until: day(until), user: Some(user) };
    let page = store.read().usage_days(filter, first_page()).await.expect("an answer");
    assert_eq!(page.next, None);
    page.items
}

/// A day has all calls that began within it (UTC), from its first moment to its last, by provider and model: how many,
/// how many of them failed, their tokens and their price. Open ones count too, and so do those whose conversation is gone.
pub async fn a_day_has_all_calls_by_model(store: &dyn Store) {
    let user = stored_user(store).await.id;
    let [first, last] = ends_of(1);
    let of = |provider: &str, model: &str, at| UsageRecord {
        provider: provider.to_owned(),
        model: model.to_owned(),
        ..call(user, at)
    };
    let cost = |prompt_tokens, completion_tokens, micros| Cost {
        tokens: TokenUsage { prompt_tokens, completion_tokens },
        is_estimated: true,
        micros,
    };
    let large = u64::from(u32::MAX);
    for (call, outcome, cost) in [
        (of("b", "m'2", first), UsageOutcome::Complete, cost(u32::MAX, 1, large * 1_000)),
        (of("b", "m'2", last), UsageOutcome::Failed, cost(u32::MAX, 2, 9)),
        (of("b", "m1", last), UsageOutcome::Interrupted, cost(0, 3, 0)),
        (of("a", "m1", first), UsageOutcome::Failed, Cost::default()),
        // These are of the days around it.
        (of("a", "m1", ends_of(0)[1]), UsageOutcome::Complete, cost(7, 7, 7)),
        (of("a", "m1", ends_of(2)[0]), UsageOutcome::Complete, cost(8, 8, 8)),
    ] {
        record(store, &UsageRecord { outcome, cost, ..call }).await;
    }
    let turn = Turn::first_at(user, first);
    begin_turn(store, &turn, true).await.expect("a first turn");
    delete_conversation(store, user, turn.conversation.id).await.expect("an answer");

    let usage = |provider: &str, model: &str, calls, failed, prompt_tokens, completion_tokens, micros| ModelUsage {
        provider: provider.to_owned(),
        model: model.to_owned(),
        calls,
        failed,
        prompt_tokens,
        completion_tokens,
        micros,
    };
    let models = vec![
        usage("a", "m1", 1, 1, 0, 0, 0),
        usage("b", "m'2", 2, 1, 2 * large, 3, large * 1_000 + 9),
        usage("b", "m1", 1, 0, 0, 3, 0),
        usage("offline", "a-model", 1, 0, 0, 0, 0),
    ];
    assert_eq!(days(store, 1, 1, user).await, [UsageDay { day: day(1), user, models }]);
    let totals: Vec<u64> = days(store, 0, 2, user).await.iter().map(|day| day.models[0].prompt_tokens).collect();
    assert_eq!(totals, [8, 0, 7]);
}

/// The latest day comes first; the filter has its first and its last day, and one user or all.
pub async fn days_are_those_of_the_filter(store: &dyn Store) {
    let (user, other) = (stored_user(store).await.id, stored_user(store).await.id);
    for n in [10, 12, 13] {
        record(store, &ended(&call(user, ends_of(n)[0]), 30)).await;
        record(store, &ended(&call(other, ends_of(n)[1]), 30)).await;
    }
    for (since, until, expected) in
        [(10, 13, vec![13, 12, 10]), (11, 12, vec![12]), (13, 13, vec![13]), (11, 11, vec![]), (13, 10, vec![])]
    {
        let expected: Vec<Day> = expected.into_iter().map(day).collect();
        for user in [user, other] {
            let found = days(store, since, until, user).await;
            assert!(found.iter().all(|of| of.user == user));
            assert_eq!(found.iter().map(|of| of.day).collect::<Vec<_>>(), expected, "{since} to {until}");
        }
        let filter = UsageFilter { since: day(since), until: day(until), user: None };
        let all = store.read().usage_days(filter, first_page()).await.expect("an answer").items;
        assert_eq!(all.len(), 2 * expected.len());
    }
}

/// Page by page, of whatever size, each user is seen once on each day; the last users of a day first.
pub async fn a_cursor_walks_each_day_once(store: &dyn Store) {
    let mut expected = Vec::new();
    for n in 0..4 {
        let user = stored_user(store).await.id;
        for of in [20, 21, 23].into_iter().take(if n == 0 { 1 } else { 3 }) {
            for at in ends_of(of) {
                record(store, &ended(&call(user, at), 30)).await;
            }
            expected.push((day(of), user));
        }
    }
    expected.sort_by(|a, b| b.cmp(a));
    let filter = UsageFilter { since: day(20), until: day(23), user: None };
    for size in [1, 2, 3, 5, 9, 10, 11] {
        let walked = walk(size, async |page| store.read().usage_days(filter, page).await).await;
        assert!(walked.iter().all(|of| of.models.len() == 1 && of.models[0].calls == 2));
        let walked: Vec<_> = walked.iter().map(|of| (of.day, of.user)).collect();
        assert_eq!(walked, expected, "pages of {size}");
    }
}
