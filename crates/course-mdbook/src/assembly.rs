//! From files to the draft.

use std::collections::HashSet;

use lyceum_domain::courses::{CourseDraft, LessonDraft};

use crate::{
    Progress,
    book_path::{BookPath, Refused},
    book_toml::{self, BookToml},
    error::BookError,
    files,
    includes::Includes,
    limits::{Limit, Limits},
    listings, markup,
    notes::Notes,
    reader::{Reader, Unread},
    source::{Source, SourceError},
    summary::{self, Chapter},
};

/// Reads the whole book. `name` stands in for a title that it does not have.
pub(crate) fn assemble<S: Source>(
    source: &S,
    name: &str,
    limits: &Limits,
    progress: &mut dyn FnMut(Progress),
) -> Result<CourseDraft, BookError> {
    let mut reader = Reader::new(source, limits);
    let mut notes = Notes::default();
    let about = about(&mut reader)?;
    let folder = match about.src.as_deref() {
        Some("") => BookPath::root(),
        Some(setting) => BookPath::root().join(setting).map_err(|refused| misplaced(setting, refused))?,
        None => usual_folder(&mut reader)?,
    };
    let contents = within(&folder, "SUMMARY.md");
    let text = needed(&mut reader, &contents)?.ok_or_else(|| BookError::NoSummary { place: contents.to_string() })?;
    let summary = summary::parse(&text, &contents, limits)?;
    for (line, reason) in summary.ignored {
        notes.add(contents.line(line), reason);
    }

    let total = summary.chapters.len();
    progress(Progress { done: 0, total });
    let mut chapters = Chapters {
        includes: Includes::new(&mut reader),
        limits,
        folder,
        contents: contents.clone(),
        taken: HashSet::new(),
        notes,
    };
    let mut lessons = Vec::with_capacity(total);
    for (index, chapter) in summary.chapters.into_iter().enumerate() {
        lessons.extend(chapters.lesson(chapter)?);
        progress(Progress { done: index + 1, total });
    }
    let Chapters { folder, taken, mut notes, .. } = chapters;
    let files =
        files::of_course(source, &left_out(&folder, about.build_dir.as_deref()), &folder, &taken, limits, &mut notes);

    let language = about.language.filter(|tag| {
        let good = book_toml::is_language_tag(tag);
        if !good {
            notes.add(book_toml::NAME, "The language is no language tag, as `en` or `pt-BR`; it is ignored.");
        }
        good
    });
    // Most tables of contents have this heading, and it is no book's title.
    let heading = summary.title.filter(|title| !title.eq_ignore_ascii_case("summary"));
    let title = about.title.or(heading).or_else(|| book_toml::one_line(name)).unwrap_or_else(|| "Untitled".to_owned());
    Ok(CourseDraft {
        title,
        description: about.description.unwrap_or_default(),
        language,
        authors: about.authors,
        lessons,
        files,
        passed_over: notes.into_entries(contents.as_str()),
    })
}

fn about<S: Source>(reader: &mut Reader<'_, S>) -> Result<BookToml, BookError> {
    match needed(reader, &within(&BookPath::root(), book_toml::NAME))? {
        Some(text) => book_toml::parse(&text),
        None => Ok(BookToml::default()),
    }
}

/// A file that the import cannot do without; `None` if there is none.
fn needed<S: Source>(reader: &mut Reader<'_, S>, path: &BookPath) -> Result<Option<std::rc::Rc<str>>, BookError> {
    match reader.text(path) {
        Ok(text) => Ok(Some(text)),
        Err(Unread::Source(SourceError::Missing)) => Ok(None),
        Err(Unread::Source(SourceError::Outside)) => Err(BookError::Escapes { place: path.to_string() }),
        Err(Unread::OverLimit(error)) => Err(error),
        Err(unread) => Err(BookError::Unreadable { place: path.to_string(), reason: format!("the file {unread}") }),
    }
}

/// Where the chapters are if the book does not say: in `src`, or else where `SUMMARY.md` is.
fn usual_folder<S: Source>(reader: &mut Reader<'_, S>) -> Result<BookPath, BookError> {
    let usual = within(&BookPath::root(), "src");
    let is_flat = needed(reader, &within(&usual, "SUMMARY.md"))?.is_none()
        && needed(reader, &within(&BookPath::root(), "SUMMARY.md"))?.is_some();
    Ok(if is_flat { BookPath::root() } else { usual })
}

/// What lies among the chapters and is none of the book's content: what mdBook makes, and what it is told.
fn left_out(folder: &BookPath, build_dir: Option<&str>) -> HashSet<BookPath> {
    let mut paths: HashSet<_> = BookPath::root().join(build_dir.unwrap_or("book")).into_iter().collect();
    if *folder == BookPath::root() {
        paths.extend(["theme", book_toml::NAME].map(|name| within(folder, name)));
    }
    paths
}

fn misplaced(setting: &str, refused: Refused) -> BookError {
    let place = format!("{}: src", book_toml::NAME);
    match refused {
        Refused::Outside | Refused::Absolute => BookError::Escapes { place },
        refused => BookError::BookToml { place, reason: format!("the path `{setting}` {refused}") },
    }
}

/// A file with a name of ours, which `join` always takes.
fn within(folder: &BookPath, name: &str) -> BookPath {
    folder.join(name).unwrap_or_else(|_| folder.clone())
}

struct Chapters<'r, 'a, S> {
    includes: Includes<'r, 'a, S>,
    limits: &'a Limits,
    folder: BookPath,
    contents: BookPath,
    taken: HashSet<BookPath>,
    notes: Notes,
}

/// What became of a chapter's target.
enum Target {
    Text(BookPath, std::rc::Rc<str>),
    /// There is a place for the chapter, but nothing to read in it.
    Nothing,
    /// The chapter is not taken at all.
    Refused,
}

impl<S: Source> Chapters<'_, '_, S> {
    fn lesson(&mut self, chapter: Chapter) -> Result<Option<LessonDraft>, BookError> {
        let target = match &chapter.target {
            None => Target::Nothing,
            Some(raw) => self.target(&chapter, raw)?,
        };
        let (path, content) = match target {
            Target::Refused => return Ok(None),
            Target::Nothing => (None, String::new()),
            Target::Text(path, text) => {
                let content = self.content(&path, &text)?;
                (Some(path), content)
            }
        };
        let title = Some(chapter.title).filter(|title| !title.is_empty());
        Ok(Some(LessonDraft {
            is_draft: path.is_none(),
            title: title
                .or_else(|| book_toml::one_line(path.as_ref()?.stem()))
                .unwrap_or_else(|| "Untitled".to_owned()),
            path: path.map(|path| path.as_str().to_owned()),
            number: chapter.number,
            depth: chapter.depth,
            part: chapter.part,
            content,
            slug: None,
            estimated_minutes: None,
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

    fn content(&mut self, path: &BookPath, text: &str) -> Result<String, BookError> {
        let whole = self.includes.expand_chapter(path, text, &mut self.notes)?;
        // A `{{#title}}` at the beginning leaves its line empty.
        let content = markup::as_markdown(&listings::as_markdown(whole)).trim_start_matches('\n').to_owned();
        let (max, found) = (self.limits.max_lesson_bytes, content.len() as u64);
        if found > max {
            return Err(BookError::OverLimit { limit: Limit::LessonBytes, max, found, place: path.to_string() });
        }
        Ok(content)
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

#[cfg(test)]
mod tests;
