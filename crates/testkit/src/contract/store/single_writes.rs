//! Writes that are whole in themselves.

use std::sync::Arc;

use futures_util::future::join_all;
use lyceum_domain::{
    ids::ProgressEventId,
    mentor::{Reserved, Used},
    progress::LessonStatus::{Completed, NotStarted},
    store::{Store, StoreError},
};

use crate::ambient::SequentialIds;
use crate::contract::{
    fixtures::{SET_ASIDE, Turn, at, enrolment, progress},
    statements::{
        enrolled, expect_conflict, first_page, found_conversation, stored_course, stored_progress, stored_turn,
        stored_user,
    },
};

/// A single save needs no commit: it is there for the next reader, and its version moved.
pub async fn a_single_save_is_kept(store: &dyn Store) {
    let user = stored_user(store).await;
    let (course, lessons) = stored_course(store, 2).await;
    let mut mine = progress(user.id, course.id);
    let change = mine.record(ProgressEventId::new(&SequentialIds), lessons[0].id, NotStarted, Completed, at(3));
    store.write().save_progress(&mine, &change).await.expect("saved");
    mine.version = 1;
    assert_eq!(stored_progress(store, user.id, course.id).await, mine);
    let standing = store.read().lesson_standing(user.id, lessons[0].id).await.expect("an answer").expect("a lesson");
    assert_eq!(standing.status, Completed);
    store.write().save_progress(&mine, &enrolment(at(4))).await.expect("saved");
    assert_eq!(stored_progress(store, user.id, course.id).await.version, 2);
}

/// A stale one is a conflict and leaves nothing, the lesson least of all.
pub async fn a_stale_single_save_leaves_nothing(store: &dyn Store) {
    let user = stored_user(store).await;
    let (course, lessons) = stored_course(store, 2).await;
    let stored = enrolled(store, user.id, course.id, at(1)).await;
    let mut stale = stored.clone();
    stale.version += 1;
    let change = stale.record(ProgressEventId::new(&SequentialIds), lessons[0].id, NotStarted, Completed, at(3));
    expect_conflict(store.write().save_progress(&stale, &change).await);
    assert_eq!(stored_progress(store, user.id, course.id).await, stored);
    let standing = store.read().lesson_standing(user.id, lessons[0].id).await.expect("an answer").expect("a lesson");
    assert_eq!(standing.status, NotStarted);
}

/// A turn is begun and ended without a commit.
pub async fn a_single_turn_is_kept(store: &dyn Store) {
    let owner = stored_user(store).await;
    let mut turn = Turn::first(owner.id);
    let reserved = store.write().begin_turn(&turn.opening(true)).await.expect("begun");
    assert_eq!(reserved, Reserved::Granted { tokens: SET_ASIDE });
    assert_eq!(found_conversation(store, &turn.conversation).await, turn.conversation);
    "Said.".clone_into(&mut turn.answer.content);
    store.write().end_turn(&turn.ending()).await.expect("ended");
    let id = turn.conversation.id;
    let messages = store.read().messages_page(owner.id, id, first_page()).await.expect("an answer").items;
    assert_eq!(messages, [turn.question, turn.answer]);
}

/// A turn that cannot be begun as a whole leaves nothing: here the answer's id is taken.
pub async fn a_failed_single_turn_leaves_nothing(store: &dyn Store) {
    let owner = stored_user(store).await;
    let first = stored_turn(store, owner.id).await;
    let mut turn = Turn::first(owner.id);
    turn.answer.id = first.answer.id;
    let failed = store.write().begin_turn(&turn.opening(true)).await;
    assert!(matches!(failed, Err(StoreError::Duplicate(_))), "{failed:?}");
    assert_eq!(store.read().conversation(owner.id, turn.conversation.id).await.expect("an answer"), None);
    assert_eq!(store.read().usage_of(owner.id).await.expect("an answer").len(), 1);
    let spending = store.read().spending(owner.id).await.expect("an answer").expect("some");
    assert_eq!(spending.today, Used { requests: 1, tokens: u64::from(SET_ASIDE) });
}

/// Many that change one learner's progress at once and try again on a conflict lose nothing.
pub async fn parallel_single_saves_lose_none(store: Arc<dyn Store>) {
    let user = stored_user(&*store).await;
    let (course, lessons) = stored_course(&*store, 30).await;
    join_all(lessons.iter().map(async |lesson| {
        loop {
            let read = store.read();
            let standing = read.lesson_standing(user.id, lesson.id).await.expect("an answer").expect("a lesson");
            let mut mine = standing.progress.unwrap_or_else(|| progress(user.id, course.id));
            let id = ProgressEventId::new(&SequentialIds);
            let change = mine.record(id, lesson.id, standing.status, Completed, at(2));
            match store.write().save_progress(&mine, &change).await {
                Err(StoreError::Conflict) => {}
                saved => break saved.expect("saved"),
            }
        }
    }))
    .await;
    assert_eq!(stored_progress(&*store, user.id, course.id).await.completed_lessons, 30);
}
