//! Which chapter of the source is which of our lessons.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
};

use super::title;
use crate::{
    courses::{Lesson, LessonDraft, Title},
    ids::LessonId,
};

/// Shorter texts than this, in bytes, are alike by chance.
const TELLING: usize = 200;

/// For each chapter the lesson that it is, if we have it: by path, then by title, then by text. A lesson that is there
/// goes before one that was removed.
pub(super) fn matched(existing: &[Lesson], chapters: &[LessonDraft]) -> Vec<Option<LessonId>> {
    let mut free: Vec<&Lesson> = existing.iter().collect();
    free.sort_by_key(|l| (l.deleted_at.is_some(), l.position, l.id));
    let titles: Vec<Title> = chapters.iter().map(title).collect();
    let mut matching = Matching { found: vec![None; chapters.len()], free: free.into_iter().map(Some).collect() };
    matching.pass(|lesson| lesson.source_path.as_deref(), |at| chapters[at].path.as_deref());
    matching.pass(|lesson| Some(lesson.title.as_str()), |at| Some(titles[at].as_str()));
    let telling = |text: &'_ str| text.len() > TELLING;
    matching.pass(
        |lesson| Some(lesson.content.as_str()).filter(|text| telling(text)),
        |at| Some(chapters[at].content.as_str()).filter(|text| telling(text)),
    );
    matching.found
}

struct Matching<'a> {
    found: Vec<Option<LessonId>>,
    /// In the order in which they are taken; none where one was.
    free: Vec<Option<&'a Lesson>>,
}

impl<'a> Matching<'a> {
    /// Gives each chapter without a lesson the first free one of its key.
    fn pass<K: Hash + Eq>(
        &mut self,
        of_lesson: impl Fn(&'a Lesson) -> Option<K>,
        of_chapter: impl Fn(usize) -> Option<K>,
    ) {
        let mut by_key: HashMap<K, VecDeque<usize>> = HashMap::new();
        for (at, lesson) in self.free.iter().enumerate() {
            if let Some(key) = lesson.and_then(&of_lesson) {
                by_key.entry(key).or_default().push_back(at);
            }
        }
        for (at, slot) in self.found.iter_mut().enumerate().filter(|(_, slot)| slot.is_none()) {
            let lesson = of_chapter(at).and_then(|key| by_key.get_mut(&key)?.pop_front());
            *slot = lesson.and_then(|at| self.free[at].take()).map(|lesson| lesson.id);
        }
    }
}
