//! The text of a document.

use async_trait::async_trait;
use thiserror::Error;

use crate::{blobs::BlobStream, mentor::Cause, subjects::DocumentKind};

/// The text that was found in a document, clean (see [`text::cleaned`](crate::text::cleaned)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtractedText {
    /// The text, at most [`ExtractedText::MAX`] characters of it.
    pub text: String,
    /// Whether there was more.
    pub is_cut: bool,
}

impl ExtractedText {
    /// The largest number of characters that is kept.
    pub const MAX: usize = 1_000_000;
}

/// Reads the text of documents. Bounded in time and memory, whatever the document is: a parser that breaks, hangs or
/// grows costs only its document.
#[async_trait]
pub trait TextExtractor: Send + Sync {
    /// The text of the document that `content` brings.
    async fn text(&self, kind: DocumentKind, content: BlobStream) -> Result<ExtractedText, ExtractError>;
}

/// Why there is no text.
#[derive(Debug, Error)]
pub enum ExtractError {
    /// There will never be any: the document is damaged, encrypted, or beyond the bounds.
    #[error("the text cannot be read: {0}")]
    Unreadable(String),
    /// The content did not come to its end; try again.
    #[error("the content broke off")]
    Interrupted(#[source] Cause),
    /// Not now; a fault of ours or of the machine.
    #[error("text cannot be read now")]
    Failed(#[source] Cause),
}
