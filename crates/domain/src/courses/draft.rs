//! What an importer read from a source: a course as it stands there, before it is compared with what we have.

use crate::courses::FileDraft;

/// A whole course as an importer found it. All text is clean (see [`text::cleaned`](crate::text::cleaned)).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CourseDraft {
    /// The title in the source.
    pub title: String,
    /// What it is about; may be empty.
    pub description: String,
    /// BCP 47 tag of its language, if the source says.
    pub language: Option<String>,
    /// Names as the source prints them.
    pub authors: Vec<String>,
    /// The chapters in reading order.
    pub lessons: Vec<LessonDraft>,
    /// The files that come with the chapters, each path once.
    pub files: Vec<FileDraft>,
    /// What was left out, and why; for the report.
    pub passed_over: Vec<PassedOver>,
}

/// One chapter as an importer found it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LessonDraft {
    /// The chapter's path inside the source, with `/` between its parts; it identifies the lesson when the source
    /// is imported again. `None` for a chapter without a file.
    pub path: Option<String>,
    /// Its title.
    pub title: String,
    /// `4.1.2` for a numbered chapter; `None` before and after the numbered ones.
    pub number: Option<String>,
    /// 0 for a chapter, 1 for one below it, and so on.
    pub depth: u8,
    /// The title of the part it stands under, if the source has parts.
    pub part: Option<String>,
    /// Markdown, with everything that was included in its place.
    pub content: String,
    /// Announced in the source, but not written yet.
    pub is_draft: bool,
    /// The name in addresses that the source asks for, if it says one (a course that we exported does).
    pub slug: Option<String>,
    /// How long reading it takes, if the source says.
    pub estimated_minutes: Option<u32>,
}

/// Something in the source that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassedOver {
    /// Where it stands: a path inside the source, with a line number where that helps (`src/a.md:12`).
    pub place: String,
    /// Why, as a sentence for the author.
    pub reason: String,
}
