//! Which new lessons were split off from others.

use std::collections::{HashMap, HashSet};

use crate::{
    courses::{Lesson, LessonDraft},
    ids::LessonId,
};

/// This much of a lesson, in percent of its lines, must have stood in the other.
const MOST: usize = 60;

/// Less than this many lines, and less than this many characters, are alike by chance.
const LINES: usize = 5;
const CHARACTERS: usize = 200;

/// A line of more lessons than this tells nothing.
const COMMON: usize = 16;

/// The lines of the lessons that are there, and in which of them each stood.
pub(super) struct Origins<'a> {
    lessons: Vec<Origin<'a>>,
    by_line: HashMap<&'a str, Vec<usize>>,
}

struct Origin<'a> {
    title: &'a str,
    /// Its lines now; none if it is gone.
    now: HashSet<&'a str>,
}

/// What of a lesson stood in another.
#[derive(Default)]
struct Share {
    lines: usize,
    characters: usize,
    /// Lines that are no longer there.
    left: usize,
}

impl<'a> Origins<'a> {
    pub(super) fn of(existing: &'a [Lesson], chapters: &'a [LessonDraft], matches: &[Option<LessonId>]) -> Self {
        let mut origins = Self { lessons: Vec::new(), by_line: HashMap::new() };
        if matches.iter().all(Option::is_some) {
            return origins;
        }
        let now: HashMap<LessonId, &LessonDraft> =
            matches.iter().zip(chapters).filter_map(|(id, chapter)| Some(((*id)?, chapter))).collect();
        let mut live: Vec<&Lesson> = existing.iter().filter(|l| l.deleted_at.is_none()).collect();
        live.sort_by_key(|l| (l.position, l.id));
        for lesson in live {
            // What did not change lost nothing.
            let chapter = now.get(&lesson.id);
            if chapter.is_some_and(|chapter| chapter.content == lesson.content) {
                continue;
            }
            let at = origins.lessons.len();
            for line in lines(&lesson.content) {
                let places = origins.by_line.entry(line).or_default();
                if places.len() <= COMMON && places.last() != Some(&at) {
                    places.push(at);
                }
            }
            let now = chapter.map_or_else(HashSet::new, |chapter| lines(&chapter.content).collect());
            origins.lessons.push(Origin { title: lesson.title.as_str(), now });
        }
        origins
    }

    /// For each new chapter the title of the lesson that most of it stood in, and that no longer has most of that.
    pub(super) fn found(&self, chapters: &[LessonDraft], matches: &[Option<LessonId>]) -> Vec<Option<String>> {
        let each = chapters.iter().zip(matches);
        each.map(|(chapter, id)| if id.is_none() { self.origin(&chapter.content) } else { None }).collect()
    }

    fn origin(&self, content: &str) -> Option<String> {
        let mut total = 0;
        let mut shares: HashMap<usize, Share> = HashMap::new();
        for line in lines(content) {
            let places = self.by_line.get(line).map_or(&[][..], |places| places);
            if places.len() > COMMON {
                continue;
            }
            total += 1;
            for at in places {
                let share = shares.entry(*at).or_default();
                share.lines += 1;
                share.characters += line.chars().count();
                share.left += usize::from(!self.lessons[*at].now.contains(line));
            }
        }
        let most = shares.into_iter().filter(|(_, share)| {
            share.lines * 100 >= total * MOST
                && (share.lines >= LINES || share.characters >= CHARACTERS)
                && share.left * 2 > share.lines
        });
        let (at, _) = most.max_by_key(|(at, share)| (share.left, std::cmp::Reverse(*at)))?;
        Some(self.lessons[at].title.to_owned())
    }
}

/// The lines that have a letter or digit, without the space around them.
fn lines(content: &str) -> impl Iterator<Item = &str> {
    content.lines().map(str::trim).filter(|line| line.contains(char::is_alphanumeric))
}
