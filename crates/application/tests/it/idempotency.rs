//! A request that its client named is done once.

use std::time::Duration;

use lyceum_application::{
    Error,
    idempotency::{Answer, Done},
    sessions::Caller,
    subjects::NewDocument,
};
use lyceum_domain::{
    blobs::BlobStream,
    ids::SubjectId,
    page::PageRequest,
    policy::Actor,
    subjects::{Document, FileName},
};

use crate::{
    house::{House, code},
    uploads::{broken, coming, content, now, once},
};

fn created(document: &Document) -> Answer {
    Answer { status: 201, body: document.id.to_string() }
}

struct Story {
    house: House,
    ada: Caller,
    subject: SubjectId,
}

impl Story {
    async fn new() -> Self {
        let house = House::new();
        let ada = house.learner("ada").await;
        let subject = house.subject(&ada, "Tides").await;
        Self { house, ada, subject }
    }

    async fn add(&self, key: &str, name: &str, content: BlobStream) -> Result<Done<Document>, Error> {
        let new = NewDocument { subject: self.subject, name: FileName::from_client(name, "file"), content };
        self.house.lyceum.add_document(&self.ada, new, once(key, "POST documents", created)).await
    }

    async fn count(&self) -> usize {
        self.house.lyceum.documents(&self.ada, self.subject, PageRequest::default()).await.unwrap().items.len()
    }
}

fn before<T: std::fmt::Debug>(done: Result<Done<T>, Error>) -> Answer {
    match done.unwrap() {
        Done::Before(answer) => answer,
        Done::Now(done) => panic!("it was done again: {done:?}"),
    }
}

#[tokio::test]
async fn the_same_request_is_answered_again_and_not_done_again() {
    let story = Story::new().await;
    let document = now(story.add("key", "a.txt", content(b"text")).await);
    for _ in 0..2 {
        assert_eq!(before(story.add("key", "a.txt", content(b"text")).await), created(&document));
    }
    assert_eq!(story.count().await, 1);
    // Also when what was done is gone.
    story.house.lyceum.delete_subject(&story.ada, story.subject, None).await.unwrap();
    assert_eq!(before(story.add("key", "a.txt", content(b"text")).await), created(&document));
    story.house.keeps_blobs(0).await;
}

#[tokio::test]
async fn another_request_of_the_same_key_is_refused() {
    let story = Story::new().await;
    now(story.add("key", "a.txt", content(b"text")).await);
    assert_eq!(code(story.add("key", "a.txt", content(b"another")).await), "idempotency_key_reused");
    assert_eq!(code(story.add("key", "b.txt", content(b"text")).await), "idempotency_key_reused");
    let other = once("key", "PUT avatar", |_| Answer { status: 200, body: String::new() });
    let set = story.house.lyceum.set_portrait(&story.ada, content(b"text"), None, other).await;
    assert_eq!(code(set), "idempotency_key_reused");
    now(story.add("other-key", "a.txt", content(b"text")).await);
    assert_eq!(story.count().await, 2);
}

#[tokio::test]
async fn a_key_is_its_users_own() {
    let story = Story::new().await;
    now(story.add("key", "a.txt", content(b"text")).await);
    let bob = story.house.learner("bob").await;
    let subject = story.house.subject(&bob, "Winds").await;
    let new = NewDocument { subject, name: FileName::from_client("a.txt", "file"), content: content(b"text") };
    now(story.house.lyceum.add_document(&bob, new, once("key", "POST documents", created)).await);
}

#[tokio::test]
async fn while_the_first_runs_the_second_is_told_so() {
    let story = Story::new().await;
    let (pieces, slow) = coming();
    let second = async {
        pieces.send(Ok("te".into())).await.unwrap();
        assert_eq!(code(story.add("key", "a.txt", content(b"text")).await), "request_in_progress");
        pieces.send(Ok("xt".into())).await.unwrap();
        drop(pieces);
    };
    let (first, ()) = tokio::join!(story.add("key", "a.txt", slow), second);
    let document = now(first);
    assert_eq!(before(story.add("key", "a.txt", content(b"text")).await), created(&document));
    story.house.keeps_blobs(1).await;
}

#[tokio::test]
async fn what_failed_can_be_tried_again() {
    let story = Story::new().await;
    assert_eq!(code(story.add("key", "a.txt", broken(b"te")).await), "upload_interrupted");
    story.house.blobs.go_away();
    assert_eq!(code(story.add("key", "a.txt", content(b"text")).await), "storage_unavailable");
    story.house.blobs.recover();
    now(story.add("key", "a.txt", content(b"text")).await);
    story.house.keeps_blobs(1).await;
}

#[tokio::test]
async fn a_request_whose_process_died_can_be_taken_over() {
    let story = Story::new().await;
    let (pieces, slow) = coming();
    tokio::select! {
        biased;
        _ = story.add("key", "a.txt", slow) => panic!("it has no end"),
        () = async { pieces.send(Ok("te".into())).await.unwrap() } => {}
    }
    assert_eq!(code(story.add("key", "a.txt", content(b"text")).await), "request_in_progress");
    story.house.clock.advance(Duration::from_mins(11));
    now(story.add("key", "a.txt", content(b"text")).await);
}

#[tokio::test]
async fn keys_are_forgotten_after_a_day() {
    let story = Story::new().await;
    now(story.add("key", "a.txt", content(b"text")).await);
    story.house.clock.advance(Duration::from_hours(23));
    story.house.lyceum.tidy(&Actor::System).await.unwrap();
    before(story.add("key", "a.txt", content(b"text")).await);
    story.house.clock.advance(Duration::from_hours(2));
    assert_eq!(story.house.lyceum.tidy(&Actor::System).await.unwrap(), 1);
    now(story.add("key", "a.txt", content(b"other")).await);
}

#[tokio::test]
async fn a_portrait_is_made_once() {
    let story = Story::new().await;
    let answer = |user: &lyceum_domain::users::User| Answer { status: 200, body: user.version.to_string() };
    let set = |picture| {
        story.house.lyceum.set_portrait(&story.ada, content(picture), None, once("key", "PUT avatar", answer))
    };
    let user = now(set(b"picture").await);
    assert_eq!(before(set(b"picture").await), answer(&user));
    assert_eq!(code(set(b"picture of a cat").await), "idempotency_key_reused");
    assert_eq!(story.house.user("ada").await.unwrap().portrait, user.portrait);
}
