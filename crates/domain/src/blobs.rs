//! Blobs: the bytes of files (portraits, documents, the images of a book), kept apart from the rows that name them.
//!
//! A blob and its row cannot be written in one transaction, so every key is noted in [`BlobRemovals`] before its blob is
//! written. The unit that stores the row takes the note back; whatever happens in between (a killed process, a client
//! that leaves, a database that goes away), the blob that no row names is removed when its note falls due. Deleting a
//! row notes its key in the same unit, and the removal is tried until it succeeds.

mod key;
mod removal;

pub use key::{BlobKey, Sha256};
pub use removal::{BlobRemoval, BlobRemovals};

use std::{ops::Range, pin::Pin};

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::Stream;
use thiserror::Error;

use crate::mentor::Cause;

/// Bytes in pieces. A piece that is an error says that the rest will not come.
pub type BlobStream = Pin<Box<dyn Stream<Item = Result<Bytes, Cause>> + Send>>;

/// A blob, or the part of it that was asked for.
pub struct Blob {
    /// How many bytes the whole blob has.
    pub size: u64,
    /// Which of them `content` brings.
    pub range: Range<u64>,
    /// The bytes.
    pub content: BlobStream,
}

impl std::fmt::Debug for Blob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Blob").field("size", &self.size).field("range", &self.range).finish_non_exhaustive()
    }
}

/// Keeps blobs. Each key is written once: a changed file gets a new key.
#[async_trait]
pub trait Blobs: Send + Sync {
    /// Stores all that `content` brings and says how many bytes that were; never holds more than a few pieces of it in
    /// memory. If `content` ends with an error nothing is stored and the answer is [`BlobError::Interrupted`]. Dropping
    /// the future leaves at most what [`delete`](Self::delete) of the key removes, and never a part that
    /// [`get`](Self::get) would answer with.
    async fn put(&self, key: &BlobKey, content: BlobStream) -> Result<u64, BlobError>;

    /// The blob, or the part `range` of it. A range that begins within the blob and ends after it is cut; an empty one,
    /// or one that begins at or after the end, is [`BlobError::OutOfRange`].
    async fn get(&self, key: &BlobKey, range: Option<Range<u64>>) -> Result<Blob, BlobError>;

    /// Removes the blob. One that is not there is as good as removed.
    async fn delete(&self, key: &BlobKey) -> Result<(), BlobError>;

    /// Whether blobs can be written and read now.
    async fn check(&self) -> Result<(), BlobError>;
}

/// Why the blob store did not do what it was asked.
#[derive(Debug, Error)]
pub enum BlobError {
    /// There is no blob of that key.
    #[error("there is no such blob")]
    Missing,
    /// The range begins after the end.
    #[error("the range is outside of the blob, which has {size} bytes")]
    OutOfRange {
        /// How many bytes the blob has.
        size: u64,
    },
    /// What was to be stored did not come to its end.
    #[error("the content broke off")]
    Interrupted(#[source] Cause),
    /// The store is away, full or refuses us. Try again later.
    #[error("the blob store is unavailable")]
    Unavailable(#[source] Cause),
}
