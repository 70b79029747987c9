//! The progress repository and its queries.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::{
    ids::{CourseId, LessonId, UserId},
    mentor::CourseStanding,
    page::{Page, PageRequest},
    progress::{
        CohortFilter, CourseProgress, CourseProgressView, DayActivity, LearnerView, LessonCompletion,
        LessonProgressView, LessonStanding, LessonStatus, ProgressChange, ProgressEvent, ProgressHistory,
    },
    store::StoreError,
    time::{Timestamp, UtcOffset},
};

/// Writes progress inside a unit of work.
#[async_trait]
pub trait Progress: Send {
    /// Saves the aggregate, the event of the step that changed it (numbered [`CourseProgress::version`] + 1), and the
    /// status of the lesson if the step was about one. [`StoreError::Conflict`] if the aggregate's `version` is not the
    /// stored one, 0 standing for "not stored yet".
    async fn save(&mut self, progress: &CourseProgress, change: &ProgressChange) -> Result<(), StoreError>;

    /// Counts anew, for at most `limit` learners of a course who were counted under an older revision of its outline, and
    /// says for how many. Not an activity: neither [`CourseProgress::updated_at`] nor the version moves.
    async fn recount(&mut self, course: CourseId, limit: u32) -> Result<u64, StoreError>;

    /// Puts the rows of one learner in one course right: the aggregate and exactly these lessons. `stored` is the version
    /// of the aggregate that was seen, `None` if there was none; [`StoreError::Conflict`] if it is another one by now.
    /// `progress.version` becomes the stored version. No event.
    async fn rebuild(
        &mut self,
        progress: &CourseProgress,
        lessons: &BTreeMap<LessonId, (LessonStatus, Timestamp)>,
        stored: Option<u32>,
    ) -> Result<(), StoreError>;
}

/// Reads progress without a transaction. All counts are right at once, also when lessons went or came back a moment ago.
#[async_trait]
pub trait ProgressQueries: Send + Sync {
    /// A lesson, its course and the learner's progress in both; `None` if there is no such lesson.
    async fn lesson_standing(&self, user: UserId, lesson: LessonId) -> Result<Option<LessonStanding>, StoreError>;

    /// The learner's progress in one course, if they were ever in it.
    async fn course_progress(&self, user: UserId, course: CourseId) -> Result<Option<CourseProgress>, StoreError>;

    /// The courses a learner is in, newest activity first.
    async fn progress_page(&self, user: UserId, page: PageRequest) -> Result<Page<CourseProgressView>, StoreError>;

    /// The written lessons of a course in reading order, with the learner's status of each.
    async fn lessons_progress(&self, user: UserId, course: CourseId) -> Result<Vec<LessonProgressView>, StoreError>;

    /// The `limit` courses a learner is in and was last active in, newest first, with where to go on in each. Drafts
    /// of others and removed courses are left out.
    async fn recent_standings(&self, user: UserId, limit: u8) -> Result<Vec<CourseStanding>, StoreError>;

    /// The days since `since` on which a learner did something, oldest first, days as they are at `offset`; removed courses
    /// count as well.
    async fn activity(&self, user: UserId, since: Timestamp, offset: UtcOffset)
    -> Result<Vec<DayActivity>, StoreError>;

    /// On how many days a learner did something in a course, days as they are at `offset`.
    async fn days_active(&self, user: UserId, course: CourseId, offset: UtcOffset) -> Result<u32, StoreError>;

    /// Everything that a learner ever did, newest first.
    async fn progress_events_page(&self, user: UserId, page: PageRequest) -> Result<Page<ProgressEvent>, StoreError>;

    /// The learners of a course, latest activity first: those who are in it, and of those who left the ones who show their
    /// progress. Accounts that were deleted are left out. The cursor's id is the learner's.
    async fn learners_page(
        &self,
        course: CourseId,
        filter: CohortFilter,
        page: PageRequest,
    ) -> Result<Page<LearnerView>, StoreError>;

    /// How many learners are in a course, deleted accounts left out, and how far they are with each of its written lessons,
    /// in reading order.
    async fn completion(&self, course: CourseId) -> Result<(u32, Vec<LessonCompletion>), StoreError>;

    /// What is kept about the next `limit` learners in courses, in the order of learner and course, after the one given;
    /// of everybody who has events or rows.
    async fn histories(
        &self,
        after: Option<(UserId, CourseId)>,
        limit: u32,
    ) -> Result<Vec<ProgressHistory>, StoreError>;
}
