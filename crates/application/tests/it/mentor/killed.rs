//! Servers that are gone in the middle of an answer, or only slow.

use std::{cell::Cell, future::pending, time::Duration};

use lyceum_application::mentor::{Follower, Turn};
use lyceum_domain::{
    conversations::MessageStatus,
    mentor::{Counted, UsageOutcome, estimated_tokens},
    policy::Actor,
    store::Store as _,
    time::Clock as _,
};
use lyceum_testkit::chat::{ScriptedModel, Upstream, stop};
use tokio::{join, time::sleep};

use super::scene::{a_moment, turn, words};
use crate::{
    house::{House, code, hear, question},
    uploads::now,
};

const SAID: &str = "Half an – 漢 ";

impl House {
    /// Kills this server while it gives an answer, so far as `SAID`.
    async fn killed(&self, upstream: &Upstream, turn: Turn) {
        let mut reader = Follower::from(turn.reader());
        let story = async {
            self.lyceum.beat().await.unwrap();
            upstream.says(SAID).await;
            words(&mut reader).await;
        };
        // The turn goes with the journal that could end it.
        self.living(async {
            tokio::select! {
                () = story => {}
                () = turn.run(pending()) => unreachable!("nobody ends it"),
            }
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_answer_of_a_killed_server_is_ended_once_with_what_was_said_and_paid_for() {
    let (house, upstream, ada, turn) = turn().await;
    let other = house.beside(ScriptedModel::always("nothing"));
    let (id, reserved) = (turn.reader().answer(), house.outcome(&ada).await.1);
    house.killed(&upstream, turn).await;
    assert_eq!(house.said(&ada, id).await.content, SAID.trim_end());
    let (left, open) = house.outcome(&ada).await;
    assert_eq!((left.status, open.outcome), (MessageStatus::Streaming, UsageOutcome::Open));
    assert_eq!((open.counted, reserved.counted.requests), (reserved.counted, 1));

    assert_eq!(other.swept_in(15).await, 0, "nobody knows that it is gone");
    assert_eq!(other.close_abandoned(&[&house]).await, 1);
    let (answer, usage) = house.outcome(&ada).await;
    assert_eq!((answer.content.as_str(), answer.status), (SAID.trim_end(), MessageStatus::Interrupted));
    assert_eq!((usage.outcome, usage.error_code.as_deref()), (UsageOutcome::Interrupted, Some("server_gone")));
    assert!(usage.cost.is_estimated && usage.cost.tokens.prompt_tokens > 100);
    assert_eq!(usage.cost.tokens.completion_tokens, estimated_tokens(&answer.content));
    assert_eq!(usage.counted, Counted::of(usage.cost.tokens));
    assert!(usage.counted.tokens < reserved.counted.tokens);
    let spending = house.spending(&ada).await;
    assert_eq!((spending.today.requests, spending.today.tokens), (1, u64::from(usage.counted.tokens)));

    house.clock.advance(Duration::from_hours(1));
    assert_eq!(other.close_abandoned(&[&house]).await, 0);
    assert_eq!(house.outcome(&ada).await, (answer, usage));
    assert_eq!(house.spending(&ada).await, spending);
    assert!(!house.is_under_way(&ada, id).await);
}

/// Whoever named their request asks again when their server is gone, under the same name, and is answered; so it is if
/// the server fell silent for long.
#[tokio::test(start_paused = true)]
async fn a_name_that_a_killed_server_was_at_is_given_back() {
    for is_known in [true, false] {
        let (house, upstream) = House::with_upstream();
        let other = house.beside(ScriptedModel::always("It bears on itself."));
        let ada = house.learner("ada").await;
        let turn = now(house.ask_once(&ada, "key", question("Why?")).await);
        house.killed(&upstream, turn).await;
        assert_eq!(code(other.ask_once(&ada, "key", question("Why?")).await), "request_in_progress");
        if is_known {
            assert_eq!(other.close_abandoned(&[&house]).await, 1);
        } else {
            assert_eq!(other.swept_in(19).await, 0);
            assert_eq!(code(other.ask_once(&ada, "key", question("Why?")).await), "request_in_progress");
            assert_eq!(other.swept_in(26).await, 1);
        }
        let turn = now(other.ask_once(&ada, "key", question("Why?")).await);
        assert_eq!(other.listen(turn).await.answer().content, "It bears on itself.");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_silent_for_long_is_taken_for_gone() {
    let (house, upstream, ada, turn) = turn().await;
    let other = house.beside(ScriptedModel::always("nothing"));
    house.killed(&upstream, turn).await;
    assert_eq!(other.swept_in(19).await, 0);
    assert_eq!(other.swept_in(26).await, 1);
    assert_eq!(house.outcome(&ada).await.0.status, MessageStatus::Interrupted);
}

/// However wrong its clock is, or set back: what counts is that its sign of life changes.
#[tokio::test(start_paused = true)]
async fn a_server_whose_clock_is_wrong_goes_on_with_its_answers() {
    let (house, upstream, ada, turn) = turn().await;
    let other = house.beside(ScriptedModel::always("nothing"));
    let reader = turn.reader();
    let beating = async {
        for minutes in [5, 1, 90, 4, 3, 2, 1] {
            // Both tell the same time here: the row is what the watcher sees, and it goes to and fro.
            let wrong = house.clock.now().minus(Duration::from_mins(minutes));
            let (me, under_way) = (house.lyceum.ports().answers.instance(), house.store.write().under_way());
            under_way.beat(me, wrong).await.unwrap();
            sleep(Duration::from_secs(11)).await;
        }
    };
    let story = async {
        upstream.says(SAID).await;
        let (swept, ()) = join!(other.swept_in(70), beating);
        assert_eq!(swept, 0);
        upstream.finishes(stop()).await;
        hear(reader).await
    };
    let (heard, ()) = house.living(async { join!(story, turn.run(pending())) }).await;
    assert_eq!(
        (heard.answer().status, house.outcome(&ada).await.0.status),
        (MessageStatus::Complete, MessageStatus::Complete)
    );
}

/// The store kept the beginning of an answer, and the server did not hear so.
#[tokio::test(start_paused = true)]
async fn an_answer_that_was_begun_unheard_is_ended_by_its_own_server_and_costs_nothing() {
    let house = House::with_model(ScriptedModel::always("It bears on itself."));
    let ada = house.learner("ada").await;
    let kept = house.ask(&ada, question("And?")).await;
    house.store.lose_the_answers_of_next_commits(1);
    assert_eq!(code(house.lyceum.ask(&ada, question("Why?")).await), "database_unavailable");
    let begun = house.usage(&ada).await.pop().unwrap();
    assert!(house.is_under_way(&ada, begun.message).await);
    assert!(begun.counted.tokens > 0);
    assert_eq!(house.swept_in(1).await, 0, "it could be about to begin");
    assert_eq!(house.swept_in(6).await, 1);
    let usage = house.usage(&ada).await.pop().unwrap();
    assert_eq!((usage.outcome, usage.counted), (UsageOutcome::Failed, Counted::default()));
    assert_eq!(house.said(&ada, begun.message).await.status, MessageStatus::Failed);
    assert_eq!(house.spending(&ada).await.today.requests, 1, "the other one goes on");
    assert!(house.is_under_way(&ada, kept.reader().answer()).await);
}

#[tokio::test(start_paused = true)]
async fn whoever_follows_the_answer_of_a_killed_server_hears_its_end() {
    let (house, upstream, ada, turn) = turn().await;
    let other = house.beside(ScriptedModel::always("nothing"));
    let id = turn.reader().answer();
    house.killed(&upstream, turn).await;
    let follower = other.follow(&ada, id, None).await;
    let began = tokio::time::Instant::now();
    let ended = Cell::default();
    let heard = other
        .living(async {
            tokio::select! {
                heard = hear(follower) => heard,
                () = other.sweeping(&ended) => unreachable!("it goes on"),
            }
        })
        .await;
    assert_eq!(heard.pieces, [SAID.trim_end()]);
    assert_eq!(heard.code(), "answer_interrupted");
    assert!(began.elapsed() < Duration::from_secs(26), "{:?}", began.elapsed());
    assert!(!house.is_under_way(&ada, id).await);
}

#[tokio::test(start_paused = true)]
async fn the_true_end_of_a_server_that_was_only_slow_wins_and_the_difference_is_charged() {
    let (house, upstream, ada, turn) = turn().await;
    let other = house.beside(ScriptedModel::always("nothing"));
    let reader = turn.reader();
    let id = reader.answer();
    let story = async {
        upstream.says(SAID).await;
        a_moment().await;
        assert_eq!(other.swept_in(26).await, 1);
        let (swept, usage) = house.outcome(&ada).await;
        assert_eq!((swept.content.as_str(), swept.status), (SAID.trim_end(), MessageStatus::Interrupted));
        assert!(usage.counted.tokens > 100);
        upstream.says("answer.").await;
        a_moment().await;
        upstream.finishes(stop()).await;
        hear(reader).await
    };
    let (heard, ()) = house.living(async { join!(story, turn.run(pending())) }).await;
    let (answer, usage) = house.outcome(&ada).await;
    assert_eq!(heard.answer(), answer);
    assert_eq!((answer.content, answer.status), (format!("{SAID}answer."), MessageStatus::Complete));
    assert_eq!((usage.outcome, usage.error_code, usage.cost.is_estimated), (UsageOutcome::Complete, None, false));
    assert_eq!((usage.cost.tokens, usage.counted.tokens), (stop().usage.unwrap(), 30));
    let spending = house.spending(&ada).await;
    assert_eq!((spending.today.requests, spending.today.tokens), (1, 30));
    assert_eq!(other.close_abandoned(&[&house]).await, 0);
    assert!(!house.is_under_way(&ada, id).await);
}

#[tokio::test(start_paused = true)]
async fn many_answers_of_killed_servers_are_all_ended_and_those_of_others_are_not() {
    let (house, upstream, ada, turn) = turn().await;
    let [crowd, other] = [0, 1].map(|_| house.beside(ScriptedModel::always("nothing")));
    let bob = house.learner("bob").await;
    for _ in 0..220 {
        // Those that were never begun, too.
        drop(crowd.ask(&bob, question("Why?")).await);
    }
    let kept = other.ask(&ada, question("And?")).await;
    house.killed(&upstream, turn).await;
    // A commit that meets another is done again.
    house.store.conflict_at_next_commits(3);
    assert_eq!(other.close_abandoned(&[&house, &crowd]).await, 221);
    let usage = house.usage(&bob).await;
    assert!(usage.len() == 220 && usage.iter().all(|call| call.outcome == UsageOutcome::Interrupted));
    assert!(house.is_under_way(&ada, kept.reader().answer()).await);
    assert_eq!(house.spending(&bob).await.today.requests, 220);
}

#[tokio::test(start_paused = true)]
async fn a_sweep_without_a_store_says_so_and_the_next_one_does_it() {
    let (house, upstream, ada, turn) = turn().await;
    house.killed(&upstream, turn).await;
    house.store.set_away(true);
    let gone = [house.lyceum.ports().answers.instance()];
    assert_eq!(code(house.lyceum.close_abandoned(&Actor::System, &gone).await), "database_unavailable");
    house.store.set_away(false);
    assert_eq!(house.close_abandoned(&[&house]).await, 1);
    assert_eq!(house.outcome(&ada).await.0.status, MessageStatus::Interrupted);
    for actor in [ada.actor(), Actor::Anonymous] {
        assert_ne!(code(house.lyceum.close_abandoned(&actor, &gone).await), "ok");
        assert_ne!(code(house.lyceum.close_stale_calls(&actor).await), "ok");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_conversation_was_deleted_and_whose_server_is_gone_is_ended_an_hour_later() {
    let (house, upstream, ada, turn) = turn().await;
    house.killed(&upstream, turn).await;
    let id = house.conversation_of(&ada).await;
    house.lyceum.delete_conversation(&ada.actor(), id, None).await.unwrap();
    assert_eq!(house.close_abandoned(&[&house]).await, 0);
    assert_eq!(house.lyceum.close_stale_calls(&Actor::System).await.unwrap(), 0);
    house.clock.advance(Duration::from_mins(61));
    assert_eq!(house.lyceum.close_stale_calls(&Actor::System).await.unwrap(), 1);
    let usage = house.usage(&ada).await.remove(0);
    assert_eq!((usage.outcome, usage.cost.is_estimated), (UsageOutcome::Interrupted, true));
    assert_eq!(house.spending(&ada).await.today.tokens, u64::from(usage.counted.tokens));
    assert_eq!(house.lyceum.close_stale_calls(&Actor::System).await.unwrap(), 0);
}
