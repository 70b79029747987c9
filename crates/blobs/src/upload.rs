//! Writing what comes in pieces, with a few parts of it in memory.

use std::{mem, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use lyceum_domain::blobs::{BlobError, BlobStream};
use object_store::{
    MultipartUpload, ObjectStore, ObjectStoreExt as _, PutPayloadMut, UploadPart, path::Path as ObjectPath,
};
use tokio::{runtime::Handle, task::spawn_blocking, time};
use tokio_util::task::TaskTracker;

use crate::objects::{ObjectBlobs, unavailable};

/// How many bytes a part has: the fewest that S3 takes.
pub const PART: usize = 5 * 1024 * 1024;

/// How many parts are under way beside the one that is filled.
const IN_FLIGHT: usize = 2;

/// Memory is taken in blocks of so many bytes; a part is a whole number of them.
const BLOCK: usize = 64 * 1024;

/// How long a store may take to forget an upload.
const ABORT: Duration = Duration::from_secs(10);

/// What beginning a multipart upload does to the thread that asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opening {
    /// It creates a file, there and then.
    Blocks,
    /// It waits for an answer as a future should.
    Waits,
}

/// Stores all of a content and says how many bytes it had.
pub(crate) async fn put(blobs: &ObjectBlobs, path: &ObjectPath, mut content: BlobStream) -> Result<u64, BlobError> {
    let mut part = empty_part();
    let mut upload = None;
    let mut size = 0;
    while let Some(piece) = next_piece(&mut content, upload.as_mut()).await {
        let mut piece = match piece {
            Ok(piece) => piece,
            Err(error) => return Err(given_up(upload, error).await),
        };
        size += piece.len() as u64;
        while !piece.is_empty() {
            // Only when more comes: a content of exactly one part needs no multipart upload.
            if part.content_length() == PART {
                let full = mem::replace(&mut part, empty_part());
                if let Err(error) = send(blobs, path, &mut upload, full).await {
                    return Err(given_up(upload, error).await);
                }
            }
            let room = PART - part.content_length();
            part.extend_from_slice(&piece.split_to(piece.len().min(room)));
        }
    }
    match upload {
        None => {
            blobs.store.put(path, part.into()).await.map_err(|error| unavailable(error.into()))?;
        }
        Some(mut upload) => {
            if let Err(error) = upload.finish(part).await {
                return Err(given_up(Some(upload), error).await);
            }
        }
    }
    Ok(size)
}

fn empty_part() -> PutPayloadMut {
    PutPayloadMut::new().with_block_size(BLOCK)
}

/// The next piece of the content. Parts that are under way go on meanwhile.
async fn next_piece(content: &mut BlobStream, upload: Option<&mut Upload>) -> Option<Result<Bytes, BlobError>> {
    let interrupted = |piece: Option<Result<_, _>>| piece.map(|piece| piece.map_err(BlobError::Interrupted));
    let Some(upload) = upload else { return interrupted(content.next().await) };
    loop {
        tokio::select! {
            piece = content.next() => return interrupted(piece),
            Some(sent) = upload.in_flight.next() => if let Err(error) = sent {
                return Some(Err(unavailable(error.into())));
            },
        }
    }
}

/// Begins to send a part, and the upload before its first. Waits while enough are under way.
async fn send(
    blobs: &ObjectBlobs,
    path: &ObjectPath,
    upload: &mut Option<Upload>,
    part: PutPayloadMut,
) -> Result<(), BlobError> {
    let upload = match upload {
        Some(upload) => upload,
        none => none.insert(Upload::begin(blobs, path).await?),
    };
    upload.wait_for(IN_FLIGHT - 1).await?;
    upload.push(part);
    Ok(())
}

/// Gives an upload up and waits for it, so that whoever asked can be sure; then answers why.
async fn given_up(upload: Option<Upload>, why: BlobError) -> BlobError {
    if let Some(mut upload) = upload
        && let Some(running) = upload.running.take()
    {
        upload.in_flight.clear();
        abort(running).await;
    }
    why
}

async fn abort(mut upload: Box<dyn MultipartUpload>) {
    match time::timeout(ABORT, upload.abort()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "an unfinished upload could not be given up"),
        Err(_) => tracing::warn!("the store did not answer when an unfinished upload was given up"),
    }
}

/// An upload of several parts, which is given up when it is dropped.
struct Upload {
    /// `None` when it is completed or given up.
    running: Option<Box<dyn MultipartUpload>>,
    in_flight: FuturesUnordered<UploadPart>,
    leftovers: TaskTracker,
}

impl Upload {
    async fn begin(blobs: &ObjectBlobs, path: &ObjectPath) -> Result<Self, BlobError> {
        let running = begin(Arc::clone(&blobs.store), blobs.opening, path.clone()).await?;
        Ok(Self { running: Some(running), in_flight: FuturesUnordered::new(), leftovers: blobs.leftovers.clone() })
    }

    fn push(&mut self, part: PutPayloadMut) {
        if let Some(running) = &mut self.running {
            self.in_flight.push(running.put_part(part.into()));
        }
    }

    /// Waits until at most so many parts are under way.
    async fn wait_for(&mut self, at_most: usize) -> Result<(), BlobError> {
        while self.in_flight.len() > at_most {
            if let Some(Err(error)) = self.in_flight.next().await {
                return Err(unavailable(error.into()));
            }
        }
        Ok(())
    }

    async fn finish(&mut self, last: PutPayloadMut) -> Result<(), BlobError> {
        self.wait_for(IN_FLIGHT - 1).await?;
        self.push(last);
        self.wait_for(0).await?;
        if let Some(running) = &mut self.running {
            running.complete().await.map_err(|error| unavailable(error.into()))?;
        }
        self.running = None;
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        // Requests in flight are hung up before the upload is given up.
        self.in_flight.clear();
        if let Some(running) = self.running.take()
            && let Ok(runtime) = Handle::try_current()
        {
            self.leftovers.spawn_on(abort(running), &runtime);
        }
    }
}

async fn begin(
    store: Arc<dyn ObjectStore>,
    opening: Opening,
    path: ObjectPath,
) -> Result<Box<dyn MultipartUpload>, BlobError> {
    let begun = match opening {
        Opening::Waits => store.put_multipart(&path).await,
        Opening::Blocks => {
            let runtime = Handle::current();
            spawn_blocking(move || runtime.block_on(store.put_multipart(&path)))
                .await
                .map_err(|error| unavailable(error.into()))?
        }
    };
    begun.map_err(|error| unavailable(error.into()))
}
