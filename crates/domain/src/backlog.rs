//! What waits to be done by the server itself.

use async_trait::async_trait;

use crate::{store::StoreError, time::Timestamp};

/// How much waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backlog {
    /// Blobs that are to go, and whose time has come.
    pub blobs_to_remove: u64,
    /// Documents whose text was not read yet.
    pub texts_to_read: u64,
}

/// Looks at what waits, without a transaction.
#[async_trait]
pub trait BacklogQueries: Send + Sync {
    /// How much waits at a time. Cheap enough to be asked every few seconds.
    async fn backlog(&self, now: Timestamp) -> Result<Backlog, StoreError>;
}
