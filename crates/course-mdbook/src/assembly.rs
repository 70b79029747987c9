//! From files to the draft.

use std::collections::HashSet;

use lyceum_domain::courses::CourseDraft;

use crate::{
    Progress,
    book_path::{BookPath, Refused},
    book_toml::{self, BookToml},
    chapters::Chapters,
    error::BookError,
    files,
    limits::Limits,
    manifest::{self, About, Manifest},
    notes::Notes,
    reader::{Reader, Unread},
    source::{Source, SourceError},
    summary,
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
    let manifest = Manifest::read(source, limits, &mut notes);
    let by_manifest = manifest.outline.is_some_and(|digest| reader.digest(&contents) == Some(digest));
    let about = match &manifest.about {
        Some((digest, said)) if reader.digest(&within(&BookPath::root(), book_toml::NAME)) == Some(*digest) => {
            told(about, said)
        }
        _ => about,
    };

    let mut chapters = Chapters::new(&mut reader, limits, folder, contents.clone(), &manifest, notes);
    let mut heading = None;
    let lessons = if by_manifest {
        chapters.told(progress)?
    } else {
        let summary = summary::parse(&text, &contents, limits)?;
        heading = summary.title;
        for (line, reason) in summary.ignored {
            chapters.notes.add(contents.line(line), reason);
        }
        chapters.listed(summary.chapters, progress)?
    };
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
    let heading = heading.filter(|title| !title.eq_ignore_ascii_case("summary"));
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

/// What the book says of itself, word for word as we once wrote it.
fn told(about: BookToml, said: &About) -> BookToml {
    let About { title, description, language } = said.clone();
    BookToml { title: Some(title), description: Some(description), language, ..about }
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
        paths.extend(["theme", book_toml::NAME, manifest::NAME].map(|name| within(folder, name)));
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

#[cfg(test)]
mod tests;
