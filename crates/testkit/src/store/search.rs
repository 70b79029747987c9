//! The search for courses and lessons: all of the words must be there, and a title says more than what stands below it.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use lyceum_domain::{
    courses::{Course, CourseHit, CourseStatus, Excerpt, LessonHit, SearchScope},
    ids::LessonId,
};

use super::{passages::split, tables::Tables};

/// How much more often a word would have to stand in a text to say as much as it does in a title.
const TITLE_WEIGHT: usize = 10;

/// How many words an excerpt has before the first match, and in all.
const EXCERPT: (usize, usize) = (8, 40);

/// The words that are looked for.
struct Wanted {
    whole: BTreeSet<String>,
    /// The last one may be the beginning of a word.
    last: String,
}

impl Wanted {
    fn of(words: &str) -> Option<Self> {
        let mut whole: Vec<String> = split(words).collect();
        let last = whole.pop()?;
        Some(Self { whole: whole.into_iter().collect(), last })
    }

    fn is_match(&self, word: &str) -> bool {
        self.whole.contains(word) || word.starts_with(&self.last)
    }

    /// How well the texts fit together; `None` unless they have all of the words.
    fn score(&self, title: &str, text: &str) -> Option<usize> {
        let (title, text): (Vec<String>, Vec<String>) = (split(title).collect(), split(text).collect());
        let words: BTreeSet<&String> = title.iter().chain(&text).collect();
        let is_there =
            self.whole.iter().all(|word| words.contains(word)) && words.iter().any(|word| word.starts_with(&self.last));
        let hits = |words: &[String]| words.iter().filter(|word| self.is_match(word)).count();
        is_there.then(|| hits(&title) * TITLE_WEIGHT + hits(&text))
    }

    /// A few words around the first match, or the first few if there is none.
    fn excerpt(&self, text: &str) -> Excerpt {
        let words = spans(text);
        let is_match = |(start, end): &(usize, usize)| self.is_match(&text[*start..*end].to_lowercase());
        let first = words.iter().position(is_match).unwrap_or_default().saturating_sub(EXCERPT.0);
        let shown: Vec<_> = words.into_iter().skip(first).take(EXCERPT.1).collect();
        let mut marked = String::new();
        let mut at = shown.first().map_or(0, |(start, _)| *start);
        for span in shown {
            marked.push_str(&text[at..span.0]);
            let word = &text[span.0..span.1];
            if is_match(&span) {
                marked.extend([Excerpt::OPEN.to_string().as_str(), word, Excerpt::CLOSE.to_string().as_str()]);
            } else {
                marked.push_str(word);
            }
            at = span.1;
        }
        Excerpt::from_marked(&marked)
    }
}

/// Where the words of a text stand.
fn spans(text: &str) -> Vec<(usize, usize)> {
    let mut spans = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices() {
        match (start, c.is_alphanumeric()) {
            (None, true) => start = Some(at),
            (Some(from), false) => {
                spans.push((from, at));
                start = None;
            }
            _ => {}
        }
    }
    spans.extend(start.map(|from| (from, text.len())));
    spans
}

/// The courses in scope that have all of the words, those that fit best first.
pub(super) fn courses(tables: &Tables, scope: &SearchScope, words: &str, limit: u8) -> Vec<CourseHit> {
    let Some(wanted) = Wanted::of(words) else { return Vec::new() };
    let in_scope = tables.courses.values().filter(|course| is_in_scope(tables, scope, course));
    let mut found: Vec<_> = in_scope
        .filter_map(|course| Some((Reverse(wanted.score(course.title.as_str(), &course.description)?), course)))
        .collect();
    found.sort_by_key(|(score, course)| (*score, course.id));
    found.truncate(usize::from(limit));
    let hit = |(_, course): (_, &Course)| {
        let is_in_title = split(course.title.as_str()).any(|word| wanted.is_match(&word));
        let shown = if is_in_title { course.title.as_str() } else { &course.description };
        CourseHit {
            course: course.id,
            slug: course.slug.clone(),
            title: course.title.clone(),
            excerpt: wanted.excerpt(shown),
        }
    };
    found.into_iter().map(hit).collect()
}

/// The written lessons of courses in scope that have all of the words in one passage, each once, those that fit best
/// first.
pub(super) fn lessons(tables: &Tables, scope: &SearchScope, words: &str, limit: u8) -> Vec<LessonHit> {
    let Some(wanted) = Wanted::of(words) else { return Vec::new() };
    let mut best = BTreeMap::<LessonId, (usize, LessonHit)>::new();
    for row in tables.passages.values() {
        let Some(lesson) = tables.lessons.get(&row.lesson).filter(|lesson| lesson.counts()) else { continue };
        let Some(course) = tables.courses.get(&row.course).filter(|course| is_in_scope(tables, scope, course)) else {
            continue;
        };
        let topic = format!("{} {}", lesson.title, row.draft.heading);
        let Some(fit) = wanted.score(&topic, &row.draft.text) else { continue };
        if best.get(&lesson.id).is_some_and(|(other, _)| *other >= fit) {
            continue;
        }
        let heading = if row.draft.heading.is_empty() { lesson.title.as_str() } else { &row.draft.heading };
        let hit = LessonHit {
            lesson: lesson.id,
            slug: lesson.slug.clone(),
            title: lesson.title.clone(),
            number: lesson.number.clone(),
            course: course.id,
            course_slug: course.slug.clone(),
            course_title: course.title.clone(),
            heading: heading.to_owned(),
            excerpt: wanted.excerpt(&row.draft.text),
        };
        best.insert(lesson.id, (fit, hit));
    }
    let mut found: Vec<_> = best.into_values().collect();
    found.sort_by_key(|(fit, hit)| (Reverse(*fit), hit.lesson));
    found.into_iter().take(usize::from(limit)).map(|(_, hit)| hit).collect()
}

fn is_in_scope(tables: &Tables, scope: &SearchScope, course: &Course) -> bool {
    let is_authors = scope.all_drafts || (scope.drafts_of.is_some() && course.author == scope.drafts_of);
    let by_status = match course.status {
        CourseStatus::Published => true,
        CourseStatus::Archived => {
            is_authors || scope.reader.is_some_and(|reader| tables.is_enrolled(reader, course.id))
        }
        CourseStatus::Draft => is_authors,
    };
    by_status && course.deleted_at.is_none() && scope.course.is_none_or(|only| only == course.id)
}
