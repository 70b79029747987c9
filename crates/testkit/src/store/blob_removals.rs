//! Blobs that are to go.

use async_trait::async_trait;
use lyceum_domain::{
    blobs::{BlobKey, BlobRemoval, BlobRemovals},
    store::StoreError,
    time::Timestamp,
};

use super::{
    MemoryUnit,
    tables::{RemovalRow, at_most},
};

#[async_trait]
impl BlobRemovals for MemoryUnit {
    async fn schedule(&mut self, keys: &[BlobKey], due_at: Timestamp) -> Result<(), StoreError> {
        self.run(|tables| {
            tables.note_removals(keys.iter().cloned(), due_at);
            Ok(())
        })
    }

    async fn cancel(&mut self, keys: &[BlobKey]) -> Result<(), StoreError> {
        self.run(|tables| {
            for key in keys {
                // One that was taken may be gone already, however the attempt ended.
                tables.blob_removals.remove(key).filter(|row| row.attempts == 0).ok_or(StoreError::Conflict)?;
            }
            Ok(())
        })
    }

    async fn take_due(
        &mut self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<BlobRemoval>, StoreError> {
        self.run(|tables| {
            let mut due: Vec<_> = tables.blob_removals.iter_mut().filter(|(_, row)| row.due_at <= now).collect();
            due.sort_by_key(|(key, row)| (row.due_at, (*key).clone()));
            due.truncate(at_most(limit));
            let take = |(key, row): (&BlobKey, &mut RemovalRow)| {
                row.due_at = lease_until;
                row.attempts += 1;
                BlobRemoval { key: key.clone(), attempts: row.attempts - 1 }
            };
            Ok(due.into_iter().map(take).collect())
        })
    }

    async fn settle(&mut self, key: &BlobKey) -> Result<(), StoreError> {
        self.run(|tables| {
            tables.blob_removals.remove(key);
            Ok(())
        })
    }

    async fn postpone(&mut self, key: &BlobKey, due_at: Timestamp) -> Result<(), StoreError> {
        self.run(|tables| {
            if let Some(row) = tables.blob_removals.get_mut(key) {
                row.due_at = due_at;
            }
            Ok(())
        })
    }
}
