//! Lessons and outlines. A course has as many lessons as its import allows, so they are read at once.

use lyceum_domain::{
    courses::{Course, Lesson, LessonNumber, LessonPlace, Outline, OutlineEntry, Slug, Title},
    ids::{CourseId, LessonId},
    store::StoreError,
};
use sea_orm::{ConnectionTrait, DbBackend};
use serde_json::json;

use crate::{
    courses::{self, course_columns},
    row::{Row, each, maybe},
    sql::{Sql, Values},
};

/// The columns that [`read`] reads, of the table `l`.
macro_rules! lesson_columns {
    () => {
        "l.id, l.course_id, l.slug, l.title, l.number, l.depth, l.position, l.part, l.content, l.estimated_minutes, \
         l.is_draft, l.source_path, l.created_at, l.updated_at, l.deleted_at, l.version"
    };
}

const INSERT: &str = "INSERT INTO lessons (id, slug, title, number, depth, position, part, content, estimated_minutes, \
                      is_draft, source_path, updated_at, deleted_at, version, course_id, created_at) \
                      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";

/// Many lessons in one statement whose text does not depend on how many they are. SQLite is no round trip away.
const INSERT_MANY: &str = "INSERT INTO lessons (id, slug, title, number, depth, position, part, content, estimated_minutes, is_draft, \
     source_path, updated_at, deleted_at, version, course_id, created_at) SELECT * FROM jsonb_to_recordset($1) AS l \
     (id uuid, slug text, title text, number text, depth bigint, position bigint, part text, content text, \
     estimated_minutes bigint, is_draft boolean, source_path text, updated_at timestamptz, deleted_at timestamptz, \
     version bigint, course_id uuid, created_at timestamptz)";

const UPDATE: Sql = Sql::same(
    "UPDATE lessons SET slug = $2, title = $3, number = $4, depth = $5, position = $6, part = $7, content = $8, \
     estimated_minutes = $9, is_draft = $10, source_path = $11, updated_at = $12, deleted_at = $13, \
     version = version + 1 WHERE id = $1 AND version = $14",
);

const ALL: Sql = Sql::same(concat!(
    "SELECT ",
    lesson_columns!(),
    " FROM lessons l WHERE l.course_id = $1 ORDER BY l.position, l.id"
));

const ONE: Sql = Sql::same(concat!("SELECT ", lesson_columns!(), " FROM lessons l WHERE l.id = $1"));

macro_rules! entries {
    ($is_there:literal) => {
        Sql::same(concat!(
            "SELECT l.id, l.slug, l.title, l.number, l.depth, l.position, l.part, l.estimated_minutes, l.is_draft \
             FROM lessons l WHERE l.course_id = $1 AND l.deleted_at ",
            $is_there,
            " ORDER BY l.position, l.id"
        ))
    };
}
const OUTLINE: Sql = entries!("IS NULL");
const REMOVED: Sql = entries!("IS NOT NULL");

const SOURCE_PATHS: Sql = Sql::same(
    "SELECT source_path, slug FROM lessons WHERE course_id = $1 AND source_path IS NOT NULL \
     AND NOT is_draft AND deleted_at IS NULL ORDER BY position, id",
);

// A course without lessons is one row without a lesson.
const COUNTING: Sql = Sql::same(
    "SELECT c.outline_revision, l.id FROM courses c \
     LEFT JOIN lessons l ON l.course_id = c.id AND NOT l.is_draft AND l.deleted_at IS NULL \
     WHERE c.id = $1 ORDER BY l.position, l.id",
);

/// What stands where it should is not written again.
const PLACE: Sql = Sql {
    postgres: "UPDATE lessons SET position = p.position, number = p.number \
               FROM jsonb_to_recordset($2) AS p (id uuid, position bigint, number text) \
               WHERE lessons.id = p.id AND lessons.course_id = $1 \
               AND (lessons.position <> p.position OR lessons.number IS DISTINCT FROM p.number)",
    sqlite: "UPDATE lessons SET position = $3, number = $4 WHERE course_id = $1 AND id = $2 \
             AND (position <> $3 OR number IS NOT $4)",
};

const WITH_COURSE: Sql = Sql::same(concat!(
    "SELECT ",
    lesson_columns!(),
    ", ",
    course_columns!(),
    " FROM lessons l JOIN courses c ON c.id = l.course_id \
     WHERE l.id = $1 AND l.deleted_at IS NULL AND c.deleted_at IS NULL"
));

/// Lessons in one statement: a long book is a few of them, and none is too large.
const BATCH: usize = 100;

/// What [`INSERT`] and [`UPDATE`] have in common: `$1` to `$14`.
fn values(lesson: &Lesson) -> Values {
    Values::new()
        .id(lesson.id.as_uuid())
        .text(lesson.slug.as_str())
        .text(lesson.title.as_str())
        .maybe_text(lesson.number.as_ref().map(LessonNumber::as_str))
        .number(lesson.depth)
        .number(lesson.position)
        .maybe_text(lesson.part.as_deref())
        .text(&*lesson.content)
        .number(lesson.estimated_minutes)
        .flag(lesson.is_draft)
        .maybe_text(lesson.source_path.as_deref())
        .time(lesson.updated_at)
        .maybe_time(lesson.deleted_at)
        .number(lesson.version)
}

fn as_json(lesson: &Lesson) -> serde_json::Value {
    json!({
        "id": lesson.id.to_string(),
        "slug": lesson.slug.as_str(),
        "title": lesson.title.as_str(),
        "number": lesson.number.as_ref().map(LessonNumber::as_str),
        "depth": lesson.depth,
        "position": lesson.position,
        "part": lesson.part,
        "content": lesson.content,
        "estimated_minutes": lesson.estimated_minutes,
        "is_draft": lesson.is_draft,
        "source_path": lesson.source_path,
        "updated_at": lesson.updated_at.to_string(),
        "deleted_at": lesson.deleted_at.map(|at| at.to_string()),
        "version": lesson.version,
        "course_id": lesson.course.to_string(),
        "created_at": lesson.created_at.to_string(),
    })
}

/// Reads [`lesson_columns`].
fn read(row: &mut Row<'_>) -> Result<Lesson, StoreError> {
    Ok(Lesson {
        id: row.id(LessonId::from_uuid)?,
        course: row.id(CourseId::from_uuid)?,
        slug: row.parsed(Slug::parse)?,
        title: row.parsed(Title::parse)?,
        number: row.maybe_parsed(LessonNumber::parse)?,
        depth: row.number()?,
        position: row.number()?,
        part: row.maybe_text()?,
        content: row.text()?,
        estimated_minutes: row.number()?,
        is_draft: row.flag()?,
        source_path: row.maybe_text()?,
        created_at: row.time()?,
        updated_at: row.time()?,
        deleted_at: row.maybe_time()?,
        version: row.number()?,
    })
}

fn read_entry(row: &mut Row<'_>) -> Result<OutlineEntry, StoreError> {
    Ok(OutlineEntry {
        id: row.id(LessonId::from_uuid)?,
        slug: row.parsed(Slug::parse)?,
        title: row.parsed(Title::parse)?,
        number: row.maybe_parsed(LessonNumber::parse)?,
        depth: row.number()?,
        position: row.number()?,
        part: row.maybe_text()?,
        estimated_minutes: row.number()?,
        is_draft: row.flag()?,
    })
}

pub(crate) async fn insert(db: &impl ConnectionTrait, lessons: &[Lesson]) -> Result<(), StoreError> {
    if db.get_database_backend() == DbBackend::Postgres {
        for batch in lessons.chunks(BATCH) {
            let rows = batch.iter().map(as_json).collect();
            Sql::same(INSERT_MANY).run(db, Values::new().json(rows)).await?;
        }
    } else {
        for lesson in lessons {
            let values = values(lesson).id(lesson.course.as_uuid()).time(lesson.created_at);
            Sql::same(INSERT).run_for_one(db, values).await?;
        }
    }
    Ok(())
}

pub(crate) async fn update(db: &impl ConnectionTrait, lesson: &Lesson) -> Result<(), StoreError> {
    UPDATE.run_for_one(db, values(lesson)).await
}

pub(crate) async fn all(db: &impl ConnectionTrait, course: CourseId) -> Result<Vec<Lesson>, StoreError> {
    each(&ALL.all(db, Values::new().id(course.as_uuid())).await?, read)
}

pub(crate) async fn outline(db: &impl ConnectionTrait, course: CourseId) -> Result<Outline, StoreError> {
    each(&OUTLINE.all(db, Values::new().id(course.as_uuid())).await?, read_entry).map(Outline)
}

pub(crate) async fn removed(db: &impl ConnectionTrait, course: CourseId) -> Result<Vec<OutlineEntry>, StoreError> {
    each(&REMOVED.all(db, Values::new().id(course.as_uuid())).await?, read_entry)
}

pub(crate) async fn source_paths(
    db: &impl ConnectionTrait,
    course: CourseId,
) -> Result<Vec<(String, Slug)>, StoreError> {
    let rows = SOURCE_PATHS.all(db, Values::new().id(course.as_uuid())).await?;
    each(&rows, |row| Ok((row.text()?, row.parsed(Slug::parse)?)))
}

pub(crate) async fn one(db: &impl ConnectionTrait, lesson: LessonId) -> Result<Option<Lesson>, StoreError> {
    maybe(ONE.one(db, Values::new().id(lesson.as_uuid())).await?.as_ref(), read)
}

/// The revision of the outline and the lessons that count, from one statement and so of one moment.
pub(crate) async fn counting(
    db: &impl ConnectionTrait,
    course: CourseId,
) -> Result<Option<(u32, Vec<LessonId>)>, StoreError> {
    let rows = COUNTING.all(db, Values::new().id(course.as_uuid())).await?;
    let rows: Vec<(u32, Option<LessonId>)> =
        each(&rows, |row| Ok((row.number()?, row.maybe_id(LessonId::from_uuid)?)))?;
    let Some((revision, _)) = rows.first() else { return Ok(None) };
    Ok(Some((*revision, rows.iter().filter_map(|(_, lesson)| *lesson).collect())))
}

pub(crate) async fn place(
    db: &impl ConnectionTrait,
    course: CourseId,
    places: &[LessonPlace],
) -> Result<(), StoreError> {
    let number = |place: &LessonPlace| place.number.as_ref().map(|number| number.as_str().to_owned());
    if db.get_database_backend() == DbBackend::Postgres {
        let row = |place: &LessonPlace| json!({ "id": place.lesson.to_string(), "position": place.position, "number": number(place) });
        let rows = places.iter().map(row).collect();
        return PLACE.run(db, Values::new().id(course.as_uuid()).json(rows)).await.map(drop);
    }
    for place in places {
        let values = Values::new().id(course.as_uuid()).id(place.lesson.as_uuid());
        PLACE.run(db, values.number(place.position).maybe_text(number(place))).await?;
    }
    Ok(())
}

pub(crate) async fn with_course(
    db: &impl ConnectionTrait,
    lesson: LessonId,
) -> Result<Option<(Lesson, Course)>, StoreError> {
    let row = WITH_COURSE.one(db, Values::new().id(lesson.as_uuid())).await?;
    maybe(row.as_ref(), |row| Ok((read(row)?, courses::read(row)?)))
}
