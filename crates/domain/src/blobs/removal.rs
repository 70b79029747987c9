//! Blobs that are to go.

use async_trait::async_trait;

use crate::{blobs::BlobKey, store::StoreError, time::Timestamp};

/// A blob that is to be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobRemoval {
    /// Which.
    pub key: BlobKey,
    /// How often it was tried in vain; who took it and never said what came of it is among them.
    pub attempts: u32,
}

/// Notes which blobs are to go, inside a unit of work.
#[async_trait]
pub trait BlobRemovals: Send {
    /// Notes that a blob is to go at `due_at`; a note that is there already gets this time.
    async fn schedule(&mut self, keys: &[BlobKey], due_at: Timestamp) -> Result<(), StoreError>;

    /// Takes notes back: the blobs are in use. [`StoreError::Conflict`] if one of them is not noted (any more), or was
    /// taken to be removed: it may be gone already.
    async fn cancel(&mut self, keys: &[BlobKey]) -> Result<(), StoreError>;

    /// The `limit` removals that are due the longest, put off to `lease_until` so that nobody else takes them meanwhile.
    async fn take_due(
        &mut self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<BlobRemoval>, StoreError>;

    /// The blob is gone.
    async fn settle(&mut self, key: &BlobKey) -> Result<(), StoreError>;

    /// It could not be removed: to be tried again at `due_at`.
    async fn postpone(&mut self, key: &BlobKey, due_at: Timestamp) -> Result<(), StoreError>;
}
