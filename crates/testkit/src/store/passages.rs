//! The search for passages: whoever shares the most words is first.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use lyceum_domain::courses::{CourseStatus, Passage, PassageScope};

use super::tables::{PassageRow, Tables};

/// The passages of the scope that share a word with `words`: those with more different words first, then those that
/// use them more often.
pub(super) fn find(tables: &Tables, scope: PassageScope, words: &str, limit: u8) -> Vec<Passage> {
    let wanted: BTreeSet<String> = split(words).collect();
    let mut found: Vec<_> = tables
        .passages
        .iter()
        .filter(|(_, row)| is_in_scope(tables, scope, row))
        .filter_map(|(id, row)| {
            let lesson = tables.lessons.get(&row.lesson).filter(|lesson| lesson.counts())?;
            let heading = if row.draft.heading.is_empty() { lesson.title.as_str() } else { &*row.draft.heading };
            let shared = score(&wanted, &format!("{} {} {}", lesson.title, row.draft.heading, row.draft.text))?;
            let passage = Passage {
                id: *id,
                lesson: row.lesson,
                course: row.course,
                lesson_title: lesson.title.to_string(),
                lesson_number: lesson.number.as_ref().map(ToString::to_string),
                heading: heading.to_owned(),
                text: row.draft.text.clone(),
            };
            Some((Reverse(shared), *id, passage))
        })
        .collect();
    found.sort_by_key(|(shared, id, _)| (*shared, *id));
    found.into_iter().take(usize::from(limit)).map(|(_, _, passage)| passage).collect()
}

/// The words of a text: runs of letters and digits, in lower case.
pub(super) fn split(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

/// How many of the wanted words are there, and how often; `None` without any.
fn score(wanted: &BTreeSet<String>, text: &str) -> Option<(usize, usize)> {
    let mut hits = BTreeMap::<String, usize>::new();
    for word in split(text).filter(|word| wanted.contains(word)) {
        *hits.entry(word).or_default() += 1;
    }
    if hits.is_empty() { None } else { Some((hits.len(), hits.values().sum())) }
}

fn is_in_scope(tables: &Tables, scope: PassageScope, row: &PassageRow) -> bool {
    let Some(course) = tables.live_course(row.course) else {
        return false;
    };
    match scope {
        PassageScope::Lesson(lesson) => row.lesson == lesson,
        PassageScope::Course(id) => course.id == id,
        PassageScope::CoursesOf(user) => course.status != CourseStatus::Draft && tables.is_enrolled(user, course.id),
    }
}
