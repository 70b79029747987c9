//! Pictures of users.

use futures_util::future::join_all;
use lyceum_application::Rules;
use lyceum_domain::{blobs::BlobKey, policy::Actor};

use crate::{
    house::{House, code},
    uploads::{bytes, content, endless, now},
};

#[tokio::test]
async fn a_new_portrait_takes_the_place_of_the_old_one() {
    let house = House::new();
    let ada = house.learner("ada").await;
    let first = now(house.lyceum.set_portrait(&ada, content(b"picture one"), None, None).await);
    let key = first.portrait.clone().expect("a portrait");
    assert!(key.as_str().starts_with(&format!("profile-pictures/{}/", ada.user.id)), "{key}");
    assert_eq!(key.as_str().rsplit_once('.').map(|(_, kind)| kind), Some("jpg"), "{key}");
    assert_eq!(bytes(house.lyceum.portrait(&key).await.unwrap()).await, b"portrait of picture one");
    let second = now(house.lyceum.set_portrait(&ada, content(b"picture two"), Some(first.version), None).await);
    assert_eq!(second.version, first.version + 1);
    house.sweep().await;
    assert_eq!(house.blobs.keys(), [second.portrait.clone().unwrap()]);
    assert_eq!(code(house.lyceum.portrait(&key).await), "not_found");
    let none = house.lyceum.remove_portrait(&ada, None).await.unwrap();
    assert_eq!((none.portrait, none.version), (None, second.version + 1));
    house.sweep().await;
    assert_eq!(house.blobs.keys(), []);
    // There is none to be removed.
    assert_eq!(house.lyceum.remove_portrait(&ada, None).await.unwrap().version, none.version);
}

#[tokio::test]
async fn an_old_portrait_that_does_not_go_fails_nobody() {
    let house = House::new();
    let ada = house.learner("ada").await;
    now(house.lyceum.set_portrait(&ada, content(b"picture one"), None, None).await);
    house.blobs.fail_deletes(2);
    now(house.lyceum.set_portrait(&ada, content(b"picture two"), None, None).await);
    house.sweep().await;
    assert_eq!(house.blobs.keys().len(), 2);
    for _ in 0..3 {
        house.clock.advance(std::time::Duration::from_mins(5));
        house.sweep().await;
    }
    assert_eq!(house.blobs.keys().len(), 1);
}

#[tokio::test]
async fn what_no_portrait_is_made_of_leaves_the_old_one() {
    let house = House::with_rules(Rules { max_picture_bytes: 20, ..Rules::default() });
    let ada = house.learner("ada").await;
    let before = now(house.lyceum.set_portrait(&ada, content(b"picture"), None, None).await);
    let set = |picture, expected| house.lyceum.set_portrait(&ada, picture, expected, None);
    assert_eq!(code(set(content(b"<svg>"), None).await), "unsupported_media_type");
    assert_eq!(code(set(content(b"picture, damaged"), None).await), "bad_picture");
    assert_eq!(code(set(endless(b"picture of a very long cat"), None).await), "too_large");
    assert_eq!(code(set(content(b"picture"), Some(before.version + 1)).await), "version_mismatch");
    house.portraits.be_busy(true);
    assert_eq!(code(set(content(b"picture"), None).await), "busy");
    house.portraits.be_busy(false);
    house.blobs.go_away();
    assert_eq!(code(set(content(b"picture"), None).await), "storage_unavailable");
    house.blobs.recover();
    house.keeps_blobs(1).await;
    assert_eq!(house.blobs.keys(), before.portrait.as_slice());
    assert_eq!(house.user("ada").await.unwrap().portrait, before.portrait);
}

#[tokio::test]
async fn of_many_at_once_one_is_left() {
    let house = House::new();
    let ada = house.learner("ada").await;
    let sets = (0..6).map(|_| house.lyceum.set_portrait(&ada, content(b"picture"), None, None));
    assert!(join_all(sets).await.into_iter().map(code).all(|code| code == "ok"));
    house.keeps_blobs(1).await;
    assert_eq!(house.blobs.keys(), house.user("ada").await.unwrap().portrait.as_slice());
}

#[tokio::test]
async fn only_portraits_are_open_to_everybody() {
    let house = House::new();
    let ada = house.learner("ada").await;
    let subject = house.subject(&ada, "Tides").await;
    let document = house.add(&ada, subject, "a", content(b"text")).await.unwrap();
    assert_eq!(code(house.lyceum.portrait(&document.blob).await), "not_found");
    let nobody = BlobKey::parse("profile-pictures/x/y.jpg").unwrap();
    assert_eq!(code(house.lyceum.portrait(&nobody).await), "not_found");
    assert_eq!(code(house.lyceum.remove_due_blobs(&Actor::System).await), "ok");
}
