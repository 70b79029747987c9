//! What happened: the events of progress.

use lyceum_domain::{
    ids::ProgressEventId,
    progress::{CourseProgress, LessonStatus, ProgressChange, ProgressEvent, Step},
    store::Store,
    time::Timestamp,
};

use crate::{
    ambient::SequentialIds,
    contract::{
        fixtures::{at, change, progress},
        statements::{
            enrolled, expect_conflict, first_page, recorded, save_progress, stored_course, stored_history, stored_user,
            walk,
        },
    },
};

use LessonStatus::{Completed, InProgress, NotStarted};

fn event(of: &CourseProgress, sequence: i64, change: &ProgressChange) -> ProgressEvent {
    let ProgressChange { id, step, at } = *change;
    ProgressEvent { id, user: of.user, course: of.course, sequence, step, at }
}

/// Each save adds its step as exactly one event, whatever the step is; its number is the version that it made, and its
/// time its own. In the history they stand in order.
pub async fn each_save_adds_one_event(store: &dyn Store) {
    let user = stored_user(store).await;
    let (course, lessons) = stored_course(store, 1).await;
    let recorded = |from, to| Step::Recorded { lesson: lessons[0].id, from, to };
    let steps = [
        Step::Enrolled,
        recorded(NotStarted, InProgress),
        recorded(InProgress, Completed),
        recorded(Completed, Completed),
        Step::Left,
        Step::Enrolled,
        recorded(Completed, NotStarted),
    ];
    let first = progress(user.id, course.id);
    let mut expected = Vec::new();
    for (n, step) in (0..).zip(steps) {
        let change = change(step, at(20 + u64::from(n)));
        let saved = CourseProgress { version: n, ..first.clone() };
        if n % 2 == 0 {
            save_progress(store, &saved, &change).await.expect("saved");
        } else {
            store.write().save_progress(&saved, &change).await.expect("saved");
        }
        expected.push(event(&first, i64::from(n) + 1, &change));
        assert_eq!(stored_history(store, user.id, course.id).await.events, expected, "{step:?}");
    }
    let mut listed = store.read().progress_events_page(user.id, first_page()).await.expect("an answer").items;
    listed.reverse();
    assert_eq!(listed, expected);
}

/// A stale save adds no event and keeps no lesson, in a unit and alone.
pub async fn a_stale_save_adds_no_event(store: &dyn Store) {
    let user = stored_user(store).await;
    let (course, lessons) = stored_course(store, 2).await;
    let loaded = enrolled(store, user.id, course.id, at(1)).await;
    recorded(store, user.id, &lessons[0], InProgress, at(2)).await;
    let before = stored_history(store, user.id, course.id).await;
    for version in [0, loaded.version, 9] {
        let mut stale = CourseProgress { version, ..loaded.clone() };
        let change = stale.record(ProgressEventId::new(&SequentialIds), lessons[1].id, NotStarted, Completed, at(3));
        expect_conflict(save_progress(store, &stale, &change).await);
        expect_conflict(store.write().save_progress(&stale, &change).await);
    }
    assert_eq!(stored_history(store, user.id, course.id).await, before);
    assert_eq!(before.events.len(), 2);
}

/// A save that is not committed adds nothing.
pub async fn a_dropped_save_adds_no_event(store: &dyn Store) {
    let user = stored_user(store).await;
    let (course, lessons) = stored_course(store, 1).await;
    let mut mine = enrolled(store, user.id, course.id, at(1)).await;
    let before = stored_history(store, user.id, course.id).await;
    let change = mine.record(ProgressEventId::new(&SequentialIds), lessons[0].id, NotStarted, Completed, at(2));
    let mut unit = store.begin().await.expect("a unit");
    unit.progress().save(&mine, &change).await.expect("saved");
    drop(unit);
    assert_eq!(stored_history(store, user.id, course.id).await, before);
}

/// Everything that a learner did in any course is listed newest first, those of one time by their id; page by page, of
/// whatever size, each event is seen once, and nobody else's.
pub async fn a_cursor_walks_each_event_once(store: &dyn Store) {
    let (user, other) = (stored_user(store).await, stored_user(store).await);
    let mut expected: Vec<(Timestamp, ProgressEventId)> = Vec::new();
    for times in [[1, 5, 5, 5], [2, 5, 5, 9]] {
        let (course, lessons) = stored_course(store, 1).await;
        for n in times {
            recorded(store, user.id, &lessons[0], InProgress, at(n)).await;
        }
        recorded(store, other.id, &lessons[0], Completed, at(5)).await;
        let history = stored_history(store, user.id, course.id).await;
        expected.extend(history.events.iter().map(|event| (event.at, event.id)));
    }
    expected.sort_by_key(|key| std::cmp::Reverse(*key));
    assert_eq!(expected.len(), 8);
    for size in [1, 2, 3, 7, 8, 9] {
        let walked = walk(size, async |page| store.read().progress_events_page(user.id, page).await).await;
        let walked: Vec<_> = walked.into_iter().map(|event| (event.at, event.id)).collect();
        assert_eq!(walked, expected, "pages of {size}");
    }
    let nobody = crate::contract::fixtures::user().id;
    assert_eq!(store.read().progress_events_page(nobody, first_page()).await.expect("an answer").items, []);
}
