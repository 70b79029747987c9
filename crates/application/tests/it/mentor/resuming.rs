//! Reading on from any place, wherever the answer is given and however it ended.

use std::{future::pending, time::Duration};

use lyceum_application::mentor::Follower;
use lyceum_domain::{conversations::MessageStatus, mentor::ChatError};
use lyceum_testkit::chat::{ScriptedModel, stop};
use tokio::{join, sync::oneshot, time::sleep};

use super::scene::{a_moment, rest, turn, words};
use crate::house::{code, hear};

const HALVES: [&str; 2] = ["Aå 🦀", " – 漢字 ñ."];

#[tokio::test(start_paused = true)]
async fn every_place_has_exactly_its_rest() {
    let (house, upstream, ada, turn) = turn().await;
    let other = house.beside(ScriptedModel::always("nothing"));
    let mut reader = Follower::from(turn.reader());
    let id = house.outcome(&ada).await.0.id;
    let whole = HALVES.concat();
    let places = 0..whole.len() + 3;
    let story = async {
        upstream.says(HALVES[0]).await;
        assert_eq!(words(&mut reader).await, HALVES[0]);
        let mut readers = Vec::new();
        for at in places.clone() {
            readers.push((at, house.follow(&ada, id, Some(at)).await));
            readers.push((at, other.follow(&ada, id, Some(at)).await));
        }
        let reading = readers.into_iter().map(async |(at, reader)| (at, rest(reader).await));
        let reading = futures_util::future::join_all(reading);
        let playing = async {
            sleep(Duration::from_secs(1)).await;
            upstream.says(HALVES[1]).await;
            sleep(Duration::from_secs(1)).await;
            upstream.finishes(stop()).await;
        };
        join!(reading, playing).0
    };
    let (mut heard, ()) = house.living(async { join!(story, turn.run(pending())) }).await;
    for at in places {
        heard.push((at, rest(house.follow(&ada, id, Some(at)).await).await));
    }
    assert_eq!(heard.len(), 3 * (whole.len() + 3));
    for (at, (text, ended)) in heard {
        assert_eq!(text, whole[whole.floor_char_boundary(at)..], "from {at}");
        assert_eq!(ended.unwrap().message.content, whole);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_has_ended_is_told_with_its_end() {
    for (status, told) in [
        (MessageStatus::Complete, "ok"),
        (MessageStatus::Stopped, "ok"),
        (MessageStatus::Interrupted, "answer_interrupted"),
        (MessageStatus::Failed, "answer_failed"),
    ] {
        let (house, upstream, ada, turn) = turn().await;
        let reader = turn.reader();
        let id = reader.answer();
        let (shut_down, is_shut_down) = oneshot::channel::<()>();
        let playing = async {
            upstream.says("It bears.").await;
            a_moment().await;
            match status {
                MessageStatus::Stopped => house.lyceum.stop_answer(&ada, id).await.unwrap(),
                MessageStatus::Interrupted => shut_down.send(()).unwrap(),
                MessageStatus::Failed => upstream.fails(ChatError::Timeout { detail: "next piece".into() }).await,
                _ => upstream.finishes(stop()).await,
            }
        };
        let second = house.follow(&ada, id, None).await;
        let is_shut_down = async {
            if is_shut_down.await.is_err() {
                pending::<()>().await;
            }
        };
        let ((), first, second, ()) = join!(house.run(turn, is_shut_down), hear(reader), hear(second), playing);
        assert_eq!(first.pieces.concat(), second.pieces.concat());
        // One of those who read along hears what was wrong, the others that something was.
        let codes = [first.code(), second.code()];
        assert!(codes.contains(&told) || told == "ok", "{codes:?}");
        assert!(told != "ok" || codes == ["ok", "ok"], "{codes:?}");
        for from in [None, Some(0), Some(3), Some(9), Some(10)] {
            let mut reader = house.follow(&ada, id, from).await;
            if from.is_none() {
                let started = reader.next().await;
                assert!(matches!(started, Some(lyceum_application::mentor::TurnEvent::Started(_))), "{started:?}");
            }
            let (text, ended) = rest(reader).await;
            assert_eq!(text, "It bears."[from.unwrap_or(0).min(9)..]);
            match ended {
                Ok(answer) => assert_eq!((answer.message.status, "ok"), (status, told)),
                Err(error) => assert_eq!(error.code(), told),
            }
        }
    }
}

/// A server that showed more than it could keep is gone; who read it hears nothing twice from another one.
#[tokio::test(start_paused = true)]
async fn whoever_is_ahead_of_the_store_hears_nothing_twice() {
    let (house, upstream, ada, turn) = turn().await;
    let other = house.beside(ScriptedModel::always("nothing"));
    let mut reader = Follower::from(turn.reader());
    let id = house.outcome(&ada).await.0.id;
    let story = async {
        upstream.says("One, ").await;
        words(&mut reader).await;
        let ahead = other.follow(&ada, id, Some("One, two, ".len())).await;
        let playing = async {
            sleep(Duration::from_secs(1)).await;
            upstream.says("two, ").await;
            sleep(Duration::from_secs(1)).await;
            upstream.says("three.").await;
            sleep(Duration::from_secs(1)).await;
            upstream.finishes(stop()).await;
        };
        join!(rest(ahead), playing).0
    };
    let ((text, ended), ()) = house.living(async { join!(story, turn.run(pending())) }).await;
    assert_eq!((text.as_str(), code(ended)), ("three.", "ok"));
}

#[tokio::test(start_paused = true)]
async fn a_follower_elsewhere_waits_for_a_store_that_is_away() {
    let (house, upstream, ada, turn) = turn().await;
    let other = house.beside(ScriptedModel::always("nothing"));
    let _reader = turn.reader();
    let story = async {
        upstream.says("One, ").await;
        a_moment().await;
        let follower = other.follow(&ada, house.outcome(&ada).await.0.id, None).await;
        let playing = async {
            a_moment().await;
            house.store.set_away(true);
            upstream.says("two.").await;
            sleep(Duration::from_secs(4)).await;
            house.store.set_away(false);
            upstream.finishes(stop()).await;
        };
        let (heard, ()) = join!(hear(follower), playing);
        assert_eq!(heard.pieces.concat(), "One, two.");
        assert_eq!(heard.code(), "ok");
    };
    house.living(async { join!(story, turn.run(pending())) }).await;
}
