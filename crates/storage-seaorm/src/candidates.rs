//! Passages that may answer a question, from the word indexes.
//!
//! The indexes are asked how many passages of the scope have each word, and for the best of those that have the rarer
//! ones; which of these come first is decided in the domain ([`best_passages`]), so that both databases agree. All of it is
//! one statement.
//!
//! - `terms`: each word, and how many have it. More than `$2` are not counted: such a word costs no more than others.
//! - `telling`: the rarest words, as many as [`TELLING`](telling) passages in all have. Of a book these are nearly all
//!   words; of a hundred books the others would bring passages by the ten thousand, and say little.
//! - `hits`: which passages have them; `fits`: how much they say together.

use lyceum_domain::{
    courses::{Passage, PassageScope, Sought, SoughtWord, WordCounts, best_passages},
    ids::{CourseId, LessonId, PassageId},
    store::StoreError,
};
use sea_orm::{ConnectionTrait, DbBackend};
use serde_json::json;

use crate::{
    row::Row,
    sql::{Sql, Values},
};

/// How many passages that have a word are looked at, all words together, and for one word at least and at most.
const LOOKED_AT: usize = 24_000;
const OF_ONE_WORD: (usize, usize) = (500, 4_000);

/// How many passages have the telling words, all together, unless one word alone is in more.
macro_rules! telling {
    () => {
        "3000"
    };
}

/// How many passages are read and compared.
macro_rules! candidates {
    () => {
        " LIMIT 200"
    };
}

/// The words that are in the fewest passages. `n` is a word's number, `many` how many have it.
macro_rules! telling_terms {
    () => {
        concat!(
            "telling AS MATERIALIZED (SELECT c.*, CASE WHEN many * 2 > passages THEN 1 WHEN many * 4 > passages THEN 2 \
             WHEN many * 8 > passages THEN 3 WHEN many * 16 > passages THEN 4 WHEN many * 32 > passages THEN 5 \
             WHEN many * 64 > passages THEN 6 WHEN many * 128 > passages THEN 7 WHEN many * 256 > passages THEN 8 \
             WHEN many * 512 > passages THEN 9 WHEN many * 1024 > passages THEN 10 \
             WHEN many * 4096 > passages THEN 11 ELSE 12 END AS weight FROM (SELECT t.*, p.passages, \
             sum(t.many) OVER (ORDER BY t.many, t.n) AS up_to FROM terms t CROSS JOIN place p WHERE t.many > 0) c \
             WHERE c.up_to <= ",
            telling!(),
            " OR c.up_to = c.many), "
        )
    };
}

/// What is answered; in its first row also the count of each word.
macro_rules! answer {
    ($counts:literal, $joins:literal, $scope:literal) => {
        concat!(
            "SELECT p.id, l.id, c.id, l.title, l.number, COALESCE(NULLIF(p.heading, ''), l.title), p.text, \
             (SELECT passages FROM place), CASE WHEN row_number() OVER (ORDER BY f.fit DESC, p.id) = 1 THEN ",
            $counts,
            " END ",
            $joins,
            " WHERE ",
            $scope,
            " ORDER BY f.fit DESC, p.id",
            candidates!()
        )
    };
}

/// `$1` the words, `$2` how many of one word are looked at, `$3` the scope. `$mine` are the courses of a learner, if they
/// are the scope; `$within` says whether a passage is in it by its own columns alone, `$passages` how many are, `$prefix` how
/// SQLite's word index says so; `$scope` is the whole condition.
///
/// SQLite is told that there are never many hits, and nothing of unknown size is joined to them: it would read whole
/// tables first, to save itself look-ups in them.
macro_rules! find {
    ($mine:literal, $within_postgres:literal, $passages_sqlite:literal, $prefix:literal, $scope:literal) => {
        Sql {
            postgres: concat!(
                "WITH ",
                $mine,
                "asked AS MATERIALIZED (SELECT t.n, to_tsquery('english', t.word) AS query \
                 FROM jsonb_array_elements_text($1) WITH ORDINALITY AS t (word, n)), \
                 all_hits AS MATERIALIZED (SELECT t.n, h.id FROM asked t CROSS JOIN LATERAL (SELECT p.id FROM passages p \
                 WHERE p.words @@ t.query AND ",
                $within_postgres,
                " LIMIT $2) h), terms AS MATERIALIZED (SELECT h.n, count(*) AS many FROM all_hits h GROUP BY h.n), \
                 place AS MATERIALIZED (SELECT count(*) AS passages FROM passages p WHERE ",
                $within_postgres,
                "), ",
                telling_terms!(),
                "fits AS MATERIALIZED (SELECT h.id, sum(t.weight) AS fit FROM telling t JOIN all_hits h ON h.n = t.n \
                 GROUP BY h.id) ",
                answer!(
                    "(SELECT json_object_agg(t.n, t.many)::text FROM terms t)",
                    "FROM fits f JOIN passages p ON p.id = f.id \
                     JOIN lessons l ON l.id = p.lesson_id AND NOT l.is_draft AND l.deleted_at IS NULL \
                     JOIN courses c ON c.id = p.course_id AND c.deleted_at IS NULL",
                    $scope
                )
            ),
            sqlite: concat!(
                "WITH ",
                $mine,
                "scope AS MATERIALIZED (SELECT ",
                $prefix,
                " AS prefix), terms AS MATERIALIZED (SELECT t.key + 1 AS n, s.prefix || t.value AS query, \
                 (SELECT count(*) FROM (SELECT 1 FROM passages_words WHERE passages_words MATCH s.prefix || t.value \
                 LIMIT $2)) AS many FROM json_each($1) t CROSS JOIN scope s), \
                 place AS MATERIALIZED (SELECT ",
                $passages_sqlite,
                " AS passages), ",
                telling_terms!(),
                "hits AS MATERIALIZED (SELECT w.rowid AS number, t.weight FROM telling t CROSS JOIN passages_words w \
                 WHERE passages_words MATCH t.query LIMIT 4000), fits AS MATERIALIZED (SELECT h.number, \
                 sum(h.weight) AS fit FROM hits h GROUP BY h.number LIMIT 4000) ",
                answer!(
                    "(SELECT json_group_object(t.n, t.many) FROM terms t)",
                    "FROM fits f CROSS JOIN passages p ON p.number = f.number \
                     CROSS JOIN lessons l ON l.id = p.lesson_id AND NOT l.is_draft AND l.deleted_at IS NULL \
                     CROSS JOIN courses c ON c.id = p.course_id AND c.deleted_at IS NULL",
                    $scope
                )
            ),
        }
    };
}

const IN_LESSON: Sql = find!(
    "",
    "p.lesson_id = $3",
    "(SELECT count(*) FROM passages p WHERE p.lesson_id = $3)",
    "'scope : \"l' || lower(hex($3)) || '\" AND '",
    "p.lesson_id = $3"
);
const IN_COURSE: Sql = find!(
    "",
    "p.course_id = $3",
    "(SELECT count(*) FROM passages p WHERE p.course_id = $3)",
    "'scope : \"c' || lower(hex($3)) || '\" AND '",
    "p.course_id = $3"
);
// SQLite's word index puts the words of a few courses together quickly; whoever is in more is in a good part of all.
const IN_COURSES_OF: Sql = find!(
    "mine AS MATERIALIZED (SELECT c.id FROM course_progress e JOIN courses c ON c.id = e.course_id \
     WHERE e.user_id = $3 AND e.is_enrolled AND c.deleted_at IS NULL AND c.status <> 'draft'), ",
    "p.course_id = ANY (ARRAY(SELECT m.id FROM mine m))",
    "CASE WHEN (SELECT count(*) FROM mine) > 32 THEN (SELECT count(*) FROM passages) \
     ELSE (SELECT count(*) FROM passages p WHERE p.course_id IN (SELECT m.id FROM mine m)) END",
    "CASE WHEN (SELECT count(*) FROM mine) > 32 THEN '' ELSE 'scope : (\"none\"' || COALESCE((SELECT group_concat(' OR \
     \"c' || lower(hex(m.id)) || '\"', '') FROM mine m), '') || ') AND ' END",
    "c.status <> 'draft' AND EXISTS (SELECT 1 FROM course_progress e WHERE e.user_id = $3 AND e.course_id = c.id AND \
     e.is_enrolled)"
);

pub(crate) async fn find_passages(
    db: &impl ConnectionTrait,
    scope: PassageScope,
    words: &str,
    limit: u8,
) -> Result<Vec<Passage>, StoreError> {
    let sought = Sought::in_text(words);
    if sought.is_empty() || limit == 0 {
        return Ok(Vec::new());
    }
    let (sql, id) = match scope {
        PassageScope::Lesson(lesson) => (IN_LESSON, lesson.as_uuid()),
        PassageScope::Course(course) => (IN_COURSE, course.as_uuid()),
        PassageScope::CoursesOf(user) => (IN_COURSES_OF, user.as_uuid()),
    };
    let number = sought.words().len();
    let most = (LOOKED_AT / number).clamp(OF_ONE_WORD.0, OF_ONE_WORD.1);
    let is_postgres = db.get_database_backend() == DbBackend::Postgres;
    let queries = json!(sought.words().iter().map(if is_postgres { tsquery } else { fts5 }).collect::<Vec<_>>());
    let values = Values::new();
    let values = if is_postgres { values.json(queries) } else { values.text(queries.to_string()) };
    let most = u32::try_from(most).unwrap_or(u32::MAX);
    let rows = sql.all(db, values.number(most).id(id)).await?;
    let mut counts = WordCounts { passages: 0, having: vec![Some(0); number] };
    let mut candidates = Vec::with_capacity(rows.len());
    for row in &rows {
        let mut row = Row::new(row);
        candidates.push(read(&mut row)?);
        counts.passages = row.number()?;
        if let Some(counted) = row.maybe_text()? {
            take_counts(&mut counts, &counted, most)?;
        }
    }
    Ok(best_passages(&sought, &counts, candidates, scope, limit))
}

/// For FTS5: a string of its language.
fn fts5(word: &SoughtWord) -> String {
    format!("{{topic text}} : \"{}\"", word.text)
}

/// For `to_tsquery`, which takes words that are joined by full stops for one.
fn tsquery(word: &SoughtWord) -> String {
    match &word.whole {
        Some(whole) => format!("{} | '{whole}'", word.text),
        None => word.text.clone(),
    }
}

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

/// Takes the counts as the database gives them: by the number of the word, counted from one.
fn take_counts(counts: &mut WordCounts, text: &str, most: u32) -> Result<(), StoreError> {
    let counted: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(text).map_err(|reason| StoreError::Corrupt(format!("counts of words: {reason}")))?;
    for (number, many) in &counted {
        let place = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        if let (Some(having), Some(many)) = (place.and_then(|place| counts.having.get_mut(place)), many.as_u64()) {
            *having = (many < u64::from(most)).then_some(many);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queries(text: &str, query: fn(&SoughtWord) -> String) -> Vec<String> {
        Sought::in_text(text).words().iter().map(query).collect()
    }

    #[test]
    fn no_word_is_query_language() {
        let text = "NEAR(x) rust* \"quoted\" a&b col:umn NOT";
        let words = ["near", "rust", "quoted", "col", "umn"];
        assert_eq!(queries(text, fts5), words.map(|word| format!("{{topic text}} : \"{word}\"")));
        assert_eq!(queries(text, tsquery), words);
    }

    #[test]
    fn what_full_stops_join_is_looked_for_as_postgres_keeps_it() {
        assert_eq!(queries("main.rs'", tsquery), ["main | 'main.rs'", "rs | 'main.rs'"]);
        assert_eq!(queries("main.rs", fts5), ["{topic text} : \"main\"", "{topic text} : \"rs\""]);
    }

    #[test]
    fn a_word_that_is_in_too_many_passages_is_not_counted() {
        let mut counts = WordCounts { passages: 900, having: vec![Some(0); 3] };
        take_counts(&mut counts, r#"{"1": 7, "3": 500, "4": 1, "x": 1}"#, 500).unwrap();
        assert_eq!(counts.having, [Some(7), Some(0), None]);
        assert!(take_counts(&mut counts, "[]", 500).is_err());
    }
}
