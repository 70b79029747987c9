//! Temporary.
use lyceum_domain::ids::UserId;
use std::{sync::Arc, time::Duration};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// x
#[derive(Debug, Clone, Copy)]
pub struct LaneSettings {
    /// x
    pub at_once: usize,
    /// x
    pub waiting: usize,
    /// x
    pub waiting_per_user: usize,
    /// x
    pub patience: Duration,
}
/// x
pub struct Lanes(Arc<Semaphore>);
/// x
pub struct Lane(#[allow(dead_code)] OwnedSemaphorePermit);
/// x
#[derive(Debug)]
pub struct Busy {
    /// x
    pub retry_after: Duration,
}
impl Lanes {
    /// x
    pub fn new(settings: LaneSettings) -> Self {
        Self(Arc::new(Semaphore::new(settings.at_once)))
    }
    /// x
    pub async fn enter(&self, _user: UserId) -> Result<Lane, Busy> {
        Arc::clone(&self.0).acquire_owned().await.map(Lane).map_err(|_| Busy { retry_after: Duration::ZERO })
    }
}
