//! The learners of a course, as its mentor sees them.

use lyceum_domain::{
    courses::Lesson,
    ids::CourseId,
    page::{Page, PageRequest},
    progress::{CohortFilter, CourseProgress, LearnerView, LessonCompletion, LessonStatus},
    users::User,
};

use super::{
    progress::next_lesson,
    tables::{Tables, newest_first},
};

/// Everybody who is or was in the course, but for accounts that were deleted.
fn cohort(tables: &Tables, course: CourseId) -> impl Iterator<Item = (&User, CourseProgress)> {
    let of_course = tables.course_progress.keys().filter(move |(_, of)| *of == course);
    of_course.filter_map(move |(user, _)| {
        let user = tables.users.get(user).filter(|user| user.deleted_at.is_none())?;
        Some((user, tables.progress(user.id, course)?))
    })
}

pub(super) fn learners(
    tables: &Tables,
    course: CourseId,
    filter: CohortFilter,
    page: PageRequest,
) -> Page<LearnerView> {
    let total_lessons = tables.courses.get(&course).map(|course| course.lesson_count).unwrap_or_default();
    let shown = cohort(tables, course).filter(|(user, progress)| progress.is_enrolled || user.privacy.show_progress);
    let views = shown.map(|(user, progress)| LearnerView {
        user: user.id,
        username: user.username.clone(),
        display_name: user.display_name.clone(),
        portrait: user.portrait.clone(),
        is_enrolled: progress.is_enrolled,
        completed_lessons: progress.completed_lessons,
        total_lessons,
        started_at: progress.created_at,
        updated_at: progress.updated_at,
        next_lesson: next_lesson(tables, user.id, course),
    });
    let listed = views.filter(|view| filter.stuck_since.is_none_or(|since| view.is_stuck(since))).collect();
    newest_first(listed, page, |view| (view.updated_at, view.user.as_uuid()))
}

pub(super) fn completion(tables: &Tables, course: CourseId) -> (u32, Vec<LessonCompletion>) {
    let learners: Vec<_> = cohort(tables, course).filter(|(_, progress)| progress.is_enrolled).collect();
    let written = tables.lessons_of(course).into_iter().filter(|lesson| lesson.counts());
    let with_status = |lesson: &Lesson, status: LessonStatus| {
        let has_it = |(user, _): &&(&User, _)| tables.lesson_status(user.id, lesson.id) == status;
        u32::try_from(learners.iter().filter(has_it).count()).unwrap_or(u32::MAX)
    };
    let completion = |lesson: &Lesson| LessonCompletion {
        lesson: lesson.id,
        slug: lesson.slug.clone(),
        title: lesson.title.clone(),
        number: lesson.number.clone(),
        position: lesson.position,
        in_progress: with_status(lesson, LessonStatus::InProgress),
        completed: with_status(lesson, LessonStatus::Completed),
    };
    (u32::try_from(learners.len()).unwrap_or(u32::MAX), written.map(completion).collect())
}
