//! Searching courses and lessons by all of some words.
//!
//! Both searches have two steps. First come those whose title (or heading) has all the words, then those that have them
//! anywhere; within each, the database's own rank. So that a word that is everywhere costs no more than another, only the
//! first [`TITLED`](titled) and [`ANYWHERE`](anywhere) that the index yields are ranked: where more have the words, their
//! rank says little anyway. Excerpts are made for what is answered alone.

use lyceum_domain::{
    courses::{CourseHit, Excerpt, LessonHit, LessonNumber, SearchScope, Slug, Title},
    ids::{CourseId, LessonId, UserId},
    store::StoreError,
};
use sea_orm::{ConnectionTrait, DbBackend};

use crate::{
    row::{Row, each},
    sql::{Sql, Values},
    words,
};

/// How many are ranked of those that have all words in title or heading.
macro_rules! titled {
    () => {
        " LIMIT 500"
    };
}

/// How many are ranked of those that have all words anywhere.
macro_rules! anywhere {
    () => {
        " LIMIT 1000"
    };
}

/// `$4` the reader, `$5` whose drafts, `$6` whether all.
macro_rules! visible {
    () => {
        "c.deleted_at IS NULL AND (c.status = 'published' OR $6 OR c.author_id = $5 OR (c.status = 'archived' AND EXISTS \
         (SELECT 1 FROM course_progress e WHERE e.user_id = $4 AND e.course_id = c.id AND e.is_enrolled)))"
    };
}

/// What was found, in its order; `$3` how many. `$group` is the column of what is answered once.
macro_rules! best {
    ($titled:expr, $anywhere:expr, $group:literal) => {
        concat!(
            "WITH found AS MATERIALIZED (SELECT * FROM (",
            $titled,
            titled!(),
            ") t UNION ALL SELECT * FROM (",
            $anywhere,
            anywhere!(),
            ") a), placed AS (SELECT f.*, row_number() OVER (PARTITION BY f.",
            $group,
            " ORDER BY f.step, f.fit DESC, f.id) AS place FROM found f), best AS MATERIALIZED (SELECT * FROM placed \
             WHERE place = 1 ORDER BY step, fit DESC, id LIMIT $3) "
        )
    };
}

/// For SQLite: one walk over what has the words, from the first of the best to the last. To ask for each of them alone puts
/// together the places of all words with one beginning each time.
macro_rules! between_best {
    () => {
        "w.rowid BETWEEN (SELECT min(number) FROM best) AND (SELECT max(number) FROM best) \
         ORDER BY b.step, b.fit DESC, b.id"
    };
}

macro_rules! passages_postgres {
    ($step:literal, $condition:literal, $scope:literal) => {
        concat!(
            "SELECT p.id, p.lesson_id, ",
            $step,
            " AS step, ts_rank(p.words, to_tsquery('english', $1), 1) AS fit FROM passages p \
             JOIN lessons l ON l.id = p.lesson_id AND NOT l.is_draft AND l.deleted_at IS NULL \
             JOIN courses c ON c.id = p.course_id WHERE ",
            $condition,
            " AND ",
            visible!(),
            $scope
        )
    };
}

macro_rules! passages_sqlite {
    ($step:literal, $query:literal, $scope:literal) => {
        concat!(
            "SELECT p.id, p.lesson_id, ",
            $step,
            " AS step, -bm25(passages_words, 0.0, 4.0, 1.0) AS fit, w.rowid AS number FROM passages_words w \
             CROSS JOIN passages p ON p.number = w.rowid \
             CROSS JOIN lessons l ON l.id = p.lesson_id AND NOT l.is_draft AND l.deleted_at IS NULL \
             CROSS JOIN courses c ON c.id = p.course_id WHERE passages_words MATCH ",
            $query,
            " AND ",
            visible!(),
            $scope
        )
    };
}

/// What a hit shows but for its excerpt.
macro_rules! lesson_columns {
    () => {
        "SELECT l.id, l.slug, l.title, l.number, c.id, c.slug, c.title, COALESCE(NULLIF(p.heading, ''), l.title), "
    };
}

/// `$1` the words, `$2` the words in title or heading, `$3` how many; see [`visible`]. `$7` the course, if it is one.
macro_rules! find_lessons {
    ($scope:literal) => {
        Sql {
            postgres: concat!(
                best!(
                    passages_postgres!("0", "to_tsvector('english', p.topic) @@ to_tsquery('english', $2)", $scope),
                    passages_postgres!("1", "p.words @@ to_tsquery('english', $1)", $scope),
                    "lesson_id"
                ),
                lesson_columns!(),
                "ts_headline('english', p.text, to_tsquery('english', $1), \
                 E'StartSel=\"\\x02\", StopSel=\"\\x03\", MinWords=15, MaxWords=30') FROM best b \
                 JOIN passages p ON p.id = b.id JOIN lessons l ON l.id = p.lesson_id \
                 JOIN courses c ON c.id = p.course_id ORDER BY b.step, b.fit DESC, b.id"
            ),
            sqlite: concat!(
                best!(passages_sqlite!("0", "$2", $scope), passages_sqlite!("1", "$1", $scope), "lesson_id"),
                lesson_columns!(),
                "snippet(passages_words, 2, char(2), char(3), '…', 30) FROM passages_words w \
                 CROSS JOIN best b ON b.number = w.rowid CROSS JOIN passages p ON p.number = b.number \
                 CROSS JOIN lessons l ON l.id = p.lesson_id CROSS JOIN courses c ON c.id = p.course_id \
                 WHERE passages_words MATCH $1 AND ",
                between_best!()
            ),
        }
    };
}
const LESSONS: Sql = find_lessons!("");
const LESSONS_OF_COURSE: Sql = find_lessons!(" AND c.id = $7");

macro_rules! courses_postgres {
    ($step:literal, $condition:literal, $scope:literal) => {
        concat!(
            "SELECT c.id, ",
            $step,
            " AS step, ts_rank(c.words, to_tsquery('english', $1), 1) AS fit FROM courses c WHERE ",
            $condition,
            " AND ",
            visible!(),
            $scope
        )
    };
}

macro_rules! courses_sqlite {
    ($step:literal, $query:literal, $scope:literal) => {
        concat!(
            "SELECT c.id, ",
            $step,
            " AS step, -bm25(courses_words, 4.0, 1.0) AS fit, w.rowid AS number FROM courses_words w \
             CROSS JOIN course_texts t ON t.number = w.rowid CROSS JOIN courses c ON c.id = t.course_id \
             WHERE courses_words MATCH ",
            $query,
            " AND ",
            visible!(),
            $scope
        )
    };
}

/// As [`find_lessons`].
macro_rules! find_courses {
    ($scope:literal) => {
        Sql {
            postgres: concat!(
                best!(
                    courses_postgres!("0", "to_tsvector('english', c.title) @@ to_tsquery('english', $2)", $scope),
                    courses_postgres!("1", "c.words @@ to_tsquery('english', $1)", $scope),
                    "id"
                ),
                "SELECT c.id, c.slug, c.title, ts_headline('english', c.title, to_tsquery('english', $1), \
                 E'StartSel=\"\\x02\", StopSel=\"\\x03\", HighlightAll=true'), ts_headline('english', \
                 left(c.description, 50000), to_tsquery('english', $1), \
                 E'StartSel=\"\\x02\", StopSel=\"\\x03\", MinWords=15, MaxWords=30') \
                 FROM best b JOIN courses c ON c.id = b.id ORDER BY b.step, b.fit DESC, b.id"
            ),
            sqlite: concat!(
                best!(courses_sqlite!("0", "$2", $scope), courses_sqlite!("1", "$1", $scope), "id"),
                "SELECT c.id, c.slug, c.title, highlight(courses_words, 0, char(2), char(3)), \
                 snippet(courses_words, 1, char(2), char(3), '…', 30) FROM courses_words w \
                 CROSS JOIN best b ON b.number = w.rowid CROSS JOIN courses c ON c.id = b.id \
                 WHERE courses_words MATCH $1 AND ",
                between_best!()
            ),
        }
    };
}
const COURSES: Sql = find_courses!("");
const ONE_COURSE: Sql = find_courses!(" AND c.id = $7");

/// A word index on SQLite: its column of titles, all its columns that are searched, and whether it holds the course as a
/// word.
struct Words {
    title: &'static str,
    all: &'static str,
    has_course: bool,
}
const OF_COURSES: Words = Words { title: "title", all: "title description", has_course: false };
const OF_PASSAGES: Words = Words { title: "topic", all: "topic text", has_course: true };

async fn find<T>(
    db: &impl ConnectionTrait,
    [anywhere, in_course]: [Sql; 2],
    index: &Words,
    scope: &SearchScope,
    (words, limit): (&str, u8),
    read: fn(&mut Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let terms = words::terms(words);
    if terms.is_empty() || limit == 0 || !words::can_all_be_found(&terms) {
        return Ok(Vec::new());
    }
    let [all, title] = if db.get_database_backend() == DbBackend::Postgres {
        let query = words::tsquery_of_all(&terms);
        [query.clone(), query]
    } else {
        let course =
            scope.course.filter(|_| index.has_course).map(|course| format!("c{}", course.as_uuid().as_simple()));
        [index.all, index.title].map(|columns| words::fts5_of_all(&terms, columns, course.as_deref()))
    };
    let values = Values::new()
        .text(all)
        .text(title)
        .number(limit)
        .maybe_id(scope.reader.map(UserId::as_uuid))
        .maybe_id(scope.drafts_of.map(UserId::as_uuid))
        .flag(scope.all_drafts);
    let rows = match scope.course {
        Some(course) => in_course.all(db, values.id(course.as_uuid())).await?,
        None => anywhere.all(db, values).await?,
    };
    each(&rows, read)
}

pub(crate) async fn courses(
    db: &impl ConnectionTrait,
    scope: &SearchScope,
    words: &str,
    limit: u8,
) -> Result<Vec<CourseHit>, StoreError> {
    find(db, [COURSES, ONE_COURSE], &OF_COURSES, scope, (words, limit), read_course).await
}

pub(crate) async fn lessons(
    db: &impl ConnectionTrait,
    scope: &SearchScope,
    words: &str,
    limit: u8,
) -> Result<Vec<LessonHit>, StoreError> {
    find(db, [LESSONS, LESSONS_OF_COURSE], &OF_PASSAGES, scope, (words, limit), read_lesson).await
}

fn read_course(row: &mut Row<'_>) -> Result<CourseHit, StoreError> {
    Ok(CourseHit {
        course: row.id(CourseId::from_uuid)?,
        slug: row.parsed(Slug::parse)?,
        title: row.parsed(Title::parse)?,
        excerpt: course_excerpt(&row.text()?, &row.text()?),
    })
}

/// The description where it has one of the words, else behind the title, which has them then.
fn course_excerpt(title: &str, description: &str) -> Excerpt {
    if description.contains(Excerpt::OPEN) {
        Excerpt::from_marked(description)
    } else if description.trim().is_empty() {
        Excerpt::from_marked(title)
    } else {
        Excerpt::from_marked(&format!("{title} — {description}"))
    }
}

fn read_lesson(row: &mut Row<'_>) -> Result<LessonHit, StoreError> {
    Ok(LessonHit {
        lesson: row.id(LessonId::from_uuid)?,
        slug: row.parsed(Slug::parse)?,
        title: row.parsed(Title::parse)?,
        number: row.maybe_parsed(LessonNumber::parse)?,
        course: row.id(CourseId::from_uuid)?,
        course_slug: row.parsed(Slug::parse)?,
        course_title: row.parsed(Title::parse)?,
        heading: row.text()?,
        excerpt: Excerpt::from_marked(&row.text()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_excerpt_of_a_course_is_from_where_the_words_are() {
        let of = |title: &str, description: &str| course_excerpt(title, description).text();
        assert_eq!(of("\u{2}Rust\u{3}", "A book."), "Rust — A book.");
        assert_eq!(of("\u{2}Rust\u{3}", "About \u{2}Rust\u{3}."), "About Rust.");
        assert_eq!(of("\u{2}Rust\u{3}", " \n"), "Rust");
    }
}
