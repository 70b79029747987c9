//! The course repository and what its queries answer.

use async_trait::async_trait;

use crate::{
    courses::{Course, Lesson, Outline, Passage, PassageDraft, Slug, SourceKey},
    ids::{CourseId, LessonId, PassageId, UserId},
    page::{Page, PageRequest},
    store::StoreError,
};

/// How a course is named in an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CourseKey {
    /// By its id.
    Id(CourseId),
    /// By its slug.
    Slug(Slug),
}

/// Writes courses inside a unit of work.
#[async_trait]
pub trait Courses: Send {
    /// Stores a new course. [`StoreError::Duplicate`] if its slug or source is taken; a removed course keeps its slug
    /// and frees its source.
    async fn insert(&mut self, course: &Course) -> Result<(), StoreError>;

    /// Saves a changed course; [`StoreError::Conflict`] if `version` is not the stored one. The stored version is one
    /// higher afterwards.
    async fn update(&mut self, course: &Course) -> Result<(), StoreError>;

    /// The course that was imported from this source by this author, removed ones left out.
    async fn find_by_source(
        &mut self,
        author: Option<UserId>,
        source: &SourceKey,
    ) -> Result<Option<Course>, StoreError>;

    /// All lessons of a course with their content, removed ones too, in reading order.
    async fn lessons(&mut self, course: CourseId) -> Result<Vec<Lesson>, StoreError>;

    /// Stores new lessons.
    async fn insert_lessons(&mut self, lessons: &[Lesson]) -> Result<(), StoreError>;

    /// Saves a changed lesson; [`StoreError::Conflict`] if `version` is not the stored one.
    async fn update_lesson(&mut self, lesson: &Lesson) -> Result<(), StoreError>;

    /// Replaces the passages of a lesson, so that they can be found by their words.
    async fn replace_passages(
        &mut self,
        course: CourseId,
        lesson: LessonId,
        passages: &[(PassageId, PassageDraft)],
    ) -> Result<(), StoreError>;
}

/// Which courses a list holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CourseFilter {
    /// Only those whose title or description has these words.
    pub text: Option<String>,
    /// Only those of this author.
    pub author: Option<UserId>,
    /// Only those this learner is in.
    pub enrolled: Option<UserId>,
    /// Drafts too, of this author.
    pub drafts_of: Option<UserId>,
    /// Everybody's drafts too.
    pub all_drafts: bool,
}

/// Reads courses without a transaction.
#[async_trait]
pub trait CourseQueries: Send + Sync {
    /// A course by id or slug; removed ones don't exist.
    async fn course(&self, key: &CourseKey) -> Result<Option<Course>, StoreError>;

    /// The lessons of a course without their content, removed ones left out, in reading order.
    async fn outline(&self, course: CourseId) -> Result<Outline, StoreError>;

    /// A lesson and its course; removed ones don't exist.
    async fn lesson(&self, lesson: LessonId) -> Result<Option<(Lesson, Course)>, StoreError>;

    /// Courses, newest first. Archived ones only where `enrolled`, `author` or `all_drafts` ask for them.
    async fn courses_page(&self, filter: &CourseFilter, page: PageRequest) -> Result<Page<Course>, StoreError>;

    /// The passages that have any of the words in heading or text, those that fit best first: of the lesson, of the
    /// course, or of the published and archived courses that the learner is in; never from lessons that are removed or
    /// not written. Whoever names a lesson or a course has asked [`policy`](crate::policy) before. Words are plain text
    /// of any kind, never a query language; text without a word finds nothing.
    async fn find_passages(&self, scope: PassageScope, words: &str, limit: u8) -> Result<Vec<Passage>, StoreError>;
}

/// Where passages are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PassageScope {
    /// One lesson.
    Lesson(LessonId),
    /// One course.
    Course(CourseId),
    /// The courses that this learner is in.
    CoursesOf(UserId),
}
