//! The passages of lessons. They are found in [`candidates`](crate::candidates).

use lyceum_domain::{
    courses::PassageDraft,
    ids::{CourseId, LessonId, PassageId},
    store::StoreError,
};
use sea_orm::{ConnectionTrait, DbBackend};
use serde_json::json;

use crate::sql::{Sql, Values};

const DELETE: Sql = Sql::same("DELETE FROM passages WHERE lesson_id = $1");

const EXISTS: Sql = Sql::same("SELECT 1 FROM lessons l WHERE l.id = $1");

// Their times are those of the lesson that they were cut from; their topic is its title, and the heading if that is
// another.
const INSERT: Sql = Sql {
    postgres: "INSERT INTO passages (id, course_id, lesson_id, heading, topic, text, created_at, updated_at) \
               SELECT p.id, $2, l.id, p.heading, l.title || CASE WHEN p.heading IN ('', l.title) THEN '' ELSE ': ' || \
               p.heading END, p.text, l.updated_at, l.updated_at FROM lessons l, jsonb_to_recordset($3) AS p (id uuid, heading text, text text) \
               WHERE l.id = $1",
    sqlite: "INSERT INTO passages (id, course_id, lesson_id, scope, heading, topic, text, created_at, \
             updated_at) SELECT $3, $2, l.id, 'c' || lower(hex($2)) || ' l' || lower(hex(l.id)), $4, l.title || CASE \
             WHEN $4 IN ('', l.title) THEN '' ELSE ': ' || $4 END, $5, l.updated_at, l.updated_at \
             FROM lessons l WHERE l.id = $1",
};

pub(crate) async fn replace(
    db: &impl ConnectionTrait,
    course: CourseId,
    lesson: LessonId,
    passages: &[(PassageId, PassageDraft)],
) -> Result<(), StoreError> {
    let lesson_id = || Values::new().id(lesson.as_uuid());
    if EXISTS.one(db, lesson_id()).await?.is_none() {
        return Err(StoreError::Corrupt("a passage names a lesson that is not there".to_owned()));
    }
    DELETE.run(db, lesson_id()).await?;
    if passages.is_empty() {
        return Ok(());
    }
    let key = || lesson_id().id(course.as_uuid());
    if db.get_database_backend() == DbBackend::Postgres {
        let rows = passages
            .iter()
            .map(|(id, draft)| json!({ "id": id.to_string(), "heading": draft.heading, "text": draft.text }))
            .collect();
        return INSERT.run(db, key().json(rows)).await.map(drop);
    }
    for (id, draft) in passages {
        INSERT.run(db, key().id(id.as_uuid()).text(&*draft.heading).text(&*draft.text)).await?;
    }
    Ok(())
}
