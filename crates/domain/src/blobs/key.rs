//! What blobs are called, and what tells one content from another.

use std::fmt;

use crate::{
    ids::{IdGenerator, UserId},
    invalid::Invalid,
};

/// The name of a blob: parts of lower-case letters, digits, hyphens and dots with `/` between them, which is a path in
/// every store. Nobody outside chooses any part of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlobKey(String);

impl BlobKey {
    /// A new name for the portrait of a user.
    pub fn portrait(user: UserId, ids: &dyn IdGenerator) -> Self {
        Self(format!("profile-pictures/{user}/{}.jpg", ids.next().as_hyphenated()))
    }

    /// A new name for a document.
    pub fn document(ids: &dyn IdGenerator) -> Self {
        Self(format!("documents/{}", ids.next().as_hyphenated()))
    }

    /// A new name for a file of a course.
    pub fn course_file(ids: &dyn IdGenerator) -> Self {
        Self(format!("course-files/{}", ids.next().as_hyphenated()))
    }

    /// Checks a key from a row or an address.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        let is_part = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
                && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.')
        };
        if raw.len() <= 200 && raw.split('/').all(is_part) {
            Ok(Self(raw.to_owned()))
        } else {
            Err(Invalid::Malformed { expected: "a path of lower-case letters, digits, hyphens and dots" })
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BlobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The SHA-256 digest of a content (FIPS 180-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sha256([u8; 32]);

impl Sha256 {
    /// A digest that was made elsewhere.
    pub const fn new(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// The digest.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads 64 lower-case hexadecimal digits.
    pub fn parse(hex: &str) -> Result<Self, Invalid> {
        let bad = Invalid::Malformed { expected: "64 hexadecimal digits" };
        if hex.len() != 64 || !hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            return Err(bad);
        }
        let mut digest = [0; 32];
        for (byte, at) in digest.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&hex[at..at + 2], 16).map_err(|_| bad)?;
        }
        Ok(Self(digest))
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_paths_that_lead_nowhere_else() {
        for good in ["documents/018f2e3a-7b1c-7def-8123-456789abcdef", "profile-pictures/0a/0b.jpg", "a"] {
            assert!(BlobKey::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "/a", "a/", "a//b", "../a", "a/../b", "a/.", "A", "a b", "a\\b", "a\0", ".hidden", "ä"] {
            assert!(BlobKey::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn digests_come_back_from_their_text() {
        let digest = Sha256::new(std::array::from_fn(|n| u8::try_from(n * 7).expect("small")));
        assert_eq!(Sha256::parse(&digest.to_string()), Ok(digest));
        assert!(Sha256::parse("00").is_err());
        assert!(Sha256::parse(&"é".repeat(32)).is_err());
    }
}
