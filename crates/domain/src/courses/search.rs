//! Searching courses and lessons by their words.

use crate::{
    courses::{LessonNumber, Slug, Title},
    ids::{CourseId, LessonId, UserId},
};

/// Where is searched: published courses always; archived ones that the reader is in; drafts as they are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SearchScope {
    /// Who searches.
    pub reader: Option<UserId>,
    /// Drafts and archived courses too, of this author.
    pub drafts_of: Option<UserId>,
    /// Everybody's drafts and archived courses too.
    pub all_drafts: bool,
    /// Only this course.
    pub course: Option<CourseId>,
}

/// A course whose title or description has the words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CourseHit {
    /// The course.
    pub course: CourseId,
    /// Its name in addresses.
    pub slug: Slug,
    /// Its title.
    pub title: Title,
    /// The part of its title or description that fits best.
    pub excerpt: Excerpt,
}

/// A lesson that has the words; the passage of it that fits best stands for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LessonHit {
    /// The lesson.
    pub lesson: LessonId,
    /// Its name in addresses.
    pub slug: Slug,
    /// Its title.
    pub title: Title,
    /// Its number, if it has one.
    pub number: Option<LessonNumber>,
    /// Its course.
    pub course: CourseId,
    /// The name of its course in addresses.
    pub course_slug: Slug,
    /// The title of its course.
    pub course_title: Title,
    /// The heading that the passage stands under; the lesson's title before the first one.
    pub heading: String,
    /// The part of the passage that fits best.
    pub excerpt: Excerpt,
}

/// A few words around what was found, in pieces, so that whoever shows them can mark what fits without parsing anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Excerpt(pub Vec<ExcerptPart>);

/// A piece of an excerpt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExcerptPart {
    /// Its text, plain.
    pub text: String,
    /// Whether it is one of the words that were looked for.
    pub is_match: bool,
}

impl Excerpt {
    /// Opens a match in marked text. No text of ours has it: control characters are refused everywhere.
    pub const OPEN: char = '\u{2}';
    /// Closes a match in marked text.
    pub const CLOSE: char = '\u{3}';

    /// Reads text in which each match stands between [`OPEN`](Self::OPEN) and [`CLOSE`](Self::CLOSE), as databases mark it.
    /// White space of any kind becomes one blank.
    pub fn from_marked(marked: &str) -> Self {
        let mut parts: Vec<ExcerptPart> = Vec::new();
        let mut is_match = false;
        let mut blank_before = true;
        for c in marked.chars() {
            let c = match c {
                Self::OPEN => {
                    is_match = true;
                    continue;
                }
                Self::CLOSE => {
                    is_match = false;
                    continue;
                }
                c if c.is_whitespace() => ' ',
                c => c,
            };
            if c == ' ' && blank_before {
                continue;
            }
            blank_before = c == ' ';
            match parts.last_mut() {
                Some(part) if part.is_match == is_match => part.text.push(c),
                _ => parts.push(ExcerptPart { text: c.to_string(), is_match }),
            }
        }
        Self(parts)
    }

    /// The text without marks.
    pub fn text(&self) -> String {
        self.0.iter().map(|part| part.text.as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_become_pieces() {
        let excerpt = Excerpt::from_marked("an \u{2}owner\u{3}  of\n\u{2}a\u{3}\u{2}b\u{3}");
        let parts: Vec<_> = excerpt.0.iter().map(|part| (part.text.as_str(), part.is_match)).collect();
        assert_eq!(parts, [("an ", false), ("owner", true), (" of ", false), ("ab", true)]);
        assert_eq!(excerpt.text(), "an owner of ab");
        assert_eq!(Excerpt::from_marked(""), Excerpt::default());
    }
}
