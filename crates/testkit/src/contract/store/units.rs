//! Units of work: all or nothing.

use std::time::Duration;

use lyceum_domain::{
    blobs::BlobKey,
    courses::{CourseKey, FilePath},
    ids::{ConversationId, CourseId, DocumentId, LessonId, SubjectId},
    mail::Settlement,
    sessions::Rotation,
    store::{Store, StoreError, Unique},
    subjects::TextState,
    users::TokenPurpose,
};

use crate::{
    ambient::SequentialIds,
    contract::{
        fixtures::{at, claim, course, hash, in_year, next_token, outbox_mail, refresh_token, session, user},
        statements::{begin, expect_conflict, expect_duplicate, find_course, insert_user, stored_user},
    },
};

/// A store that can be used says so.
pub async fn a_store_that_is_there_says_so(store: &dyn Store) {
    store.check().await.expect("it is there");
}

/// A unit in which nothing happened commits.
pub async fn an_empty_unit_commits(store: &dyn Store) {
    begin(store).await.commit().await.expect("nothing to keep");
}

/// After `commit` answered `Ok`, a reader that asks then sees all of it, whatever nouns it touched.
pub async fn a_committed_unit_is_there_for_the_next_reader(store: &dyn Store) {
    let (user, course) = (user(), course(None));
    let session = session(user.id);
    let mut unit = begin(store).await;
    unit.users().insert(&user).await.expect("new");
    unit.sessions().insert(&session, &refresh_token(session.id)).await.expect("new");
    unit.courses().insert(&course).await.expect("new");
    unit.commit().await.expect("kept");

    let standing = store.read().standing(user.id, Some(session.id), at(1)).await.expect("an answer");
    assert!(standing.expect("a user").is_session_live);
    assert_eq!(find_course(store, course.id).await, Some(course));
}

/// Dropping a unit undoes all it did, whatever nouns it touched.
pub async fn a_dropped_unit_leaves_nothing(store: &dyn Store) {
    let (user, course) = (user(), course(None));
    let session = session(user.id);
    let mut unit = begin(store).await;
    unit.users().insert(&user).await.expect("new");
    unit.sessions().insert(&session, &refresh_token(session.id)).await.expect("new");
    unit.courses().insert(&course).await.expect("new");
    drop(unit);

    assert_eq!(store.read().user(user.id).await.expect("an answer"), None);
    assert_eq!(find_course(store, course.id).await, None);
    let mut unit = begin(store).await;
    unit.users().insert(&user).await.expect("its names are free");
    unit.commit().await.expect("kept");
}

/// After a unit was dropped, also many times, the next one gets its turn: no lock and no connection stays behind.
pub async fn a_dropped_unit_is_in_nobodys_way(store: &dyn Store) {
    for _ in 0..30 {
        let mut unit = begin(store).await;
        unit.users().insert(&user()).await.expect("new");
    }
    stored_user(store).await;
}

/// What a unit does is seen by nobody else before it commits, and readers don't wait for it.
pub async fn nothing_is_seen_before_the_commit(store: &dyn Store) {
    let stored = stored_user(store).await;
    let new = user();
    let mut unit = begin(store).await;
    unit.users().insert(&new).await.expect("new");
    unit.users().touch_login(stored.id, at(9)).await.expect("noted");
    assert_eq!(store.read().user(new.id).await.expect("an answer"), None);
    assert_eq!(store.read().user(stored.id).await.expect("an answer"), Some(stored.clone()));
    unit.commit().await.expect("kept");
    assert_eq!(store.read().user(new.id).await.expect("an answer"), Some(new));
}

/// What a unit reads is what it has written, though nobody else sees it yet.
pub async fn a_unit_sees_its_own_writes(store: &dyn Store) {
    let user = user();
    let session = session(user.id);
    let token = refresh_token(session.id);
    let mut unit = begin(store).await;
    unit.users().insert(&user).await.expect("new");
    assert_eq!(unit.users().find(user.id).await.expect("an answer"), Some(user.clone()));
    unit.users().update(&user).await.expect("saved");
    assert_eq!(unit.users().find(user.id).await.expect("an answer").map(|user| user.version), Some(2));
    unit.sessions().insert(&session, &token).await.expect("new");
    assert_eq!(unit.sessions().find_by_token(&token.hash).await.expect("an answer"), Some((token, session)));
}

/// A unit in which something existed already keeps nothing: its commit is [`StoreError::Aborted`], even if the caller
/// went on after the failure.
pub async fn a_unit_with_a_duplicate_refuses_to_commit(store: &dyn Store) {
    let taken = stored_user(store).await;
    let before = user();
    let mut unit = begin(store).await;
    unit.users().insert(&before).await.expect("new");
    let mut twin = user();
    twin.email = taken.email;
    expect_duplicate(unit.users().insert(&twin).await, Unique::Email);
    let committed = unit.commit().await;
    assert!(matches!(committed, Err(StoreError::Aborted)), "{committed:?}");
    assert_eq!(store.read().user(before.id).await.expect("an answer"), None);
    insert_user(store, &before).await.expect("the next unit is whole");
}

/// A unit in which a save was stale keeps nothing: its commit is [`StoreError::Aborted`].
pub async fn a_unit_with_a_conflict_refuses_to_commit(store: &dyn Store) {
    let mut stale = stored_user(store).await;
    stale.version += 1;
    let before = user();
    let mut unit = begin(store).await;
    unit.users().insert(&before).await.expect("new");
    expect_conflict(unit.users().update(&stale).await);
    let committed = unit.commit().await;
    assert!(matches!(committed, Err(StoreError::Aborted)), "{committed:?}");
    assert_eq!(store.read().user(before.id).await.expect("an answer"), None);
}

/// Finding nothing is an answer and not a failure: the unit commits.
pub async fn what_finds_nothing_breaks_no_unit(store: &dyn Store) {
    let user = user();
    let mut unit = begin(store).await;
    assert_eq!(unit.users().find(user.id).await.expect("an answer"), None);
    assert_eq!(unit.users().take_token(TokenPurpose::VerifyEmail, &hash(), at(0)).await.expect("an answer"), None);
    unit.users().touch_login(user.id, at(0)).await.expect("nobody's sign-in");
    assert_eq!(unit.sessions().find_by_token(&hash()).await.expect("an answer"), None);
    let session = session(user.id);
    let traded = unit.sessions().rotate(&hash(), &next_token(at(0)), Duration::ZERO).await.expect("an answer");
    assert_eq!(traded, Rotation::Unknown);
    assert!(!unit.sessions().revoke(session.id, at(0)).await.expect("an answer"));
    assert!(!unit.sessions().revoke_of(user.id, session.id, at(0)).await.expect("an answer"));
    assert_eq!(unit.sessions().revoke_all(user.id, None, at(0)).await.expect("an answer"), 0);
    let mail = outbox_mail(in_year(1950, 0));
    let nobodys = unit.outbox().settle(mail.id, mail.due_at, &Settlement::Sent, mail.due_at).await;
    assert!(!nobodys.expect("an answer"));
    let course = course(None);
    assert_eq!(unit.courses().lessons(course.id).await.expect("an answer"), []);
    assert_eq!(unit.courses().find(CourseId::new(&SequentialIds)).await.expect("an answer"), None);
    assert_eq!(unit.courses().find_lesson(LessonId::new(&SequentialIds)).await.expect("an answer"), None);
    assert_eq!(unit.courses().files(course.id).await.expect("an answer"), []);
    let path = FilePath::parse("a.png").expect("a path");
    assert!(!unit.courses().remove_file(course.id, &path).await.expect("an answer"));
    unit.courses().place_lessons(course.id, &[]).await.expect("no lesson");
    unit.courses().mark_counted(course.id, 9).await.expect("another revision");
    let (subject, document) = (SubjectId::new(&SequentialIds), DocumentId::new(&SequentialIds));
    assert_eq!(unit.subjects().remove(user.id, subject, None).await.expect("an answer"), None);
    assert_eq!(unit.subjects().remove_document(user.id, document).await.expect("an answer"), None);
    unit.subjects().settle_text(document, &TextState::Pending, None, at(0)).await.expect("no document");
    unit.subjects().postpone_text(document, at(0)).await.expect("no document");
    unit.blob_removals().cancel(&[]).await.expect("no blob");
    unit.blob_removals().settle(&BlobKey::document(&SequentialIds)).await.expect("no removal");
    unit.claims().release(&claim(user.id, at(0))).await.expect("no claim");
    assert_eq!(unit.progress().recount(course.id, 10).await.expect("an answer"), 0);
    assert!(!unit.conversations().delete(user.id, ConversationId::new(&SequentialIds)).await.expect("an answer"));
    unit.courses().insert(&course).await.expect("new");
    unit.commit().await.expect("kept");
    assert!(store.read().course(&CourseKey::Slug(course.slug)).await.expect("an answer").is_some());
}
