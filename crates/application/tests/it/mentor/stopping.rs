//! Having an answer stopped, here and at another server; and reading along there.

use std::{future::pending, time::Duration};

use lyceum_application::mentor::Follower;
use lyceum_domain::{conversations::MessageStatus, mentor::UsageOutcome};
use lyceum_testkit::chat::{ScriptedModel, stop};
use tokio::{
    join,
    time::{Instant, sleep},
};

use super::scene::{a_moment, turn, words};
use crate::house::{hear, question};

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_stopped_keeps_what_was_said_and_ends_well_for_all_who_read_it() {
    let (house, upstream, ada, turn) = turn().await;
    let (first, second) = (turn.reader(), turn.reader());
    let id = first.answer();
    let stopping = async {
        upstream.says("Half an ").await;
        upstream.says("answer").await;
        a_moment().await;
        house.lyceum.stop_answer(&ada, id).await.unwrap();
        assert!(upstream.was_hung_up().await);
    };
    let ((), first, second, ()) = join!(house.run(turn, pending()), hear(first), hear(second), stopping);
    let (stored, usage) = house.outcome(&ada).await;
    assert_eq!((stored.content.as_str(), stored.status), ("Half an answer", MessageStatus::Stopped));
    for heard in [first, second] {
        assert_eq!(heard.pieces.concat(), stored.content);
        assert_eq!(heard.answer(), stored);
    }
    assert_eq!((usage.outcome, usage.error_code.as_deref()), (UsageOutcome::Interrupted, Some("stopped")));
    assert!(usage.cost.is_estimated && usage.cost.tokens.completion_tokens > 0);
    // It has ended, and stays as it is.
    house.lyceum.stop_answer(&ada, id).await.unwrap();
    assert_eq!(house.outcome(&ada).await, (stored, usage));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_stopped_before_its_first_word_begins_and_ends() {
    for is_asked in [false, true] {
        let (house, upstream, ada, turn) = turn().await;
        let reader = turn.reader();
        let id = reader.answer();
        let stopping = async {
            if is_asked {
                upstream.asked().await;
            }
            house.lyceum.stop_answer(&ada, id).await.unwrap();
        };
        let heard = if is_asked {
            join!(stopping, house.run(turn, pending()), hear(reader)).2
        } else {
            stopping.await;
            join!(house.run(turn, pending()), hear(reader)).1
        };
        assert!(heard.started.is_some() && heard.pieces.is_empty());
        assert_eq!(heard.answer().status, MessageStatus::Stopped);
        let (_, usage) = house.outcome(&ada).await;
        // Who asked nobody pays nothing.
        assert_eq!((usage.counted.requests, usage.cost.is_estimated), (u32::from(is_asked), is_asked));
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_stopped_from_another_server() {
    let (house, upstream, ada, turn) = turn().await;
    let other = house.beside(ScriptedModel::always("nothing"));
    let reader = turn.reader();
    let id = reader.answer();
    let stopping = async {
        upstream.says("Half an ").await;
        a_moment().await;
        other.lyceum.stop_answer(&ada, id).await.unwrap();
        other.lyceum.beat().await.unwrap();
        a_moment().await;
        assert!(house.is_under_way(&ada, id).await, "it was another server's turn to hear of it");
        house.lyceum.beat().await.unwrap();
    };
    let ((), heard, ()) = join!(house.run(turn, pending()), hear(reader), stopping);
    assert_eq!(heard.answer().status, MessageStatus::Stopped);
    assert_eq!(house.outcome(&ada).await.0.content, "Half an ");
    // Whoever is late is not told a lie.
    other.lyceum.stop_answer(&ada, id).await.unwrap();
    house.lyceum.beat().await.unwrap();
    assert_eq!(house.live(), 0);
}

#[tokio::test(start_paused = true)]
async fn whoever_follows_at_another_server_hears_all_and_keeps_the_answer_alive() {
    let (house, upstream, ada, turn) = turn().await;
    let other = house.beside(ScriptedModel::always("nothing"));
    let mut reader = Follower::from(turn.reader());
    let id = house.outcome(&ada).await.0.id;
    let story = async {
        upstream.says("One, ").await;
        words(&mut reader).await;
        let follower = other.follow(&ada, id, None).await;
        let talking = async {
            a_moment().await;
            drop(reader);
            sleep(Duration::from_secs(20)).await;
            house.lyceum.beat().await.unwrap();
            upstream.says("two, ").await;
            sleep(Duration::from_secs(20)).await;
            upstream.says("three.").await;
            upstream.finishes(stop()).await;
        };
        join!(hear(follower), talking).0
    };
    // The server says that it lives, as servers do.
    let beating = async {
        loop {
            house.lyceum.beat().await.unwrap();
            sleep(Duration::from_secs(1)).await;
        }
    };
    let story = async { join!(story, turn.run(pending())).0 };
    let heard = house
        .living(async {
            tokio::select! {
                heard = story => heard,
                () = beating => unreachable!("it beats for ever"),
            }
        })
        .await;
    assert_eq!(heard.pieces.concat(), "One, two, three.");
    assert_eq!(heard.started.as_ref().unwrap().answer, id);
    assert_eq!(heard.answer(), house.outcome(&ada).await.0);
}

#[tokio::test(start_paused = true)]
async fn when_the_follower_elsewhere_leaves_too_the_answer_ends() {
    let (house, upstream, ada, turn) = turn().await;
    let other = house.beside(ScriptedModel::always("nothing"));
    let mut reader = Follower::from(turn.reader());
    let id = house.outcome(&ada).await.0.id;
    let story = async {
        upstream.says("One, ").await;
        words(&mut reader).await;
        let mut follower = other.follow(&ada, id, Some(5)).await;
        drop(reader);
        let next = tokio::time::timeout(Duration::from_secs(3), follower.next()).await;
        assert!(next.is_err(), "it goes on");
        drop(follower);
        let left = Instant::now();
        assert!(upstream.was_hung_up().await);
        left.elapsed()
    };
    let (took, ()) = house.living(async { join!(story, turn.run(pending())) }).await;
    assert!(took < Duration::from_secs(6), "{took:?}");
    assert_eq!(house.outcome(&ada).await.0.status, MessageStatus::Interrupted);
}

#[tokio::test(start_paused = true)]
async fn one_answer_is_stopped_and_no_other() {
    let (house, upstream, ada, turn) = turn().await;
    let second = house.ask(&ada, question("And a hitch?")).await;
    let (one, other) = (turn.reader(), second.reader());
    let stopping = async {
        let (first, mut second) = (upstream.call().await, upstream.call().await);
        first.says("It ");
        a_moment().await;
        house.lyceum.stop_answer(&ada, one.answer()).await.unwrap();
        a_moment().await;
        second.says("So.");
        second.finishes(stop());
        hear(one).await
    };
    let running = async { join!(turn.run(pending()), second.run(pending())) };
    let (one, other, _) = house.living(async { join!(stopping, hear(other), running) }).await;
    assert_eq!((one.answer().status, other.answer().status), (MessageStatus::Stopped, MessageStatus::Complete));
}
