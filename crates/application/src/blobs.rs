//! Storing files so that none is left behind, and removing those that are to go.
//!
//! Whoever stores a file notes its key first, writes it, and takes the note back in the unit that stores its row
//! ([`BlobRemovals::cancel`](lyceum_domain::blobs::BlobRemovals::cancel)). What is given up in between goes at once, what
//! is forgotten (a killed process) when the note falls due.

mod intake;

use std::time::Duration;

use lyceum_domain::{
    blobs::{BlobError, BlobKey, BlobRemoval, BlobStream},
    policy::{Action, Actor, allow},
    store::StoreError,
};

pub(crate) use intake::Intake;

use crate::{Error, Lyceum, error::denied};

/// How long a blob that no row names yet may lie there before it is removed.
pub const UNCLAIMED: Duration = Duration::from_hours(1);
/// How many blobs are removed at a time.
const BATCH: u32 = 20;
/// How long a batch is ours: as long as that many deletions can take.
const LEASE: Duration = Duration::from_mins(5);
/// The wait after the first attempt that failed; it doubles each time.
const FIRST_WAIT: Duration = Duration::from_mins(1);
/// The longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// What became of the blobs of one round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Removed {
    /// Blobs that are gone.
    pub gone: u32,
    /// Blobs to be tried again.
    pub postponed: u32,
}

impl Lyceum {
    /// Takes a few blobs that are to go, and removes them. One that cannot be removed is tried again, later each time,
    /// and never given up. Several workers, also on several machines, can do so at once.
    pub async fn remove_due_blobs(&self, actor: &Actor) -> Result<Removed, Error> {
        allow(actor, &Action::KeepHouse).map_err(denied("blob"))?;
        let now = self.ports.clock.now();
        let mut unit = self.ports.store.begin().await?;
        let due = unit.blob_removals().take_due(now, now.plus(LEASE), BATCH).await?;
        unit.commit().await?;
        let mut removed = Removed::default();
        for removal in due {
            let deleted = self.ports.blobs.delete(&removal.key).await;
            let mut unit = self.ports.store.begin().await?;
            match deleted {
                Ok(()) => {
                    unit.blob_removals().settle(&removal.key).await?;
                    removed.gone += 1;
                }
                Err(error) => {
                    log_failure(&removal, &error);
                    let due_at = self.ports.clock.now().plus(wait(&removal));
                    unit.blob_removals().postpone(&removal.key, due_at).await?;
                    removed.postponed += 1;
                }
            }
            unit.commit().await?;
        }
        Ok(removed)
    }

    /// Notes the keys of blobs that are about to be written.
    pub(crate) async fn note_blobs(&self, keys: &[BlobKey]) -> Result<(), Error> {
        Ok(self.schedule_removal(keys, UNCLAIMED).await?)
    }

    /// Writes a blob whose key is noted, and says how many bytes it has. One that takes too long is given up: its note
    /// must not fall due while it is still coming.
    pub(crate) async fn put_blob(&self, key: &BlobKey, content: BlobStream) -> Result<u64, Error> {
        match tokio::time::timeout(self.rules.upload_timeout, self.ports.blobs.put(key, content)).await {
            Ok(put) => Ok(put?),
            Err(elapsed) => Err(Error::UploadInterrupted(elapsed.into())),
        }
    }

    /// Has blobs removed that were noted, because `error` kept their rows from being stored. If the store did not answer,
    /// nobody knows whether the rows are there: then the notes, which are there or not as the rows are not or are,
    /// decide.
    pub(crate) async fn give_up_blobs(&self, keys: &[BlobKey], error: &Error) {
        if matches!(error, Error::StoreUnavailable(_)) {
            return;
        }
        match self.schedule_removal(keys, Duration::ZERO).await {
            Ok(()) => self.ports.blob_bell.ring(),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, blobs = keys.len(), "blobs stay until their notes fall due");
            }
        }
    }

    async fn schedule_removal(&self, keys: &[BlobKey], wait: Duration) -> Result<(), StoreError> {
        let mut unit = self.ports.store.begin().await?;
        unit.blob_removals().schedule(keys, self.ports.clock.now().plus(wait)).await?;
        unit.commit().await
    }
}

fn log_failure(removal: &BlobRemoval, error: &BlobError) {
    let error = error as &dyn std::error::Error;
    tracing::warn!(error, blob = %removal.key, attempts = removal.attempts, "a blob has to wait");
}

fn wait(removal: &BlobRemoval) -> Duration {
    FIRST_WAIT.saturating_mul(1 << removal.attempts.min(16)).min(LONGEST_WAIT)
}
