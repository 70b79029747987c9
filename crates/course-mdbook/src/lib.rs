//! An [mdBook](https://rust-lang.github.io/mdBook/), folder or archive, becomes a course draft.
//!
//! [`open_folder`], [`open_archive`] and [`open_any`] read `book.toml` and `SUMMARY.md`, then each chapter with
//! everything it includes, and return a [`Book`]: a [`CourseDraft`](lyceum_domain::courses::CourseDraft) and the files that come with it. All is blocking:
//! asynchronous callers run it on a thread made for that.
//!
//! The other way, [`write_book`] and [`write_book_folder`] make an mdBook of a course; importing that gives the same
//! lessons.
//!
//! The book is not trusted. An archive that holds more than files and folders is refused. Nothing outside of its own folder is read, whatever paths or links it holds; every kind
//! of growth has a bound in [`Limits`]. What cannot be taken (a chapter without a file, an include that leads
//! outside) costs only itself and is listed in
//! [`CourseDraft::passed_over`](lyceum_domain::courses::CourseDraft::passed_over); a book without a readable table of
//! contents, or one above a limit, is a [`BookError`].
//!
//! | module | what it does |
//! | --- | --- |
//! | `book` | the whole book, and how to open it |
//! | `archive` | unpacks what may be unpacked |
//! | `source`, `book_path`, `reader` | files below the book's root: which may be read, and how much |
//! | `book_toml`, `summary` | title and authors; the table of contents |
//! | `directives`, `selection`, `includes` | `{{#include …}}` and its relatives |
//! | `listings`, `markup`, `emphasis`, `tags`, `edits` | HTML and hidden lines become plain Markdown |
//! | `files` | the images and whatever else comes with the chapters |
//! | `chapters`, `assembly` | put the draft together |
//! | `export` | a course becomes a book |
//! | `manifest`, `escape` | what a book that we wrote says beyond that, and how to show what mdBook would not |

mod archive;
mod assembly;
mod book;
mod book_path;
mod book_toml;
mod chapters;
mod directives;
mod edits;
mod emphasis;
mod error;
mod escape;
mod export;
mod files;
mod includes;
mod limits;
mod listings;
mod manifest;
mod markup;
mod notes;
mod reader;
mod rust_lines;
mod selection;
mod source;
mod summary;
mod tags;

pub use crate::{
    book::{Book, open_any, open_archive, open_folder},
    error::BookError,
    export::{ExportError, ReadFile, write_book, write_book_folder},
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
