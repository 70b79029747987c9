//! Keys of requests that are done once.

use async_trait::async_trait;
use lyceum_domain::{
    idempotency::{Claim, Claimed, Claims, SettledAnswer},
    store::StoreError,
    time::Timestamp,
};

use super::MemoryUnit;

#[async_trait]
impl Claims for MemoryUnit {
    async fn claim(&mut self, _claim: &Claim) -> Result<Claimed, StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }

    async fn settle(&mut self, _claim: &Claim, _answer: &SettledAnswer) -> Result<(), StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }

    async fn release(&mut self, _claim: &Claim) -> Result<(), StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }

    async fn remove_expired(&mut self, _at: Timestamp, _limit: u32) -> Result<u64, StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }
}
