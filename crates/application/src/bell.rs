//! Waking who waits for work.

use std::sync::Arc;

use tokio::sync::Notify;

/// Rings when there is something to do, so that nobody has to look all the time. Its clones are one bell.
#[derive(Debug, Clone, Default)]
pub struct Bell(Arc<Notify>);

impl Bell {
    /// Says that there is something to do.
    pub fn ring(&self) {
        self.0.notify_one();
    }

    /// Waits until there is. A ring since the last time counts.
    pub async fn rung(&self) {
        self.0.notified().await;
    }
}
