//! The search for passages.

use lyceum_domain::courses::{CourseStatus, Passage, PassageScope, Sought, WordCounts, best_passages};

use super::tables::{PassageRow, Tables};

/// The best passages of the scope that have any of the words, as the domain ranks them.
pub(super) fn find(tables: &Tables, scope: PassageScope, words: &str, limit: u8) -> Vec<Passage> {
    let sought = Sought::in_text(words);
    let in_scope: Vec<Passage> = tables
        .passages
        .iter()
        .filter(|(_, row)| is_in_scope(tables, scope, row))
        .filter_map(|(id, row)| {
            let lesson = tables.lessons.get(&row.lesson).filter(|lesson| lesson.counts())?;
            let heading = if row.draft.heading.is_empty() { lesson.title.as_str() } else { &*row.draft.heading };
            Some(Passage {
                id: *id,
                lesson: row.lesson,
                course: row.course,
                lesson_title: lesson.title.to_string(),
                lesson_number: lesson.number.as_ref().map(ToString::to_string),
                heading: heading.to_owned(),
                text: row.draft.text.clone(),
            })
        })
        .collect();
    let counts = WordCounts::of(&sought, &in_scope);
    let candidates = in_scope.into_iter().filter(|passage| sought.is_in(passage)).collect();
    best_passages(&sought, &counts, candidates, scope, limit)
}

/// The words of a text: runs of letters and digits, in lower case.
pub(super) fn split(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
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
