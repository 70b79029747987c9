//! Blobs in memory.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use lyceum_domain::blobs::{Blob, BlobError, BlobKey, BlobStream, Blobs};

/// How many bytes a piece of what is read has at most.
const PIECE: usize = 64 * 1024;

/// Keeps blobs in memory, and fails when it is told to. Its clones share the blobs.
#[derive(Debug, Clone, Default)]
pub struct MemoryBlobs {
    shelf: Arc<Mutex<Shelf>>,
}

#[derive(Debug, Default)]
struct Shelf {
    blobs: BTreeMap<BlobKey, Bytes>,
    is_away: bool,
    deletes_that_fail: usize,
}

impl MemoryBlobs {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on the store cannot be reached.
    pub fn go_away(&self) {
        self.shelf().is_away = true;
    }

    /// From now on all is well again.
    pub fn recover(&self) {
        let mut found = self.shelf();
        found.is_away = false;
        found.deletes_that_fail = 0;
    }

    /// The next `count` deletions fail.
    pub fn fail_deletes(&self, count: usize) {
        self.shelf().deletes_that_fail = count;
    }

    /// The keys of all blobs, sorted.
    pub fn keys(&self) -> Vec<BlobKey> {
        self.shelf().blobs.keys().cloned().collect()
    }

    /// The bytes of a blob, also while the store is away.
    pub fn bytes(&self, key: &BlobKey) -> Option<Bytes> {
        self.shelf().blobs.get(key).cloned()
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reached(&self) -> Result<MutexGuard<'_, Shelf>, BlobError> {
        let found = self.shelf();
        if found.is_away { Err(BlobError::Unavailable("the blobs were told to be away".into())) } else { Ok(found) }
    }
}

#[async_trait]
impl Blobs for MemoryBlobs {
    async fn put(&self, key: &BlobKey, mut content: BlobStream) -> Result<u64, BlobError> {
        drop(self.reached()?);
        let mut whole = BytesMut::new();
        while let Some(piece) = content.try_next().await.map_err(BlobError::Interrupted)? {
            whole.extend_from_slice(&piece);
        }
        let size = whole.len() as u64;
        self.reached()?.blobs.insert(key.clone(), whole.freeze());
        Ok(size)
    }

    async fn get(&self, key: &BlobKey, range: Option<Range<u64>>) -> Result<Blob, BlobError> {
        let whole = self.reached()?.blobs.get(key).cloned().ok_or(BlobError::Missing)?;
        let size = whole.len() as u64;
        let range = match range {
            None => 0..size,
            Some(range) if range.is_empty() || range.start >= size => return Err(BlobError::OutOfRange { size }),
            Some(range) => range.start..range.end.min(size),
        };
        let index = |at: u64| usize::try_from(at).expect("a place in memory");
        let part = whole.slice(index(range.start)..index(range.end));
        let pieces = (0..part.len()).step_by(PIECE).map(move |at| Ok(part.slice(at..part.len().min(at + PIECE))));
        Ok(Blob { size, range, content: stream::iter(pieces).boxed() })
    }

    async fn delete(&self, key: &BlobKey) -> Result<(), BlobError> {
        let mut found = self.reached()?;
        if found.deletes_that_fail > 0 {
            found.deletes_that_fail -= 1;
            return Err(BlobError::Unavailable("this deletion was told to fail".into()));
        }
        found.blobs.remove(key);
        Ok(())
    }

    async fn check(&self) -> Result<(), BlobError> {
        self.reached().map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ambient::SequentialIds, contract::blobs::content};

    crate::blobs_contract!(|| async { Some(Arc::new(MemoryBlobs::new())) });

    #[tokio::test]
    async fn blobs_fail_as_they_are_told() {
        let blobs = MemoryBlobs::new();
        let key = BlobKey::document(&SequentialIds);
        blobs.put(&key, content(["a"])).await.unwrap();

        blobs.go_away();
        assert!(matches!(blobs.put(&key, content(["b"])).await, Err(BlobError::Unavailable(_))));
        assert!(matches!(blobs.get(&key, None).await, Err(BlobError::Unavailable(_))));
        assert!(matches!(blobs.delete(&key).await, Err(BlobError::Unavailable(_))));
        assert!(matches!(blobs.check().await, Err(BlobError::Unavailable(_))));

        blobs.recover();
        blobs.fail_deletes(2);
        for _ in 0..2 {
            assert!(matches!(blobs.delete(&key).await, Err(BlobError::Unavailable(_))));
        }
        assert_eq!(blobs.bytes(&key), Some(Bytes::from_static(b"a")));
        assert_eq!(blobs.keys(), std::slice::from_ref(&key));
        blobs.delete(&key).await.unwrap();
        assert_eq!(blobs.keys(), []);
    }

    #[tokio::test]
    async fn blobs_that_go_away_while_they_are_written_store_nothing() {
        let blobs = MemoryBlobs::new();
        let key = BlobKey::document(&SequentialIds);
        let leaving = blobs.clone();
        let content = stream::once(async move {
            leaving.go_away();
            Ok(Bytes::from_static(b"a"))
        });
        assert!(matches!(blobs.put(&key, content.boxed()).await, Err(BlobError::Unavailable(_))));
        assert_eq!(blobs.keys(), []);
    }
}
