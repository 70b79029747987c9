//! The port, on whatever `object_store` knows.

use std::{fmt, ops::Range, path::Path as FilePath, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::{StreamExt as _, TryStreamExt as _};
use lyceum_domain::{
    blobs::{Blob, BlobError, BlobKey, BlobStream, Blobs},
    mentor::Cause,
};
use object_store::{
    Error, GetOptions, GetRange, GetResultPayload, ObjectStore, ObjectStoreExt as _, path::Path as ObjectPath,
};
use tokio_util::task::TaskTracker;

use crate::{
    S3Settings, S3SettingsError,
    health::Health,
    local, s3,
    upload::{self, Opening},
};

/// Blobs in a folder or in an S3 bucket, under their keys as paths.
///
/// A clone shares the connections. They may be used from any runtime, but belong to the one that opened them: one that
/// ends takes its connections along, and the next request opens another.
#[derive(Clone)]
pub struct ObjectBlobs {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) opening: Opening,
    pub(crate) health: Arc<Health>,
    /// Uploads that are being given up.
    pub(crate) leftovers: TaskTracker,
}

impl ObjectBlobs {
    /// In a folder, which is made if it is missing (on Unix so that nobody else may look into it). What killed processes
    /// left in it more than a day ago is removed. Each blob is on the disk (`fsync`) before [`put`](Blobs::put) answers.
    /// Several processes may share a folder.
    pub async fn local(folder: &FilePath) -> Result<Self, BlobError> {
        let folder = folder.to_owned();
        let opened = tokio::task::spawn_blocking(move || local::open(&folder)).await;
        let store = opened.map_err(|error| unavailable(error.into()))?.map_err(unavailable)?;
        Ok(Self::new(Arc::new(store), Opening::Blocks, Duration::from_secs(5)))
    }

    /// In a bucket of S3 or of a store that speaks like it. Opens no connection yet: [`check`](Blobs::check) tells
    /// whether the settings are right. Reading a key that is missing is answered as such only if the key pair may list
    /// the bucket (`s3:ListBucket`); otherwise S3 says "forbidden", which is [`BlobError::Unavailable`] here.
    pub fn s3(settings: &S3Settings) -> Result<Self, S3SettingsError> {
        let store = s3::open(settings)?;
        Ok(Self::new(Arc::new(store), Opening::Waits, settings.timeout))
    }

    pub(crate) fn new(store: Arc<dyn ObjectStore>, opening: Opening, patience: Duration) -> Self {
        Self { store, opening, health: Arc::new(Health::new(patience)), leftovers: TaskTracker::new() }
    }

    /// Waits until the uploads whose [`put`](Blobs::put) was dropped are given up at the store too; each takes a few
    /// seconds at most. For the end of a process, when nothing is put any more.
    pub async fn settled(&self) {
        self.leftovers.close();
        self.leftovers.wait().await;
    }

    /// What a range that the store refuses means: the store does not tell the size along.
    async fn refused(&self, path: &ObjectPath, range: &Range<u64>, error: Error) -> BlobError {
        match self.store.head(path).await {
            Ok(found) if range.is_empty() || range.start >= found.size => BlobError::OutOfRange { size: found.size },
            Err(Error::NotFound { .. }) => BlobError::Missing,
            Ok(_) | Err(_) => unavailable(error.into()),
        }
    }
}

impl fmt::Debug for ObjectBlobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ObjectBlobs").field(&format_args!("{}", self.store)).finish()
    }
}

#[async_trait]
impl Blobs for ObjectBlobs {
    async fn put(&self, key: &BlobKey, content: BlobStream) -> Result<u64, BlobError> {
        upload::put(self, &path(key), content).await
    }

    async fn get(&self, key: &BlobKey, range: Option<Range<u64>>) -> Result<Blob, BlobError> {
        let path = path(key);
        let options = GetOptions::new().with_range(range.clone().map(GetRange::Bounded));
        match self.store.get_opts(&path, options).await {
            Ok(found) => {
                let (size, range) = (found.meta.size, found.range);
                let content = match found.payload {
                    GetResultPayload::File(file, _) => local::content(file, range.clone()),
                    GetResultPayload::Stream(stream) => stream.map_err(Cause::from).boxed(),
                };
                Ok(Blob { size, range, content })
            }
            Err(Error::NotFound { .. }) => Err(BlobError::Missing),
            Err(error) => Err(match range {
                Some(range) => self.refused(&path, &range, error).await,
                None => unavailable(error.into()),
            }),
        }
    }

    async fn delete(&self, key: &BlobKey) -> Result<(), BlobError> {
        match self.store.delete(&path(key)).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(unavailable(error.into())),
        }
    }

    /// Writes, reads and removes a blob of a few bytes below `health/`.
    async fn check(&self) -> Result<(), BlobError> {
        self.health.check(self).await
    }
}

/// A key is a path already: none of its characters needs another spelling.
fn path(key: &BlobKey) -> ObjectPath {
    ObjectPath::from(key.as_str())
}

pub(crate) fn unavailable(cause: Cause) -> BlobError {
    BlobError::Unavailable(cause)
}
