//! The texts of documents are read after they were stored.

use std::time::Duration;

use lyceum_domain::{policy::Actor, subjects::TextState};

use crate::{
    house::House,
    uploads::{LONG, content},
};

#[tokio::test]
async fn a_text_is_read_after_the_upload() {
    let house = House::new();
    let ada = house.learner("ada").await;
    let subject = house.subject(&ada, "Tides").await;
    let document = house.add(&ada, subject, "a.md", content("Grüße\r\n".as_bytes())).await.unwrap();
    house.lyceum.ports().text_bell.rung().await;
    assert_eq!(house.lyceum.document_text(&ada, document.id).await.unwrap().1, None);
    assert_eq!(house.lyceum.read_texts(&Actor::System).await.unwrap().ready, 1);
    let (document, text) = house.lyceum.document_text(&ada, document.id).await.unwrap();
    assert_eq!(document.text, TextState::Ready { characters: 6, is_cut: false });
    assert_eq!(text.as_deref(), Some("Grüße\n"));
    assert_eq!(house.lyceum.read_texts(&Actor::System).await.unwrap().total(), 0);
}

#[tokio::test]
async fn a_text_that_cannot_be_read_is_told_so_at_once() {
    let house = House::new();
    let ada = house.learner("ada").await;
    let subject = house.subject(&ada, "Tides").await;
    let document = house.add(&ada, subject, "a.pdf", content(b"%PDF-1.7\n\xff\n%%EOF")).await.unwrap();
    assert_eq!(house.lyceum.read_texts(&Actor::System).await.unwrap().unreadable, 1);
    let document = house.lyceum.document(&ada, document.id).await.unwrap();
    assert_eq!(document.text, TextState::Unreadable { reason: "it is no UTF-8".to_owned() });
}

#[tokio::test]
async fn what_fails_is_tried_five_times() {
    let house = House::new();
    let ada = house.learner("ada").await;
    let subject = house.subject(&ada, "Tides").await;
    let document = house.add(&ada, subject, "a", content(b"text")).await.unwrap();
    house.texts.fail();
    for _ in 0..4 {
        assert_eq!(house.lyceum.read_texts(&Actor::System).await.unwrap().postponed, 1);
        assert_eq!(house.lyceum.read_texts(&Actor::System).await.unwrap().total(), 0, "not at once again");
        house.clock.advance(LONG);
    }
    assert_eq!(house.lyceum.read_texts(&Actor::System).await.unwrap().unreadable, 1);
    let document = house.lyceum.document(&ada, document.id).await.unwrap();
    assert!(matches!(document.text, TextState::Unreadable { .. }), "{:?}", document.text);
}

#[tokio::test]
async fn a_blob_store_that_is_away_costs_no_text() {
    let house = House::new();
    let ada = house.learner("ada").await;
    let subject = house.subject(&ada, "Tides").await;
    house.add(&ada, subject, "a", content(b"text")).await.unwrap();
    house.blobs.go_away();
    for _ in 0..10 {
        assert_eq!(house.lyceum.read_texts(&Actor::System).await.unwrap().postponed, 1);
        house.clock.advance(LONG);
    }
    house.blobs.recover();
    assert_eq!(house.lyceum.read_texts(&Actor::System).await.unwrap().ready, 1);
}

#[tokio::test]
async fn two_workers_share_the_texts_and_one_that_dies_loses_none() {
    let house = House::new();
    let ada = house.learner("ada").await;
    let subject = house.subject(&ada, "Tides").await;
    house.add(&ada, subject, "a", content(b"text")).await.unwrap();
    // One that dies with the document in its hands.
    let mut unit = house.begin().await;
    let now = lyceum_domain::time::Clock::now(&house.clock);
    assert_eq!(unit.subjects().take_unread(now, now.plus(Duration::from_mins(5)), 10).await.unwrap().len(), 1);
    unit.commit().await.unwrap();
    assert_eq!(house.lyceum.read_texts(&Actor::System).await.unwrap().total(), 0);
    house.clock.advance(Duration::from_mins(6));
    let (one, other) = tokio::join!(house.lyceum.read_texts(&Actor::System), house.lyceum.read_texts(&Actor::System));
    assert_eq!(one.unwrap().ready + other.unwrap().ready, 1);
}
