//! Subjects: a learner's own areas of study, with the documents that belong to them.

mod document;
mod extraction;
mod repository;

pub use document::{Document, DocumentKind, FileName, Inspection, NotADocument, TextState};
pub use extraction::{ExtractError, ExtractedText, TextExtractor};
pub use repository::{SubjectQueries, Subjects, UnreadDocument};

use std::fmt;

use crate::{
    courses::Title,
    ids::{SubjectId, UserId},
    invalid::Invalid,
    time::Timestamp,
};

/// An area of study of one learner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Its id.
    pub id: SubjectId,
    /// Whose it is.
    pub owner: UserId,
    /// What it is called.
    pub title: Title,
    /// What it is about, Markdown; may be empty.
    pub description: String,
    /// How it is shown.
    pub color: Option<Color>,
    /// Put away: in no list unless asked for.
    pub is_archived: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// For optimistic locking; a stale save is a conflict.
    pub version: u32,
}

impl Subject {
    /// The most characters of a description.
    pub const MAX_DESCRIPTION: usize = 5_000;
}

/// A colour as `#rrggbb`, lower-case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Color(String);

impl Color {
    /// Takes `#rrggbb` in either case.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        match raw.strip_prefix('#') {
            Some(digits) if digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_hexdigit()) => {
                Ok(Self(raw.to_ascii_lowercase()))
            }
            _ => Err(Invalid::Malformed { expected: "a colour as #1a2b3c" }),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_have_six_digits() {
        assert_eq!(Color::parse("#AAbb09").expect("good").as_str(), "#aabb09");
        for bad in ["", "#fff", "aabbcc", "#aabbcg", "#aabbccdd", "#ääb"] {
            assert!(Color::parse(bad).is_err(), "{bad}");
        }
    }
}
