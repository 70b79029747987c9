//! Passages and the search for them.

use lyceum_domain::{
    courses::{Passage, PassageDraft, PassageScope},
    ids::{CourseId, LessonId, PassageId},
    store::StoreError,
};
use sea_orm::{ConnectionTrait, DbBackend};
use serde_json::json;

use crate::{
    row::{Row, each},
    sql::{Sql, Values},
    words,
};

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

/// `$1` the words, `$2` how many, `$3` the scope. SQLite joins in the order that is written (`CROSS`): asked for the
/// words once, not once for each passage.
macro_rules! find {
    ($scope:literal) => {
        Sql {
            postgres: concat!(
                "SELECT p.id, l.id, c.id, l.title, l.number, COALESCE(NULLIF(p.heading, ''), l.title), p.text \
                 FROM to_tsquery('english', $1) AS query, passages p \
                 JOIN lessons l ON l.id = p.lesson_id AND NOT l.is_draft AND l.deleted_at IS NULL \
                 JOIN courses c ON c.id = p.course_id AND c.deleted_at IS NULL WHERE p.words @@ query AND ",
                $scope,
                " ORDER BY ts_rank_cd(p.words, query) DESC, p.id LIMIT $2"
            ),
            sqlite: concat!(
                "SELECT p.id, l.id, c.id, l.title, l.number, COALESCE(NULLIF(p.heading, ''), l.title), p.text \
                 FROM passages_words w CROSS JOIN passages p ON p.number = w.rowid \
                 CROSS JOIN lessons l ON l.id = p.lesson_id AND NOT l.is_draft AND l.deleted_at IS NULL \
                 CROSS JOIN courses c ON c.id = p.course_id AND c.deleted_at IS NULL WHERE passages_words MATCH $1 AND ",
                $scope,
                " ORDER BY bm25(passages_words, 0.0, 4.0, 1.0), p.id LIMIT $2"
            ),
        }
    };
}
const IN_LESSON: Sql = find!("p.lesson_id = $3");
const IN_COURSE: Sql = find!("p.course_id = $3");
const IN_COURSES_OF: Sql = find!(
    "c.status <> 'draft' AND EXISTS (SELECT 1 FROM course_progress e WHERE e.user_id = $3 AND e.course_id = c.id AND \
     e.is_enrolled)"
);

fn read(row: &mut Row<'_>) -> Result<Passage, StoreError> {
    Ok(Passage {
        id: row.id(PassageId::from_uuid)?,
        lesson: row.id(LessonId::from_uuid)?,
        course: row.id(CourseId::from_uuid)?,
        lesson_title: row.text()?,
        lesson_number: row.maybe_text()?,
        heading: row.text()?,
        text: row.text()?,
    })
}

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

pub(crate) async fn find(
    db: &impl ConnectionTrait,
    scope: PassageScope,
    words: &str,
    limit: u8,
) -> Result<Vec<Passage>, StoreError> {
    let terms = words::terms(words);
    if terms.is_empty() || limit == 0 {
        return Ok(Vec::new());
    }
    let (sql, id, word) = match scope {
        PassageScope::Lesson(lesson) => (IN_LESSON, lesson.as_uuid(), Some('l')),
        PassageScope::Course(course) => (IN_COURSE, course.as_uuid(), Some('c')),
        PassageScope::CoursesOf(user) => (IN_COURSES_OF, user.as_uuid(), None),
    };
    let query = if db.get_database_backend() == DbBackend::Postgres {
        words::tsquery(&terms)
    } else {
        words::fts5(&terms, word.map(|kind| format!("{kind}{}", id.as_simple())).as_deref())
    };
    each(&sql.all(db, Values::new().text(query).number(limit).id(id)).await?, read)
}
