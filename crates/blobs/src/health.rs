//! Whether blobs can be written and read now.

use std::{
    process,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use lyceum_domain::blobs::{BlobError, BlobKey, Blobs};
use tokio::{sync::Mutex, time};

use crate::objects::{ObjectBlobs, unavailable};

const CONTENT: &[u8] = b"Lyceum can write here.\n";

/// How a store is checked.
pub(crate) struct Health {
    /// The key that is written. Nobody else's, also if several processes check one bucket, and always the same, so that
    /// what a broken check leaves is one small blob.
    key: Mutex<Option<BlobKey>>,
    patience: Duration,
}

impl Health {
    pub(crate) fn new(patience: Duration) -> Self {
        Self { key: Mutex::new(None), patience }
    }

    /// One check at a time: they share the key.
    pub(crate) async fn check(&self, blobs: &ObjectBlobs) -> Result<(), BlobError> {
        let check = async {
            let mut key = self.key.lock().await;
            let key = match &mut *key {
                Some(key) => key,
                none => none.insert(own_key()?),
            };
            round_trip(blobs, key).await
        };
        match time::timeout(self.patience, check).await {
            Ok(checked) => checked,
            Err(_) => Err(unavailable(format!("no answer within {:?}", self.patience).into())),
        }
    }
}

async fn round_trip(blobs: &ObjectBlobs, key: &BlobKey) -> Result<(), BlobError> {
    let content = stream::iter([Ok(Bytes::from_static(CONTENT))]).boxed();
    blobs.put(key, content).await?;
    let read = read(blobs, key).await;
    blobs.delete(key).await?;
    if read? == CONTENT { Ok(()) } else { Err(unavailable("other bytes came back than were written".into())) }
}

async fn read(blobs: &ObjectBlobs, key: &BlobKey) -> Result<Vec<u8>, BlobError> {
    let lost = |error| match error {
        BlobError::Missing => unavailable("what was written just now is missing".into()),
        other => other,
    };
    let blob = blobs.get(key, None).await.map_err(lost)?;
    let whole = blob.content.try_fold(Vec::new(), |mut whole, piece| async move {
        whole.extend_from_slice(&piece);
        Ok(whole)
    });
    whole.await.map_err(unavailable)
}

fn own_key() -> Result<BlobKey, BlobError> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    BlobKey::parse(&format!("health/{since}-{}-{count}", process::id())).map_err(|error| unavailable(error.into()))
}
