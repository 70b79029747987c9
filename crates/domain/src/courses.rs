//! Courses, their lessons in order and depth, outlines, and what an import brings.

mod authoring;
mod draft;
mod file;
mod import;
mod lesson;
mod passage;
mod ranking;
mod repository;
mod search;

use std::fmt;

pub use authoring::{
    CourseEdit, LessonEdit, LessonInOrder, LessonPlace, arrange, parse_content, parse_depth, parse_description,
    parse_minutes, parse_part,
};
pub use draft::{CourseDraft, LessonDraft, PassedOver};
pub use file::{CourseFile, DraftFiles, FileDraft, FilePath};
pub use import::{ImportPlan, ImportReport, LessonChange, LessonReport, plan};
pub use lesson::{Lesson, LessonNumber, Outline, OutlineEntry, reading_minutes};
pub use passage::{Passage, PassageDraft, passages};
pub use ranking::{Sought, SoughtWord, WordCounts, best_passages};
pub use repository::{CourseFilter, CourseKey, CourseQueries, Courses, PassageScope};
pub use search::{CourseHit, Excerpt, ExcerptPart, LessonHit, SearchScope};

use crate::{
    ids::{CourseId, UserId},
    invalid::Invalid,
    text,
    time::Timestamp,
};

/// A course. It belongs to its author, or to the house if there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Course {
    /// Its id.
    pub id: CourseId,
    /// Its name in addresses, unique.
    pub slug: Slug,
    /// Its title.
    pub title: Title,
    /// What it is about, Markdown.
    pub description: String,
    /// BCP 47 tag of its language, if known.
    pub language: Option<String>,
    /// Who may see it.
    pub status: CourseStatus,
    /// Who wrote it and may change it.
    pub author: Option<UserId>,
    /// Where an imported course came from; importing from the same source again changes this course.
    pub source: Option<SourceKey>,
    /// How many lessons learners can complete: drafts and removed ones don't count.
    pub lesson_count: u32,
    /// Counts how often lessons that counted went or came back; see
    /// [`CourseProgress`](crate::progress::CourseProgress).
    pub outline_revision: u32,
    /// When it was first published.
    pub published_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it or one of its lessons last changed.
    pub updated_at: Timestamp,
    /// Set when it was deleted; it then no longer exists for anybody.
    pub deleted_at: Option<Timestamp>,
    /// For optimistic locking; a stale save is a conflict.
    pub version: u32,
}

impl Course {
    /// Makes it visible to everybody.
    pub fn publish(&mut self, at: Timestamp) {
        self.status = CourseStatus::Published;
        self.published_at.get_or_insert(at);
        self.updated_at = at;
    }
}

/// Who may see a course.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CourseStatus {
    /// Its author and admins.
    Draft,
    /// Everybody.
    Published,
    /// Everybody who is in it; nobody new can enrol.
    Archived,
}

impl CourseStatus {
    /// The word used in rows and bodies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Published => "published",
            Self::Archived => "archived",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Result<Self, Invalid> {
        match word {
            "draft" => Ok(Self::Draft),
            "published" => Ok(Self::Published),
            "archived" => Ok(Self::Archived),
            _ => Err(Invalid::NotAllowed { allowed: "draft, published, archived" }),
        }
    }
}

/// A title of 1 to 200 characters on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Title(String);

impl Title {
    /// The largest number of characters.
    pub const MAX: usize = 200;

    /// Trims and checks.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        text::line(raw, 1, Self::MAX).map(Self)
    }

    /// A title from a source that cannot be asked again: cleaned and shortened, `fallback` if nothing is left.
    pub fn from_source(raw: &str, fallback: &str) -> Self {
        let cleaned = text::cleaned(raw).split_whitespace().collect::<Vec<_>>().join(" ");
        let title = text::shortened(&cleaned, Self::MAX - 1);
        Self(if title.is_empty() { fallback.to_owned() } else { title })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Title {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A name in an address: 1 to 80 lower-case letters, digits and single hyphens, and never one that reads as a UUID.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slug(String);

impl Slug {
    /// The largest number of characters.
    pub const MAX: usize = 80;

    /// Checks a slug that somebody chose.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        if raw.is_empty() {
            return Err(Invalid::Empty);
        }
        if raw.len() > Self::MAX {
            return Err(Invalid::TooLong { max: Self::MAX });
        }
        let made = Self::of(raw);
        if made.0 == raw && raw.parse::<CourseId>().is_err() {
            Ok(made)
        } else {
            Err(Invalid::Malformed { expected: "lower-case letters, digits and single hyphens" })
        }
    }

    /// Makes one from a title; `untitled` if nothing of it can be kept.
    pub fn of(title: &str) -> Self {
        let mut slug = String::new();
        for c in title.chars().flat_map(char::to_lowercase) {
            if c.is_ascii_alphanumeric() {
                slug.push(c);
            } else if c != '\'' && c != '’' && c != '`' && !slug.is_empty() && !slug.ends_with('-') {
                slug.push('-');
            }
            if slug.len() >= Self::MAX {
                break;
            }
        }
        let slug = slug.trim_end_matches('-');
        Self(if slug.is_empty() { "untitled".to_owned() } else { slug.to_owned() })
    }

    /// The same slug with a number behind it, for the second of its name.
    #[must_use]
    pub fn numbered(&self, n: u32) -> Self {
        let tail = format!("-{n}");
        let head = &self.0[..self.0.len().min(Self::MAX - tail.len())];
        Self(format!("{}{tail}", head.trim_end_matches('-')))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where an imported course came from, as `mdbook:the rust programming language`; unique among an author's courses.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SourceKey(String);

impl SourceKey {
    /// The key of a book by this title. Case and spacing don't count, everything else does: *C*, *C++* and *C#* are
    /// three books.
    pub fn mdbook(title: &str) -> Self {
        let title = Title::from_source(title, "Untitled");
        Self(format!("mdbook:{}", title.as_str().to_lowercase()))
    }

    /// A key that exists already, from a row.
    pub fn from_row(text: String) -> Self {
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn slugs_come_from_titles() {
        assert_eq!(Slug::of("The Rust Programming Language").as_str(), "the-rust-programming-language");
        assert_eq!(Slug::of("What's `Box<T>`?").as_str(), "whats-box-t");
        assert_eq!(Slug::of("日本語").as_str(), "untitled");
        assert_eq!(Slug::of("a").numbered(2).as_str(), "a-2");
    }

    #[test]
    fn an_id_is_no_slug() {
        assert!(Slug::parse("018f2e3a-7b1c-7def-8123-456789abcdef").is_err());
        assert!(Slug::parse("Two--Words").is_err());
        assert!(Slug::parse("two-words").is_ok());
    }

    #[test]
    fn books_of_different_titles_are_different_sources() {
        let keys: std::collections::HashSet<_> = ["C", "C++", "C#", "日本語", "中文"].map(SourceKey::mdbook).into();
        assert_eq!(keys.len(), 5);
        assert_eq!(SourceKey::mdbook("The  Book"), SourceKey::mdbook("the book"));
    }

    proptest! {
        #[test]
        fn what_is_made_from_a_title_is_a_slug(title in "\\PC{0,120}", n in 2_u32..9999) {
            let slug = Slug::of(&title);
            prop_assume!(slug.as_str().parse::<CourseId>().is_err());
            prop_assert_eq!(Slug::parse(slug.as_str()), Ok(slug.clone()));
            prop_assert!(Slug::parse(slug.numbered(n).as_str()).is_ok());
        }

        #[test]
        fn a_title_from_a_book_is_a_title(raw in "\\PC{0,300}") {
            let title = Title::from_source(&raw, "Untitled");
            prop_assert!(Title::parse(title.as_str()).is_ok());
        }
    }
}
