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
    /// The archive's file is missing or may not be opened.
    #[error("cannot open `{}`", path.display())]
    Open {
        /// The path as it was given.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The archive is refused: what it holds is no book's, or it is damaged, or too large.
    #[error("the archive is refused: {}{}", reasons.join("; "), and_more(*unlisted))]
    Archive {
        /// Sentences without their full stop, the first ones of all; names in them are made printable and shortened.
        reasons: Vec<String>,
        /// How many more there are.
        unlisted: usize,
    },
    /// An archive with several books, none of them above the others.
    #[error("the archive holds several books, in the folders {}; one book is imported at a time", quoted(places))]
    SeveralBooks {
        /// Their folders.
        places: Vec<String>,
    },
    /// Our own disk failed while an archive was unpacked.
    #[error("cannot unpack the archive")]
    Unpacking {
        /// What the system said.
        source: io::Error,
    },
    /// A file that comes with the chapters is not there any more as it was when the book was read.
    #[error("the file `{path}` {reason}")]
    File {
        /// Its path in the book.
        path: String,
        /// The end of the sentence.
        reason: String,
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

fn and_more(unlisted: usize) -> String {
    if unlisted == 0 { String::new() } else { format!("; and {unlisted} more faults") }
}

fn quoted(places: &[String]) -> String {
    places.iter().map(|place| format!("`{place}`")).collect::<Vec<_>>().join(", ")
}
