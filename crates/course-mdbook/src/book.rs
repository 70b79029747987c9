//! A book that was read, with its files at hand.

use std::{collections::HashMap, fs, path::Path};

use lyceum_domain::courses::{CourseDraft, FileDraft, FilePath};
use tempfile::TempDir;

use crate::{
    Progress, archive, assembly,
    book_path::BookPath,
    error::BookError,
    limits::Limits,
    source::{Folder, Source, digest},
};

/// A book that was read: the draft, and the bytes of its files for as long as this lives.
#[derive(Debug)]
pub struct Book {
    draft: CourseDraft,
    files: HashMap<FilePath, FileDraft>,
    folder: Folder,
    /// Where an archive was unpacked; goes with the book.
    _unpacked: Option<TempDir>,
}

impl Book {
    fn read(
        folder: Folder,
        name: &str,
        unpacked: Option<TempDir>,
        limits: &Limits,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Self, BookError> {
        let draft = assembly::assemble(&folder, name, limits, progress)?;
        let files = draft.files.iter().map(|file| (file.path.clone(), file.clone())).collect();
        Ok(Self { draft, files, folder, _unpacked: unpacked })
    }

    /// The draft.
    pub fn draft(&self) -> &CourseDraft {
        &self.draft
    }

    /// The draft alone. An archive's files are gone after that.
    pub fn into_draft(self) -> CourseDraft {
        self.draft
    }

    /// The draft, which is empty here afterwards; the files can still be read.
    pub fn take_draft(&mut self) -> CourseDraft {
        std::mem::take(&mut self.draft)
    }

    /// The bytes of one of the draft's files, which are still those that were read before.
    pub fn read_file(&self, path: &FilePath) -> Result<Vec<u8>, BookError> {
        let failed = |reason: &str| BookError::File { path: path.to_string(), reason: reason.to_owned() };
        let draft = self.files.get(path).ok_or_else(|| failed("is none of the book's"))?;
        let in_book = BookPath::root().join(path.as_str()).map_err(|refused| failed(&refused.to_string()))?;
        let bytes = self.folder.read(&in_book, draft.size).map_err(|error| failed(&error.to_string()))?;
        if digest(&bytes) == draft.sha256 { Ok(bytes) } else { Err(failed("has changed since the book was read")) }
    }
}

/// Reads the book in the folder `path`: the one that holds `book.toml`. Calls `progress` once before the first chapter
/// and once after each.
pub fn open_folder(path: &Path, limits: &Limits, progress: &mut dyn FnMut(Progress)) -> Result<Book, BookError> {
    let folder = Folder::open(path)?;
    let name = folder.name();
    Book::read(folder, &name, None, limits, progress)
}

/// Reads the book in an archive, zip, tar or tar.gz as its first bytes say. The book begins at the topmost folder with
/// `book.toml`, or else with `src/SUMMARY.md`, or else with `SUMMARY.md`. `name` is what somebody called the archive,
/// as `knots.zip`; it stands in for a title that the book does not have. `progress` as for [`open_folder`].
pub fn open_archive(
    path: &Path,
    name: &str,
    limits: &Limits,
    progress: &mut dyn FnMut(Progress),
) -> Result<Book, BookError> {
    let unpacked = archive::unpack(path, limits)?;
    let folder = Folder::open(&unpacked.root)?;
    let name = unpacked.name.unwrap_or_else(|| without_ending(name).to_owned());
    Book::read(folder, &name, Some(unpacked.folder), limits, progress)
}

/// Reads the book at `path`, a folder or an archive.
pub fn open_any(path: &Path, limits: &Limits, progress: &mut dyn FnMut(Progress)) -> Result<Book, BookError> {
    if fs::metadata(path).is_ok_and(|about| about.is_dir()) {
        return open_folder(path, limits, progress);
    }
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    open_archive(path, &name, limits, progress)
}

fn without_ending(name: &str) -> &str {
    let lower = name.to_ascii_lowercase();
    let ending = [".tar.gz", ".tgz", ".tar", ".zip"].into_iter().find(|ending| lower.ends_with(ending));
    &name[..name.len() - ending.map_or(0, str::len)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_book_can_go_to_another_thread() {
        fn check<T: Send + Sync + 'static>() {}
        check::<Book>();
    }

    #[test]
    fn an_archive_is_called_what_stands_before_its_ending() {
        for (name, short) in [("knots.zip", "knots"), ("K.Tar.GZ", "K"), ("a.b.tgz", "a.b"), ("x", "x"), (".zip", "")] {
            assert_eq!(without_ending(name), short);
        }
    }
}
