//! Files that belong to a course: the images of a book and whatever else its lessons point to.

use std::fmt;

use async_trait::async_trait;

use crate::{
    blobs::{BlobKey, Sha256},
    ids::CourseId,
    invalid::Invalid,
    mentor::Cause,
    time::Timestamp,
};

/// The path of a file inside its course, from the root of the book it came with: plain names with `/` between them,
/// never empty, never `.` or `..`, never absolute; at most 1,000 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FilePath(String);

impl FilePath {
    /// Checks a path. Nothing is resolved: a path with `..` is none.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        let is_name = |name: &str| {
            !name.is_empty() && name != "." && name != ".." && !name.chars().any(|c| c.is_control() || c == '\\')
        };
        if raw.len() <= 1_000 && raw.split('/').all(is_name) {
            Ok(Self(raw.to_owned()))
        } else {
            Err(Invalid::Malformed { expected: "a relative path of plain names with / between them" })
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What follows the last dot of the name, in lower case.
    pub fn extension(&self) -> Option<String> {
        let name = self.0.rsplit_once('/').map_or(self.0.as_str(), |(_, name)| name);
        name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase())
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A file of a course.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CourseFile {
    /// The course.
    pub course: CourseId,
    /// Its path, unique within the course.
    pub path: FilePath,
    /// How many bytes it has.
    pub size: u64,
    /// Its digest; the `ETag` of its content.
    pub sha256: Sha256,
    /// Where its bytes are.
    pub blob: BlobKey,
    /// When it came.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A file as an importer found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDraft {
    /// Its path from the root of the source.
    pub path: FilePath,
    /// How many bytes it has.
    pub size: u64,
    /// Its digest.
    pub sha256: Sha256,
}

/// The bytes of the files of a [`CourseDraft`](super::CourseDraft), one at a time: an importer's limits say how large a
/// file can be.
#[async_trait]
pub trait DraftFiles: Send + Sync {
    /// The whole file.
    async fn read(&self, path: &FilePath) -> Result<Vec<u8>, Cause>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_inside() {
        for good in ["src/img/a b.png", "a", "ü.svg", "a..b/c"] {
            assert!(FilePath::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "/a", "a/", "a//b", "..", "../a", "a/../b", "./a", "a\\b", "a\nb", "a/\0"] {
            assert!(FilePath::parse(bad).is_err(), "{bad:?}");
        }
        assert_eq!(FilePath::parse("a.b/C.PNG").expect("good").extension().as_deref(), Some("png"));
        assert_eq!(FilePath::parse("a.b/c").expect("good").extension(), None);
    }
}
