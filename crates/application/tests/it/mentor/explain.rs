//! What an answer was made from, after the world went on.

use lyceum_application::{
    mentor::{Explained, Missing, Question, Rebuilt},
    sessions::Caller,
};
use lyceum_domain::{
    blobs::Sha256,
    conversations::{Message, TurnOpening},
    ids::{InstanceId, MessageId, UsageId},
    mentor::{ChatRequest, Manifest, Quota, Reservation},
    policy::Actor,
    progress::LessonStatus,
    store::Store as _,
    time::Clock as _,
};
use lyceum_testkit::{ambient::SequentialIds, chat::Upstream};

use crate::house::{House, chapter, code, question};

/// A learner who asked twice about a course of rope, and who plays the model.
struct Story {
    house: House,
    upstream: Upstream,
    author: Caller,
    ada: Caller,
    /// What the model was asked each time, and the answer.
    asked: [(ChatRequest, MessageId); 2],
}

async fn asked_twice() -> Story {
    let (house, upstream) = House::with_upstream();
    let (author, ada) = (house.mentor("author").await, house.learner("ada").await);
    let text = "A loop that never slips.\n\n<b>The rope</b> bears on itself.\n\n</passage>\u{202e}";
    let all = vec![chapter("Bowline", text), chapter("Hitches", "Round a post, with a loop of rope.")];
    let knots = house.publish(&author, "Knots", all).await;
    let bowline = house.lesson(knots.id, "Bowline").await;
    house.lyceum.record_lesson(&ada.actor(), bowline, LessonStatus::Completed).await.unwrap();
    let about = Question { course: Some(knots.id), ..question("Which knot has a loop\u{200b}?") };
    let (first, heard) = house.played(&upstream, &ada, about, "Both [1][2].\n\n<<title: Loops>>").await;
    let started = heard.started.unwrap();
    let conversation = Some(started.conversation);
    let about = Question { conversation, lesson: Some(bowline), ..question("Why not slip,\n<data>?") };
    let (second, heard) = house.played(&upstream, &ada, about, "It bears [1].").await;
    let asked = [(first, started.answer), (second, heard.started.unwrap().answer)];
    Story { house, upstream, author, ada, asked }
}

impl Story {
    async fn explained(&self, answer: MessageId) -> Explained {
        self.house.lyceum.explain(&Actor::System, answer).await.unwrap()
    }

    /// An answer to the second question, made from what somebody changed.
    async fn forged(&self, change: impl FnOnce(&mut Manifest)) -> MessageId {
        let (owner, answer) = (self.ada.user.id, self.asked[1].1);
        let read = self.house.store.read();
        let (_, mut manifest) = read.manifest(answer).await.unwrap().unwrap();
        let before = read.message(owner, answer).await.unwrap().unwrap();
        let question = read.message(owner, before.parent.unwrap()).await.unwrap().unwrap();
        let mut call = read.usage_of(owner).await.unwrap().remove(0);
        let now = self.house.clock.now();
        let answer = Message::answer(MessageId::new(&SequentialIds), &question, Vec::new(), now);
        (call.id, call.message) = (UsageId::new(&SequentialIds), answer.id);
        change(&mut manifest);
        let opening = TurnOpening {
            conversation: read.conversation(owner, question.conversation).await.unwrap().unwrap(),
            is_new: false,
            question: None,
            answer: answer.clone(),
            manifest,
            quoted: Vec::new(),
            call,
            reservation: Reservation::new(Quota::default(), 4, 10, now),
            instance: InstanceId::new(&SequentialIds),
        };
        self.house.store.write().begin_turn(&opening).await.unwrap();
        answer.id
    }
}

#[tokio::test]
async fn a_prompt_is_made_again_word_for_word_whatever_became_of_the_material() {
    let story = Box::pin(asked_twice()).await;
    let Story { house, upstream, author, ada, asked } = &story;
    house.publish(author, "Knots", vec![chapter("Bowline", "Rewritten.")]).await;
    house.clock.advance(std::time::Duration::from_mins(1));
    let privately = house.change_user(ada.user.id, |user| user.privacy.ai_personalization = false).await;
    let (third, heard) = house.played(upstream, &privately, question("And now?"), "Nothing.").await;
    let third = (third, heard.started.unwrap().answer);

    let (first, second) = (&asked[0].0, &asked[1].0);
    assert!(first.grounding.passages.len() == 2 && second.messages.len() == 5, "there is something to make again");
    assert!(first.messages[0].content.contains("<<title:") && !second.messages[0].content.contains("<<title:"));
    for (request, answer) in asked.iter().chain([&third]) {
        let explained = story.explained(*answer).await;
        assert_eq!(explained.prompt, Rebuilt::Exact(request.messages.clone()));
        assert!(explained.is_exact());
        assert_eq!((explained.owner, explained.answer.id), (ada.user.id, *answer));
        assert_eq!(explained.manifest.model, "scripted-1");
    }
}

#[tokio::test]
async fn a_prompt_that_is_another_one_is_not_taken_for_the_one_that_was_sent() {
    let story = Box::pin(asked_twice()).await;
    assert!(story.explained(story.forged(|_| {}).await).await.is_exact());
    let changes: [fn(&mut Manifest); 5] = [
        |manifest| manifest.is_personal = false,
        |manifest| manifest.courses.clear(),
        |manifest| manifest.wants_title = true,
        |manifest| manifest.passages[0].heading.push('!'),
        |manifest| manifest.history.truncate(1),
    ];
    for change in changes {
        let explained = story.explained(story.forged(change).await).await;
        assert!(matches!(explained.prompt, Rebuilt::Different(_)), "{:?}", explained.prompt);
        assert!(!explained.is_exact());
    }
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let story = Box::pin(asked_twice()).await;
    let gone = MessageId::new(&SequentialIds);
    let answer = story.forged(move |manifest| {
        manifest.template = "mentor-1".to_owned();
        manifest.history.push(gone);
        manifest.passages[0].digest = Sha256::new([7; 32]);
    });
    let explained = story.explained(answer.await).await;
    let missing = vec![Missing::Template("mentor-1".to_owned()), Missing::Message(gone), Missing::Passage(1)];
    assert_eq!(explained.prompt, Rebuilt::Gone(missing));
}

#[tokio::test]
async fn only_the_operator_and_whose_answer_it_is_see_what_it_was_made_from() {
    let story = Box::pin(asked_twice()).await;
    let Story { house, ada, author, asked, .. } = &story;
    let explain = async |actor: &Actor, message| code(house.lyceum.explain(actor, message).await);
    let answer = asked[0].1;
    let admin = house.admin().await;
    for actor in [Actor::System, ada.actor()] {
        assert_eq!(explain(&actor, answer).await, "ok");
    }
    for actor in [Actor::Anonymous, author.actor(), admin.actor()] {
        assert_eq!(explain(&actor, answer).await, "not_found");
    }
    let question = story.explained(answer).await.answer.parent.unwrap();
    for message in [question, MessageId::new(&SequentialIds)] {
        assert_eq!(explain(&Actor::System, message).await, "not_found");
    }
}
