//! Histories: what is kept about a learner in a course, and putting the rows right.

use std::collections::BTreeMap;

use lyceum_domain::{
    courses::{Course, Lesson},
    ids::{CourseId, LessonId, UserId},
    progress::{CourseProgress, LessonStatus, ProgressHistory, fold},
    store::{Store, StoreError},
    time::Timestamp,
};
use uuid::Uuid;

use crate::contract::{
    fixtures::{at, progress},
    statements::{
        begin, enrolled, expect_conflict, left, recorded, revise_outline, stored_course, stored_history,
        stored_progress, stored_user, update_course, update_lesson,
    },
};

use LessonStatus::{Completed, InProgress, NotStarted};

type Lessons = BTreeMap<LessonId, (LessonStatus, Timestamp)>;

async fn rebuild(
    store: &dyn Store,
    progress: &CourseProgress,
    lessons: &Lessons,
    stored: Option<u32>,
) -> Result<(), StoreError> {
    let mut unit = begin(store).await;
    unit.progress().rebuild(progress, lessons, stored).await?;
    unit.commit().await
}

/// Rows that no step led to.
async fn tampered(store: &dyn Store, progress: &CourseProgress, lessons: &[(&Lesson, LessonStatus)]) {
    let lessons = lessons.iter().map(|(lesson, status)| (lesson.id, (*status, at(77)))).collect();
    rebuild(store, progress, &lessons, (progress.version > 0).then_some(progress.version)).await.expect("rebuilt");
}

/// A history has the events in order, and the rows as they stand: the aggregate under the revision it was counted under,
/// and the status of each lesson that was ever recorded, removed ones too.
pub async fn a_history_has_all_that_is_kept(store: &dyn Store) {
    let (user, other) = (stored_user(store).await, stored_user(store).await);
    let (course, lessons) = stored_course(store, 3).await;
    recorded(store, user.id, &lessons[0], Completed, at(1)).await;
    recorded(store, user.id, &lessons[1], InProgress, at(2)).await;
    recorded(store, user.id, &lessons[0], NotStarted, at(3)).await;
    recorded(store, user.id, &lessons[0], Completed, at(4)).await;
    recorded(store, other.id, &lessons[2], Completed, at(5)).await;
    let progress = stored_progress(store, user.id, course.id).await;
    update_lesson(store, &Lesson { deleted_at: Some(at(6)), ..lessons[0].clone() }).await.expect("saved");
    revise_outline(store, course.id).await;
    let history = stored_history(store, user.id, course.id).await;
    assert_eq!(history.events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(history.stored, Some(progress.clone()));
    let expected = [(lessons[0].id, (Completed, at(4))), (lessons[1].id, (InProgress, at(2)))];
    assert_eq!(history.lessons, expected.into());
    let folded = fold(&history.events, 1, |_| true).expect("events");
    assert_eq!((folded.progress, folded.lessons), (progress, history.lessons));
}

/// Page by page, of whatever size, the histories of everybody come in the order of learner and course, each once: those
/// of removed courses, of learners who left, and of rows without an event too.
pub async fn histories_come_in_order(store: &dyn Store) {
    let mut courses = Vec::new();
    for _ in 0..3 {
        courses.push(stored_course(store, 1).await);
    }
    let mut users: Vec<UserId> = Vec::new();
    let mut expected = Vec::new();
    for n in 0..4 {
        let user = stored_user(store).await.id;
        users.push(user);
        for (course, lessons) in &courses {
            match n {
                0 => {
                    recorded(store, user, &lessons[0], Completed, at(1)).await;
                }
                1 => {
                    let there = enrolled(store, user, course.id, at(2)).await;
                    left(store, &there, at(3)).await;
                }
                2 => {
                    let row = CourseProgress { version: 1, ..progress(user, course.id) };
                    let lessons = [(lessons[0].id, (InProgress, at(77)))].into();
                    rebuild(store, &row, &lessons, None).await.expect("made");
                }
                _ => {
                    enrolled(store, user, course.id, at(4)).await;
                }
            }
            expected.push((user, course.id));
        }
    }
    update_course(store, &Course { deleted_at: Some(at(9)), ..courses[1].0.clone() }).await.expect("saved");
    expected.sort_unstable();
    for limit in [1, 2, 5, 100] {
        let mut after =
            (UserId::from_uuid(Uuid::from_u128(users[0].as_uuid().as_u128() - 1)), CourseId::from_uuid(Uuid::max()));
        let mut walked = Vec::new();
        loop {
            let page = store.read().histories(Some(after), limit).await.expect("an answer");
            assert!(page.len() <= usize::try_from(limit).expect("small"), "more than were asked for");
            for ProgressHistory { user, course, events, stored, .. } in &page {
                assert!((*user, *course) > after, "in order, and after the one that was given");
                assert!(!events.is_empty() || stored.is_some(), "something is kept");
                after = (*user, *course);
                walked.push(after);
            }
            if page.is_empty() || after.0 > users[3] {
                break;
            }
        }
        walked.retain(|(user, _)| users.contains(user));
        assert_eq!(walked, expected, "{limit} at once");
    }
    assert_eq!(store.read().histories(None, 0).await.expect("an answer"), []);
    assert_eq!(store.read().histories(None, 1).await.expect("an answer").len(), 1);
}

/// Rows that say something else than the events are put right: the aggregate as it is given, with its version, and
/// exactly the lessons that are given. No event is added, and the next save goes on from there.
pub async fn rows_are_put_right(store: &dyn Store) {
    let (user, other) = (stored_user(store).await, stored_user(store).await);
    let (course, lessons) = stored_course(store, 3).await;
    let (elsewhere, others) = stored_course(store, 1).await;
    recorded(store, user.id, &lessons[0], Completed, at(1)).await;
    recorded(store, user.id, &lessons[1], Completed, at(2)).await;
    recorded(store, user.id, &others[0], Completed, at(3)).await;
    recorded(store, other.id, &lessons[0], Completed, at(4)).await;
    let right = stored_history(store, user.id, course.id).await;
    let untouched =
        async || (stored_history(store, user.id, elsewhere.id).await, stored_history(store, other.id, course.id).await);
    let before = untouched().await;

    let stored = stored_progress(store, user.id, course.id).await;
    let wrong =
        CourseProgress { completed_lessons: 3, is_enrolled: false, updated_at: at(99), created_at: at(50), ..stored };
    tampered(store, &wrong, &[(&lessons[0], InProgress), (&lessons[2], Completed)]).await;
    let broken = stored_history(store, user.id, course.id).await;
    assert_eq!(broken.stored, Some(wrong.clone()));
    let lessons_now = [(lessons[0].id, (InProgress, at(77))), (lessons[2].id, (Completed, at(77)))];
    assert_eq!(broken.lessons, lessons_now.into());
    assert_eq!(broken.events, right.events);
    let views = store.read().lessons_progress(user.id, course.id).await.expect("an answer");
    assert_eq!(views.iter().map(|view| view.status).collect::<Vec<_>>(), [InProgress, NotStarted, Completed]);

    let (revision, counting) = store.read().counting_lessons(course.id).await.expect("an answer").expect("a course");
    let folded = fold(&broken.events, revision, |lesson| counting.contains(&lesson)).expect("events");
    rebuild(store, &folded.progress, &folded.lessons, Some(wrong.version)).await.expect("rebuilt");
    assert_eq!(stored_history(store, user.id, course.id).await, right);
    assert_eq!(untouched().await, before);
    let next = recorded(store, user.id, &lessons[2], Completed, at(5)).await;
    assert_eq!((next.completed_lessons, next.version), (3, 3));
}

/// Rows that are missing are made, with the version of the last event; also without any lesson.
pub async fn missing_rows_are_made(store: &dyn Store) {
    let user = stored_user(store).await;
    for lessons_done in [0_usize, 2] {
        let (course, lessons) = stored_course(store, 2).await;
        let done = u32::try_from(lessons_done).expect("few");
        let made = CourseProgress { completed_lessons: done, version: 7, ..progress(user.id, course.id) };
        let rows: Lessons = lessons[..lessons_done].iter().map(|lesson| (lesson.id, (Completed, at(3)))).collect();
        rebuild(store, &made, &rows, None).await.expect("made");
        let expected = ProgressHistory {
            user: user.id,
            course: course.id,
            events: Vec::new(),
            stored: Some(made.clone()),
            lessons: rows,
        };
        assert_eq!(stored_history(store, user.id, course.id).await, expected);
        assert_eq!(stored_progress(store, user.id, course.id).await, made);
        assert_eq!(recorded(store, user.id, &lessons[0], InProgress, at(5)).await.version, 8);
        assert_eq!(stored_history(store, user.id, course.id).await.events[0].sequence, 8);
    }
}

/// Who saw another version than the one that is there, or none where there is one, or one where there is none, puts
/// nothing right.
pub async fn a_stale_rebuild_is_a_conflict(store: &dyn Store) {
    let (user, other) = (stored_user(store).await, stored_user(store).await);
    let (course, lessons) = stored_course(store, 1).await;
    recorded(store, user.id, &lessons[0], Completed, at(1)).await;
    recorded(store, user.id, &lessons[0], InProgress, at(2)).await;
    let before = stored_history(store, user.id, course.id).await;
    let wrong = CourseProgress { completed_lessons: 9, version: 9, ..progress(user.id, course.id) };
    for seen in [None, Some(1), Some(3), Some(9)] {
        expect_conflict(rebuild(store, &wrong, &Lessons::new(), seen).await);
        assert_eq!(stored_history(store, user.id, course.id).await, before, "{seen:?}");
    }
    let of_other = CourseProgress { user: other.id, ..wrong };
    expect_conflict(rebuild(store, &of_other, &Lessons::new(), Some(1)).await);
    assert_eq!(store.read().course_progress(other.id, course.id).await.expect("an answer"), None);
}
