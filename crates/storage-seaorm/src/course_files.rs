//! The files of courses. A course has as many as its import allows, so they are read at once.

use lyceum_domain::{
    blobs::{BlobKey, Sha256},
    courses::{CourseFile, FilePath},
    ids::CourseId,
    store::StoreError,
};
use sea_orm::ConnectionTrait;

use crate::{
    row::{Row, each, maybe},
    sql::{Sql, Values},
};

macro_rules! of_course {
    () => {
        "SELECT f.path, f.size, f.sha256, f.blob_key, f.created_at, f.updated_at FROM course_files f \
         WHERE f.course_id = $1"
    };
}

const ALL: Sql = Sql::same(of_course!());

const ONE: Sql = Sql::same(concat!(of_course!(), " AND f.path = $2"));

const PUT: Sql = Sql::same(
    "INSERT INTO course_files (course_id, path, size, sha256, blob_key, created_at, updated_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (course_id, path) DO UPDATE SET size = excluded.size, \
     sha256 = excluded.sha256, blob_key = excluded.blob_key, created_at = excluded.created_at, \
     updated_at = excluded.updated_at",
);

const REMOVE: Sql = Sql::same("DELETE FROM course_files WHERE course_id = $1 AND path = $2");

fn key(course: CourseId, path: &FilePath) -> Values {
    Values::new().id(course.as_uuid()).text(path.as_str())
}

fn read(row: &mut Row<'_>, course: CourseId) -> Result<CourseFile, StoreError> {
    Ok(CourseFile {
        course,
        path: row.parsed(FilePath::parse)?,
        size: row.number()?,
        sha256: row.parsed(Sha256::parse)?,
        blob: row.parsed(BlobKey::parse)?,
        created_at: row.time()?,
        updated_at: row.time()?,
    })
}

/// By path as the domain sorts it: databases collate each in their own way.
pub(crate) async fn all(db: &impl ConnectionTrait, course: CourseId) -> Result<Vec<CourseFile>, StoreError> {
    let rows = ALL.all(db, Values::new().id(course.as_uuid())).await?;
    let mut files = each(&rows, |row| read(row, course))?;
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}

pub(crate) async fn one(
    db: &impl ConnectionTrait,
    course: CourseId,
    path: &FilePath,
) -> Result<Option<CourseFile>, StoreError> {
    let row = ONE.one(db, key(course, path)).await?;
    maybe(row.as_ref(), |row| read(row, course))
}

pub(crate) async fn put(db: &impl ConnectionTrait, file: &CourseFile) -> Result<(), StoreError> {
    let size =
        i64::try_from(file.size).map_err(|_| StoreError::Corrupt("a file of no size that there is".to_owned()))?;
    let values = key(file.course, &file.path)
        .number(size)
        .text(file.sha256.to_string())
        .text(file.blob.as_str())
        .time(file.created_at)
        .time(file.updated_at);
    PUT.run_for_one(db, values).await
}

pub(crate) async fn remove(db: &impl ConnectionTrait, course: CourseId, path: &FilePath) -> Result<bool, StoreError> {
    Ok(REMOVE.run(db, key(course, path)).await? > 0)
}
