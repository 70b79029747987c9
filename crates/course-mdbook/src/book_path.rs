//! Paths inside a book, safe by construction.

use std::fmt;

use thiserror::Error;

/// A path below the book's root: plain names with `/` between them, no `.`, no `..`, never absolute.
/// Links in the file system are another matter: [`Source`](crate::source::Source) looks after those.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct BookPath(String);

/// Why a path is not one inside the book. The texts continue "the path …".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum Refused {
    #[error("is empty")]
    Empty,
    #[error("is a web address, not a file of the book")]
    Address,
    #[error("holds a control character")]
    ControlCharacter,
    #[error("is written with backslashes or a drive letter; parts of a path have `/` between them")]
    Windows,
    #[error("is absolute; only paths inside the book are read")]
    Absolute,
    #[error("leads outside of the book")]
    Outside,
}

impl BookPath {
    /// The folder that holds `book.toml`.
    pub(crate) fn root() -> Self {
        Self::default()
    }

    /// What `raw` means when written in a file in this folder. `..` is resolved by name, before the file system is
    /// asked, so it can never climb through a link.
    pub(crate) fn join(&self, raw: &str) -> Result<Self, Refused> {
        if raw.chars().any(char::is_control) {
            return Err(Refused::ControlCharacter);
        }
        if raw.trim().is_empty() {
            return Err(Refused::Empty);
        }
        if is_address(raw) {
            return Err(Refused::Address);
        }
        if raw.contains('\\') || has_drive(raw) {
            return Err(Refused::Windows);
        }
        if raw.starts_with('/') {
            return Err(Refused::Absolute);
        }
        let mut parts: Vec<&str> = self.0.split('/').filter(|part| !part.is_empty()).collect();
        for part in raw.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    parts.pop().ok_or(Refused::Outside)?;
                }
                // A path like `a/C:x` would start anew on Windows.
                name if has_drive(name) => return Err(Refused::Windows),
                name => parts.push(name),
            }
        }
        Ok(Self(parts.join("/")))
    }

    /// The folder that this file is in.
    pub(crate) fn folder(&self) -> Self {
        Self(self.0.rsplit_once('/').map_or_else(String::new, |(folder, _)| folder.to_owned()))
    }

    /// The file's name without its extension.
    pub(crate) fn stem(&self) -> &str {
        let name = self.0.rsplit_once('/').map_or(self.0.as_str(), |(_, name)| name);
        name.rsplit_once('.').map_or(name, |(stem, _)| stem)
    }

    /// With `/` between the parts; empty for the root.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// For messages: the file and a line in it.
    pub(crate) fn line(&self, line: usize) -> String {
        format!("{}:{line}", self.0)
    }
}

impl fmt::Display for BookPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_address(raw: &str) -> bool {
    raw.split_once("://").is_some_and(|(scheme, _)| {
        scheme.len() > 1 && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
    }) || raw.starts_with("mailto:")
}

fn has_drive(raw: &str) -> bool {
    matches!(raw.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_src(raw: &str) -> Result<String, Refused> {
        BookPath("src/part".to_owned()).join(raw).map(|path| path.as_str().to_owned())
    }

    #[test]
    fn parts_are_resolved_by_name() {
        assert_eq!(from_src("a.md"), Ok("src/part/a.md".to_owned()));
        assert_eq!(from_src("./x//a b.md"), Ok("src/part/x/a b.md".to_owned()));
        assert_eq!(from_src("../a.md"), Ok("src/a.md".to_owned()));
        assert_eq!(from_src("../../a.md"), Ok("a.md".to_owned()));
        assert_eq!(BookPath::root().join("."), Ok(BookPath::root()));
    }

    #[test]
    fn what_leads_elsewhere_is_refused() {
        assert_eq!(from_src("../../../a.md"), Err(Refused::Outside));
        assert_eq!(from_src("x/../../../../src/a.md"), Err(Refused::Outside));
        assert_eq!(from_src("/etc/passwd"), Err(Refused::Absolute));
        assert_eq!(from_src("C:/a.md"), Err(Refused::Windows));
        assert_eq!(from_src("x/C:a.md"), Err(Refused::Windows));
        assert_eq!(from_src("..\\a.md"), Err(Refused::Windows));
        assert_eq!(from_src("\\\\server\\share"), Err(Refused::Windows));
        assert_eq!(from_src("a\0.md"), Err(Refused::ControlCharacter));
        assert_eq!(from_src("https://example.org/a.md"), Err(Refused::Address));
        assert_eq!(from_src(" "), Err(Refused::Empty));
    }

    #[test]
    fn folder_and_stem() {
        let path = BookPath("src/part/a.b.md".to_owned());
        assert_eq!((path.folder().as_str(), path.stem()), ("src/part", "a.b"));
        assert_eq!(BookPath("a".to_owned()).folder(), BookPath::root());
    }
}
