//! Messages that only we can read, also for whoever holds the database.

use thiserror::Error;

/// Seals texts before they are stored and opens them again: authenticated encryption, under keys that the operator
/// keeps elsewhere.
///
/// A sealed text is bound to its place, so that nobody who can write rows moves it to another message: it opens only
/// with the `place` that it was sealed with.
pub trait Seal: Send + Sync {
    /// Seals under the key that is in use. The same text twice gives two different results.
    fn seal(&self, place: &[u8], text: &str) -> Result<Sealed, SealError>;

    /// Opens what was sealed under any key that is known.
    fn open(&self, place: &[u8], sealed: &Sealed) -> Result<String, SealError>;

    /// The name of the key that is in use; what is sealed under another one is due to be sealed anew.
    fn key(&self) -> &str;
}

/// A text that was sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The name of the key.
    pub key: String,
    /// What the key turned the text into, as text (base64).
    pub text: String,
}

/// Why a text was not sealed or opened.
#[derive(Debug, Error)]
pub enum SealError {
    /// There is no key of this name (any more).
    #[error("the key {0} is not known")]
    UnknownKey(String),
    /// It was changed, moved to another place, or sealed under another key of that name.
    #[error("a sealed text does not open")]
    Damaged,
    /// The system gave no random bytes.
    #[error("a text cannot be sealed")]
    Failed,
}
