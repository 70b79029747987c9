//! The progress repository and what its queries answer.

use async_trait::async_trait;

use crate::{
    courses::{CourseStatus, LessonNumber, Title},
    ids::{CourseId, LessonId, UserId},
    mentor::CourseStanding,
    progress::{CourseProgress, LessonChange, LessonStatus, Percent},
    store::StoreError,
    time::Timestamp,
};

/// Writes progress inside a unit of work.
#[async_trait]
pub trait Progress: Send {
    /// Saves the aggregate and, with it, the lesson that changed. [`StoreError::Conflict`] if the aggregate's
    /// `version` is not the stored one, 0 standing for "not stored yet".
    async fn save(&mut self, progress: &CourseProgress, change: Option<LessonChange>) -> Result<(), StoreError>;

    /// Counts anew, for every learner of a course, the completed lessons that still count. To be called when lessons
    /// that counted no longer do, or count again. Not an activity: [`CourseProgress::updated_at`] stays, the version
    /// moves.
    async fn recount(&mut self, course: CourseId, at: Timestamp) -> Result<(), StoreError>;
}

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

/// Reads progress without a transaction.
#[async_trait]
pub trait ProgressQueries: Send + Sync {
    /// A lesson, its course and the learner's progress in both; `None` if there is no such lesson.
    async fn lesson_standing(&self, user: UserId, lesson: LessonId) -> Result<Option<LessonStanding>, StoreError>;

    /// The learner's progress in one course, if they were ever in it.
    async fn course_progress(&self, user: UserId, course: CourseId) -> Result<Option<CourseProgress>, StoreError>;

    /// The courses a learner is in, newest activity first.
    async fn progress_page(
        &self,
        user: UserId,
        page: crate::page::PageRequest,
    ) -> Result<crate::page::Page<CourseProgressView>, StoreError>;

    /// The written lessons of a course in reading order, with the learner's status of each.
    async fn lessons_progress(&self, user: UserId, course: CourseId) -> Result<Vec<LessonProgressView>, StoreError>;

    /// The `limit` courses a learner is in and was last active in, newest first, with where to go on in each. Drafts
    /// of others and removed courses are left out.
    async fn recent_standings(&self, user: UserId, limit: u8) -> Result<Vec<CourseStanding>, StoreError>;
}
