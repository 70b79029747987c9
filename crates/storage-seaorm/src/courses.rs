//! Courses, the writing side; `catalogue.rs` reads them.

use async_trait::async_trait;
use lyceum_domain::{
    courses::{
        Course, CourseFile, CourseStatus, Courses, FilePath, Lesson, LessonPlace, PassageDraft, Slug, SourceKey, Title,
    },
    ids::{CourseId, LessonId, PassageId, UserId},
    store::StoreError,
};
use sea_orm::ConnectionTrait;

use crate::{
    course_files, lessons, passages,
    row::{Row, maybe},
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

// Who changed it is not known here: the port names no actor. A new course has no learners to be counted.
const INSERT: Sql = Sql::same(
    "INSERT INTO courses (id, slug, title, description, search_text, language, status, author_id, source_key, \
     lesson_count, published_at, updated_at, deleted_at, version, outline_revision, counted_revision, created_at, \
     created_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15, $16, $8)",
);

const UPDATE: Sql = Sql::same(
    "UPDATE courses SET slug = $2, title = $3, description = $4, search_text = $5, language = $6, status = $7, \
     author_id = $8, source_key = $9, lesson_count = $10, published_at = $11, updated_at = $12, deleted_at = $13, \
     outline_revision = $15, version = version + 1 WHERE id = $1 AND version = $14",
);

const BY_ID: Sql = Sql::same(concat!("SELECT ", course_columns!(), " FROM courses c WHERE c.id = $1"));

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

const MARK_COUNTED: Sql =
    Sql::same("UPDATE courses SET counted_revision = outline_revision WHERE id = $1 AND outline_revision = $2");

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

    async fn find(&mut self, id: CourseId) -> Result<Option<Course>, StoreError> {
        let mut step = self.step()?;
        let row = BY_ID.one(step.tx, Values::new().id(id.as_uuid())).await;
        step.end(row.and_then(|row| maybe(row.as_ref(), read)))
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

    async fn find_lesson(&mut self, id: LessonId) -> Result<Option<Lesson>, StoreError> {
        let mut step = self.step()?;
        step.end(lessons::one(step.tx, id).await)
    }

    async fn place_lessons(&mut self, course: CourseId, places: &[LessonPlace]) -> Result<(), StoreError> {
        let mut step = self.step()?;
        step.end(lessons::place(step.tx, course, places).await)
    }

    async fn mark_counted(&mut self, course: CourseId, outline_revision: u32) -> Result<(), StoreError> {
        let mut step = self.step()?;
        let values = Values::new().id(course.as_uuid()).number(outline_revision);
        step.end(MARK_COUNTED.run(step.tx, values).await.map(drop))
    }

    async fn files(&mut self, course: CourseId) -> Result<Vec<CourseFile>, StoreError> {
        let mut step = self.step()?;
        step.end(course_files::all(step.tx, course).await)
    }

    async fn put_file(&mut self, file: &CourseFile) -> Result<(), StoreError> {
        let mut step = self.step()?;
        step.end(course_files::put(step.tx, file).await)
    }

    async fn remove_file(&mut self, course: CourseId, path: &FilePath) -> Result<bool, StoreError> {
        let mut step = self.step()?;
        step.end(course_files::remove(step.tx, course, path).await)
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
}
