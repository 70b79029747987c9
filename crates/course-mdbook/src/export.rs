//! A course becomes an mdBook, in a zip or a folder.
//!
//! mdBook shows of it what it can show. What its own files have no place for (slugs, minutes, the text of announced
//! lessons, numbers out of order) stands in `lyceum.json`, so that importing what was written gives the same lessons.

mod outline;
mod places;
mod sinks;

use std::{
    error::Error,
    io::{self, Seek, Write},
    path::Path,
};

use lyceum_domain::courses::{Course, FilePath, Lesson, PassedOver};
use thiserror::Error;

use crate::{
    book_toml,
    escape::escaped,
    export::{
        places::{Places, placed},
        sinks::{FolderSink, Sink, ZipSink},
    },
    manifest,
    notes::printable,
    source::digest,
};

/// Why a book was not written. Whatever was written until then is not one.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExportError {
    /// It could not be written.
    #[error("cannot write the book")]
    Write {
        /// What the system said.
        source: io::Error,
    },
    /// A file of the course could not be read.
    #[error("cannot read the file `{path}` of the course")]
    File {
        /// Its path in the course.
        path: FilePath,
        /// Why not.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The folder for the book holds something already.
    #[error("the folder is not empty")]
    NotEmpty,
}

impl From<io::Error> for ExportError {
    fn from(source: io::Error) -> Self {
        Self::Write { source }
    }
}

/// Reads the bytes of a file of the course; asked for one file at a time.
pub type ReadFile<'a> = dyn FnMut(&FilePath) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> + 'a;

/// Writes a course as an mdBook in a zip. `lessons` are those that are there, announced ones too, in reading order;
/// `files` are the course's files. Gives back the files that have no place in a book, and why.
///
/// The same course gives the same bytes.
pub fn write_book(
    course: &Course,
    lessons: &[Lesson],
    files: &[FilePath],
    read: &mut ReadFile<'_>,
    out: impl Write + Seek,
) -> Result<Vec<PassedOver>, ExportError> {
    let mut sink = ZipSink::new(out);
    let passed_over = write(course, lessons, files, read, &mut sink)?;
    sink.finish()?;
    Ok(passed_over)
}

/// As [`write_book`], into a folder, which is made if need be and must be empty.
pub fn write_book_folder(
    course: &Course,
    lessons: &[Lesson],
    files: &[FilePath],
    read: &mut ReadFile<'_>,
    folder: &Path,
) -> Result<Vec<PassedOver>, ExportError> {
    write(course, lessons, files, read, &mut FolderSink::new(folder)?)
}

fn write(
    course: &Course,
    lessons: &[Lesson],
    files: &[FilePath],
    read: &mut ReadFile<'_>,
    sink: &mut dyn Sink,
) -> Result<Vec<PassedOver>, ExportError> {
    let mut places = Places::of(lessons, files);
    let chapters = placed(lessons, &mut places);
    let mut passed_over = Vec::new();

    let toml = toml(course, &places);
    sink.file(book_toml::NAME, toml.as_bytes())?;
    let summary = outline::summary(lessons, &chapters, &places);
    sink.file(&places.in_src("SUMMARY.md"), summary.as_bytes())?;
    let mut told = Vec::with_capacity(lessons.len());
    for (lesson, path) in lessons.iter().zip(chapters) {
        let text = escaped(&lesson.content);
        let sha256 = path.as_ref().map(|_| digest(text.as_bytes()).to_string());
        if let Some(path) = &path {
            sink.file(path, text.as_bytes())?;
        }
        told.push(manifest::Lesson {
            path,
            sha256,
            slug: lesson.slug.as_str().to_owned(),
            title: lesson.title.as_str().to_owned(),
            number: lesson.number.as_ref().map(|number| number.as_str().to_owned()),
            depth: lesson.depth,
            part: lesson.part.clone(),
            estimated_minutes: lesson.estimated_minutes,
            is_draft: lesson.is_draft,
        });
    }
    for path in files {
        if places.take_file(path) {
            let bytes = read(path).map_err(|source| ExportError::File { path: path.clone(), source })?;
            sink.file(path.as_str(), &bytes)?;
        } else {
            let reason = "The file is passed over: in a book there is no place for it.".to_owned();
            passed_over.push(PassedOver { place: printable(path.as_str()), reason });
        }
    }
    let document = manifest::Document {
        format_version: manifest::VERSION,
        course: manifest::Course {
            slug: course.slug.as_str().to_owned(),
            title: course.title.as_str().to_owned(),
            description: course.description.clone(),
            language: course.language.clone(),
        },
        book_toml_sha256: digest(toml.as_bytes()).to_string(),
        summary_sha256: digest(summary.as_bytes()).to_string(),
        lessons: told,
    };
    let mut document = serde_json::to_vec_pretty(&document).map_err(io::Error::from)?;
    document.push(b'\n');
    sink.file(manifest::NAME, &document)?;
    Ok(passed_over)
}

fn toml(course: &Course, places: &Places) -> String {
    let mut out = format!("[book]\ntitle = {}\n", quoted(course.title.as_str()));
    let description = Some(&course.description).filter(|text| !text.is_empty());
    let fields = [("description", description), ("language", course.language.as_ref())];
    for (key, value) in fields {
        out.extend(value.map(|value| format!("{key} = {}\n", quoted(value))));
    }
    out.extend([format!("src = {}\n", quoted(places.src()))]);
    out.extend(places.build_dir().map(|folder| format!("\n[build]\nbuild-dir = {}\n", quoted(&folder))));
    out
}

/// A text as TOML writes it, which is as JSON does but for one character.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}
