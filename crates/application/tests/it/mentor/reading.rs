//! Reading along: who joins, who leaves, and a store that is away meanwhile.

use std::{future::pending, time::Duration};

use lyceum_application::mentor::{Follower, Question};
use lyceum_domain::{
    conversations::MessageStatus,
    ids::MessageId,
    mentor::{Delivery, UsageOutcome},
    store::Store as _,
};
use lyceum_testkit::chat::stop;
use tokio::{
    join,
    time::{Instant, sleep},
};

use super::scene::{a_moment, rest, turn, words};
use crate::house::{House, code, hear, question};

#[tokio::test(start_paused = true)]
async fn whoever_joins_hears_the_same_from_the_beginning() {
    let (house, upstream, ada, turn) = turn().await;
    let id = turn.reader().answer();
    let first = turn.reader();
    let second = house.follow(&ada, id, None).await;
    let joining = async {
        upstream.says("It bears ").await;
        a_moment().await;
        let third = house.follow(&ada, id, None).await;
        upstream.says("on itself.").await;
        upstream.finishes(stop()).await;
        hear(third).await
    };
    let ((), first, second, third) = join!(house.run(turn, pending()), hear(first), hear(second), joining);
    let after = hear(house.follow(&ada, id, None).await).await;
    assert_eq!(house.live(), 0);
    for heard in [first, second, third, after] {
        assert_eq!(heard.pieces.concat(), "It bears on itself.");
        assert_eq!(heard.started.as_ref().unwrap().answer, id);
        assert_eq!(heard.answer(), house.outcome(&ada).await.0);
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_back_in_time_keeps_the_answer_alive() {
    let (house, upstream, ada, turn) = turn().await;
    let mut reader = Follower::from(turn.reader());
    let id = house.outcome(&ada).await.0.id;
    let story = async {
        upstream.says("It bears").await;
        assert_eq!(words(&mut reader).await, "It bears");
        for _ in 0..3 {
            drop(reader);
            sleep(Duration::from_millis(700)).await;
            reader = house.follow(&ada, id, Some(8)).await;
            sleep(Duration::from_secs(5)).await;
        }
        upstream.says(" on itself.").await;
        upstream.finishes(stop()).await;
        rest(reader).await
    };
    let ((text, ended), ()) = house.living(async { join!(story, turn.run(pending())) }).await;
    assert_eq!((text.as_str(), code(ended)), (" on itself.", "ok"));
    assert_eq!(house.outcome(&ada).await.0.status, MessageStatus::Complete);
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_back_late_finds_what_was_said() {
    let (house, upstream, ada, turn) = turn().await;
    let mut reader = Follower::from(turn.reader());
    let id = house.outcome(&ada).await.0.id;
    let story = async {
        upstream.says("It bears").await;
        words(&mut reader).await;
        drop(reader);
        sleep(Duration::from_millis(900)).await;
        assert!(upstream.was_hung_up().await);
        rest(house.follow(&ada, id, Some(3)).await).await
    };
    let ((text, ended), ()) = house.living(async { join!(story, turn.run(pending())) }).await;
    assert_eq!((text.as_str(), code(ended)), ("bears", "answer_interrupted"));
}

#[tokio::test(start_paused = true)]
async fn the_answer_of_somebody_else_is_not_there_and_a_question_is_none() {
    let (house, _upstream, ada, turn) = turn().await;
    let (bob, admin) = (house.learner("bob").await, house.admin().await);
    let answer = house.outcome(&ada).await.0;
    let question = answer.parent.unwrap();
    // Under way here, and ended.
    let attempt = async |caller, id: MessageId| {
        let followed = code(house.lyceum.follow(caller, id, None).await);
        assert_eq!(code(house.lyceum.stop_answer(caller, id).await), followed);
        followed
    };
    for other in [&bob, &admin] {
        assert_eq!(attempt(other, answer.id).await, "not_found");
        assert_eq!(attempt(other, question).await, "not_found");
    }
    assert_eq!(attempt(&ada, question).await, "not_an_answer");
    house
        .keeping(async {
            drop(turn);
            a_moment().await;
        })
        .await;
    assert_eq!(house.said(&ada, answer.id).await.status, MessageStatus::Interrupted);
    assert_eq!(attempt(&bob, answer.id).await, "not_found");
    assert_eq!(attempt(&ada, answer.id).await, "ok");
}

#[tokio::test(start_paused = true)]
async fn nothing_that_a_reader_saw_is_missing_in_the_store() {
    let (house, upstream, ada, turn) = turn().await;
    let mut reader = Follower::from(turn.reader());
    let id = house.outcome(&ada).await.0.id;
    let story = async {
        let mut seen = String::new();
        for n in 0..40 {
            upstream.says(&format!("piece {n} ")).await;
            if n % 3 == 0 {
                seen += &words(&mut reader).await;
                assert!(house.said(&ada, id).await.content.starts_with(&seen));
            }
        }
        upstream.finishes(stop()).await;
        let (text, ended) = rest(reader).await;
        assert_eq!(ended.unwrap().message.content, seen + &text);
    };
    house.living(async { join!(story, turn.run(pending())) }).await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_for_a_while_holds_nobody_up_for_long_and_loses_nothing() {
    for away in [500, 5_000] {
        let (house, upstream, ada, turn) = turn().await;
        let mut reader = Follower::from(turn.reader());
        let id = house.outcome(&ada).await.0.id;
        let away = Duration::from_millis(away);
        let story = async {
            let mut seen = String::new();
            let talking = async {
                for n in 0..100 {
                    upstream.says(&format!("{n},")).await;
                    a_moment().await;
                }
            };
            let outage = async {
                sleep(Duration::from_millis(320)).await;
                house.store.set_away(true);
                sleep(away).await;
                house.store.set_away(false);
                sleep(Duration::from_secs(3)).await;
                house.said(&ada, id).await.content
            };
            let reading = async {
                let began = tokio::time::Instant::now();
                while began.elapsed() < Duration::from_secs(9) {
                    let before = tokio::time::Instant::now();
                    seen += &words(&mut reader).await;
                    assert!(before.elapsed() < Duration::from_millis(2_300), "{:?}", before.elapsed());
                }
            };
            let ((), stored, ()) = join!(talking, outage, reading);
            // What was shown though it could not be kept is kept since.
            assert!(seen.starts_with(&stored) && stored.len() > 100, "{stored}");
            upstream.finishes(stop()).await;
            let (text, ended) = rest(reader).await;
            assert_eq!(code(ended), "ok");
            seen + &text
        };
        let (seen, ()) = house.living(async { join!(story, turn.run(pending())) }).await;
        let expected = (0..100).map(|n| format!("{n},")).collect::<Vec<_>>().concat();
        assert_eq!((seen.as_str(), house.outcome(&ada).await.0.content), (expected.as_str(), expected.clone()));
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_is_written_down_however_late_the_store_is_back() {
    let (house, upstream, ada, turn) = turn().await;
    let reader = turn.reader();
    let story = async {
        upstream.says("It bears.").await;
        a_moment().await;
        house.store.set_away(true);
        upstream.finishes(stop()).await;
        let heard = hear(reader).await;
        assert_eq!((heard.pieces.concat().as_str(), heard.code()), ("It bears.", "database_unavailable"));
        sleep(Duration::from_mins(5)).await;
        house.store.set_away(false);
        sleep(Duration::from_secs(2)).await;
    };
    house.living(async { join!(story, turn.run(pending())) }).await;
    let (answer, usage) = house.outcome(&ada).await;
    assert_eq!((answer.content.as_str(), answer.status), ("It bears.", MessageStatus::Complete));
    assert_eq!((usage.outcome, usage.cost.tokens, house.live()), (UsageOutcome::Complete, stop().usage.unwrap(), 0));
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_somebody_lets_go_of_ends_for_its_readers_and_in_the_store() {
    for has_begun in [false, true] {
        let (house, upstream, ada, turn) = turn().await;
        let reader = turn.reader();
        let story = async {
            if has_begun {
                tokio::select! {
                    () = turn.run(pending()) => unreachable!("nobody ends it"),
                    () = async { upstream.says("Half an ").await; a_moment().await; } => {}
                }
            } else {
                drop(turn);
            }
            assert_eq!(house.live(), 0);
            let heard = hear(reader).await;
            let seen = heard.pieces.concat();
            assert_eq!(heard.code(), "answer_interrupted");
            a_moment().await;
            seen
        };
        let seen = house.living(story).await;
        let (answer, usage) = house.outcome(&ada).await;
        assert_eq!((answer.status, usage.outcome), (MessageStatus::Interrupted, UsageOutcome::Interrupted));
        assert_eq!(
            (answer.content.as_str(), seen.trim_end()),
            (if has_begun { "Half an " } else { "" }, answer.content.trim_end())
        );
        assert_eq!((usage.cost.is_estimated, usage.counted.requests), (has_begun, u32::from(has_begun)));
        assert!(!house.is_under_way(&ada, answer.id).await);
        assert_eq!(house.spending(&ada).await.today.tokens, u64::from(usage.counted.tokens));
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_wanted_whole_comes_to_those_who_read_along_at_its_end() {
    let (house, upstream) = House::with_upstream();
    let ada = house.learner("ada").await;
    let turn = house.ask(&ada, Question { delivery: Delivery::Whole, ..question("Why?") }).await;
    let first = turn.reader();
    let second = house.follow(&ada, first.answer(), None).await;
    let playing = async {
        for piece in ["It ", "bears ", "on itself."] {
            upstream.says(piece).await;
            a_moment().await;
        }
        upstream.finishes(stop()).await;
    };
    let ((), first, second, ()) = join!(house.run(turn, pending()), hear(first), hear(second), playing);
    assert_eq!(
        (first.pieces, second.pieces),
        (vec!["It bears on itself.".to_owned()], vec!["It bears on itself.".to_owned()])
    );
}

/// Not one that is away and says so, but one that says nothing.
#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_holds_an_answer_up_for_two_seconds() {
    let (house, upstream, ada, turn) = turn().await;
    let mut reader = Follower::from(turn.reader());
    let story = async {
        // Whoever has the only unit does not let go of it.
        let unit = house.store.begin().await.unwrap();
        let began = Instant::now();
        upstream.says("So.").await;
        assert_eq!(words(&mut reader).await, "So.");
        let took = began.elapsed();
        drop(unit);
        upstream.finishes(stop()).await;
        assert_eq!(hear(reader).await.answer().content, "So.");
        took
    };
    let (took, ()) = house.living(async { join!(story, turn.run(pending())) }).await;
    assert!(took >= Duration::from_secs(2) && took < Duration::from_millis(2_500), "{took:?}");
    assert_eq!(house.outcome(&ada).await.0.content, "So.");
}
