//! What the queries of progress answer.

use crate::{
    blobs::BlobKey,
    courses::{CourseStatus, LessonNumber, Slug, Title},
    ids::{CourseId, LessonId, UserId},
    mentor::NextLesson,
    progress::{CourseProgress, LessonStatus, Percent},
    time::{Day, Timestamp},
    users::{DisplayName, Username},
};

/// Everything that recording a lesson needs to know, in one answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LessonStanding {
    /// The lesson.
    pub lesson: LessonId,
    /// The course it belongs to.
    pub course: CourseId,
    /// That course's status.
    pub course_status: CourseStatus,
    /// That course's author.
    pub course_author: Option<UserId>,
    /// How many lessons of the course count.
    pub total_lessons: u32,
    /// The revision of the course's outline.
    pub outline_revision: u32,
    /// Announced but not written: it does not count.
    pub is_draft: bool,
    /// The learner's progress in the course, if they were ever in it.
    pub progress: Option<CourseProgress>,
    /// The learner's status of the lesson.
    pub status: LessonStatus,
}

/// A course in the list of a learner's progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CourseProgressView {
    /// The course.
    pub course: CourseId,
    /// Its name in addresses.
    pub slug: String,
    /// Its title.
    pub title: String,
    /// How many lessons are done.
    pub completed_lessons: u32,
    /// How many there are.
    pub total_lessons: u32,
    /// The last activity.
    pub updated_at: Timestamp,
}

impl CourseProgressView {
    /// The percentage that is done.
    pub fn percent(&self) -> Percent {
        Percent::of(self.completed_lessons, self.total_lessons)
    }
}

/// A lesson in a learner's view of a course.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LessonProgressView {
    /// The lesson.
    pub lesson: LessonId,
    /// Its name in addresses.
    pub slug: String,
    /// Its title.
    pub title: Title,
    /// Its number.
    pub number: Option<LessonNumber>,
    /// Its depth.
    pub depth: u8,
    /// Its place in reading order.
    pub position: u32,
    /// How far the learner is.
    pub status: LessonStatus,
    /// The last change, if there was one.
    pub updated_at: Option<Timestamp>,
}

/// What a learner did on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayActivity {
    /// The day.
    pub day: Day,
    /// How many steps they took.
    pub steps: u32,
    /// How many lessons they completed, each counted once.
    pub lessons_completed: u32,
    /// In how many courses.
    pub courses: u32,
}

/// Which learners of a course are asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CohortFilter {
    /// Only those who are in the course, have not done all of it, and were last active before this.
    pub stuck_since: Option<Timestamp>,
}

/// A learner of a course, as its mentor sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LearnerView {
    /// The learner.
    pub user: UserId,
    /// Their name in addresses.
    pub username: Username,
    /// What others call them.
    pub display_name: Option<DisplayName>,
    /// Their portrait.
    pub portrait: Option<BlobKey>,
    /// Whether they are in the course now.
    pub is_enrolled: bool,
    /// How many lessons are done.
    pub completed_lessons: u32,
    /// How many there are.
    pub total_lessons: u32,
    /// When they first came.
    pub started_at: Timestamp,
    /// Their last activity in the course.
    pub updated_at: Timestamp,
    /// Where they are: the first lesson in reading order that is not done.
    pub next_lesson: Option<NextLesson>,
}

impl LearnerView {
    /// The percentage that is done.
    pub fn percent(&self) -> Percent {
        Percent::of(self.completed_lessons, self.total_lessons)
    }

    /// Whether they stopped on the way: in the course, not at its end, and last active before `since`.
    pub fn is_stuck(&self, since: Timestamp) -> bool {
        self.is_enrolled && self.completed_lessons < self.total_lessons && self.updated_at < since
    }
}

/// How far the learners who are in a course are with one of its lessons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LessonCompletion {
    /// The lesson.
    pub lesson: LessonId,
    /// Its name in addresses.
    pub slug: Slug,
    /// Its title.
    pub title: Title,
    /// Its number.
    pub number: Option<LessonNumber>,
    /// Its place in reading order.
    pub position: u32,
    /// How many have opened it and not completed it.
    pub in_progress: u32,
    /// How many have completed it.
    pub completed: u32,
}
