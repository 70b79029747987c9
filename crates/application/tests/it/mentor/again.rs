//! Having a question answered once more.

use std::{future::pending, time::Duration};

use lyceum_application::{
    idempotency::Done,
    mentor::{Question, Turn},
    sessions::Caller,
};
use lyceum_domain::{
    conversations::{Author, MessageStatus},
    courses::CourseStatus,
    ids::MessageId,
    mentor::{ChatMessage, ChatRequest, ChatRole, Delivery},
    policy::Actor,
};
use lyceum_testkit::{ambient::SequentialIds, chat::stop};
use tokio::join;

use super::scene::{a_moment, turn};
use crate::house::{House, chapters, code, hear, question};

impl House {
    async fn again(&self, caller: &Caller, answer: MessageId) -> Turn {
        match self.lyceum.ask_again(caller, answer, Delivery::Pieces, None).await.unwrap() {
            Done::Now(turn) => turn,
            Done::Before(_) => panic!("it has no name"),
        }
    }
}

/// The words that were said before the question, and the question.
fn said(asked: &ChatRequest) -> Vec<(ChatRole, &str)> {
    let after_data = asked.messages.iter().skip_while(|message| !message.content.ends_with("</data>")).skip(1);
    after_data.map(|ChatMessage { role, content }| (*role, content.as_str())).collect()
}

#[tokio::test(start_paused = true)]
async fn a_second_answer_stands_beside_the_first() {
    let (house, upstream) = House::with_upstream();
    let ada = house.learner("ada").await;
    let (_, begun) = house.played(&upstream, &ada, question("What is a bight?"), "A bend.").await;
    house.clock.advance(Duration::from_secs(1));
    let id = begun.answer().conversation;
    let about = |text| Question { conversation: Some(id), ..question(text) };
    let (_, first) = house.played(&upstream, &ada, about("And a loop?"), "A circle.").await;
    house.clock.advance(Duration::from_secs(1));
    house.played(&upstream, &ada, about("Thanks."), "Welcome.").await;
    house.clock.advance(Duration::from_secs(1));

    let first = first.answer();
    let turn = house.again(&ada, first.id).await;
    let playing = async {
        let asked = upstream.asked().await;
        upstream.says("A closed bight.").await;
        upstream.finishes(stop()).await;
        asked
    };
    let (asked, heard) = join!(playing, house.listen(turn));
    // What came later is not told, nor what was said to this question before.
    let expected =
        [(ChatRole::User, "What is a bight?"), (ChatRole::Assistant, "A bend."), (ChatRole::User, "And a loop?")];
    assert_eq!(said(&asked), expected);
    let started = heard.started.clone().unwrap();
    let second = heard.answer();
    assert_eq!((Some(started.question), second.parent), (first.parent, first.parent));
    assert_ne!(second.id, first.id);
    assert_eq!(house.said(&ada, first.id).await, first, "the first one stays");
    let messages = house.messages(&ada, id).await;
    assert_eq!(messages.len(), 7);
    assert_eq!(messages.iter().filter(|message| message.author == Author::User).count(), 3);
    assert_eq!(messages.last(), Some(&second));

    // The latest answer is what was said.
    let (asked, _) = house.played(&upstream, &ada, about("And then?"), "Pull.").await;
    let told: Vec<_> = said(&asked).into_iter().map(|(_, words)| words.to_owned()).collect();
    assert!(told.contains(&"A closed bight.".to_owned()) && !told.contains(&"A circle.".to_owned()), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn only_an_answer_that_has_ended_is_given_once_more_and_only_to_its_owner() {
    let (house, upstream, ada, turn) = turn().await;
    let (bob, admin) = (house.learner("bob").await, house.admin().await);
    let reader = turn.reader();
    let id = reader.answer();
    let again = async |caller: &Caller, id| code(house.lyceum.ask_again(caller, id, Delivery::Pieces, None).await);
    let playing = async {
        upstream.says("So").await;
        a_moment().await;
        assert_eq!(again(&ada, id).await, "conflict");
        upstream.finishes(stop()).await;
        hear(reader).await.answer()
    };
    let (answer, ()) = house.living(async { join!(playing, turn.run(pending())) }).await;
    assert_eq!(again(&ada, answer.parent.unwrap()).await, "not_an_answer");
    assert_eq!(again(&ada, MessageId::new(&SequentialIds)).await, "not_found");
    for other in [&bob, &admin] {
        assert_eq!(again(other, id).await, "not_found");
        assert_eq!(again(other, answer.parent.unwrap()).await, "not_found");
        assert!(house.usage(other).await.is_empty());
    }
    assert_eq!(house.usage(&ada).await.len(), 1);
    house.lyceum.delete_conversation(&ada.actor(), answer.conversation, None).await.unwrap();
    assert_eq!(again(&ada, id).await, "not_found");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_failed_or_was_stopped_is_given_once_more() {
    let (house, upstream, ada, turn) = turn().await;
    let id = turn.reader().answer();
    house.lyceum.stop_answer(&ada, id).await.unwrap();
    house.run(turn, pending()).await;
    let turn = house.again(&ada, id).await;
    let playing = async {
        upstream.says("So.").await;
        upstream.finishes(stop()).await;
    };
    let (heard, ()) = join!(house.listen(turn), playing);
    assert_eq!((heard.answer().content.as_str(), house.said(&ada, id).await.status), ("So.", MessageStatus::Stopped));
}

#[tokio::test(start_paused = true)]
async fn a_lesson_that_was_hidden_meanwhile_is_no_reason_not_to_answer() {
    let (house, upstream) = House::with_upstream();
    let (author, ada) = (house.mentor("author").await, house.learner("ada").await);
    let knots = house.publish(&author, "Knots", chapters(&["Bowline"])).await;
    let lesson = Some(house.lesson(knots.id, "Bowline").await);
    let (asked, first) =
        house.played(&upstream, &ada, Question { lesson, ..question("What is a bowline?") }, "A knot.").await;
    assert_eq!(asked.grounding.lesson.map(|about| about.lesson), lesson);
    let id = first.answer().id;
    let again = async || {
        let turn = house.again(&ada, id).await;
        let playing = async {
            let asked = upstream.asked().await;
            upstream.says("A loop.").await;
            upstream.finishes(stop()).await;
            asked
        };
        join!(playing, house.listen(turn)).0
    };
    assert_eq!(again().await.grounding.lesson.map(|about| about.lesson), lesson);
    house.change_course(knots.id, |course| course.status = CourseStatus::Draft).await;
    let asked = again().await;
    assert!(asked.grounding.lesson.is_none() && asked.grounding.passages.is_empty(), "it may not be read any more");
    assert_eq!(
        code(house.lyceum.messages(&Actor::Anonymous, house.conversation_of(&ada).await, <_>::default()).await),
        "unauthenticated"
    );
}
