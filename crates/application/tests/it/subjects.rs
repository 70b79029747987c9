//! Subjects: a learner's own, and nobody else's.

use futures_util::future::join_all;
use lyceum_application::{
    Rules,
    subjects::{NewSubject, SubjectChange},
    users::Change,
};
use lyceum_domain::{
    courses::Title,
    page::PageRequest,
    policy::Actor,
    subjects::Color,
    users::{Scope, Scopes},
};

use crate::{
    house::{House, code},
    uploads::content,
};

#[tokio::test]
async fn a_subject_is_changed_put_away_and_deleted() {
    let house = House::new();
    let ada = house.learner("ada").await;
    let id = house.subject(&ada, "Tides").await;
    let change = SubjectChange {
        title: Some(Title::parse("Spring tides").unwrap()),
        color: Change::Set(Color::parse("#00AAFF").unwrap()),
        is_archived: Some(true),
        ..SubjectChange::default()
    };
    let changed = house.lyceum.change_subject(&ada, id, change, Some(1)).await.unwrap();
    assert_eq!((changed.title.as_str(), changed.is_archived, changed.version), ("Spring tides", true, 2));
    let listed = |archived| house.lyceum.subjects(&ada, archived, PageRequest::default());
    assert_eq!(listed(false).await.unwrap().items, []);
    assert_eq!(listed(true).await.unwrap().items, std::slice::from_ref(&changed));
    // What changes nothing is no change.
    let same = house.lyceum.change_subject(&ada, id, SubjectChange::default(), None).await.unwrap();
    assert_eq!(same, changed);
    let stale = house.lyceum.change_subject(&ada, id, SubjectChange::default(), Some(1)).await;
    assert_eq!(code(stale), "version_mismatch");
    assert_eq!(code(house.lyceum.delete_subject(&ada, id, Some(1)).await), "version_mismatch");
    assert_eq!(code(house.lyceum.delete_subject(&ada, id, Some(2)).await), "ok");
    assert_eq!(code(house.lyceum.delete_subject(&ada, id, None).await), "not_found");
}

#[tokio::test]
async fn deleting_a_subject_removes_its_documents_alone() {
    let house = House::new();
    let ada = house.learner("ada").await;
    let (tides, winds) = (house.subject(&ada, "Tides").await, house.subject(&ada, "Winds").await);
    let gone = house.add(&ada, tides, "a", content(b"text")).await.unwrap();
    let kept = house.add(&ada, winds, "a", content(b"text")).await.unwrap();
    house.lyceum.delete_subject(&ada, tides, None).await.unwrap();
    assert_eq!(code(house.lyceum.document(&ada, gone.id).await), "not_found");
    house.keeps_blobs(1).await;
    assert_eq!(house.blobs.keys(), [kept.blob]);
}

#[tokio::test]
async fn what_is_others_is_not_there() {
    let house = House::new();
    let (ada, bob) = (house.learner("ada").await, house.learner("bob").await);
    let id = house.subject(&ada, "Tides").await;
    assert_eq!(code(house.lyceum.own_subject(&bob, id).await), "not_found");
    assert_eq!(code(house.lyceum.change_subject(&bob, id, SubjectChange::default(), None).await), "not_found");
    assert_eq!(code(house.lyceum.delete_subject(&bob, id, None).await), "not_found");
    assert_eq!(house.lyceum.subjects(&bob, false, PageRequest::default()).await.unwrap().items, []);
    assert_eq!(house.lyceum.own_subject(&ada, id).await.unwrap().id, id);
}

#[tokio::test]
async fn many_at_once_do_not_pass_the_limit() {
    let house = House::with_rules(Rules { max_subjects: 2, ..Rules::default() });
    let ada = house.learner("ada").await;
    let new = || NewSubject {
        title: Title::parse("Tides").unwrap(),
        description: String::new(),
        color: None,
        is_archived: true,
    };
    let mut codes: Vec<_> =
        join_all((0..5).map(|_| house.lyceum.create_subject(&ada, new()))).await.into_iter().map(code).collect();
    codes.sort_unstable();
    assert_eq!(codes, ["ok", "ok", "too_many", "too_many", "too_many"]);
}

#[tokio::test]
async fn a_key_reaches_them_if_it_is_good_for_learning() {
    let house = House::new();
    let mut ada = house.learner("ada").await;
    let id = house.subject(&ada, "Tides").await;
    ada.key = Scopes::new([Scope::Learning]).ok();
    assert_eq!(code(house.add(&ada, id, "a", content(b"text")).await), "ok");
    ada.key = Scopes::new([Scope::Ai]).ok();
    assert_eq!(code(house.add(&ada, id, "a", content(b"text")).await), "insufficient_scope");
    assert_eq!(code(house.lyceum.own_subject(&ada, id).await), "insufficient_scope");
}

#[tokio::test]
async fn only_the_house_keeps_house() {
    let house = House::new();
    let ada = house.learner("ada").await;
    assert_eq!(code(house.lyceum.remove_due_blobs(&ada.actor()).await), "forbidden");
    assert_eq!(code(house.lyceum.read_texts(&Actor::Anonymous).await), "unauthenticated");
}
