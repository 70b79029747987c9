//! Why a book could not be imported at all.

use std::{io, path::PathBuf};

use thiserror::Error;

use crate::limits::Limit;

/// Why a book could not be imported at all.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BookError {
    /// The book's folder is missing, or is no folder, or may not be opened.
    #[error("cannot open the book's folder `{}`", path.display())]
    Folder {
        /// The path as it was given.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no table of contents.
    #[error("`{place}` is missing: a book needs its table of contents there")]
    NoSummary {
        /// Where it was looked for.
        place: String,
    },
    /// A file without which nothing goes leads outside of the book.
    #[error("{place}: leads outside of the book's folder")]
    Escapes {
        /// The file or setting.
        place: String,
    },
    /// A file without which nothing goes cannot be read.
    #[error("{place}: {reason}")]
    Unreadable {
        /// The file.
        place: String,
        /// Why not.
        reason: String,
    },
    /// `book.toml` is not as it should be.
    #[error("{place}: {reason}")]
    BookToml {
        /// The file, with the line if it is known.
        place: String,
        /// What is wrong there.
        reason: String,
    },
    /// `SUMMARY.md` is not as it should be.
    #[error("{place}: {reason}")]
    Summary {
        /// The file with the line.
        place: String,
        /// What is wrong there.
        reason: String,
    },
    /// Chapters below chapters, too many times.
    #[error("{place}: chapters are nested more than {max} deep")]
    TooDeep {
        /// The file with the line.
        place: String,
        /// The deepest that is taken.
        max: u8,
    },
    /// The book is larger than allowed.
    #[error("{place}: {found} {limit}; at most {max} are allowed")]
    OverLimit {
        /// What there is too much of.
        limit: Limit,
        /// The most that is allowed.
        max: u64,
        /// How much there is, or how much there was when counting stopped.
        found: u64,
        /// Where it was noticed.
        place: String,
    },
}
