//! From chapters to lessons.

use std::collections::HashSet;

use lyceum_domain::{courses::LessonDraft, text};

use crate::{
    Progress,
    book_path::BookPath,
    book_toml,
    error::BookError,
    escape,
    includes::Includes,
    limits::{Limit, Limits},
    listings,
    manifest::{self, Hint, Manifest},
    markup,
    notes::Notes,
    reader::{Reader, Unread},
    source::{Source, SourceError},
    summary::Chapter,
};

/// Makes lessons of chapters.
pub(crate) struct Chapters<'r, 'a, S> {
    includes: Includes<'r, 'a, S>,
    limits: &'a Limits,
    /// Where the chapters are.
    pub(crate) folder: BookPath,
    /// The table of contents.
    contents: BookPath,
    manifest: &'r Manifest,
    /// Files that became lessons.
    pub(crate) taken: HashSet<BookPath>,
    pub(crate) notes: Notes,
}

/// What became of a chapter's target.
enum Target {
    Text(BookPath, std::rc::Rc<str>),
    /// There is a place for the chapter, but nothing to read in it.
    Nothing,
    /// The chapter is not taken at all.
    Refused,
}

impl<'r, 'a, S: Source> Chapters<'r, 'a, S> {
    pub(crate) fn new(
        reader: &'r mut Reader<'a, S>,
        limits: &'a Limits,
        folder: BookPath,
        contents: BookPath,
        manifest: &'r Manifest,
        notes: Notes,
    ) -> Self {
        Self { includes: Includes::new(reader), limits, folder, contents, manifest, taken: HashSet::new(), notes }
    }

    /// The lessons of a table of contents.
    pub(crate) fn listed(
        &mut self,
        chapters: Vec<Chapter>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Vec<LessonDraft>, BookError> {
        let total = chapters.len();
        progress(Progress { done: 0, total });
        let mut lessons = Vec::with_capacity(total);
        for (index, chapter) in chapters.into_iter().enumerate() {
            lessons.extend(self.lesson(chapter)?);
            progress(Progress { done: index + 1, total });
        }
        Ok(lessons)
    }

    /// The lessons that the manifest tells.
    pub(crate) fn told(&mut self, progress: &mut dyn FnMut(Progress)) -> Result<Vec<LessonDraft>, BookError> {
        let total = self.manifest.lessons.len();
        progress(Progress { done: 0, total });
        let mut lessons = Vec::with_capacity(total);
        for (index, hint) in self.manifest.lessons.iter().enumerate() {
            lessons.push(self.told_lesson(hint)?);
            progress(Progress { done: index + 1, total });
        }
        Ok(lessons)
    }

    fn told_lesson(&mut self, hint: &Hint) -> Result<LessonDraft, BookError> {
        let mut lesson = LessonDraft {
            title: hint.title.clone(),
            number: hint.number.clone(),
            depth: hint.depth,
            part: hint.part.clone(),
            is_draft: true,
            slug: hint.slug.clone(),
            estimated_minutes: hint.estimated_minutes,
            ..LessonDraft::default()
        };
        let Some(path) = &hint.path else { return Ok(lesson) };
        match self.includes.text(path) {
            Ok(text) => {
                self.taken.insert(path.clone());
                let (content, is_as_written) = self.content(path, &text)?;
                lesson.path = Some(path.as_str().to_owned());
                lesson.content = content;
                lesson.is_draft = hint.is_draft;
                lesson.estimated_minutes = lesson.estimated_minutes.filter(|_| is_as_written);
            }
            Err(Unread::OverLimit(error)) => return Err(error),
            Err(unread) => {
                let title = &hint.title;
                let reason = format!("The chapter “{title}” stays a draft: the file `{path}` {unread}.");
                self.notes.add(manifest::NAME, reason);
            }
        }
        Ok(lesson)
    }

    fn lesson(&mut self, chapter: Chapter) -> Result<Option<LessonDraft>, BookError> {
        let target = match &chapter.target {
            None => Target::Nothing,
            Some(raw) => self.target(&chapter, raw)?,
        };
        let (path, (content, is_as_written)) = match target {
            Target::Refused => return Ok(None),
            Target::Nothing => (None, (String::new(), false)),
            Target::Text(path, text) => {
                let content = self.content(&path, &text)?;
                (Some(path), content)
            }
        };
        let hint = path.as_ref().and_then(|path| self.manifest.lesson(path));
        let title = Some(chapter.title).filter(|title| !title.is_empty());
        Ok(Some(LessonDraft {
            is_draft: path.is_none(),
            title: title
                .or_else(|| book_toml::one_line(path.as_ref()?.stem()))
                .unwrap_or_else(|| "Untitled".to_owned()),
            slug: hint.and_then(|hint| hint.slug.clone()),
            estimated_minutes: hint.filter(|_| is_as_written).and_then(|hint| hint.estimated_minutes),
            path: path.map(|path| path.as_str().to_owned()),
            number: chapter.number,
            depth: chapter.depth,
            part: chapter.part,
            content,
        }))
    }

    fn target(&mut self, chapter: &Chapter, raw: &str) -> Result<Target, BookError> {
        let place = self.contents.line(chapter.line);
        let title = &chapter.title;
        let mut missing = None;
        // mdBook undoes `%20` alone, so a file may well have a percent sign in its name; editors undo all of them.
        let spaced = raw.replace("%20", " ");
        let decoded = percent_decoded(raw).filter(|decoded| *decoded != spaced);
        for name in [Some(spaced), decoded].into_iter().flatten() {
            let shown: String = name.chars().filter(|c| !c.is_control()).take(200).collect();
            let path = match self.folder.join(&name) {
                Ok(path) => path,
                Err(refused) => {
                    self.notes.add(place, format!("The chapter “{title}” is left out: its path `{shown}` {refused}."));
                    return Ok(Target::Refused);
                }
            };
            if self.taken.contains(&path) {
                self.notes.add(place, format!("The chapter “{title}” is left out: `{path}` is in the book already."));
                return Ok(Target::Refused);
            }
            match self.includes.text(&path) {
                Ok(text) => {
                    self.taken.insert(path.clone());
                    return Ok(Target::Text(path, text));
                }
                Err(Unread::OverLimit(error)) => return Err(error),
                Err(Unread::Source(SourceError::Missing)) => {
                    missing.get_or_insert(path);
                }
                Err(Unread::Source(error @ SourceError::Outside)) => {
                    self.notes.add(place, format!("The chapter “{title}” is left out: the file `{path}` {error}."));
                    return Ok(Target::Refused);
                }
                Err(unread) => {
                    self.notes.add(place, format!("The chapter “{title}” stays a draft: the file `{path}` {unread}."));
                    return Ok(Target::Nothing);
                }
            }
        }
        let path = missing.unwrap_or_default();
        self.notes.add(place, format!("The chapter “{title}” stays a draft: the file `{path}` does not exist."));
        Ok(Target::Nothing)
    }

    /// The lesson's text, and whether it is, to the byte, what the manifest speaks of.
    fn content(&mut self, path: &BookPath, text: &str) -> Result<(String, bool), BookError> {
        let digest = self.manifest.lesson(path).and_then(|hint| hint.sha256);
        let written = digest.and_then(|digest| self.includes.verbatim(path, digest));
        let is_as_written = written.is_some();
        let content = if let Some(written) = written {
            escape::unescaped(&text::cleaned(&written))
        } else {
            let whole = self.includes.expand_chapter(path, text, &mut self.notes)?;
            // A `{{#title}}` at the beginning leaves its line empty.
            markup::as_markdown(&listings::as_markdown(whole)).trim_start_matches('\n').to_owned()
        };
        let (max, found) = (self.limits.max_lesson_bytes, content.len() as u64);
        if found > max {
            return Err(BookError::OverLimit { limit: Limit::LessonBytes, max, found, place: path.to_string() });
        }
        Ok((content, is_as_written))
    }
}

/// `None` if it does not decode to UTF-8.
fn percent_decoded(raw: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        let hex = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match tail {
            [high, low, tail @ ..] if *first == b'%' => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    bytes.push(high * 16 + low);
                    rest = tail;
                }
                _ => bytes.push(*first),
            },
            _ => bytes.push(*first),
        }
    }
    String::from_utf8(bytes).ok()
}
