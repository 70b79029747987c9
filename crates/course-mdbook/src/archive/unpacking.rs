//! Where the content of an archive goes.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use crate::{
    archive::entries::{self, Clash, Entries, Kind},
    book_toml,
    error::BookError,
    limits::Limits,
    notes::printable,
};

/// More reasons than these are only counted.
const MOST_REASONS: usize = 20;

/// Smaller contents are not suspicious, however well they were compressed.
const RATIO_COUNTS_FROM: u64 = 1024 * 1024;

const BUFFER: usize = 64 * 1024;

/// Takes the entries of one archive, writes the good ones into a folder and remembers what is wrong with the others.
pub(super) struct Unpacking<'a> {
    folder: &'a Path,
    pub(super) limits: &'a Limits,
    /// Bytes of the archive itself.
    compressed: u64,
    /// Bytes that came out of it.
    bytes: u64,
    listed: u64,
    entries: Entries,
    reasons: Vec<String>,
    unlisted: usize,
    /// For each sign of a book, strongest first, the folders that have it.
    signs: [Vec<Vec<String>>; 3],
    buffer: Vec<u8>,
}

/// Nothing more is read.
#[derive(Debug)]
pub(super) enum Halt {
    /// The reasons are among the others.
    Refused,
    /// Our own disk failed.
    Io(io::Error),
}

/// What to do with an entry.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Admitted {
    /// Write it there.
    File(PathBuf),
    /// It has no content, or none that anybody wants.
    Nothing,
}

/// What went wrong with one entry's content.
#[derive(Debug)]
pub(super) enum Bad {
    /// The archive could not be read on.
    Source(io::Error),
    Halt(Halt),
}

impl From<Halt> for Bad {
    fn from(halt: Halt) -> Self {
        Self::Halt(halt)
    }
}

impl<'a> Unpacking<'a> {
    pub(super) fn new(folder: &'a Path, limits: &'a Limits, compressed: u64) -> Self {
        Self {
            folder,
            limits,
            compressed,
            bytes: 0,
            listed: 0,
            entries: Entries::new(usize::try_from(limits.max_entries).unwrap_or(usize::MAX)),
            reasons: Vec::new(),
            unlisted: 0,
            signs: Default::default(),
            buffer: vec![0; BUFFER],
        }
    }

    /// Something is wrong with the archive.
    pub(super) fn fault(&mut self, reason: impl Into<String>) {
        if self.reasons.len() < MOST_REASONS {
            self.reasons.push(reason.into());
        } else {
            self.unlisted += 1;
        }
    }

    /// Something is wrong with one entry.
    pub(super) fn entry_fault(&mut self, name: &[u8], reason: &str) {
        self.fault(format!("`{}`: {reason}", printable(&String::from_utf8_lossy(name))));
    }

    /// Something is so wrong that reading on is of no use.
    pub(super) fn halt(&mut self, reason: impl Into<String>) -> Halt {
        self.fault(reason);
        Halt::Refused
    }

    /// Whether something is wrong already, so that nothing needs to be written any more.
    pub(super) fn is_refused(&self) -> bool {
        !self.reasons.is_empty()
    }

    /// Counts an entry, whatever it is.
    pub(super) fn count(&mut self) -> Result<(), Halt> {
        self.listed += 1;
        if self.listed > self.limits.max_entries { Err(self.too_many()) } else { Ok(()) }
    }

    fn too_many(&mut self) -> Halt {
        self.halt(format!("it holds more than {} files and folders", self.limits.max_entries))
    }

    /// Decides about an entry by its name. `size` is what the archive says of it.
    pub(super) fn admit(&mut self, name: &[u8], kind: Kind, size: u64) -> Result<Admitted, Halt> {
        let parts = match entries::parts(name, self.limits) {
            Ok(parts) => parts,
            Err(reason) => {
                self.entry_fault(name, &reason);
                return Ok(Admitted::Nothing);
            }
        };
        if kind == Kind::File {
            if parts.is_empty() {
                self.entry_fault(name, "its name is empty");
                return Ok(Admitted::Nothing);
            }
            if size > self.limits.max_entry_bytes {
                let max = self.limits.max_entry_bytes;
                self.entry_fault(name, &format!("it has {size} bytes; at most {max} are allowed"));
            }
        }
        // What a Mac adds to its archives.
        if parts.iter().any(|part| matches!(*part, "__MACOSX" | ".DS_Store")) {
            return Ok(Admitted::Nothing);
        }
        match self.entries.add(&parts, kind) {
            Ok(()) => {}
            Err(Clash::TooMany) => return Err(self.too_many()),
            Err(Clash::Path(reason)) => {
                self.entry_fault(name, &reason);
                return Ok(Admitted::Nothing);
            }
        }
        if kind == Kind::Folder {
            return Ok(Admitted::Nothing);
        }
        self.notice(&parts);
        Ok(Admitted::File(parts.iter().collect()))
    }

    /// Remembers what looks like a book's beginning.
    fn notice(&mut self, parts: &[&str]) {
        let (sign, above) = match parts {
            [above @ .., book_toml::NAME] => (0, above),
            [above @ .., "src", "SUMMARY.md"] => (1, above),
            [above @ .., "SUMMARY.md"] => (2, above),
            _ => return,
        };
        if !above.iter().any(|part| part.starts_with('.')) {
            self.signs[sign].push(above.iter().map(|part| (*part).to_owned()).collect());
        }
    }

    /// Writes a file. Nothing is written any more once something was wrong; it is read and counted all the same.
    pub(super) fn write(&mut self, name: &[u8], to: &Admitted, source: &mut dyn Read) -> Result<u64, Bad> {
        let mut file = match to {
            Admitted::File(path) if !self.is_refused() => Some(self.create(path).map_err(Halt::Io)?),
            _ => None,
        };
        let mut buffer = std::mem::take(&mut self.buffer);
        let written = self.copy(name, source, file.as_mut(), &mut buffer);
        self.buffer = buffer;
        written
    }

    fn copy(
        &mut self,
        name: &[u8],
        source: &mut dyn Read,
        mut file: Option<&mut File>,
        buffer: &mut [u8],
    ) -> Result<u64, Bad> {
        let mut count = 0;
        loop {
            let read = match source.read(buffer) {
                Ok(0) => return Ok(count),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Bad::Source(error)),
            };
            count += read as u64;
            if count > self.limits.max_entry_bytes {
                let max = self.limits.max_entry_bytes;
                self.entry_fault(name, &format!("it has more than {max} bytes"));
                return Err(Halt::Refused.into());
            }
            self.spend(read as u64)?;
            if let Some(file) = &mut file {
                file.write_all(&buffer[..read]).map_err(Halt::Io)?;
            }
        }
    }

    /// Counts bytes that came out of the archive.
    pub(super) fn spend(&mut self, bytes: u64) -> Result<(), Halt> {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > self.limits.max_unpacked_bytes {
            let max = self.limits.max_unpacked_bytes;
            return Err(self.halt(format!("it holds more than {max} bytes when unpacked")));
        }
        let ratio = self.limits.max_ratio;
        if self.bytes > RATIO_COUNTS_FROM && self.bytes > self.compressed.saturating_mul(ratio) {
            return Err(self.halt(format!("it becomes more than {ratio} times as large when unpacked")));
        }
        Ok(())
    }

    fn create(&self, path: &Path) -> io::Result<File> {
        let path = self.folder.join(path);
        if let Some(parent) = path.parent() {
            let mut builder = DirBuilder::new();
            builder.recursive(true);
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            builder.create(parent)?;
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(path)
    }

    /// The folder that holds the book, if nothing was wrong.
    pub(super) fn finish(self) -> Result<String, BookError> {
        if !self.reasons.is_empty() {
            return Err(BookError::Archive { reasons: self.reasons, unlisted: self.unlisted });
        }
        let nothing = || BookError::NoSummary { place: "src/SUMMARY.md".to_owned() };
        let mut folders = self.signs.into_iter().find(|folders| !folders.is_empty()).ok_or_else(nothing)?;
        let depth = folders.iter().map(Vec::len).min().unwrap_or_default();
        folders.retain(|folder| folder.len() == depth);
        folders.sort();
        match &folders[..] {
            [folder] => Ok(folder.join("/")),
            several => {
                let places = several.iter().take(MOST_REASONS).map(|folder| printable(&folder.join("/"))).collect();
                Err(BookError::SeveralBooks { places })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_written_than_is_allowed() {
        let folder = tempfile::tempdir().unwrap();
        let limits = Limits { max_unpacked_bytes: 300_000, max_entry_bytes: 200_000, ..Limits::default() };
        let mut unpacking = Unpacking::new(folder.path(), &limits, 1_000_000);
        for name in ["a", "b", "c"] {
            let to = unpacking.admit(name.as_bytes(), Kind::File, 1).unwrap();
            assert!(unpacking.write(name.as_bytes(), &to, &mut io::repeat(0).take(150_001)).is_ok() == (name == "a"));
        }
        let written: u64 =
            folder.path().read_dir().unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
        assert!((150_001..=300_000).contains(&written), "{written}");
        assert!(unpacking.bytes <= 300_000 + 2 * BUFFER as u64);

        let mut unpacking = Unpacking::new(folder.path(), &limits, 1_000_000);
        let to = unpacking.admit(b"d", Kind::File, 1).unwrap();
        assert!(matches!(unpacking.write(b"d", &to, &mut io::repeat(0)), Err(Bad::Halt(Halt::Refused))));
        assert!(folder.path().join("d").metadata().unwrap().len() <= 200_000);
    }
}
