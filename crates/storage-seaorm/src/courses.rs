//! Courses.

use async_trait::async_trait;
use lyceum_domain::{
    courses::{
        Course, CourseFile, CourseFilter, CourseHit, CourseKey, CourseQueries, CourseStatus, Courses, FilePath, Lesson,
        LessonHit, LessonPlace, Outline, OutlineEntry, Passage, PassageDraft, PassageScope, SearchScope, Slug,
        SourceKey, Title,
    },
    ids::{CourseId, LessonId, PassageId, UserId},
    page::{Cursor, Page, PageRequest},
    store::StoreError,
};
use sea_orm::ConnectionTrait;

use crate::{
    connect::SeaOrmStore,
    lessons, passages,
    row::{Row, each, maybe},
    sql::{Sql, Values},
    unit::SeaOrmUnit,
};

/// The columns that [`read`] reads, of the table `c`.
macro_rules! course_columns {
    () => {
        "c.id, c.slug, c.title, c.description, c.language, c.status, c.author_id, c.source_key, c.lesson_count, \
         c.outline_revision, c.published_at, c.created_at, c.updated_at, c.deleted_at, c.version"
    };
}
pub(crate) use course_columns;

// Who changed it is not known here: the port names no actor.
const INSERT: Sql = Sql::same(
    "INSERT INTO courses (id, slug, title, description, search_text, language, status, author_id, source_key, \
     lesson_count, published_at, updated_at, deleted_at, version, outline_revision, created_at, created_by) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $8)",
);

const UPDATE: Sql = Sql::same(
    "UPDATE courses SET slug = $2, title = $3, description = $4, search_text = $5, language = $6, status = $7, \
     author_id = $8, source_key = $9, lesson_count = $10, published_at = $11, updated_at = $12, deleted_at = $13, \
     outline_revision = $15, version = version + 1 WHERE id = $1 AND version = $14",
);

const BY_ID: Sql =
    Sql::same(concat!("SELECT ", course_columns!(), " FROM courses c WHERE c.id = $1 AND c.deleted_at IS NULL"));

const BY_SLUG: Sql =
    Sql::same(concat!("SELECT ", course_columns!(), " FROM courses c WHERE c.slug = $1 AND c.deleted_at IS NULL"));

// Two, as the indexes.
const BY_AUTHOR_AND_SOURCE: Sql = Sql::same(concat!(
    "SELECT ",
    course_columns!(),
    " FROM courses c WHERE c.author_id = $1 AND c.source_key = $2 AND c.deleted_at IS NULL"
));
const BY_HOUSE_AND_SOURCE: Sql = Sql::same(concat!(
    "SELECT ",
    course_columns!(),
    " FROM courses c WHERE c.author_id IS NULL AND c.source_key = $1 AND c.deleted_at IS NULL"
));

/// `$1` and `$2` where the page starts, `$3` text in lower case, `$4` author, `$5` learner, `$6` whether archived ones
/// too, `$7` whether all drafts, `$8` whose drafts.
macro_rules! page {
    ($find:literal) => {
        concat!(
            "SELECT ",
            course_columns!(),
            " FROM courses c WHERE (c.created_at, c.id) < ($1, $2) AND c.deleted_at IS NULL AND ($3 IS NULL OR ",
            $find,
            "(c.search_text, $3) > 0) AND ($4 IS NULL OR c.author_id = $4) AND ($5 IS NULL OR EXISTS (SELECT 1 FROM \
             course_progress p WHERE p.user_id = $5 AND p.course_id = c.id AND p.is_enrolled)) \
             AND (c.status = 'published' OR (c.status = 'archived' AND $6) OR (c.status = 'draft' AND ($7 OR \
             c.author_id = $8))) ORDER BY c.created_at DESC, c.id DESC LIMIT $9"
        )
    };
}
const PAGE: Sql = Sql { postgres: page!("strpos"), sqlite: page!("instr") };

/// What [`INSERT`] and [`UPDATE`] have in common: `$1` to `$15`.
fn values(course: &Course) -> Values {
    let search_text = format!("{}\n{}", course.title, course.description).to_lowercase();
    Values::new()
        .id(course.id.as_uuid())
        .text(course.slug.as_str())
        .text(course.title.as_str())
        .text(&*course.description)
        .text(search_text)
        .maybe_text(course.language.as_deref())
        .text(course.status.as_str())
        .maybe_id(course.author.map(UserId::as_uuid))
        .maybe_text(course.source.as_ref().map(SourceKey::as_str))
        .number(course.lesson_count)
        .maybe_time(course.published_at)
        .time(course.updated_at)
        .maybe_time(course.deleted_at)
        .number(course.version)
        .number(course.outline_revision)
}

/// Reads [`course_columns`].
pub(crate) fn read(row: &mut Row<'_>) -> Result<Course, StoreError> {
    Ok(Course {
        id: row.id(CourseId::from_uuid)?,
        slug: row.parsed(Slug::parse)?,
        title: row.parsed(Title::parse)?,
        description: row.text()?,
        language: row.maybe_text()?,
        status: row.parsed(CourseStatus::parse)?,
        author: row.maybe_id(UserId::from_uuid)?,
        source: row.maybe_text()?.map(SourceKey::from_row),
        lesson_count: row.number()?,
        outline_revision: row.number()?,
        published_at: row.maybe_time()?,
        created_at: row.time()?,
        updated_at: row.time()?,
        deleted_at: row.maybe_time()?,
        version: row.number()?,
    })
}

async fn by_source(
    db: &impl ConnectionTrait,
    author: Option<UserId>,
    source: &SourceKey,
) -> Result<Option<Course>, StoreError> {
    let row = match author {
        Some(author) => BY_AUTHOR_AND_SOURCE.one(db, Values::new().id(author.as_uuid()).text(source.as_str())).await?,
        None => BY_HOUSE_AND_SOURCE.one(db, Values::new().text(source.as_str())).await?,
    };
    maybe(row.as_ref(), read)
}

#[async_trait]
impl Courses for SeaOrmUnit {
    async fn insert(&mut self, course: &Course) -> Result<(), StoreError> {
        let mut step = self.step()?;
        step.end(INSERT.run_for_one(step.tx, values(course).time(course.created_at)).await)
    }

    async fn update(&mut self, course: &Course) -> Result<(), StoreError> {
        let mut step = self.step()?;
        step.end(UPDATE.run_for_one(step.tx, values(course)).await)
    }

    async fn find_by_source(
        &mut self,
        author: Option<UserId>,
        source: &SourceKey,
    ) -> Result<Option<Course>, StoreError> {
        let mut step = self.step()?;
        step.end(by_source(step.tx, author, source).await)
    }

    async fn lessons(&mut self, course: CourseId) -> Result<Vec<Lesson>, StoreError> {
        let mut step = self.step()?;
        step.end(lessons::all(step.tx, course).await)
    }

    async fn insert_lessons(&mut self, lessons: &[Lesson]) -> Result<(), StoreError> {
        let mut step = self.step()?;
        step.end(lessons::insert(step.tx, lessons).await)
    }

    async fn update_lesson(&mut self, lesson: &Lesson) -> Result<(), StoreError> {
        let mut step = self.step()?;
        step.end(lessons::update(step.tx, lesson).await)
    }

    async fn replace_passages(
        &mut self,
        course: CourseId,
        lesson: LessonId,
        passages: &[(PassageId, PassageDraft)],
    ) -> Result<(), StoreError> {
        let mut step = self.step()?;
        step.end(passages::replace(step.tx, course, lesson, passages).await)
    }

    async fn find(&mut self, _id: CourseId) -> Result<Option<Course>, StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }

    async fn find_lesson(&mut self, _id: LessonId) -> Result<Option<Lesson>, StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }

    async fn place_lessons(&mut self, _course: CourseId, _places: &[LessonPlace]) -> Result<(), StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }

    async fn mark_counted(&mut self, _course: CourseId, _outline_revision: u32) -> Result<(), StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }

    async fn files(&mut self, _course: CourseId) -> Result<Vec<CourseFile>, StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }

    async fn put_file(&mut self, _file: &CourseFile) -> Result<(), StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }

    async fn remove_file(&mut self, _course: CourseId, _path: &FilePath) -> Result<bool, StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }
}

#[async_trait]
impl CourseQueries for SeaOrmStore {
    async fn course(&self, key: &CourseKey) -> Result<Option<Course>, StoreError> {
        let row = match key {
            CourseKey::Id(id) => BY_ID.one(&self.reads, Values::new().id(id.as_uuid())).await?,
            CourseKey::Slug(slug) => BY_SLUG.one(&self.reads, Values::new().text(slug.as_str())).await?,
        };
        maybe(row.as_ref(), read)
    }

    async fn outline(&self, course: CourseId) -> Result<Outline, StoreError> {
        lessons::outline(&self.reads, course).await
    }

    async fn lesson(&self, lesson: LessonId) -> Result<Option<(Lesson, Course)>, StoreError> {
        lessons::with_course(&self.reads, lesson).await
    }

    async fn courses_page(&self, filter: &CourseFilter, page: PageRequest) -> Result<Page<Course>, StoreError> {
        let text = filter.text.as_deref().map(str::to_lowercase);
        // PostgreSQL takes no such text, and none of ours has it.
        if text.as_ref().is_some_and(|text| text.contains('\0')) {
            return Ok(Page { items: Vec::new(), next: None });
        }
        let values = Values::new()
            .below(page)
            .maybe_text(text)
            .maybe_id(filter.author.map(UserId::as_uuid))
            .maybe_id(filter.enrolled.map(UserId::as_uuid))
            .flag(filter.enrolled.is_some() || filter.author.is_some() || filter.all_drafts)
            .flag(filter.all_drafts)
            .maybe_id(filter.drafts_of.map(UserId::as_uuid))
            .limit(page);
        let courses = each(&PAGE.all(&self.reads, values).await?, read)?;
        Ok(Page::cut(courses, page.size, |course| Cursor { at: course.created_at, id: course.id.as_uuid() }))
    }

    async fn find_passages(&self, scope: PassageScope, words: &str, limit: u8) -> Result<Vec<Passage>, StoreError> {
        passages::find(&self.reads, scope, words, limit).await
    }

    async fn removed_course(&self, _key: &CourseKey) -> Result<Option<Course>, StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }

    async fn removed_courses_page(
        &self,
        _author: Option<UserId>,
        _page: PageRequest,
    ) -> Result<Page<Course>, StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }

    async fn removed_lessons(&self, _course: CourseId) -> Result<Vec<OutlineEntry>, StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }

    async fn is_slug_taken(&self, _slug: &Slug) -> Result<bool, StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }

    async fn counting_lessons(&self, _course: CourseId) -> Result<Option<(u32, Vec<LessonId>)>, StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }

    async fn courses_to_recount(&self, _limit: u32) -> Result<Vec<(CourseId, u32)>, StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }

    async fn course_file(&self, _course: CourseId, _path: &FilePath) -> Result<Option<CourseFile>, StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }

    async fn search_courses(
        &self,
        _scope: &SearchScope,
        _words: &str,
        _limit: u8,
    ) -> Result<Vec<CourseHit>, StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }

    async fn search_lessons(
        &self,
        _scope: &SearchScope,
        _words: &str,
        _limit: u8,
    ) -> Result<Vec<LessonHit>, StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }
}
