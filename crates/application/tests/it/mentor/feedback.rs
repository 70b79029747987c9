//! What learners think of answers.

use std::{future::pending, time::Duration};

use lyceum_domain::{
    conversations::{Comment, Feedback, Rating},
    ids::MessageId,
    policy::Actor,
};
use lyceum_testkit::{ambient::SequentialIds, chat::stop};
use tokio::join;

use super::scene::turn;
use crate::house::{House, code, hear, question};

#[expect(clippy::unnecessary_wraps, reason = "as use cases take it")]
fn thinks(rating: Rating, comment: Option<&str>) -> Option<Feedback> {
    Some(Feedback { rating, comment: comment.map(|text| Comment::parse(text).unwrap()) })
}

#[tokio::test]
async fn what_somebody_thinks_of_an_answer_is_noted_changed_and_taken_back() {
    let house = House::new();
    let ada = house.learner("ada").await;
    let answer = house.answered(&ada, question("Why?")).await.answer();
    assert_eq!(answer.feedback, None);
    for feedback in [thinks(Rating::Down, Some("Too short.")), thinks(Rating::Up, None), None] {
        house.clock.advance(Duration::from_secs(1));
        let rated = house.lyceum.rate_answer(&ada.actor(), answer.id, feedback.clone()).await.unwrap();
        assert_eq!((&rated.feedback, &rated.content), (&feedback, &answer.content));
        assert!(rated.updated_at > answer.updated_at);
        assert_eq!(house.lyceum.message(&ada.actor(), answer.id).await.unwrap(), rated);
        assert_eq!(house.outcome(&ada).await.0, rated);
    }
}

#[tokio::test]
async fn only_answers_have_feedback_and_only_that_of_whoever_asked() {
    let house = House::new();
    let (ada, bob, admin) = (house.learner("ada").await, house.learner("bob").await, house.admin().await);
    let answer = house.answered(&ada, question("Why?")).await.answer();
    let up = thinks(Rating::Up, None);
    let rate = async |actor: Actor, id| code(house.lyceum.rate_answer(&actor, id, up.clone()).await);
    assert_eq!(rate(ada.actor(), answer.parent.unwrap()).await, "not_an_answer");
    assert_eq!(rate(ada.actor(), MessageId::new(&SequentialIds)).await, "not_found");
    for (actor, expected) in [
        (bob.actor(), "not_found"),
        (admin.actor(), "not_found"),
        (Actor::Anonymous, "unauthenticated"),
        (Actor::System, "forbidden"),
    ] {
        assert_eq!(rate(actor, answer.id).await, expected, "{actor:?}");
        assert_eq!(code(house.lyceum.message(&actor, answer.id).await), expected, "{actor:?}");
    }
    assert_eq!(house.outcome(&ada).await.0.feedback, None);
}

#[tokio::test(start_paused = true)]
async fn what_is_thought_of_an_answer_under_way_stays_when_it_ends() {
    let (house, upstream, ada, turn) = turn().await;
    let reader = turn.reader();
    let id = reader.answer();
    let playing = async {
        upstream.says("So.").await;
        super::scene::a_moment().await;
        let rated = house.lyceum.rate_answer(&ada.actor(), id, thinks(Rating::Up, None)).await.unwrap();
        assert_eq!(rated.content, "So.");
        upstream.finishes(stop()).await;
        hear(reader).await
    };
    let (heard, ()) = house.living(async { join!(playing, turn.run(pending())) }).await;
    assert_eq!(heard.code(), "ok");
    assert_eq!(house.outcome(&ada).await.0.feedback, thinks(Rating::Up, None));
}
