//! An [mdBook](https://rust-lang.github.io/mdBook/) folder becomes a course draft.
//!
//! [`read_folder`] reads `book.toml` and `SUMMARY.md`, then each chapter with everything it includes, and returns
//! a [`CourseDraft`]. It is blocking: asynchronous callers run it on a thread made for that.
//!
//! The book is not trusted. Nothing outside of its own folder is read, whatever paths or links it holds; every kind
//! of growth has a bound in [`Limits`]. What cannot be taken (a chapter without a file, an include that leads
//! outside) costs only itself and is listed in [`CourseDraft::passed_over`]; a book without a readable table of
//! contents, or one above a limit, is a [`BookError`].
//!
//! | module | what it does |
//! | --- | --- |
//! | `source`, `book_path`, `reader` | files below the book's root: which may be read, and how much |
//! | `book_toml`, `summary` | title and authors; the table of contents |
//! | `directives`, `selection`, `includes` | `{{#include …}}` and its relatives |
//! | `listings`, `markup`, `emphasis`, `tags`, `edits` | HTML and hidden lines become plain Markdown |
//! | `assembly` | puts the draft together |

mod assembly;
mod book_path;
mod book_toml;
mod directives;
mod edits;
mod emphasis;
mod error;
mod includes;
mod limits;
mod listings;
mod markup;
mod notes;
mod reader;
mod selection;
mod source;
mod summary;
mod tags;

use std::path::Path;

use lyceum_domain::courses::CourseDraft;

pub use crate::{
    error::BookError,
    limits::{Limit, Limits},
};

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Chapters dealt with.
    pub done: usize,
    /// Chapters in the table of contents.
    pub total: usize,
}

/// Reads the book in the folder `path`: the one that holds `book.toml`.
pub fn read_folder(path: &Path, limits: &Limits) -> Result<CourseDraft, BookError> {
    read_folder_with(path, limits, &mut |_| {})
}

/// As [`read_folder`]; calls `progress` once before the first chapter and once after each.
pub fn read_folder_with(
    path: &Path,
    limits: &Limits,
    progress: &mut dyn FnMut(Progress),
) -> Result<CourseDraft, BookError> {
    let folder = source::Folder::open(path)?;
    assembly::assemble(&folder, &folder.name(), limits, progress)
}
