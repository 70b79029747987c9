//! The learners of a course, as its mentor sees them.

use lyceum_domain::{
    blobs::BlobKey,
    courses::{Course, Lesson, LessonNumber},
    ids::{CourseId, UserId},
    mentor::NextLesson,
    progress::{CohortFilter, CourseProgress, LearnerView, LessonCompletion, LessonStatus},
    store::Store,
    time::Timestamp,
    users::{DisplayName, Privacy, User},
};

use crate::{
    ambient::SequentialIds,
    contract::{
        fixtures::{at, full_lesson, lesson, user},
        statements::{
            enrolled, first_page, insert_lessons, insert_user, left, recorded, revise_outline, stored_course,
            stored_user, update_lesson, update_user, walk,
        },
    },
};

use LessonStatus::{Completed, InProgress, NotStarted};

async fn learners(store: &dyn Store, course: CourseId, stuck_since: Option<Timestamp>) -> Vec<LearnerView> {
    store.read().learners_page(course, CohortFilter { stuck_since }, first_page()).await.expect("an answer").items
}

async fn ids(store: &dyn Store, course: CourseId, stuck_since: Option<Timestamp>) -> Vec<UserId> {
    learners(store, course, stuck_since).await.into_iter().map(|learner| learner.user).collect()
}

fn view(user: &User, course: &Course, progress: &CourseProgress, next: Option<&Lesson>) -> LearnerView {
    LearnerView {
        user: user.id,
        username: user.username.clone(),
        display_name: user.display_name.clone(),
        portrait: user.portrait.clone(),
        is_enrolled: progress.is_enrolled,
        completed_lessons: progress.completed_lessons,
        total_lessons: course.lesson_count,
        started_at: progress.created_at,
        updated_at: progress.updated_at,
        next_lesson: next.map(|next| NextLesson {
            lesson: next.id,
            slug: next.slug.clone(),
            title: next.title.clone(),
            number: next.number.clone(),
        }),
    }
}

/// A learner who shows nothing of their progress to others.
async fn shy_user(store: &dyn Store) -> User {
    let user = User { privacy: Privacy { show_progress: false, ..Privacy::default() }, ..user() };
    insert_user(store, &user).await.expect("a new user");
    user
}

/// Each learner of a course comes with their names and portrait, where they stand and where they go on; latest activity
/// first, and nobody of another course.
pub async fn learners_come_with_where_they_stand(store: &dyn Store) {
    let known = User {
        display_name: Some(DisplayName::parse("Ada Lovelace").expect("a name")),
        portrait: Some(BlobKey::portrait(UserId::new(&SequentialIds), &SequentialIds)),
        ..user()
    };
    insert_user(store, &known).await.expect("a new user");
    let (one, two) = (stored_user(store).await, stored_user(store).await);
    let (course, lessons) = stored_course(store, 3).await;
    let numbered = Lesson { number: Some(LessonNumber::parse("2.1").expect("a number")), ..lessons[1].clone() };
    update_lesson(store, &numbered).await.expect("saved");
    let (_, others) = stored_course(store, 1).await;
    let new = enrolled(store, one.id, course.id, at(1)).await;
    for lesson in &lessons {
        recorded(store, two.id, lesson, Completed, at(3)).await;
    }
    let done = recorded(store, two.id, &lessons[2], Completed, at(4)).await;
    enrolled(store, known.id, course.id, at(2)).await;
    recorded(store, known.id, &lessons[2], Completed, at(5)).await;
    let started = recorded(store, known.id, &lessons[0], Completed, at(6)).await;
    recorded(store, one.id, &others[0], Completed, at(9)).await;
    let expected = [
        view(&known, &course, &started, Some(&numbered)),
        view(&two, &course, &done, None),
        view(&one, &course, &new, Some(&lessons[0])),
    ];
    assert_eq!(learners(store, course.id, None).await, expected);
    assert_eq!(learners(store, CourseId::new(&SequentialIds), None).await, []);
}

/// Who is in the course is seen whatever they show of their progress; who left is seen only while they show it. Accounts
/// that were deleted are not seen, in the course or not.
pub async fn who_left_is_seen_while_they_show_it(store: &dyn Store) {
    let (course, _) = stored_course(store, 1).await;
    let (here, shy, gone, shy_and_gone) =
        (stored_user(store).await, shy_user(store).await, stored_user(store).await, shy_user(store).await);
    let (deleted, deleted_and_gone) = (stored_user(store).await, stored_user(store).await);
    for (n, user) in (1..).zip([&here, &shy, &gone, &shy_and_gone, &deleted, &deleted_and_gone]) {
        let progress = enrolled(store, user.id, course.id, at(n)).await;
        if [gone.id, shy_and_gone.id, deleted_and_gone.id].contains(&user.id) {
            left(store, &progress, at(10 + n)).await;
        }
    }
    for user in [&deleted, &deleted_and_gone] {
        update_user(store, &User { deleted_at: Some(at(20)), ..user.clone() }).await.expect("saved");
    }
    let seen = learners(store, course.id, None).await;
    let seen: Vec<_> = seen.into_iter().map(|learner| (learner.user, learner.is_enrolled)).collect();
    assert_eq!(seen, [(gone.id, false), (shy.id, true), (here.id, true)]);
    let shown = User { privacy: Privacy { show_progress: true, ..shy_and_gone.privacy }, ..shy_and_gone.clone() };
    update_user(store, &shown).await.expect("saved");
    assert_eq!(ids(store, course.id, None).await, [shown.id, gone.id, shy.id, here.id]);
}

/// Stuck are those in the course who have not done all that counts now, and were last active before the time, not at it.
pub async fn the_stuck_are_those_who_stopped_on_the_way(store: &dyn Store) {
    let (course, lessons) = stored_course(store, 2).await;
    let (early, late, done, gone) =
        (stored_user(store).await, stored_user(store).await, stored_user(store).await, stored_user(store).await);
    recorded(store, early.id, &lessons[0], Completed, at(1)).await;
    recorded(store, late.id, &lessons[0], Completed, at(5)).await;
    for lesson in &lessons {
        recorded(store, done.id, lesson, Completed, at(2)).await;
    }
    let progress = recorded(store, gone.id, &lessons[0], InProgress, at(2)).await;
    left(store, &progress, at(3)).await;
    assert_eq!(ids(store, course.id, None).await, [late.id, gone.id, done.id, early.id]);
    assert_eq!(ids(store, course.id, Some(at(1))).await, []);
    assert_eq!(ids(store, course.id, Some(at(5))).await, [early.id]);
    assert_eq!(ids(store, course.id, Some(at(6))).await, [late.id, early.id]);

    // One of two lessons goes and comes back unwritten: who has done the one that is left has done all.
    update_lesson(store, &Lesson { is_draft: true, ..lessons[1].clone() }).await.expect("saved");
    let mut unit = store.begin().await.expect("a unit");
    let stored = unit.courses().find(course.id).await.expect("an answer").expect("a course");
    unit.courses().update(&Course { lesson_count: 1, ..stored }).await.expect("saved");
    unit.commit().await.expect("kept");
    revise_outline(store, course.id).await;
    assert_eq!(ids(store, course.id, Some(at(9))).await, []);
    assert!(
        learners(store, course.id, None)
            .await
            .iter()
            .all(|learner| learner.next_lesson.is_none() || learner.user == gone.id)
    );
}

/// Page by page, of whatever size, each learner is seen once, also if many were last active at the same time.
pub async fn a_cursor_walks_each_learner_once(store: &dyn Store) {
    let (course, _) = stored_course(store, 1).await;
    let mut expected = Vec::new();
    for n in 0..9_u64 {
        let learner = stored_user(store).await.id;
        let active = at(if n < 6 { 5 } else { n });
        enrolled(store, learner, course.id, active).await;
        expected.push((active, learner));
    }
    expected.sort_by_key(|key| std::cmp::Reverse(*key));
    for stuck_since in [None, Some(at(100))] {
        for size in [1, 2, 4, 8, 9, 10] {
            let filter = CohortFilter { stuck_since };
            let walked = walk(size, async |page| store.read().learners_page(course.id, filter, page).await).await;
            let walked: Vec<_> = walked.into_iter().map(|learner| (learner.updated_at, learner.user)).collect();
            assert_eq!(walked, expected, "pages of {size}");
        }
    }
}

/// Each written lesson comes in reading order with how many of those who are in the course opened and completed it; who
/// left, and accounts that were deleted, are not counted, nor are lessons that do not count.
pub async fn completion_counts_who_is_there(store: &dyn Store) {
    let (course, _) = stored_course(store, 0).await;
    let second = lesson(course.id, 1);
    let first = Lesson { is_draft: false, ..full_lesson(course.id, 0) };
    let unwritten = full_lesson(course.id, 2);
    let removed = Lesson { deleted_at: Some(at(1)), ..lesson(course.id, 3) };
    insert_lessons(store, &[second.clone(), unwritten, removed, first.clone()]).await.expect("new lessons");
    let none: (u32, Vec<LessonCompletion>) = (0, vec![completion(&first, 0, 0), completion(&second, 0, 0)]);
    let answer = async |course| store.read().completion(course).await.expect("an answer");
    assert_eq!(answer(course.id).await, none);
    let (one, two, three) = (stored_user(store).await, shy_user(store).await, stored_user(store).await);
    let (gone, deleted) = (stored_user(store).await, stored_user(store).await);
    recorded(store, one.id, &first, Completed, at(1)).await;
    recorded(store, one.id, &second, InProgress, at(2)).await;
    recorded(store, two.id, &first, Completed, at(3)).await;
    recorded(store, two.id, &second, NotStarted, at(4)).await;
    enrolled(store, three.id, course.id, at(5)).await;
    let progress = recorded(store, gone.id, &first, Completed, at(6)).await;
    left(store, &progress, at(7)).await;
    recorded(store, deleted.id, &first, InProgress, at(8)).await;
    update_user(store, &User { deleted_at: Some(at(9)), ..deleted.clone() }).await.expect("saved");
    assert_eq!(answer(course.id).await, (3, vec![completion(&first, 0, 2), completion(&second, 1, 0)]));
    let (empty, _) = stored_course(store, 0).await;
    assert_eq!(answer(empty.id).await, (0, Vec::new()));
    enrolled(store, one.id, empty.id, at(9)).await;
    assert_eq!(answer(empty.id).await, (1, Vec::new()));
}

fn completion(lesson: &Lesson, in_progress: u32, completed: u32) -> LessonCompletion {
    LessonCompletion {
        lesson: lesson.id,
        slug: lesson.slug.clone(),
        title: lesson.title.clone(),
        number: lesson.number.clone(),
        position: lesson.position,
        in_progress,
        completed,
    }
}
