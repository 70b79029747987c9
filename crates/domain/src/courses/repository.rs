//! The course repository and what its queries answer.

use async_trait::async_trait;

use crate::{
    courses::{
        Course, CourseFile, CourseHit, FilePath, Lesson, LessonHit, LessonPlace, Outline, OutlineEntry, Passage,
        PassageDraft, SearchScope, Slug, SourceKey,
    },
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

    /// A course by id, removed ones too.
    async fn find(&mut self, id: CourseId) -> Result<Option<Course>, StoreError>;

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

    /// A lesson with its content, removed ones too.
    async fn find_lesson(&mut self, id: LessonId) -> Result<Option<Lesson>, StoreError>;

    /// Puts lessons of a course in their places. Not a change of the lessons: their versions stay.
    async fn place_lessons(&mut self, course: CourseId, places: &[LessonPlace]) -> Result<(), StoreError>;

    /// Notes that all learners of a course were counted under a revision of its outline, so that it is no longer among
    /// [`CourseQueries::courses_to_recount`]; nothing happens if it is another revision by now.
    async fn mark_counted(&mut self, course: CourseId, outline_revision: u32) -> Result<(), StoreError>;

    /// The files of a course, by path.
    async fn files(&mut self, course: CourseId) -> Result<Vec<CourseFile>, StoreError>;

    /// Stores a file, instead of the one of that path if there is one.
    async fn put_file(&mut self, file: &CourseFile) -> Result<(), StoreError>;

    /// Removes a file; false if there is none of that path.
    async fn remove_file(&mut self, course: CourseId, path: &FilePath) -> Result<bool, StoreError>;

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

    /// A course that was removed, by id or slug.
    async fn removed_course(&self, key: &CourseKey) -> Result<Option<Course>, StoreError>;

    /// The courses that were removed, newest first; of one author, or of all.
    async fn removed_courses_page(&self, author: Option<UserId>, page: PageRequest)
    -> Result<Page<Course>, StoreError>;

    /// The lessons that were removed from a course, in the order in which they stood.
    async fn removed_lessons(&self, course: CourseId) -> Result<Vec<OutlineEntry>, StoreError>;

    /// The paths that the written lessons of a course were imported from, with the lessons' names in addresses, so that
    /// a link from one chapter to another leads there.
    async fn source_paths(&self, course: CourseId) -> Result<Vec<(String, Slug)>, StoreError>;

    /// Whether a course has this slug, removed ones included.
    async fn is_slug_taken(&self, slug: &Slug) -> Result<bool, StoreError>;

    /// The lessons of a course that count, and the revision of its outline, as of one moment; removed courses too.
    async fn counting_lessons(&self, course: CourseId) -> Result<Option<(u32, Vec<LessonId>)>, StoreError>;

    /// At most `limit` courses some of whose learners may have been counted under an older revision of the outline.
    async fn courses_to_recount(&self, limit: u32) -> Result<Vec<(CourseId, u32)>, StoreError>;

    /// A file of a course.
    async fn course_file(&self, course: CourseId, path: &FilePath) -> Result<Option<CourseFile>, StoreError>;

    /// Courses, newest first. Archived ones only where `enrolled`, `author` or `all_drafts` ask for them.
    async fn courses_page(&self, filter: &CourseFilter, page: PageRequest) -> Result<Page<Course>, StoreError>;

    /// The passages that have any of the words in title, heading or text, those that fit best first, as
    /// [`best_passages`](crate::courses::best_passages) ranks them: of the lesson, of the course, or of the published and
    /// archived courses that the learner is in; never from lessons that are removed or not written. Of one lesson come no
    /// more than two while others have any, unless the scope is that lesson. Whoever names a lesson or a course has asked
    /// [`policy`](crate::policy) before. Words are plain text of any kind, never a query language; text without a word
    /// finds nothing.
    async fn find_passages(&self, scope: PassageScope, words: &str, limit: u8) -> Result<Vec<Passage>, StoreError>;

    /// The courses in scope whose title or description has all of the words (the last one also as the beginning of a word),
    /// those that fit best first. Words are plain text of any kind; text without a word finds nothing.
    async fn search_courses(&self, scope: &SearchScope, words: &str, limit: u8) -> Result<Vec<CourseHit>, StoreError>;

    /// The written lessons of courses in scope that have all of the words (the last one also as the beginning of a word) in
    /// one passage, those that fit best first, each lesson once.
    async fn search_lessons(&self, scope: &SearchScope, words: &str, limit: u8) -> Result<Vec<LessonHit>, StoreError>;
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
