//! What a plan may ask, also of those who ask it all at once.

use std::{future::pending, time::Duration};

use futures_util::future::join_all;
use lyceum_application::{Error, Rules, idempotency::Done, mentor::Turn};
use lyceum_domain::{
    mentor::{Allowance, ChatError, Counted, Delivery, Quota, Quotas, UsageOutcome, Window},
    users::Plan,
};
use lyceum_testkit::chat::{ScriptedModel, Upstream, stop};
use tokio::join;

use super::scene::a_moment;
use crate::house::{House, code, hear, question};

fn requests(n: u32) -> Quota {
    Quota { day: Allowance { requests: Some(n), tokens: None }, month: Allowance::default() }
}

fn tokens(n: u64) -> Quota {
    Quota { day: Allowance { requests: None, tokens: Some(n) }, month: Allowance::default() }
}

fn limited(free: Quota) -> Rules {
    Rules { quotas: Quotas { free, premium: Quota::default() }, ..Rules::default() }
}

fn played(free: Quota) -> (House, Upstream) {
    let (model, upstream) = ScriptedModel::new();
    (House::with(model, limited(free)), upstream)
}

fn refused(asked: Result<Turn, Error>) -> (Window, Duration) {
    match asked.err() {
        Some(Error::QuotaExceeded { window, retry_after }) => (window, retry_after),
        other => panic!("it was not refused for its quota, but {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_hundred_questions_at_once_as_many_are_asked_as_the_quota_has() {
    let house = House::with_rules(limited(requests(10)));
    let (ada, bob) = (house.learner("ada").await, house.learner("bob").await);
    let asked = join_all((0..200).map(|_| house.lyceum.ask(&ada, question("Why?")))).await;
    let (turns, refusals): (Vec<_>, Vec<_>) = asked.into_iter().partition(Result::is_ok);
    assert_eq!((turns.len(), refusals.len()), (10, 190));
    for refusal in refusals {
        // It is nine o'clock.
        assert_eq!(refused(refusal), (Window::Day, Duration::from_hours(15)));
    }
    let running = join_all(turns.into_iter().map(|turn| house.listen(turn.unwrap()))).await;
    assert!(running.into_iter().all(|heard| heard.code() == "ok"));
    assert_eq!((house.usage(&ada).await.len(), house.spending(&ada).await.today.requests), (10, 10));
    assert_eq!(house.messages_of(&ada).await, 20, "what is refused leaves nothing");
    assert_eq!(code(house.lyceum.ask(&ada, question("Why?")).await), "quota_exceeded");
    assert_eq!(code(house.lyceum.ask(&bob, question("Why?")).await), "ok", "it is nobody else's quota");
}

impl House {
    /// How many messages somebody has in all conversations.
    async fn messages_of(&self, owner: &lyceum_application::sessions::Caller) -> usize {
        let everything = lyceum_domain::page::PageRequest::default();
        let all = self.lyceum.conversations(&owner.actor(), <_>::default(), everything).await.unwrap().items;
        let mut count = 0;
        for conversation in all {
            count += self.messages(owner, conversation.id).await.len();
        }
        count
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_day_has_a_new_quota_and_a_month_is_longer() {
    let month = Allowance { requests: Some(3), tokens: None };
    let house = House::with_rules(limited(Quota { month, ..requests(2) }));
    let ada = house.learner("ada").await;
    for _ in 0..2 {
        house.answered(&ada, question("Why?")).await;
    }
    let (window, until) = refused(house.lyceum.ask(&ada, question("Why?")).await);
    assert_eq!(window, Window::Day);
    house.clock.advance(until.checked_sub(Duration::from_micros(1)).unwrap());
    assert_eq!(refused(house.lyceum.ask(&ada, question("Why?")).await).0, Window::Day);
    house.clock.advance(Duration::from_micros(1));
    house.answered(&ada, question("Why?")).await;
    assert_eq!(house.spending(&ada).await.today.requests, 1);
    let (window, until) = refused(house.lyceum.ask(&ada, question("Why?")).await);
    // The second of January has just begun.
    assert_eq!((window, until), (Window::Month, Duration::from_hours(30 * 24)));
    house.clock.advance(until);
    house.answered(&ada, question("Why?")).await;
}

#[tokio::test(start_paused = true)]
async fn what_cost_nothing_is_given_back() {
    let model = ScriptedModel::failing(|| ChatError::RateLimited { retry_after: None });
    let house = House::with(model, limited(requests(1)));
    let ada = house.learner("ada").await;
    for _ in 0..3 {
        assert_eq!(house.answered(&ada, question("Why?")).await.code(), "llm_unavailable");
    }
    let usage = house.usage(&ada).await;
    assert!(usage.iter().all(|call| (call.outcome, call.counted) == (UsageOutcome::Failed, Counted::default())));
    let spending = house.spending(&ada).await;
    assert_eq!((usage.len(), spending.today.requests, spending.this_month.tokens), (3, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_plan_has_its_own_quota() {
    let house = House::with_rules(limited(requests(0)));
    let ada = house.learner("ada").await;
    assert_eq!(refused(house.lyceum.ask(&ada, question("Why?")).await).0, Window::Day);
    let ada = house.change_user(ada.user.id, |user| user.plan = Plan::Premium).await;
    assert_eq!(house.answered(&ada, question("Why?")).await.code(), "ok");
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_as_long_as_what_is_left_allows() {
    let (house, upstream) = played(tokens(3_000));
    let ada = house.learner("ada").await;
    let asking = async |says: &str| {
        let turn = house.ask(&ada, question("Why?")).await;
        assert_eq!(house.spending(&ada).await.today.tokens, 3_000, "all that is left is set aside");
        // While that is so nobody gets anything.
        assert_eq!(refused(house.lyceum.ask(&ada, question("Why?")).await).0, Window::Day);
        let playing = async {
            let asked = upstream.asked().await;
            upstream.says(says).await;
            upstream.finishes(stop()).await;
            asked.max_tokens.unwrap()
        };
        join!(playing, house.listen(turn)).0
    };
    let first = asking("So.").await;
    assert!((1_000..3_000).contains(&first), "{first}");
    assert_eq!(house.spending(&ada).await.today.tokens, 30);
    assert_eq!(asking("So.").await, first - 30);
    assert_eq!(house.spending(&ada).await.today.tokens, 60);
    // Without a limit the model's own is the limit.
    let ada = house.change_user(ada.user.id, |user| user.plan = Plan::Premium).await;
    assert_eq!(house.played(&upstream, &ada, question("Why?"), "So.").await.0.max_tokens, None);
}

#[tokio::test(start_paused = true)]
async fn what_a_provider_counts_beyond_the_reservation_counts() {
    let (house, upstream) = played(tokens(3_000));
    let ada = house.learner("ada").await;
    let turn = house.ask(&ada, question("Why?")).await;
    let playing = async {
        upstream.says("So.").await;
        let mut end = stop();
        end.usage.as_mut().unwrap().completion_tokens = 5_000;
        upstream.finishes(end).await;
    };
    join!(house.listen(turn), playing);
    assert_eq!(house.spending(&ada).await.today.tokens, 5_020);
    assert_eq!(code(house.lyceum.ask(&ada, question("Why?")).await), "quota_exceeded");
}

#[tokio::test(start_paused = true)]
async fn an_answer_once_more_counts_once_more() {
    let house = House::with_rules(limited(requests(2)));
    let ada = house.learner("ada").await;
    let answer = house.answered(&ada, question("Why?")).await.answer().id;
    let again = async || house.lyceum.ask_again(&ada, answer, Delivery::Pieces, None).await;
    let Done::Now(turn) = again().await.unwrap() else { panic!("it has no name") };
    assert_eq!(house.listen(turn).await.code(), "ok");
    assert_eq!(house.spending(&ada).await.today.requests, 2);
    assert_eq!(code(again().await), "quota_exceeded");
    assert_eq!(house.messages_of(&ada).await, 3);
}

#[tokio::test(start_paused = true)]
async fn a_call_across_midnight_counts_on_the_day_on_which_it_was_asked() {
    let (house, upstream) = played(requests(1));
    let ada = house.learner("ada").await;
    let turn = house.ask(&ada, question("Why?")).await;
    let reader = turn.reader();
    let playing = async {
        upstream.says("So.").await;
        a_moment().await;
        house.clock.advance(Duration::from_hours(16));
        // Another one, of the new day.
        let second = house.ask(&ada, question("And?")).await;
        upstream.finishes(stop()).await;
        hear(reader).await;
        second
    };
    let (second, ()) = house.living(async { join!(playing, turn.run(pending())) }).await;
    let today = house.spending(&ada).await;
    assert_eq!((today.today.requests, today.this_month.requests), (1, 2));
    let reserved = u64::from(house.usage(&ada).await[1].counted.tokens);
    assert_eq!((today.today.tokens, today.this_month.tokens), (reserved, reserved + 30));
    drop(second);
}
