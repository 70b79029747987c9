//! What waits to be done, as the database last said, and how the parts were then.

use std::time::{Duration, Instant};

use lyceum_application::Lyceum;
use lyceum_domain::{backlog::Backlog, mail::OutboxCounts, store::StoreError};
use prometheus::{IntGauge, IntGaugeVec, Registry, Result};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::{gauges, registered, show};
use crate::app::App;

/// How long what the database said is good enough.
const FRESH: Duration = Duration::from_secs(5);
/// How long the database may take, and how long anybody waits for it.
const PATIENCE: Duration = Duration::from_secs(2);

/// What waits.
pub struct BacklogMetrics {
    is_asked: Notify,
    looked_at: watch::Sender<Option<Instant>>,
    up: IntGauge,
    mails: IntGaugeVec,
    oldest_mail: IntGauge,
    blobs: IntGauge,
    texts: IntGauge,
}

impl BacklogMetrics {
    pub(super) fn new(registry: &Registry) -> Result<Self> {
        let gauge = |name: &str, help: &str| registered(registry, IntGauge::new(name, help)?);
        Ok(Self {
            is_asked: Notify::new(),
            looked_at: watch::Sender::default(),
            up: gauge("lyceum_database_up", "1 if the database answered when it was last asked, else 0.")?,
            mails: registered(
                registry,
                gauges("lyceum_outbox_mails", "Mails that wait (waiting) or were given up (dead).", &["state"])?,
            )?,
            oldest_mail: gauge("lyceum_outbox_oldest_age_seconds", "How long the oldest mail has waited; 0 if none.")?,
            blobs: gauge("lyceum_blob_removals_due", "Files that are to be removed, and were not yet.")?,
            texts: gauge("lyceum_texts_to_read", "Documents whose text is to be read, and was not yet.")?,
        })
    }

    /// Waits for numbers that are fresh, but never for long: else the old ones have to do.
    pub async fn refresh(&self) {
        let mut looked_at = self.looked_at.subscribe();
        let is_fresh = looked_at.borrow_and_update().is_some_and(|at| at.elapsed() < FRESH);
        if !is_fresh {
            self.is_asked.notify_one();
            let _ = tokio::time::timeout(PATIENCE, looked_at.changed()).await;
        }
    }

    /// Asks the database and looks at the parts whenever somebody wants to know, until the server stops.
    pub async fn keep(&self, app: App, stopping: CancellationToken) {
        // A little less than those wait who asked.
        let patience = PATIENCE.saturating_sub(Duration::from_millis(100));
        while stopping.run_until_cancelled(self.is_asked.notified()).await.is_some() {
            let (answer, _) = tokio::join!(
                tokio::time::timeout(patience, look(&app.lyceum)),
                // It tells the metrics what it finds.
                tokio::time::timeout(patience, app.health.look(&app)),
            );
            match answer {
                Ok(Ok((mails, backlog))) => {
                    let age = mails.oldest.map(|oldest| app.lyceum.ports().clock.now().since(oldest).as_secs());
                    self.tell(&mails, &backlog, age.unwrap_or_default());
                }
                // The numbers stay as they were; that they are old is told by this one.
                Ok(Err(_)) | Err(_) => self.up.set(0),
            }
            self.looked_at.send_replace(Some(Instant::now()));
        }
    }

    fn tell(&self, mails: &OutboxCounts, backlog: &Backlog, oldest: u64) {
        self.up.set(1);
        show(&self.mails.with_label_values(&["waiting"]), mails.waiting);
        show(&self.mails.with_label_values(&["dead"]), mails.dead);
        show(&self.oldest_mail, oldest);
        show(&self.blobs, backlog.blobs_to_remove);
        show(&self.texts, backlog.texts_to_read);
    }

    #[cfg(test)]
    pub(super) fn touch(&self) {
        self.tell(&OutboxCounts::default(), &Backlog::default(), 0);
    }
}

async fn look(lyceum: &Lyceum) -> std::result::Result<(OutboxCounts, Backlog), StoreError> {
    let (read, now) = (lyceum.ports().store.read(), lyceum.ports().clock.now());
    Ok((read.outbox_counts().await?, read.backlog(now).await?))
}
