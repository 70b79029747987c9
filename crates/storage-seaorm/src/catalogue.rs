//! Courses, the reading side.

use async_trait::async_trait;
use lyceum_domain::{
    courses::{
        Course, CourseFile, CourseFilter, CourseHit, CourseKey, CourseQueries, FilePath, Lesson, LessonHit, Outline,
        OutlineEntry, Passage, PassageScope, SearchScope, Slug,
    },
    ids::{CourseId, LessonId, UserId},
    page::{Cursor, Page, PageRequest},
    store::StoreError,
};
use sea_orm::QueryResult;

use crate::{
    candidates,
    connect::SeaOrmStore,
    course_files,
    courses::{course_columns, read},
    lessons,
    row::{each, maybe},
    search,
    sql::{Sql, Values},
};

macro_rules! one {
    ($condition:literal) => {
        Sql::same(concat!("SELECT ", course_columns!(), " FROM courses c WHERE ", $condition))
    };
}
const BY_ID: Sql = one!("c.id = $1 AND c.deleted_at IS NULL");
const BY_SLUG: Sql = one!("c.slug = $1 AND c.deleted_at IS NULL");
const REMOVED_BY_ID: Sql = one!("c.id = $1 AND c.deleted_at IS NOT NULL");
const REMOVED_BY_SLUG: Sql = one!("c.slug = $1 AND c.deleted_at IS NOT NULL");

/// `$1` and `$2` where the page starts, `$3` text in lower case, `$4` whether archived ones too, `$5` whether all drafts,
/// `$6` whose drafts, `$7` how many; `$8` and `$9` are the condition's. Author and learner have texts of their own, as
/// each has an index of its own.
macro_rules! page {
    ($find:literal, $condition:literal) => {
        concat!(
            "SELECT ",
            course_columns!(),
            " FROM courses c WHERE (c.created_at, c.id) < ($1, $2) AND c.deleted_at IS NULL AND ($3 IS NULL OR ",
            $find,
            "(c.search_text, $3) > 0) AND (c.status = 'published' OR (c.status = 'archived' AND $4) OR \
             (c.status = 'draft' AND ($5 OR c.author_id = $6))) ",
            $condition,
            " ORDER BY c.created_at DESC, c.id DESC LIMIT $7"
        )
    };
    ($condition:literal) => {
        Sql { postgres: page!("strpos", $condition), sqlite: page!("instr", $condition) }
    };
}
const PAGE: Sql = page!("");
const PAGE_OF_AUTHOR: Sql = page!("AND c.author_id = $8");
// An array, so that PostgreSQL begins with the few courses of the learner and not with the newest of all.
const PAGE_OF_LEARNER: Sql = Sql {
    postgres: page!(
        "strpos",
        "AND c.id = ANY (ARRAY(SELECT p.course_id FROM course_progress p WHERE p.user_id = $8 AND p.is_enrolled)) \
         AND ($9 IS NULL OR c.author_id = $9)"
    ),
    sqlite: page!(
        "instr",
        "AND c.id IN (SELECT p.course_id FROM course_progress p WHERE p.user_id = $8 AND p.is_enrolled) \
         AND ($9 IS NULL OR c.author_id = $9)"
    ),
};

/// For who is in very many courses: the newest of all are looked at one by one, and one of them is soon theirs.
const PAGE_OF_BUSY_LEARNER: Sql = page!(
    "AND (SELECT p.is_enrolled FROM course_progress p WHERE p.user_id = $8 AND p.course_id = c.id) \
     AND ($9 IS NULL OR c.author_id = $9)"
);
/// Whether a learner is in more courses than are sorted for a page.
const IS_BUSY: Sql =
    Sql::same("SELECT 1 FROM course_progress p WHERE p.user_id = $1 AND p.is_enrolled LIMIT 1 OFFSET 500");

macro_rules! removed_page {
    ($condition:literal) => {
        Sql::same(concat!(
            "SELECT ",
            course_columns!(),
            " FROM courses c WHERE (c.created_at, c.id) < ($1, $2) AND c.deleted_at IS NOT NULL ",
            $condition,
            "ORDER BY c.created_at DESC, c.id DESC LIMIT $3"
        ))
    };
}
const REMOVED_PAGE: Sql = removed_page!("");
const REMOVED_PAGE_OF_AUTHOR: Sql = removed_page!("AND c.author_id = $4 ");

const IS_SLUG_TAKEN: Sql = Sql::same("SELECT 1 FROM courses c WHERE c.slug = $1");

const TO_RECOUNT: Sql = Sql::same(
    "SELECT c.id, c.outline_revision FROM courses c WHERE c.counted_revision < c.outline_revision \
     ORDER BY c.id LIMIT $1",
);

fn cut(rows: &[QueryResult], page: PageRequest) -> Result<Page<Course>, StoreError> {
    let cursor = |course: &Course| Cursor { at: course.created_at, id: course.id.as_uuid() };
    Ok(Page::cut(each(rows, read)?, page.size, cursor))
}

impl SeaOrmStore {
    async fn by_key(&self, key: &CourseKey, by_id: Sql, by_slug: Sql) -> Result<Option<Course>, StoreError> {
        let row = match key {
            CourseKey::Id(id) => by_id.one(&self.reads, Values::new().id(id.as_uuid())).await?,
            CourseKey::Slug(slug) => by_slug.one(&self.reads, Values::new().text(slug.as_str())).await?,
        };
        maybe(row.as_ref(), read)
    }
}

#[async_trait]
impl CourseQueries for SeaOrmStore {
    async fn course(&self, key: &CourseKey) -> Result<Option<Course>, StoreError> {
        self.by_key(key, BY_ID, BY_SLUG).await
    }

    async fn outline(&self, course: CourseId) -> Result<Outline, StoreError> {
        lessons::outline(&self.reads, course).await
    }

    async fn lesson(&self, lesson: LessonId) -> Result<Option<(Lesson, Course)>, StoreError> {
        lessons::with_course(&self.reads, lesson).await
    }

    async fn removed_course(&self, key: &CourseKey) -> Result<Option<Course>, StoreError> {
        self.by_key(key, REMOVED_BY_ID, REMOVED_BY_SLUG).await
    }

    async fn removed_courses_page(
        &self,
        author: Option<UserId>,
        page: PageRequest,
    ) -> Result<Page<Course>, StoreError> {
        let values = Values::new().below(page).limit(page);
        let rows = match author {
            Some(author) => REMOVED_PAGE_OF_AUTHOR.all(&self.reads, values.id(author.as_uuid())).await?,
            None => REMOVED_PAGE.all(&self.reads, values).await?,
        };
        cut(&rows, page)
    }

    async fn removed_lessons(&self, course: CourseId) -> Result<Vec<OutlineEntry>, StoreError> {
        lessons::removed(&self.reads, course).await
    }

    async fn source_paths(&self, course: CourseId) -> Result<Vec<(String, Slug)>, StoreError> {
        lessons::source_paths(&self.reads, course).await
    }

    async fn is_slug_taken(&self, slug: &Slug) -> Result<bool, StoreError> {
        Ok(IS_SLUG_TAKEN.one(&self.reads, Values::new().text(slug.as_str())).await?.is_some())
    }

    async fn counting_lessons(&self, course: CourseId) -> Result<Option<(u32, Vec<LessonId>)>, StoreError> {
        lessons::counting(&self.reads, course).await
    }

    async fn courses_to_recount(&self, limit: u32) -> Result<Vec<(CourseId, u32)>, StoreError> {
        let rows = TO_RECOUNT.all(&self.reads, Values::new().number(limit)).await?;
        each(&rows, |row| Ok((row.id(CourseId::from_uuid)?, row.number()?)))
    }

    async fn course_file(&self, course: CourseId, path: &FilePath) -> Result<Option<CourseFile>, StoreError> {
        course_files::one(&self.reads, course, path).await
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
            .flag(filter.enrolled.is_some() || filter.author.is_some() || filter.all_drafts)
            .flag(filter.all_drafts)
            .maybe_id(filter.drafts_of.map(UserId::as_uuid))
            .limit(page);
        let author = filter.author.map(UserId::as_uuid);
        let rows = match (filter.enrolled, author) {
            (Some(learner), _) => {
                let is_busy = IS_BUSY.one(&self.reads, Values::new().id(learner.as_uuid())).await?.is_some();
                let of_learner = if is_busy { PAGE_OF_BUSY_LEARNER } else { PAGE_OF_LEARNER };
                of_learner.all(&self.reads, values.id(learner.as_uuid()).maybe_id(author)).await?
            }
            (None, Some(author)) => PAGE_OF_AUTHOR.all(&self.reads, values.id(author)).await?,
            (None, None) => PAGE.all(&self.reads, values).await?,
        };
        cut(&rows, page)
    }

    async fn find_passages(&self, scope: PassageScope, words: &str, limit: u8) -> Result<Vec<Passage>, StoreError> {
        candidates::find_passages(&self.reads, scope, words, limit).await
    }

    async fn search_courses(&self, scope: &SearchScope, words: &str, limit: u8) -> Result<Vec<CourseHit>, StoreError> {
        search::courses(&self.reads, scope, words, limit).await
    }

    async fn search_lessons(&self, scope: &SearchScope, words: &str, limit: u8) -> Result<Vec<LessonHit>, StoreError> {
        search::lessons(&self.reads, scope, words, limit).await
    }
}
