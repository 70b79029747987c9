//! Changing courses and lessons by hand.

use crate::{
    courses::{Course, CourseStatus, Lesson, LessonNumber, Slug, Title, reading_minutes},
    ids::LessonId,
    invalid::Invalid,
    text,
    time::Timestamp,
};

/// A description of a course: Markdown of at most 20,000 characters.
pub fn parse_description(raw: &str) -> Result<String, Invalid> {
    text::block(raw, 0, 20_000)
}

/// The content of a lesson: Markdown of at most 1,000,000 characters.
pub fn parse_content(raw: &str) -> Result<String, Invalid> {
    text::block(raw, 0, 1_000_000)
}

/// The title of a part of a course: one line of 1 to 200 characters.
pub fn parse_part(raw: &str) -> Result<String, Invalid> {
    text::line(raw, 1, Title::MAX)
}

/// How deep a lesson stands: 0 to 9.
pub fn parse_depth(raw: u32) -> Result<u8, Invalid> {
    u8::try_from(raw).ok().filter(|depth| *depth <= 9).ok_or(Invalid::OutOfRange { min: 0, max: 9 })
}

/// How long reading takes: 0 to 10,080 minutes, a week.
pub fn parse_minutes(raw: u32) -> Result<u32, Invalid> {
    if raw <= 10_080 { Ok(raw) } else { Err(Invalid::OutOfRange { min: 0, max: 10_080 }) }
}

/// A change of a course; what is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CourseEdit {
    /// Its title.
    pub title: Option<Title>,
    /// Its name in addresses.
    pub slug: Option<Slug>,
    /// What it is about.
    pub description: Option<String>,
    /// Its language; `Some(None)` takes it away.
    pub language: Option<Option<String>>,
}

/// A change of a lesson; what is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LessonEdit {
    /// Its title.
    pub title: Option<Title>,
    /// Its name in addresses.
    pub slug: Option<Slug>,
    /// Its text.
    pub content: Option<String>,
    /// How long reading it takes. If it is not said, a time that was counted from the text is counted anew when the text
    /// changes.
    pub estimated_minutes: Option<u32>,
    /// How deep it stands.
    pub depth: Option<u8>,
    /// Whether it has a number. The numbers themselves follow from order and depth.
    pub is_numbered: Option<bool>,
    /// The part that it stands under; `Some(None)` takes it away.
    pub part: Option<Option<String>>,
    /// Announced but not written.
    pub is_draft: Option<bool>,
}

impl Course {
    /// Makes the change; false if it changes nothing.
    pub fn edit(&mut self, edit: CourseEdit, at: Timestamp) -> bool {
        let before = self.clone();
        if let Some(title) = edit.title {
            self.title = title;
        }
        if let Some(slug) = edit.slug {
            self.slug = slug;
        }
        if let Some(description) = edit.description {
            self.description = description;
        }
        if let Some(language) = edit.language {
            self.language = language;
        }
        let changed = *self != before;
        if changed {
            self.updated_at = at;
        }
        changed
    }

    /// Takes it out of the catalogue: whoever is in it goes on, nobody new comes; false if it is there already.
    pub fn archive(&mut self, at: Timestamp) -> bool {
        let changed = self.status != CourseStatus::Archived;
        if changed {
            self.status = CourseStatus::Archived;
            self.updated_at = at;
        }
        changed
    }

    /// Removes it: it no longer exists for anybody until it is restored.
    pub fn remove(&mut self, at: Timestamp) {
        self.deleted_at = Some(at);
        self.updated_at = at;
    }

    /// Brings it back as it was.
    pub fn restore(&mut self, at: Timestamp) {
        self.deleted_at = None;
        self.updated_at = at;
    }

    /// Takes account of what became of its lessons: how many count now, and whether one that counted no longer does, or one
    /// that was there counts again; then everybody's completed lessons have to be counted anew. A lesson that is new has
    /// been completed by nobody.
    pub fn count_lessons(&mut self, counted: u32, needs_recount: bool) {
        self.lesson_count = counted;
        if needs_recount {
            self.outline_revision = self.outline_revision.saturating_add(1);
        }
    }
}

impl Lesson {
    /// Makes the change; false if it changes nothing. Its number is [`arrange`]'s business.
    pub fn edit(&mut self, edit: LessonEdit, at: Timestamp) -> bool {
        let before = self.clone();
        let was_counted = self.estimated_minutes == reading_minutes(&self.content);
        if let Some(title) = edit.title {
            self.title = title;
        }
        if let Some(slug) = edit.slug {
            self.slug = slug;
        }
        if let Some(content) = edit.content {
            self.content = content;
            if was_counted {
                self.estimated_minutes = reading_minutes(&self.content);
            }
        }
        if let Some(minutes) = edit.estimated_minutes {
            self.estimated_minutes = minutes;
        }
        if let Some(depth) = edit.depth {
            self.depth = depth;
        }
        match edit.is_numbered {
            Some(true) if self.number.is_none() => self.number = Some(LessonNumber::first()),
            Some(false) => self.number = None,
            _ => {}
        }
        if let Some(part) = edit.part {
            self.part = part;
        }
        if let Some(is_draft) = edit.is_draft {
            self.is_draft = is_draft;
        }
        let changed = *self != before;
        if changed {
            self.updated_at = at;
        }
        changed
    }
}

/// Where a lesson stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LessonPlace {
    /// The lesson.
    pub lesson: LessonId,
    /// Its place in reading order, from 0.
    pub position: u32,
    /// Its number.
    pub number: Option<LessonNumber>,
}

/// What [`arrange`] has to know of a lesson.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LessonInOrder {
    /// The lesson.
    pub lesson: LessonId,
    /// How deep it stands.
    pub depth: u8,
    /// Whether it has a number.
    pub is_numbered: bool,
}

/// The places of lessons that stand in this order: positions from 0, and numbers as mdBook gives them, `1`, `1.1`, `1.2`,
/// `2`. A lesson that stands deeper than one below the numbered lesson before it counts as one below.
pub fn arrange(lessons: impl IntoIterator<Item = LessonInOrder>) -> Vec<LessonPlace> {
    let mut counters: Vec<u32> = Vec::new();
    let place = |(position, lesson): (usize, LessonInOrder)| {
        let number = lesson.is_numbered.then(|| {
            let depth = usize::from(lesson.depth).min(counters.len());
            counters.truncate(depth + 1);
            match counters.get_mut(depth) {
                Some(counter) => *counter += 1,
                None => counters.push(1),
            }
            LessonNumber::of(&counters)
        });
        LessonPlace { lesson: lesson.lesson, position: u32::try_from(position).unwrap_or(u32::MAX), number }
    };
    lessons.into_iter().enumerate().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn numbers(lessons: &[(u8, bool)]) -> Vec<Option<String>> {
        let in_order = lessons.iter().map(|(depth, is_numbered)| LessonInOrder {
            lesson: LessonId::from_uuid(Uuid::nil()),
            depth: *depth,
            is_numbered: *is_numbered,
        });
        arrange(in_order).into_iter().map(|place| place.number.map(|number| number.to_string())).collect()
    }

    #[test]
    fn numbers_follow_from_order_and_depth() {
        let given = [(0, false), (0, true), (1, true), (1, true), (2, true), (0, true), (1, true), (0, false)];
        let expected = [None, Some("1"), Some("1.1"), Some("1.2"), Some("1.2.1"), Some("2"), Some("2.1"), None];
        assert_eq!(numbers(&given), expected.map(|number| number.map(str::to_owned)));
    }

    #[test]
    fn nothing_stands_deeper_than_one_below() {
        assert_eq!(numbers(&[(3, true), (3, true)]), [Some("1".to_owned()), Some("1.1".to_owned())]);
    }

    proptest! {
        #[test]
        fn every_number_is_one_and_none_comes_twice(lessons in proptest::collection::vec((0_u8..=9, any::<bool>()), 0..60)) {
            let found: Vec<_> = numbers(&lessons).into_iter().flatten().collect();
            for number in &found {
                prop_assert!(LessonNumber::parse(number).is_ok());
            }
            let distinct: std::collections::HashSet<_> = found.iter().collect();
            prop_assert_eq!(distinct.len(), found.len());
        }
    }
}
