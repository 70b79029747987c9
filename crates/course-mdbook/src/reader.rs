//! Text files of a book, each read once and counted.

use std::{collections::HashMap, rc::Rc};

use lyceum_domain::{blobs::Sha256, text};
use thiserror::Error;

use crate::{
    book_path::BookPath,
    error::BookError,
    limits::{Limit, Limits},
    source::{Source, SourceError, digest},
};

/// Reads text within the limits.
pub(crate) struct Reader<'a, S> {
    source: &'a S,
    limits: &'a Limits,
    texts: HashMap<BookPath, Rc<str>>,
    files: u64,
    bytes: u64,
}

/// Why there is no text. All but the last cost only the file.
#[derive(Debug, Error)]
pub(crate) enum Unread {
    #[error("{0}")]
    Source(SourceError),
    #[error("is not UTF-8 text")]
    NotUtf8,
    #[error(transparent)]
    OverLimit(BookError),
}

impl<'a, S: Source> Reader<'a, S> {
    pub(crate) fn new(source: &'a S, limits: &'a Limits) -> Self {
        Self { source, limits, texts: HashMap::new(), files: 0, bytes: 0 }
    }

    /// The text of a file, clean, without a byte order mark.
    pub(crate) fn text(&mut self, path: &BookPath) -> Result<Rc<str>, Unread> {
        if let Some(text) = self.texts.get(path) {
            return Ok(Rc::clone(text));
        }
        let over =
            |limit, max, found| Unread::OverLimit(BookError::OverLimit { limit, max, found, place: path.to_string() });
        let bytes = match self.source.read(path, self.limits.max_file_bytes) {
            Ok(bytes) => bytes,
            Err(SourceError::TooLarge { found }) => {
                return Err(over(Limit::FileBytes, self.limits.max_file_bytes, found));
            }
            Err(error) => return Err(Unread::Source(error)),
        };
        self.files += 1;
        if self.files > self.limits.max_files {
            return Err(over(Limit::Files, self.limits.max_files, self.files));
        }
        self.bytes += bytes.len() as u64;
        if self.bytes > self.limits.max_total_bytes {
            return Err(over(Limit::TotalBytes, self.limits.max_total_bytes, self.bytes));
        }
        let raw = std::str::from_utf8(&bytes).map_err(|_| Unread::NotUtf8)?;
        let text: Rc<str> = text::cleaned(raw.strip_prefix('\u{feff}').unwrap_or(raw)).into();
        self.texts.insert(path.clone(), Rc::clone(&text));
        Ok(text)
    }

    /// The digest of a file as it is, if it can be read. Meant for files that were counted already.
    pub(crate) fn digest(&self, path: &BookPath) -> Option<Sha256> {
        self.source.read(path, self.limits.max_file_bytes).ok().map(|bytes| digest(&bytes))
    }

    /// A text as it is, if it has this digest. Meant for files that were counted already.
    pub(crate) fn verbatim(&self, path: &BookPath, expected: Sha256) -> Option<String> {
        let bytes = self.source.read(path, self.limits.max_file_bytes).ok()?;
        if digest(&bytes) == expected { String::from_utf8(bytes).ok() } else { None }
    }

    pub(crate) fn limits(&self) -> &'a Limits {
        self.limits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Memory;

    fn path(raw: &str) -> BookPath {
        BookPath::root().join(raw).unwrap()
    }

    #[test]
    fn text_is_clean() {
        let source = Memory::of(&[("a.md", "\u{feff}one\r\ntwo\u{7}")]);
        let limits = Limits::default();
        assert_eq!(&*Reader::new(&source, &limits).text(&path("a.md")).unwrap(), "one\ntwo");
    }

    #[test]
    fn limits_hold_and_a_file_counts_once() {
        let source = Memory::of(&[("a", "aaaa"), ("b", "bbbb"), ("c", "cc")]);
        let limits = Limits { max_files: 2, ..Limits::default() };
        let mut reader = Reader::new(&source, &limits);
        reader.text(&path("a")).unwrap();
        reader.text(&path("a")).unwrap();
        reader.text(&path("b")).unwrap();
        let error = reader.text(&path("c")).unwrap_err();
        assert_eq!(error.to_string(), "c: 3 files read; at most 2 are allowed");

        let limits = Limits { max_total_bytes: 7, ..Limits::default() };
        let mut reader = Reader::new(&source, &limits);
        reader.text(&path("a")).unwrap();
        let error = reader.text(&path("b")).unwrap_err();
        assert_eq!(error.to_string(), "b: 8 bytes in all files together; at most 7 are allowed");

        let limits = Limits { max_file_bytes: 3, ..Limits::default() };
        let error = Reader::new(&source, &limits).text(&path("a")).unwrap_err();
        assert_eq!(error.to_string(), "a: 4 bytes in one file; at most 3 are allowed");
    }

    #[test]
    fn other_encodings_are_not_text() {
        let source = Memory([("a", vec![0xff, 0xfe, 0x41])].into());
        let limits = Limits::default();
        assert!(matches!(Reader::new(&source, &limits).text(&path("a")), Err(Unread::NotUtf8)));
    }
}
