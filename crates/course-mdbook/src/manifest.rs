//! `lyceum.json`: what a book that we wrote says beyond what mdBook's own files can say.
//!
//! It is a hint and no more. It comes from outside like the rest of the book, so all that is taken from it passes the
//! checks that other input passes, and each text it speaks of counts only while its digest is right.

use std::collections::{HashMap, HashSet};

use lyceum_domain::{
    blobs::Sha256,
    courses::{LessonNumber, Slug, Title},
    text,
};
use serde::{Deserialize, Serialize};

use crate::{
    book_path::BookPath,
    book_toml,
    limits::Limits,
    notes::Notes,
    source::{Source, SourceError},
    summary::MAX_LEVELS,
};

/// The file's name, in the book's root.
pub(crate) const NAME: &str = "lyceum.json";

/// The one form that there is.
pub(crate) const VERSION: u32 = 1;

/// Larger ones are passed over.
const MAX_BYTES: u64 = 8 * 1024 * 1024;

/// A week. No lesson takes longer.
const MAX_MINUTES: u32 = 7 * 24 * 60;

/// The longest title of a part, in characters.
const MAX_PART: usize = 1_000;

/// The whole file.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Document {
    /// [`VERSION`].
    pub(crate) format_version: u32,
    pub(crate) course: Course,
    /// Digest of `book.toml` as it was written.
    pub(crate) book_toml_sha256: String,
    /// Digest of `SUMMARY.md` as it was written.
    pub(crate) summary_sha256: String,
    /// In reading order.
    pub(crate) lessons: Vec<Lesson>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Course {
    pub(crate) slug: String,
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) language: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Lesson {
    /// The chapter's file, from the book's root; none for an announced lesson without text.
    pub(crate) path: Option<String>,
    /// Digest of that file as it was written.
    pub(crate) sha256: Option<String>,
    pub(crate) slug: String,
    pub(crate) title: String,
    pub(crate) number: Option<String>,
    pub(crate) depth: u8,
    pub(crate) part: Option<String>,
    pub(crate) estimated_minutes: u32,
    pub(crate) is_draft: bool,
}

/// What of it may be believed.
#[derive(Debug, Default)]
pub(crate) struct Manifest {
    /// For a `book.toml` of this digest: the course's title, description and language.
    pub(crate) about: Option<(Sha256, About)>,
    /// For a `SUMMARY.md` of this digest `lessons` are its lessons, in reading order.
    pub(crate) outline: Option<Sha256>,
    pub(crate) lessons: Vec<Hint>,
    by_path: HashMap<BookPath, usize>,
}

#[derive(Debug, Clone)]
pub(crate) struct About {
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) language: Option<String>,
}

/// A lesson that passed the checks.
#[derive(Debug, Clone)]
pub(crate) struct Hint {
    pub(crate) path: Option<BookPath>,
    pub(crate) sha256: Option<Sha256>,
    pub(crate) slug: Option<String>,
    pub(crate) title: String,
    pub(crate) number: Option<String>,
    pub(crate) depth: u8,
    pub(crate) part: Option<String>,
    pub(crate) estimated_minutes: Option<u32>,
    pub(crate) is_draft: bool,
}

impl Manifest {
    /// Reads the book's manifest. Without one, or with one that is no good, nothing is believed.
    pub(crate) fn read<S: Source>(source: &S, limits: &Limits, notes: &mut Notes) -> Self {
        let Ok(path) = BookPath::root().join(NAME) else { return Self::default() };
        let bytes = match source.read(&path, MAX_BYTES) {
            Ok(bytes) => bytes,
            Err(SourceError::Missing) => return Self::default(),
            Err(error) => {
                notes.add(NAME, format!("The file is passed over: it {error}."));
                return Self::default();
            }
        };
        match serde_json::from_slice::<Document>(&bytes) {
            Ok(document) if document.format_version == VERSION => Self::checked(&document, limits, notes),
            Ok(Document { format_version, .. }) => {
                notes.add(NAME, format!("The file is passed over: its form {format_version} is not known."));
                Self::default()
            }
            Err(error) => {
                // The message can hold what stands in the file.
                let line = error.line();
                notes.add(NAME, format!("The file is passed over: line {line} is not as Lyceum writes it."));
                Self::default()
            }
        }
    }

    fn checked(document: &Document, limits: &Limits, notes: &mut Notes) -> Self {
        let mut manifest = Self { about: about(document), ..Self::default() };
        if manifest.about.is_none() {
            notes.add(NAME, "What it says about the course is passed over.");
        }
        if document.lessons.len() as u64 > limits.max_lessons {
            notes.add(NAME, format!("Its lessons are passed over: there are more than {}.", limits.max_lessons));
            return manifest;
        }
        manifest.outline = Sha256::parse(&document.summary_sha256).ok();
        let mut slugs = HashSet::new();
        for (index, lesson) in document.lessons.iter().enumerate() {
            let mut hint = match hint(lesson) {
                Ok(hint) => hint,
                Err(reason) => {
                    notes.add(NAME, format!("What it says of lesson {} is passed over: {reason}.", index + 1));
                    manifest.outline = None;
                    continue;
                }
            };
            if hint.estimated_minutes.is_none() {
                notes.add(NAME, format!("The minutes of lesson {} are passed over: no lesson is so long.", index + 1));
            }
            if !hint.slug.as_ref().is_some_and(|slug| slugs.insert(slug.clone())) {
                hint.slug = None;
                notes.add(NAME, format!("The slug of lesson {} is passed over: it is none, or not alone.", index + 1));
            }
            if let Some(path) = &hint.path
                && manifest.by_path.insert(path.clone(), manifest.lessons.len()).is_some()
            {
                notes.add(NAME, format!("Its outline is passed over: `{path}` is there twice."));
                manifest.outline = None;
            }
            manifest.lessons.push(hint);
        }
        manifest
    }

    /// What is said of the chapter in this file.
    pub(crate) fn lesson(&self, path: &BookPath) -> Option<&Hint> {
        self.lessons.get(*self.by_path.get(path)?)
    }
}

fn about(document: &Document) -> Option<(Sha256, About)> {
    let Course { title, description, language, .. } = &document.course;
    let digest = Sha256::parse(&document.book_toml_sha256).ok()?;
    let title = Title::parse(title).ok().filter(|parsed| parsed.as_str() == title)?;
    let language_is_good = language.as_deref().is_none_or(book_toml::is_language_tag);
    if !language_is_good || text::cleaned(description) != *description {
        return None;
    }
    let (title, description, language) = (title.as_str().to_owned(), description.clone(), language.clone());
    Some((digest, About { title, description, language }))
}

/// The lesson, or why it is not believed, as the end of a sentence.
fn hint(lesson: &Lesson) -> Result<Hint, &'static str> {
    let title = Title::parse(&lesson.title).ok().filter(|title| title.as_str() == lesson.title);
    let title = title.ok_or("its title is none")?;
    if lesson.number.as_deref().is_some_and(|number| LessonNumber::parse(number).is_err()) {
        return Err("its number is none");
    }
    if lesson.depth >= MAX_LEVELS {
        return Err("it is too deep");
    }
    if lesson.part.as_deref().is_some_and(|part| text::line(part, 1, MAX_PART).as_deref() != Ok(part)) {
        return Err("its part has no title");
    }
    let path = match &lesson.path {
        None => None,
        Some(raw) => {
            let path = BookPath::root().join(raw).ok().filter(|path| path.as_str() == raw);
            Some(path.ok_or("its path is none inside the book")?)
        }
    };
    let sha256 = match &lesson.sha256 {
        None => None,
        Some(hex) => Some(Sha256::parse(hex).map_err(|_| "its digest is none")?),
    };
    Ok(Hint {
        path,
        sha256,
        slug: Slug::parse(&lesson.slug).ok().map(|slug| slug.as_str().to_owned()),
        title: title.as_str().to_owned(),
        number: lesson.number.clone(),
        depth: lesson.depth,
        part: lesson.part.clone(),
        estimated_minutes: Some(lesson.estimated_minutes).filter(|minutes| *minutes <= MAX_MINUTES),
        is_draft: lesson.is_draft,
    })
}
