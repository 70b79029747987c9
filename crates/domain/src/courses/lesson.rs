//! Lessons and outlines.

use std::fmt;

use crate::{
    courses::{Slug, Title},
    ids::{CourseId, LessonId},
    invalid::Invalid,
    time::Timestamp,
};

/// A lesson of a course.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lesson {
    /// Its id; it survives renaming, moving and importing again.
    pub id: LessonId,
    /// The course it belongs to.
    pub course: CourseId,
    /// Its name in addresses, unique within the course.
    pub slug: Slug,
    /// Its title.
    pub title: Title,
    /// `4.1.2`, or none for what stands outside the numbering.
    pub number: Option<LessonNumber>,
    /// 0 for a chapter, 1 for one below it, and so on.
    pub depth: u8,
    /// Where it stands in reading order, from 0.
    pub position: u32,
    /// The part of the course that it stands under.
    pub part: Option<String>,
    /// Markdown.
    pub content: String,
    /// How long reading it takes, about.
    pub estimated_minutes: u32,
    /// Announced but not written: learners see it in no outline and it counts for no percentage.
    pub is_draft: bool,
    /// The path inside the source it was imported from.
    pub source_path: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Set when it was removed; progress on it is kept for the day it comes back.
    pub deleted_at: Option<Timestamp>,
    /// For optimistic locking.
    pub version: u32,
}

impl Lesson {
    /// Whether it counts for a learner's percentage.
    pub fn counts(&self) -> bool {
        !self.is_draft && self.deleted_at.is_none()
    }

    /// The lesson as its line in an outline.
    pub fn entry(&self) -> OutlineEntry {
        OutlineEntry {
            id: self.id,
            slug: self.slug.clone(),
            title: self.title.clone(),
            number: self.number.clone(),
            depth: self.depth,
            position: self.position,
            part: self.part.clone(),
            estimated_minutes: self.estimated_minutes,
            is_draft: self.is_draft,
        }
    }
}

/// A chapter number: one or more positive numbers with dots between, `4.1.2`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LessonNumber(String);

impl LessonNumber {
    /// Checks the form.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        let good = raw.len() <= 60
            && raw
                .split('.')
                .all(|part| !part.is_empty() && part.len() <= 6 && part.bytes().all(|b| b.is_ascii_digit()));
        if good {
            Ok(Self(raw.to_owned()))
        } else {
            Err(Invalid::Malformed { expected: "numbers with dots between, as 4.1.2" })
        }
    }

    /// The number of the first chapter; what stands there until the lessons are arranged.
    pub fn first() -> Self {
        Self("1".to_owned())
    }

    /// From its parts, which are one or more.
    pub(crate) fn of(parts: &[u32]) -> Self {
        Self(parts.iter().map(u32::to_string).collect::<Vec<_>>().join("."))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LessonNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A lesson as it stands in the outline of its course: everything but its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutlineEntry {
    /// The lesson.
    pub id: LessonId,
    /// Its name in addresses.
    pub slug: Slug,
    /// Its title.
    pub title: Title,
    /// `4.1.2`, or none.
    pub number: Option<LessonNumber>,
    /// 0 for a chapter, 1 for one below it, and so on.
    pub depth: u8,
    /// Where it stands in reading order, from 0.
    pub position: u32,
    /// The part of the course that it stands under.
    pub part: Option<String>,
    /// How long reading it takes, about.
    pub estimated_minutes: u32,
    /// Announced but not written.
    pub is_draft: bool,
}

/// The lessons of a course in reading order, removed ones left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outline(pub Vec<OutlineEntry>);

impl Outline {
    /// Without the lessons that are not written yet.
    #[must_use]
    pub fn written(mut self) -> Self {
        self.0.retain(|entry| !entry.is_draft);
        self
    }
}

/// How many minutes reading this Markdown takes, at 200 words a minute; at least 1 unless there is nothing to read.
pub fn reading_minutes(markdown: &str) -> u32 {
    let words = markdown.split_whitespace().count();
    u32::try_from(words.div_ceil(200)).unwrap_or(u32::MAX)
}
