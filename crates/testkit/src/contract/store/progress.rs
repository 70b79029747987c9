//! Progress: the aggregate and its lessons.

use lyceum_domain::{
    courses::{Course, CourseStatus, Lesson},
    ids::{LessonId, ProgressEventId},
    progress::{CourseProgress, LessonStanding, LessonStatus, Step},
    store::Store,
};

use crate::{
    ambient::SequentialIds,
    contract::{
        fixtures::{at, change, enrolment, lesson, progress},
        statements::{
            enrolled, expect_conflict, insert_lessons, left, recorded, save_progress, stored_course,
            stored_course_with, stored_progress, stored_user, update_course, update_lesson,
        },
    },
};

use LessonStatus::{Completed, InProgress, NotStarted};

/// A learner who was never in a course has no progress; the first save stores it whole, as version 1.
pub async fn a_first_save_is_version_one(store: &dyn Store) {
    let user = stored_user(store).await;
    let (course, _) = stored_course(store, 3).await;
    assert_eq!(store.read().course_progress(user.id, course.id).await.expect("an answer"), None);
    let first =
        CourseProgress { completed_lessons: 2, is_enrolled: false, updated_at: at(7), ..progress(user.id, course.id) };
    save_progress(store, &first, &change(Step::Left, at(7))).await.expect("saved");
    assert_eq!(stored_progress(store, user.id, course.id).await, CourseProgress { version: 1, ..first });
}

/// Who believes to be first and is not has a conflict, and what is there stays.
pub async fn a_first_save_over_another_is_a_conflict(store: &dyn Store) {
    let user = stored_user(store).await;
    let (course, _) = stored_course(store, 3).await;
    let stored = enrolled(store, user.id, course.id, at(1)).await;
    expect_conflict(save_progress(store, &progress(user.id, course.id), &enrolment(at(2))).await);
    assert_eq!(stored_progress(store, user.id, course.id).await, stored);
}

/// Who loaded progress before somebody else saved it cannot save it, and the lesson that came with it is not kept
/// either; nor can who is ahead of the stored version, or counts on one that was never stored.
pub async fn a_stale_save_is_a_conflict_and_keeps_no_lesson(store: &dyn Store) {
    let (user, other) = (stored_user(store).await, stored_user(store).await);
    let (course, lessons) = stored_course(store, 2).await;
    let loaded = enrolled(store, user.id, course.id, at(1)).await;
    let saved = recorded(store, user.id, &lessons[0], Completed, at(2)).await;
    let mut stale = loaded.clone();
    let id = ProgressEventId::new(&SequentialIds);
    let change = stale.record(id, lessons[1].id, NotStarted, Completed, at(3));
    expect_conflict(save_progress(store, &stale, &change).await);
    expect_conflict(save_progress(store, &CourseProgress { version: 9, ..stale }, &change).await);
    assert_eq!(stored_progress(store, user.id, course.id).await, saved);
    let status = store.read().lesson_standing(user.id, lessons[1].id).await.expect("an answer").map(|s| s.status);
    assert_eq!(status, Some(NotStarted));
    expect_conflict(save_progress(store, &CourseProgress { user: other.id, ..loaded }, &enrolment(at(4))).await);
    assert_eq!(store.read().course_progress(other.id, course.id).await.expect("an answer"), None);
}

/// Leaving and coming back are saves as any other; the progress and its lessons are there all the time.
pub async fn who_leaves_keeps_the_progress(store: &dyn Store) {
    let user = stored_user(store).await;
    let (course, lessons) = stored_course(store, 2).await;
    let progress = recorded(store, user.id, &lessons[0], Completed, at(1)).await;
    let gone = left(store, &progress, at(2)).await;
    let expected = CourseProgress { is_enrolled: false, updated_at: at(2), version: 2, ..progress };
    assert_eq!(gone, expected);
    let standing = store.read().lesson_standing(user.id, lessons[0].id).await.expect("an answer").expect("a lesson");
    assert_eq!((standing.status, standing.progress), (Completed, Some(gone.clone())));
    let mut back = gone;
    let change = back.enrol(ProgressEventId::new(&SequentialIds), at(3)).expect("who left comes back");
    save_progress(store, &back, &change).await.expect("saved");
    assert_eq!(stored_progress(store, user.id, course.id).await, CourseProgress { version: 3, ..back });
}

/// The status of a lesson is stored with the aggregate, as often as it changes, back to the beginning too, with the
/// time of its last change; it is the learner's own.
pub async fn the_status_of_a_lesson_is_kept_with_the_aggregate(store: &dyn Store) {
    let (user, other) = (stored_user(store).await, stored_user(store).await);
    let (course, lessons) = stored_course(store, 2).await;
    for (n, to) in [(1, InProgress), (2, Completed), (3, Completed), (4, NotStarted), (5, Completed)] {
        let progress = recorded(store, user.id, &lessons[1], to, at(n)).await;
        assert_eq!(progress.completed_lessons, u32::from(to == Completed));
        assert_eq!(u64::from(progress.version), n);
        let views = store.read().lessons_progress(user.id, course.id).await.expect("an answer");
        let seen: Vec<_> = views.iter().map(|view| (view.lesson, view.status, view.updated_at)).collect();
        assert_eq!(seen, [(lessons[0].id, NotStarted, None), (lessons[1].id, to, Some(at(n)))]);
    }
    let views = store.read().lessons_progress(other.id, course.id).await.expect("an answer");
    assert!(views.iter().all(|view| view.status == NotStarted && view.updated_at.is_none()));
}

/// One answer has the lesson, its course and the learner's progress in both; the total is the course's own count, and so
/// is the revision of its outline.
pub async fn a_standing_says_all_that_recording_needs(store: &dyn Store) {
    let (user, author) = (stored_user(store).await, stored_user(store).await);
    let (course, lessons) = stored_course_with(store, 1, |course| {
        course.status = CourseStatus::Draft;
        course.author = Some(author.id);
        course.lesson_count = 7;
        course.outline_revision = 5;
    })
    .await;
    let draft = Lesson { is_draft: true, ..lesson(course.id, 1) };
    insert_lessons(store, std::slice::from_ref(&draft)).await.expect("a new lesson");
    let expected = LessonStanding {
        lesson: lessons[0].id,
        course: course.id,
        course_status: CourseStatus::Draft,
        course_author: Some(author.id),
        total_lessons: 7,
        outline_revision: 5,
        is_draft: false,
        progress: None,
        status: NotStarted,
    };
    let standing = async |lesson: LessonId| store.read().lesson_standing(user.id, lesson).await.expect("an answer");
    assert_eq!(standing(lessons[0].id).await, Some(expected.clone()));
    assert_eq!(standing(draft.id).await, Some(LessonStanding { lesson: draft.id, is_draft: true, ..expected.clone() }));

    let progress = recorded(store, user.id, &lessons[0], InProgress, at(1)).await;
    let now = LessonStanding { progress: Some(progress.clone()), status: InProgress, ..expected.clone() };
    assert_eq!(standing(lessons[0].id).await, Some(now));
    let beside = LessonStanding { lesson: draft.id, is_draft: true, progress: Some(progress), ..expected };
    assert_eq!(standing(draft.id).await, Some(beside));
}

/// There is no standing in a lesson that was never there, was removed, or whose course was removed.
pub async fn a_lesson_that_is_not_there_has_no_standing(store: &dyn Store) {
    let user = stored_user(store).await;
    let (course, lessons) = stored_course(store, 2).await;
    recorded(store, user.id, &lessons[0], Completed, at(1)).await;
    update_lesson(store, &Lesson { deleted_at: Some(at(2)), ..lessons[0].clone() }).await.expect("saved");
    let standing = async |lesson: LessonId| store.read().lesson_standing(user.id, lesson).await.expect("an answer");
    assert_eq!(standing(LessonId::new(&SequentialIds)).await, None);
    assert_eq!(standing(lessons[0].id).await, None);
    assert!(standing(lessons[1].id).await.is_some());
    update_course(store, &Course { deleted_at: Some(at(3)), ..course }).await.expect("saved");
    assert_eq!(standing(lessons[1].id).await, None);
}
