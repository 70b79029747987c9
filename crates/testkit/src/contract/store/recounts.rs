//! Counting anew: a count is right at once when lessons go and come back, and the rows follow.

use lyceum_domain::{
    courses::{Course, Lesson},
    ids::{CourseId, LessonId, ProgressEventId, UserId},
    progress::{CohortFilter, CourseProgress, LessonStatus, ProgressHistory},
    store::Store,
};

use crate::{
    ambient::SequentialIds,
    contract::{
        fixtures::{at, progress},
        statements::{
            enrolled, expect_conflict, find_course, first_page, left, mark_counted, recorded, recount, revise_outline,
            save_progress, stored_course, stored_history, stored_progress, stored_user, update_course, update_lesson,
        },
    },
};

use LessonStatus::{Completed, InProgress, NotStarted};

/// More than anybody is counted at once.
const MANY: u32 = 10_000;

async fn remove(store: &dyn Store, lesson: &Lesson) -> Lesson {
    update_lesson(store, &Lesson { deleted_at: Some(at(100)), ..lesson.clone() }).await.expect("saved");
    Lesson { deleted_at: Some(at(100)), version: lesson.version + 1, ..lesson.clone() }
}

async fn restore(store: &dyn Store, lesson: &Lesson) {
    update_lesson(store, &Lesson { deleted_at: None, ..lesson.clone() }).await.expect("saved");
}

/// The count of a learner as every query answers it; they all say the same.
async fn count(store: &dyn Store, user: UserId, lesson: LessonId) -> u32 {
    let read = store.read();
    let standing = read.lesson_standing(user, lesson).await.expect("an answer").expect("a lesson");
    let (course, page) = (standing.course, first_page());
    let progress = standing.progress.expect("progress");
    assert_eq!(progress.outline_revision, standing.outline_revision, "counted under the revision that is there");
    assert_eq!(stored_progress(store, user, course).await, progress);
    let listed = read.progress_page(user, page).await.expect("an answer").items;
    let listed = listed.into_iter().find(|view| view.course == course).map(|view| view.completed_lessons);
    assert_eq!(listed, progress.is_enrolled.then_some(progress.completed_lessons));
    let recent = read.recent_standings(user, 100).await.expect("an answer");
    let recent = recent.into_iter().find(|standing| standing.course == course).map(|found| found.completed_lessons);
    assert_eq!(recent, progress.is_enrolled.then_some(progress.completed_lessons));
    let learners = read.learners_page(course, CohortFilter::default(), page).await.expect("an answer").items;
    let learner = learners.into_iter().find(|learner| learner.user == user).map(|found| found.completed_lessons);
    assert_eq!(learner, Some(progress.completed_lessons));
    progress.completed_lessons
}

/// A lesson that counted and is removed or unwritten counts for nobody from that moment, before anything was counted
/// anew, and again for those who had completed it as soon as it is back; in every answer.
pub async fn a_count_is_right_at_once_for_everybody(store: &dyn Store) {
    let (one, two, three) = (stored_user(store).await, stored_user(store).await, stored_user(store).await);
    let (course, lessons) = stored_course(store, 4).await;
    for (n, lesson) in (1..).zip(&lessons[..3]) {
        recorded(store, one.id, lesson, Completed, at(n)).await;
    }
    recorded(store, one.id, &lessons[3], InProgress, at(5)).await;
    recorded(store, two.id, &lessons[0], Completed, at(6)).await;
    enrolled(store, three.id, course.id, at(7)).await;
    let counts = async || {
        let of = async |user: UserId| count(store, user, lessons[3].id).await;
        [of(one.id).await, of(two.id).await, of(three.id).await]
    };
    assert_eq!(counts().await, [3, 1, 0]);

    let removed = remove(store, &lessons[0]).await;
    update_lesson(store, &Lesson { is_draft: true, ..lessons[1].clone() }).await.expect("saved");
    revise_outline(store, course.id).await;
    assert_eq!(counts().await, [1, 0, 0]);

    restore(store, &removed).await;
    revise_outline(store, course.id).await;
    assert_eq!(counts().await, [2, 1, 0]);

    assert_eq!(recount(store, course.id, MANY).await.expect("counted"), 3);
    assert_eq!(counts().await, [2, 1, 0]);
    assert_eq!(recount(store, course.id, MANY).await.expect("nobody is behind"), 0);
}

/// Each call counts at most as many as it is told, says how many those were, and goes on where the others ended.
pub async fn a_recount_keeps_to_its_limit(store: &dyn Store) {
    let (course, lessons) = stored_course(store, 2).await;
    let mut learners = Vec::new();
    for n in 0..5 {
        let learner = stored_user(store).await.id;
        recorded(store, learner, &lessons[0], Completed, at(n)).await;
        learners.push(learner);
    }
    remove(store, &lessons[0]).await;
    let revision = revise_outline(store, course.id).await;
    let behind = async || {
        let mut behind = 0;
        for learner in &learners {
            let stored = stored_history(store, *learner, course.id).await.stored.expect("progress");
            assert_eq!(count(store, *learner, lessons[1].id).await, 0);
            if stored.outline_revision == revision {
                assert_eq!(stored.completed_lessons, 0);
            } else {
                behind += 1;
            }
        }
        behind
    };
    assert_eq!(behind().await, 5);
    for (counted, left) in [(2, 3), (2, 1), (1, 0), (0, 0)] {
        assert_eq!(recount(store, course.id, 2).await.expect("counted"), counted);
        assert_eq!(behind().await, left);
    }
    assert_eq!(recount(store, course.id, 0).await.expect("counted"), 0);
}

/// Counting anew is nobody's activity: neither times nor enrolment nor the version move, no step is added, and whoever
/// loaded progress under the new revision before can save it.
pub async fn a_recount_moves_nothing_but_the_count(store: &dyn Store) {
    let user = stored_user(store).await;
    let (course, lessons) = stored_course(store, 2).await;
    let loaded = recorded(store, user.id, &lessons[0], Completed, at(1)).await;
    let gone = left(store, &loaded, at(2)).await;
    let before = stored_history(store, user.id, course.id).await;
    remove(store, &lessons[0]).await;
    let outline_revision = revise_outline(store, course.id).await;
    let expected = CourseProgress { completed_lessons: 0, outline_revision, ..gone };
    assert_eq!(stored_progress(store, user.id, course.id).await, expected, "counted for who asks");
    assert_eq!(stored_history(store, user.id, course.id).await, before, "and not yet for good");
    assert_eq!(recount(store, course.id, MANY).await.expect("counted"), 1);
    let after = ProgressHistory { stored: Some(expected.clone()), ..before };
    assert_eq!(stored_history(store, user.id, course.id).await, after);
    let mut next = expected;
    let id = ProgressEventId::new(&SequentialIds);
    let change = next.record(id, lessons[1].id, NotStarted, Completed, at(5));
    save_progress(store, &next, &change).await.expect("saved");
    assert_eq!(count(store, user.id, lessons[1].id).await, 1);
}

/// Counting anew leaves the learners of other courses alone.
pub async fn a_recount_keeps_to_its_course(store: &dyn Store) {
    let user = stored_user(store).await;
    let (course, lessons) = stored_course(store, 1).await;
    let (other, others) = stored_course(store, 2).await;
    recorded(store, user.id, &lessons[0], Completed, at(1)).await;
    recorded(store, user.id, &others[0], Completed, at(2)).await;
    let before = stored_history(store, user.id, other.id).await;
    remove(store, &others[0]).await;
    revise_outline(store, other.id).await;
    revise_outline(store, course.id).await;
    assert_eq!(recount(store, course.id, MANY).await.expect("counted"), 1);
    assert_eq!(stored_history(store, user.id, other.id).await, before);
    assert_eq!(stored_progress(store, user.id, course.id).await.completed_lessons, 1);
    assert_eq!(recount(store, CourseId::new(&SequentialIds), MANY).await.expect("counted"), 0);
}

/// Who loaded progress before a lesson went, and saves it after everybody was counted anew, saves a count that is wrong;
/// it is answered right all the same, and put right by the next recount.
pub async fn a_save_under_an_older_revision_is_answered_right(store: &dyn Store) {
    let user = stored_user(store).await;
    let (course, lessons) = stored_course(store, 3).await;
    let mut loaded = recorded(store, user.id, &lessons[0], Completed, at(1)).await;
    remove(store, &lessons[0]).await;
    let revision = revise_outline(store, course.id).await;
    assert_eq!(recount(store, course.id, MANY).await.expect("counted"), 1);
    mark_counted(store, course.id, revision).await.expect("noted");

    let id = ProgressEventId::new(&SequentialIds);
    let change = loaded.record(id, lessons[1].id, NotStarted, Completed, at(3));
    save_progress(store, &loaded, &change).await.expect("the version did not move");
    let stored = stored_history(store, user.id, course.id).await.stored.expect("progress");
    assert_eq!((stored.completed_lessons, stored.outline_revision), (2, revision - 1));
    assert_eq!(count(store, user.id, lessons[1].id).await, 1);
    assert_eq!(recount(store, course.id, MANY).await.expect("counted"), 1);
    let stored = stored_history(store, user.id, course.id).await.stored.expect("progress");
    assert_eq!((stored.completed_lessons, stored.outline_revision), (1, revision));
    expect_conflict(save_progress(store, &loaded, &change).await);
}

/// A learner who comes under a later revision of the outline is counted from there.
pub async fn who_comes_later_is_not_behind(store: &dyn Store) {
    let user = stored_user(store).await;
    let (course, lessons) = stored_course(store, 1).await;
    let outline_revision = revise_outline(store, course.id).await;
    let first = CourseProgress { outline_revision, ..progress(user.id, course.id) };
    assert_eq!(enrolled(store, user.id, course.id, at(0)).await, CourseProgress { version: 1, ..first });
    recorded(store, user.id, &lessons[0], Completed, at(1)).await;
    assert_eq!(recount(store, course.id, MANY).await.expect("counted"), 0);
}

async fn is_to_recount(store: &dyn Store, course: CourseId) -> Option<u32> {
    let behind = store.read().courses_to_recount(u32::MAX).await.expect("an answer");
    let mut of_course = behind.into_iter().filter(|(id, _)| *id == course).map(|(_, revision)| revision);
    let found = of_course.next();
    assert_eq!(of_course.next(), None, "a course is there once");
    found
}

/// A course whose outline got a new revision is among those to be counted until that was noted for this revision; noting
/// an older one, or one that is not there yet, does nothing. It is no change of the course.
pub async fn courses_are_counted_until_it_is_noted(store: &dyn Store) {
    let (course, _) = stored_course(store, 1).await;
    let (other, _) = stored_course(store, 1).await;
    assert_eq!(is_to_recount(store, course.id).await, None);
    let first = revise_outline(store, course.id).await;
    assert_eq!(is_to_recount(store, course.id).await, Some(first));
    let second = revise_outline(store, course.id).await;
    let before = find_course(store, course.id).await;
    for (noted, left) in [(first, Some(second)), (second + 1, Some(second)), (second, None), (first, None)] {
        mark_counted(store, course.id, noted).await.expect("noted");
        assert_eq!(is_to_recount(store, course.id).await, left, "{noted}");
    }
    mark_counted(store, other.id, second).await.expect("another course");
    mark_counted(store, CourseId::new(&SequentialIds), 1).await.expect("no course");
    assert_eq!(find_course(store, course.id).await, before);
    let third = revise_outline(store, course.id).await;
    assert_eq!(is_to_recount(store, course.id).await, Some(third));
    assert_eq!(store.read().courses_to_recount(1).await.expect("an answer").len(), 1);
    assert_eq!(store.read().courses_to_recount(0).await.expect("an answer"), []);
}

/// A course that is saved otherwise keeps what was noted about it.
pub async fn a_saved_course_stays_counted(store: &dyn Store) {
    let (course, _) = stored_course(store, 1).await;
    let revision = revise_outline(store, course.id).await;
    mark_counted(store, course.id, revision).await.expect("noted");
    let course = find_course(store, course.id).await.expect("a course");
    update_course(store, &Course { description: "Another.".to_owned(), ..course }).await.expect("saved");
    assert_eq!(is_to_recount(store, course.id).await, None);
}

/// The lessons that count come with the revision of the outline, also of a course that was removed; of one that never
/// was there, nothing.
pub async fn the_lessons_that_count_come_with_the_revision(store: &dyn Store) {
    let (course, lessons) = stored_course(store, 4).await;
    stored_course(store, 1).await;
    let counting = async || {
        let (revision, mut ids) = store.read().counting_lessons(course.id).await.expect("an answer").expect("a course");
        ids.sort();
        (revision, ids)
    };
    let ids: Vec<LessonId> = lessons.iter().map(|lesson| lesson.id).collect();
    assert_eq!(counting().await, (1, ids.clone()));
    remove(store, &lessons[0]).await;
    update_lesson(store, &Lesson { is_draft: true, ..lessons[1].clone() }).await.expect("saved");
    assert_eq!(revise_outline(store, course.id).await, 2);
    assert_eq!(counting().await, (2, ids[2..].to_vec()));
    let stored = find_course(store, course.id).await.expect("a course");
    update_course(store, &Course { deleted_at: Some(at(3)), ..stored }).await.expect("saved");
    assert_eq!(counting().await, (2, ids[2..].to_vec()));
    assert_eq!(store.read().counting_lessons(CourseId::new(&SequentialIds)).await.expect("an answer"), None);
}
