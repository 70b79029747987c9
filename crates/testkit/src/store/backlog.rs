//! What waits to be done by the server itself.

use async_trait::async_trait;
use lyceum_domain::{
    backlog::{Backlog, BacklogQueries},
    store::StoreError,
    subjects::TextState,
    time::Timestamp,
};

use super::MemoryStore;

#[async_trait]
impl BacklogQueries for MemoryStore {
    async fn backlog(&self, now: Timestamp) -> Result<Backlog, StoreError> {
        let tables = self.tables()?;
        let blobs = tables.blob_removals.values().filter(|row| row.due_at <= now).count();
        let waits = tables.documents.values().filter(|row| row.document.text == TextState::Pending);
        let texts = waits.filter(|row| row.due_at <= now).count();
        let number = |count| u64::try_from(count).unwrap_or(u64::MAX);
        Ok(Backlog { blobs_to_remove: number(blobs), texts_to_read: number(texts) })
    }
}
