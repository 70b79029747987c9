//! Progress: the aggregate, its lessons, and counting anew.

use lyceum_domain::{
    courses::{Course, CourseStatus, Lesson},
    ids::LessonId,
    progress::{CourseProgress, LessonChange, LessonStanding, LessonStatus},
    store::Store,
};

use crate::{
    ambient::SequentialIds,
    contract::{
        fixtures::{at, lesson, progress},
        statements::{
            enrolled, expect_conflict, insert_lessons, recorded, recount, save_progress, stored_course,
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
    save_progress(store, &first, None).await.expect("saved");
    assert_eq!(stored_progress(store, user.id, course.id).await, CourseProgress { version: 1, ..first });
}

/// Who believes to be first and is not has a conflict, and what is there stays.
pub async fn a_first_save_over_another_is_a_conflict(store: &dyn Store) {
    let user = stored_user(store).await;
    let (course, _) = stored_course(store, 3).await;
    let stored = enrolled(store, user.id, course.id, at(1)).await;
    expect_conflict(save_progress(store, &progress(user.id, course.id), None).await);
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
    let change = stale.record(lessons[1].id, NotStarted, Completed, at(3));
    expect_conflict(save_progress(store, &stale, Some(change)).await);
    expect_conflict(save_progress(store, &CourseProgress { version: 9, ..stale }, Some(change)).await);
    assert_eq!(stored_progress(store, user.id, course.id).await, saved);
    let status = store.read().lesson_standing(user.id, lessons[1].id).await.expect("an answer").map(|s| s.status);
    assert_eq!(status, Some(NotStarted));
    expect_conflict(save_progress(store, &CourseProgress { user: other.id, ..loaded }, None).await);
    assert_eq!(store.read().course_progress(other.id, course.id).await.expect("an answer"), None);
}

/// Leaving and coming back are saves as any other; the progress and its lessons are there all the time.
pub async fn who_leaves_keeps_the_progress(store: &dyn Store) {
    let user = stored_user(store).await;
    let (course, lessons) = stored_course(store, 2).await;
    let mut progress = recorded(store, user.id, &lessons[0], Completed, at(1)).await;
    assert!(progress.leave(at(2)));
    save_progress(store, &progress, None).await.expect("saved");
    let left = stored_progress(store, user.id, course.id).await;
    assert_eq!(left, CourseProgress { version: 2, ..progress });
    let standing = store.read().lesson_standing(user.id, lessons[0].id).await.expect("an answer").expect("a lesson");
    assert_eq!((standing.status, standing.progress), (Completed, Some(left.clone())));
    let mut back = left;
    assert!(back.enrol(at(3)));
    save_progress(store, &back, None).await.expect("saved");
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

/// One answer has the lesson, its course and the learner's progress in both; the total is the course's own count.
pub async fn a_standing_says_all_that_recording_needs(store: &dyn Store) {
    let (user, author) = (stored_user(store).await, stored_user(store).await);
    let (course, lessons) = stored_course_with(store, 1, |course| {
        course.status = CourseStatus::Draft;
        course.author = Some(author.id);
        course.lesson_count = 7;
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

/// Counting anew gives each learner the number of their completed lessons that count: one that was removed or
/// unwritten no longer does, one that came back does again, with the status it had.
pub async fn a_recount_counts_the_completed_lessons_that_count(store: &dyn Store) {
    let (one, two) = (stored_user(store).await, stored_user(store).await);
    let (course, lessons) = stored_course(store, 4).await;
    for (n, lesson) in (1..).zip(&lessons[..3]) {
        recorded(store, one.id, lesson, Completed, at(n)).await;
    }
    recorded(store, one.id, &lessons[3], InProgress, at(5)).await;
    recorded(store, two.id, &lessons[0], Completed, at(6)).await;
    let counts = async || {
        let one = stored_progress(store, one.id, course.id).await.completed_lessons;
        (one, stored_progress(store, two.id, course.id).await.completed_lessons)
    };
    assert_eq!(counts().await, (3, 1));

    update_lesson(store, &Lesson { deleted_at: Some(at(7)), ..lessons[0].clone() }).await.expect("saved");
    update_lesson(store, &Lesson { is_draft: true, ..lessons[1].clone() }).await.expect("saved");
    recount(store, course.id, at(8)).await.expect("counted");
    assert_eq!(counts().await, (1, 0));

    update_lesson(store, &Lesson { version: 2, ..lessons[0].clone() }).await.expect("saved");
    recount(store, course.id, at(9)).await.expect("counted");
    assert_eq!(counts().await, (2, 1));
}

/// Counting anew is nobody's activity: times and enrolment stay. Whoever loaded progress before cannot save the old
/// count over the new one.
pub async fn a_recount_is_no_activity_but_makes_what_was_loaded_stale(store: &dyn Store) {
    let user = stored_user(store).await;
    let (course, lessons) = stored_course(store, 2).await;
    let mut loaded = recorded(store, user.id, &lessons[0], Completed, at(1)).await;
    assert!(loaded.leave(at(2)));
    save_progress(store, &loaded, None).await.expect("saved");
    let loaded = stored_progress(store, user.id, course.id).await;
    update_lesson(store, &Lesson { deleted_at: Some(at(3)), ..lessons[0].clone() }).await.expect("saved");
    recount(store, course.id, at(4)).await.expect("counted");
    let expected = CourseProgress { completed_lessons: 0, version: loaded.version + 1, ..loaded.clone() };
    assert_eq!(stored_progress(store, user.id, course.id).await, expected);
    let change = LessonChange { lesson: lessons[1].id, from: NotStarted, to: InProgress, at: at(5) };
    expect_conflict(save_progress(store, &loaded, Some(change)).await);
    save_progress(store, &expected, Some(change)).await.expect("saved");
}

/// Counting anew leaves the learners of other courses alone.
pub async fn a_recount_keeps_to_its_course(store: &dyn Store) {
    let user = stored_user(store).await;
    let (course, lessons) = stored_course(store, 1).await;
    let (other, others) = stored_course(store, 1).await;
    recorded(store, user.id, &lessons[0], Completed, at(1)).await;
    let before = recorded(store, user.id, &others[0], Completed, at(2)).await;
    update_lesson(store, &Lesson { deleted_at: Some(at(3)), ..others[0].clone() }).await.expect("saved");
    recount(store, course.id, at(4)).await.expect("counted");
    assert_eq!(stored_progress(store, user.id, other.id).await, before);
    assert_eq!(stored_progress(store, user.id, course.id).await.completed_lessons, 1);
}
