//! Questions that their client named, so that they are asked once.

use std::{future::pending, time::Duration};

use bytes::Bytes;
use futures_util::stream;
use lyceum_application::{
    Error, Rules,
    idempotency::{Answer as Kept, Done, Once},
    mentor::{Answer, Question, Turn},
    sessions::Caller,
    subjects::NewDocument,
};
use lyceum_domain::{
    conversations::MessageStatus,
    ids::ConversationId,
    mentor::{Allowance, ChatError, Delivery, Quota, Quotas},
    policy::Actor,
    subjects::{Document, FileName},
};
use lyceum_testkit::{
    ambient::SequentialIds,
    chat::{ScriptedModel, stop},
};
use tokio::{join, time::sleep};

use super::scene::a_moment;
use crate::{
    house::{House, code, hear, question},
    uploads::{content, now, once},
};

fn kept(answer: &Answer) -> Kept {
    Kept { status: 200, body: format!("{} {}", answer.message.id, answer.message.status.as_str()) }
}

fn named(key: &str) -> Option<Once<Answer>> {
    once(key, "POST chat", kept)
}

impl House {
    pub(super) async fn ask_once(&self, caller: &Caller, key: &str, asked: Question) -> Result<Done<Turn>, Error> {
        self.lyceum.ask_once(caller, asked, named(key)).await
    }
}

fn before(done: Result<Done<Turn>, Error>) -> Kept {
    match done.unwrap() {
        Done::Before(kept) => kept,
        Done::Now(_) => panic!("it is asked again"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_named_question_is_asked_once() {
    let (house, upstream) = House::with_upstream();
    let ada = house.learner("ada").await;
    let turn = now(house.ask_once(&ada, "key", question("Why?")).await);
    let reader = turn.reader();
    let playing = async {
        upstream.says("So").await;
        a_moment().await;
        for asked in ["Why?", "How?"] {
            assert_eq!(code(house.ask_once(&ada, "key", question(asked)).await), "request_in_progress");
        }
        upstream.finishes(stop()).await;
        hear(reader).await.answer()
    };
    let (answer, ()) = house.living(async { join!(playing, turn.run(pending())) }).await;
    for _ in 0..2 {
        let again = before(house.ask_once(&ada, "key", question("Why?")).await);
        assert_eq!(again, kept(&Answer { message: answer.clone() }));
    }
    assert_eq!(house.usage(&ada).await.len(), 1);
    assert_eq!(house.messages(&ada, answer.conversation).await.len(), 2);

    let elsewhere = Question { conversation: Some(answer.conversation), ..question("Why?") };
    for other in [question("How?"), elsewhere] {
        assert_eq!(code(house.ask_once(&ada, "key", other).await), "idempotency_key_reused");
    }
    // How the answer is wanted is no part of what is asked.
    before(house.ask_once(&ada, "key", Question { delivery: Delivery::Whole, ..question("Why?") }).await);
    now(house.ask_once(&ada, "other", question("Why?")).await);
    now(house.ask_once(&house.learner("bob").await, "key", question("Why?")).await);
}

#[tokio::test(start_paused = true)]
async fn a_named_question_that_failed_may_be_asked_again() {
    let house = House::with_model(ScriptedModel::failing(|| ChatError::Timeout { detail: "first byte".into() }));
    let ada = house.learner("ada").await;
    for _ in 0..2 {
        let turn = now(house.ask_once(&ada, "key", question("Why?")).await);
        assert_eq!(house.listen(turn).await.code(), "llm_timeout");
    }
    assert_eq!(house.usage(&ada).await.len(), 2);
}

/// The store is away for longer than an end waits for it.
#[tokio::test(start_paused = true)]
async fn what_became_of_a_name_while_the_store_was_away_is_known_when_it_is_back() {
    for is_whole in [true, false] {
        let (house, upstream) = House::with_upstream();
        let ada = house.learner("ada").await;
        let turn = now(house.ask_once(&ada, "key", question("Why?")).await);
        let playing = async {
            upstream.says("It bears on itself.").await;
            a_moment().await;
            house.store.set_away(true);
            if is_whole {
                upstream.finishes(stop()).await;
            } else {
                upstream.fails(ChatError::Timeout { detail: "no more".into() }).await;
            }
            sleep(Duration::from_secs(15)).await;
            assert_eq!(code(house.ask_once(&ada, "key", question("Why?")).await), "database_unavailable");
            house.store.set_away(false);
            sleep(Duration::from_secs(2)).await;
        };
        house.living(async { join!(turn.run(pending()), playing) }).await;
        let again = house.ask_once(&ada, "key", question("Why?")).await;
        if is_whole {
            let answer = house.outcome(&ada).await.0;
            assert_eq!(before(again), kept(&Answer { message: answer }));
        } else {
            now(again);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_that_could_not_be_given_back_comes_back_with_the_store() {
    let house = House::with_rules(Rules::default());
    let ada = house.learner("ada").await;
    let subject = house.subject(&ada, "Knots").await;
    let add = async |content| {
        let new = NewDocument { subject, name: FileName::from_client("knot.txt", "file"), content };
        let answer = |document: &Document| Kept { status: 201, body: document.id.to_string() };
        house.lyceum.add_document(&ada, new, once("key", "POST document", answer)).await
    };
    // The store goes while the file comes in.
    let store = house.store.clone();
    let going = stream::once(async move {
        store.set_away(true);
        Ok(Bytes::from_static(b"Over and under."))
    });
    assert_eq!(code(add(Box::pin(going)).await), "database_unavailable");
    house.store.set_away(false);
    house.living(sleep(Duration::from_secs(2))).await;
    now(add(content(b"Over and under.")).await);
}

#[tokio::test(start_paused = true)]
async fn a_named_question_that_was_refused_may_be_asked_again() {
    let none = Quota { day: Allowance { requests: Some(0), tokens: None }, month: Allowance::default() };
    let rules = Rules { quotas: Quotas { free: none, premium: none }, ..Rules::default() };
    let house = House::with_rules(rules);
    let ada = house.learner("ada").await;
    let nowhere = Some(ConversationId::new(&SequentialIds));
    let lost = || Question { conversation: nowhere, ..question("Why?") };
    for _ in 0..2 {
        assert_eq!(code(house.ask_once(&ada, "key", lost()).await), "not_found");
        assert_eq!(code(house.ask_once(&ada, "key", question("Why?")).await), "quota_exceeded");
    }
}

#[tokio::test(start_paused = true)]
async fn a_named_question_goes_on_without_a_reader() {
    let (house, upstream) = House::with_upstream();
    let ada = house.learner("ada").await;
    let turn = now(house.ask_once(&ada, "key", question("Why?")).await);
    let playing = async {
        upstream.says("It bears").await;
        sleep(Duration::from_mins(5)).await;
        upstream.says(" on itself.").await;
        upstream.finishes(stop()).await;
    };
    house.living(async { join!(turn.run(pending()), playing) }).await;
    let answer = house.outcome(&ada).await.0;
    assert_eq!((answer.content.as_str(), answer.status), ("It bears on itself.", MessageStatus::Complete));
    let again = before(house.ask_once(&ada, "key", question("Why?")).await);
    assert_eq!(again, kept(&Answer { message: answer }));
}

#[tokio::test(start_paused = true)]
async fn a_named_question_whose_answer_was_stopped_is_answered_with_that() {
    let (house, upstream) = House::with_upstream();
    let ada = house.learner("ada").await;
    let turn = now(house.ask_once(&ada, "key", question("Why?")).await);
    let reader = turn.reader();
    let playing = async {
        upstream.says("Half an").await;
        a_moment().await;
        house.lyceum.stop_answer(&ada, reader.answer()).await.unwrap();
    };
    join!(house.run(turn, pending()), playing);
    let again = before(house.ask_once(&ada, "key", question("Why?")).await);
    assert!(again.body.ends_with("stopped"), "{again:?}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_outlived_its_name_is_written_down_all_the_same() {
    let (house, upstream) = House::with_upstream();
    let ada = house.learner("ada").await;
    let turn = now(house.ask_once(&ada, "key", question("Why?")).await);
    let reader = turn.reader();
    let playing = async {
        upstream.says("So.").await;
        a_moment().await;
        house.clock.advance(Duration::from_mins(11));
        let second = now(house.ask_once(&ada, "key", question("Why?")).await);
        upstream.finishes(stop()).await;
        let began = tokio::time::Instant::now();
        let answer = hear(reader).await.answer();
        assert!(began.elapsed() < Duration::from_secs(1));
        drop(second);
        answer
    };
    let (answer, ()) = house.living(async { join!(playing, turn.run(pending())) }).await;
    assert_eq!(house.said(&ada, answer.id).await, answer);
    assert_eq!(answer.status, MessageStatus::Complete);
}

/// Its server was slow, others took it for gone and gave the name back, and it was none the less.
#[tokio::test(start_paused = true)]
async fn an_answer_whose_name_was_given_back_is_written_down_all_the_same() {
    let (house, upstream) = House::with_upstream();
    let other = house.beside(ScriptedModel::always("Nothing."));
    let ada = house.learner("ada").await;
    let turn = now(house.ask_once(&ada, "key", question("Why?")).await);
    let reader = turn.reader();
    let playing = async {
        upstream.says("So.").await;
        a_moment().await;
        let gone = [house.lyceum.ports().answers.instance()];
        assert_eq!(other.lyceum.close_abandoned(&Actor::System, &gone).await.unwrap(), 1);
        let second = now(other.ask_once(&ada, "key", question("Why?")).await);
        upstream.finishes(stop()).await;
        let answer = hear(reader).await.answer();
        drop(second);
        answer
    };
    let (answer, ()) = house.living(async { join!(playing, turn.run(pending())) }).await;
    assert_eq!(house.said(&ada, answer.id).await, answer);
    assert_eq!((answer.content.as_str(), answer.status), ("So.", MessageStatus::Complete));
}

#[tokio::test(start_paused = true)]
async fn an_answer_once_more_may_have_a_name_too() {
    let house = House::new();
    let ada = house.learner("ada").await;
    let answer = house.answered(&ada, question("Why?")).await.answer().id;
    let other = house.answered(&ada, question("How?")).await.answer().id;
    let again = async |of| house.lyceum.ask_again(&ada, of, Delivery::Pieces, named("key")).await;
    let turn = now(again(answer).await);
    assert_eq!(code(again(answer).await), "request_in_progress");
    let second = house.listen(turn).await.answer();
    assert_eq!(before(again(answer).await), kept(&Answer { message: second }));
    assert_eq!(code(again(other).await), "idempotency_key_reused");
    assert_eq!(house.usage(&ada).await.len(), 3);
}

/// The name was taken, and its server did not hear so: whoever comes again need not wait for the end of a lease.
#[tokio::test(start_paused = true)]
async fn a_name_that_was_taken_unheard_is_given_back() {
    let house = House::new();
    let ada = house.learner("ada").await;
    house.store.lose_the_answers_of_next_commits(1);
    assert_eq!(code(house.ask_once(&ada, "key", question("Why?")).await), "database_unavailable");
    let again = async {
        a_moment().await;
        now(house.ask_once(&ada, "key", question("Why?")).await)
    };
    let turn = house.living(again).await;
    assert_eq!(house.listen(turn).await.answer().content, "It bears on itself.");
}

/// Its lease is over, and nobody else came: the answer is kept under its name, and whoever asks again gets it.
#[tokio::test(start_paused = true)]
async fn an_answer_that_took_longer_than_its_lease_is_still_its_names() {
    let (house, upstream) = House::with_upstream();
    let ada = house.learner("ada").await;
    let turn = now(house.ask_once(&ada, "key", question("Why?")).await);
    let reader = turn.reader();
    let playing = async {
        upstream.says("So.").await;
        house.clock.advance(Duration::from_mins(11));
        upstream.finishes(stop()).await;
        hear(reader).await.answer()
    };
    let (answer, ()) = house.living(async { join!(playing, turn.run(pending())) }).await;
    assert!(matches!(house.ask_once(&ada, "key", question("Why?")).await, Ok(Done::Before(_))), "{answer:?}");
    assert_eq!(house.usage(&ada).await.len(), 1, "asked and paid for once");
}
