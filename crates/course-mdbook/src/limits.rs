//! How large a book may be.

use std::fmt;

/// Bounds of one import. The defaults hold books of several thousand pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Files read, each counted once.
    pub max_files: u64,
    /// Bytes of any one file.
    pub max_file_bytes: u64,
    /// Bytes of all files together.
    pub max_total_bytes: u64,
    /// Bytes of a lesson after everything it includes was put in its place.
    pub max_lesson_bytes: u64,
    /// Chapters in the table of contents, drafts too.
    pub max_lessons: u64,
    /// `{{#include}}` directives that are carried out, in the whole book.
    pub max_includes: u64,
    /// Bytes handled for includes, in the whole book; a file counts each time it is included.
    pub max_included_bytes: u64,
    /// Files that come with the chapters. Those above it are passed over, and so with the next two.
    pub max_course_files: u64,
    /// Bytes of any one file that comes with the chapters.
    pub max_course_file_bytes: u64,
    /// Bytes of all files together that come with the chapters.
    pub max_course_files_bytes: u64,
    /// Bytes of an archive as it is. An archive above this or any of the next is refused as a whole.
    pub max_archive_bytes: u64,
    /// Files and folders in an archive, those included that are only named in the paths of others.
    pub max_entries: u64,
    /// Bytes of any one file of an archive, unpacked.
    pub max_entry_bytes: u64,
    /// Bytes of all files of an archive together, unpacked.
    pub max_unpacked_bytes: u64,
    /// How many times as large an archive may become when unpacked; below a mebibyte it does not matter.
    pub max_ratio: u64,
    /// Names in any one path of an archive.
    pub max_path_depth: usize,
    /// Bytes of any one path of an archive.
    pub max_path_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: u64 = 1024 * 1024;
        Self {
            max_files: 5_000,
            max_file_bytes: 4 * MIB,
            max_total_bytes: 64 * MIB,
            max_lesson_bytes: 2 * MIB,
            max_lessons: 5_000,
            max_includes: 50_000,
            max_included_bytes: 256 * MIB,
            max_course_files: 2_000,
            max_course_file_bytes: 10 * MIB,
            max_course_files_bytes: 100 * MIB,
            max_archive_bytes: 128 * MIB,
            max_entries: 20_000,
            max_entry_bytes: 32 * MIB,
            max_unpacked_bytes: 256 * MIB,
            max_ratio: 100,
            max_path_depth: 32,
            max_path_bytes: 1_000,
        }
    }
}

/// Which of the [`Limits`] was exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// [`Limits::max_files`]
    Files,
    /// [`Limits::max_file_bytes`]
    FileBytes,
    /// [`Limits::max_total_bytes`]
    TotalBytes,
    /// [`Limits::max_lesson_bytes`]
    LessonBytes,
    /// [`Limits::max_lessons`]
    Lessons,
    /// [`Limits::max_includes`]
    Includes,
    /// [`Limits::max_included_bytes`]
    IncludedBytes,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Files => "files read",
            Self::FileBytes => "bytes in one file",
            Self::TotalBytes => "bytes in all files together",
            Self::LessonBytes => "bytes in one lesson with all that it includes",
            Self::Lessons => "lessons",
            Self::Includes => "includes",
            Self::IncludedBytes => "bytes handled for includes",
        })
    }
}
