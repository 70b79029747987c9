//! Where a book's files come from: a folder, always; an archive is unpacked into one before.

use std::{
    fs::{self, File, Metadata},
    io::{self, Read},
    path::{Path, PathBuf},
};

use lyceum_domain::blobs::Sha256;
use sha2::{Digest, Sha256 as Hasher};
use thiserror::Error;

use crate::{book_path::BookPath, error::BookError};

/// Files below a book's root.
pub(crate) trait Source {
    /// The bytes of the regular file at `path`, if there are at most `max`.
    fn read(&self, path: &BookPath, max: u64) -> Result<Vec<u8>, SourceError>;

    /// What is in the folder at `path`, by name, if that is not more than `max`.
    fn list(&self, path: &BookPath, max: usize) -> Result<Vec<Listed>, SourceError>;
}

/// Something in a folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Listed {
    /// With signs in it for what is not UTF-8.
    pub(crate) name: String,
    pub(crate) is_utf8: bool,
    pub(crate) kind: ListedKind,
}

/// What it is, without following links.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ListedKind {
    File,
    Folder,
    Link,
    Other,
}

/// Why a file was not read. The texts continue "the file …".
#[derive(Debug, Error)]
pub(crate) enum SourceError {
    #[error("does not exist")]
    Missing,
    #[error("is a link that leads outside of the book")]
    Outside,
    #[error("is not a regular file")]
    NotAFile,
    #[error("is too large: {found} bytes")]
    TooLarge { found: u64 },
    #[error("holds too much to look through")]
    TooMany,
    #[error("cannot be read: {0}")]
    Io(io::Error),
}

/// A book in a folder.
#[derive(Debug)]
pub(crate) struct Folder {
    /// Without links, so that a file's real path can be compared with it.
    root: PathBuf,
}

impl Folder {
    /// The book in the folder `path`.
    pub(crate) fn open(path: &Path) -> Result<Self, BookError> {
        let failed = |source| BookError::Folder { path: path.to_owned(), source };
        let root = fs::canonicalize(path).map_err(failed)?;
        if !fs::metadata(&root).map_err(failed)?.is_dir() {
            return Err(failed(io::ErrorKind::NotADirectory.into()));
        }
        Ok(Self { root })
    }

    /// The folder's name, for a book without a title.
    pub(crate) fn name(&self) -> String {
        self.root.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    }
}

impl Folder {
    /// Where a path really leads.
    fn real(&self, path: &BookPath) -> Result<PathBuf, SourceError> {
        let real = fs::canonicalize(self.root.join(path.as_str())).map_err(missing_or)?;
        if real.starts_with(&self.root) { Ok(real) } else { Err(SourceError::Outside) }
    }
}

impl Source for Folder {
    fn read(&self, path: &BookPath, max: u64) -> Result<Vec<u8>, SourceError> {
        let real = self.real(path)?;
        // Asked before opening, because opening a FIFO waits for somebody to write to it; and asked again of what was
        // opened, because another file may have come into its place meanwhile.
        let before = fs::symlink_metadata(&real).map_err(missing_or)?;
        if !before.is_file() {
            return Err(SourceError::NotAFile);
        }
        let file = File::open(&real).map_err(missing_or)?;
        let opened = file.metadata().map_err(SourceError::Io)?;
        if !opened.is_file() || !same_file(&before, &opened) {
            return Err(SourceError::NotAFile);
        }
        if opened.len() > max {
            return Err(SourceError::TooLarge { found: opened.len() });
        }
        let mut bytes = Vec::with_capacity(usize::try_from(opened.len()).unwrap_or(0));
        file.take(max.saturating_add(1)).read_to_end(&mut bytes).map_err(SourceError::Io)?;
        // It may have grown since.
        let found = bytes.len() as u64;
        if found > max { Err(SourceError::TooLarge { found }) } else { Ok(bytes) }
    }

    fn list(&self, path: &BookPath, max: usize) -> Result<Vec<Listed>, SourceError> {
        let mut all = Vec::new();
        for entry in fs::read_dir(self.real(path)?).map_err(missing_or)? {
            if all.len() >= max {
                return Err(SourceError::TooMany);
            }
            let entry = entry.map_err(SourceError::Io)?;
            let kind = match entry.file_type().map_err(SourceError::Io)? {
                kind if kind.is_symlink() => ListedKind::Link,
                kind if kind.is_dir() => ListedKind::Folder,
                kind if kind.is_file() => ListedKind::File,
                _ => ListedKind::Other,
            };
            let name = entry.file_name();
            all.push(Listed { is_utf8: name.to_str().is_some(), name: name.to_string_lossy().into_owned(), kind });
        }
        all.sort();
        Ok(all)
    }
}

/// What tells one content from another.
pub(crate) fn digest(bytes: &[u8]) -> Sha256 {
    Sha256::new(Hasher::digest(bytes).into())
}

fn missing_or(error: io::Error) -> SourceError {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => SourceError::Missing,
        _ => SourceError::Io(error),
    }
}

#[cfg(unix)]
fn same_file(before: &Metadata, opened: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (before.dev(), before.ino()) == (opened.dev(), opened.ino())
}

#[cfg(not(unix))]
fn same_file(_: &Metadata, _: &Metadata) -> bool {
    true
}

/// A book in memory, for tests.
#[cfg(test)]
pub(crate) struct Memory(pub(crate) std::collections::HashMap<&'static str, Vec<u8>>);

#[cfg(test)]
impl Memory {
    pub(crate) fn of(files: &[(&'static str, &str)]) -> Self {
        Self(files.iter().map(|(path, text)| (*path, text.as_bytes().to_vec())).collect())
    }
}

#[cfg(test)]
impl Source for Memory {
    fn read(&self, path: &BookPath, max: u64) -> Result<Vec<u8>, SourceError> {
        let bytes = self.0.get(path.as_str()).ok_or(SourceError::Missing)?;
        let found = bytes.len() as u64;
        if found > max { Err(SourceError::TooLarge { found }) } else { Ok(bytes.clone()) }
    }

    fn list(&self, path: &BookPath, _max: usize) -> Result<Vec<Listed>, SourceError> {
        let above = if *path == BookPath::root() { String::new() } else { format!("{path}/") };
        let below = self.0.keys().filter_map(|file| file.strip_prefix(&above));
        let listed = below.map(|rest| match rest.split_once('/') {
            Some((folder, _)) => (folder, ListedKind::Folder),
            None => (rest, ListedKind::File),
        });
        let all: std::collections::BTreeSet<_> = listed.collect();
        Ok(all.into_iter().map(|(name, kind)| Listed { name: name.to_owned(), is_utf8: true, kind }).collect())
    }
}
