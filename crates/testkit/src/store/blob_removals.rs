//! Blobs that are to go.

use async_trait::async_trait;
use lyceum_domain::{
    blobs::{BlobKey, BlobRemoval, BlobRemovals},
    store::StoreError,
    time::Timestamp,
};

use super::MemoryUnit;

#[async_trait]
impl BlobRemovals for MemoryUnit {
    async fn schedule(&mut self, _keys: &[BlobKey], _due_at: Timestamp) -> Result<(), StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }

    async fn cancel(&mut self, _keys: &[BlobKey]) -> Result<(), StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }

    async fn take_due(
        &mut self,
        _now: Timestamp,
        _lease_until: Timestamp,
        _limit: u32,
    ) -> Result<Vec<BlobRemoval>, StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }

    async fn settle(&mut self, _key: &BlobKey) -> Result<(), StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }

    async fn postpone(&mut self, _key: &BlobKey, _due_at: Timestamp) -> Result<(), StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }
}
