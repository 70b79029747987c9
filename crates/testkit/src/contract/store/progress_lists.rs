//! The lists of a learner's progress.

use lyceum_domain::{
    courses::{Course, CourseStatus, Lesson, LessonNumber},
    ids::CourseId,
    mentor::{CourseStanding, NextLesson},
    progress::{CourseProgressView, LessonProgressView, LessonStatus, Percent},
    store::Store,
};

use crate::contract::{
    fixtures::{at, full_lesson, lesson},
    statements::{
        enrolled, first_page, insert_lessons, left, recorded, stored_course, stored_course_with, stored_user,
        update_course, update_lesson, walk,
    },
};

use LessonStatus::{Completed, InProgress, NotStarted};

fn view(course: &Course, completed_lessons: u32, updated_at: u64) -> CourseProgressView {
    CourseProgressView {
        course: course.id,
        slug: course.slug.to_string(),
        title: course.title.to_string(),
        completed_lessons,
        total_lessons: course.lesson_count,
        updated_at: at(updated_at),
    }
}

fn next_lesson(lesson: &Lesson) -> NextLesson {
    NextLesson {
        lesson: lesson.id,
        slug: lesson.slug.clone(),
        title: lesson.title.clone(),
        number: lesson.number.clone(),
    }
}

/// The courses a learner is in come with their counts, newest activity first, and without anybody else's.
pub async fn courses_of_a_learner_are_listed_by_activity(store: &dyn Store) {
    let (user, other) = (stored_user(store).await, stored_user(store).await);
    let (one, lessons) = stored_course(store, 2).await;
    let (two, _) = stored_course(store, 0).await;
    let (three, _) = stored_course(store, 5).await;
    enrolled(store, user.id, one.id, at(1)).await;
    enrolled(store, user.id, two.id, at(2)).await;
    enrolled(store, user.id, three.id, at(3)).await;
    enrolled(store, other.id, three.id, at(4)).await;
    recorded(store, user.id, &lessons[1], Completed, at(5)).await;
    let page = store.read().progress_page(user.id, first_page()).await.expect("an answer");
    assert_eq!(page.items, [view(&one, 1, 5), view(&three, 0, 3), view(&two, 0, 2)]);
    assert_eq!(page.next, None);
}

/// Courses that a learner has left, and courses that were removed, are not listed; archived ones are.
pub async fn courses_that_were_left_or_removed_are_not_listed(store: &dyn Store) {
    let user = stored_user(store).await;
    let (gone, _) = stored_course(store, 1).await;
    let (removed, _) = stored_course(store, 1).await;
    let (archived, _) = stored_course_with(store, 1, |course| course.status = CourseStatus::Archived).await;
    let progress = enrolled(store, user.id, gone.id, at(1)).await;
    enrolled(store, user.id, removed.id, at(2)).await;
    enrolled(store, user.id, archived.id, at(3)).await;
    left(store, &progress, at(9)).await;
    update_course(store, &Course { deleted_at: Some(at(4)), ..removed }).await.expect("saved");
    let page = store.read().progress_page(user.id, first_page()).await.expect("an answer");
    assert_eq!(page.items, [view(&archived, 0, 3)]);
}

/// Page by page, of whatever size, each course of a learner is seen once, also if many have the same last activity.
pub async fn a_cursor_walks_each_course_of_a_learner_once(store: &dyn Store) {
    let user = stored_user(store).await;
    let mut expected = Vec::new();
    for n in 0..9_u64 {
        let (course, _) = stored_course(store, 0).await;
        let active = if n < 6 { 5 } else { n };
        enrolled(store, user.id, course.id, at(active)).await;
        expected.push((at(active), course.id));
    }
    expected.sort_by_key(|key| std::cmp::Reverse(*key));
    for size in [1, 2, 4, 8, 9, 10] {
        let walked = walk(size, async |page| store.read().progress_page(user.id, page).await).await;
        let walked: Vec<_> = walked.into_iter().map(|view| (view.updated_at, view.course)).collect();
        assert_eq!(walked, expected, "pages of {size}");
    }
}

/// The lessons of a course that count are listed in reading order, each with the learner's status, as not started
/// where there is none; unwritten and removed lessons are left out.
pub async fn the_written_lessons_are_listed_in_reading_order(store: &dyn Store) {
    let user = stored_user(store).await;
    let (course, _) = stored_course(store, 0).await;
    let last = lesson(course.id, 3);
    let removed = Lesson { deleted_at: Some(at(1)), ..lesson(course.id, 2) };
    let unwritten = full_lesson(course.id, 1);
    let first = Lesson { is_draft: false, ..full_lesson(course.id, 0) };
    insert_lessons(store, &[last.clone(), removed, unwritten, first.clone()]).await.expect("new lessons");
    recorded(store, user.id, &first, InProgress, at(2)).await;
    let view = |lesson: &Lesson, status, updated_at| LessonProgressView {
        lesson: lesson.id,
        slug: lesson.slug.to_string(),
        title: lesson.title.clone(),
        number: lesson.number.clone(),
        depth: lesson.depth,
        position: lesson.position,
        status,
        updated_at,
    };
    let listed = store.read().lessons_progress(user.id, course.id).await.expect("an answer");
    assert_eq!(listed, [view(&first, InProgress, Some(at(2))), view(&last, NotStarted, None)]);
}

/// The mentor hears of the courses a learner was last active in, newest first and no more than asked for; with each
/// the first lesson in reading order that counts and is not completed, if there is one.
pub async fn recent_courses_come_newest_first_with_where_to_go_on(store: &dyn Store) {
    let user = stored_user(store).await;
    let (done, done_lessons) = stored_course(store, 1).await;
    let (started, lessons) = stored_course(store, 4).await;
    let (empty, _) = stored_course(store, 0).await;
    let numbered = Lesson { number: Some(LessonNumber::parse("2.1").expect("a number")), ..lessons[3].clone() };
    update_lesson(store, &numbered).await.expect("saved");
    enrolled(store, user.id, empty.id, at(1)).await;
    recorded(store, user.id, &done_lessons[0], Completed, at(2)).await;
    recorded(store, user.id, &lessons[0], Completed, at(3)).await;
    recorded(store, user.id, &lessons[3], InProgress, at(4)).await;
    // Neither a removed nor an unwritten lesson is one to go on with.
    update_lesson(store, &Lesson { deleted_at: Some(at(5)), ..lessons[1].clone() }).await.expect("saved");
    update_lesson(store, &Lesson { is_draft: true, ..lessons[2].clone() }).await.expect("saved");

    let standing = |course: &Course, completed: u32, next: Option<&Lesson>| CourseStanding {
        course: course.id,
        slug: course.slug.clone(),
        title: course.title.clone(),
        percent: Percent::of(completed, course.lesson_count),
        completed_lessons: completed,
        total_lessons: course.lesson_count,
        next_lesson: next.map(next_lesson),
    };
    let expected = [standing(&started, 1, Some(&numbered)), standing(&done, 1, None), standing(&empty, 0, None)];
    for limit in [0_u8, 1, 2, 3, 5] {
        let recent = store.read().recent_standings(user.id, limit).await.expect("an answer");
        assert_eq!(recent, expected[..usize::from(limit).min(3)], "{limit}");
    }
}

/// Among them are published and archived courses, and drafts that the learner wrote; no drafts of others, no removed
/// courses, none that were left, and nobody else's.
pub async fn recent_courses_are_those_the_learner_may_see(store: &dyn Store) {
    let (user, other) = (stored_user(store).await, stored_user(store).await);
    let mut ids: Vec<CourseId> = Vec::new();
    for (n, (status, author)) in (1..).zip([
        (CourseStatus::Published, None),
        (CourseStatus::Archived, Some(other.id)),
        (CourseStatus::Draft, Some(user.id)),
        (CourseStatus::Draft, Some(other.id)),
        (CourseStatus::Draft, None),
    ]) {
        let change = |course: &mut Course| (course.status, course.author) = (status, author);
        let (course, _) = stored_course_with(store, 1, change).await;
        enrolled(store, user.id, course.id, at(n)).await;
        ids.push(course.id);
    }
    let (removed, _) = stored_course(store, 1).await;
    enrolled(store, user.id, removed.id, at(8)).await;
    update_course(store, &Course { deleted_at: Some(at(9)), ..removed }).await.expect("saved");
    let (gone, _) = stored_course(store, 1).await;
    let progress = enrolled(store, user.id, gone.id, at(9)).await;
    left(store, &progress, at(9)).await;
    let (others, _) = stored_course(store, 1).await;
    enrolled(store, other.id, others.id, at(9)).await;

    let recent = store.read().recent_standings(user.id, 9).await.expect("an answer");
    let recent: Vec<_> = recent.into_iter().map(|standing| standing.course).collect();
    assert_eq!(recent, [ids[2], ids[1], ids[0]]);
}
