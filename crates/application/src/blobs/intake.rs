//! Looking at a file as it comes in: how large it is, what its digest is, what kind of document.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::{StreamExt as _, TryStreamExt as _};
use lyceum_domain::{
    blobs::{BlobStream, Sha256},
    mentor::Cause,
    subjects::{DocumentKind, FileName, Inspection},
};
use sha2::Digest as _;

use crate::Error;

/// Watches a file that passes by, and holds none of it. What is refused breaks off at once: the rest is not read.
#[derive(Clone)]
pub(crate) struct Intake(Arc<Mutex<Reading>>);

struct Reading {
    max: u64,
    size: u64,
    digest: sha2::Sha256,
    /// If it is to be a document.
    inspection: Option<Inspection>,
    refused: Option<Error>,
}

/// What a file was that came to its end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken {
    /// How many bytes it has.
    pub size: u64,
    /// Its digest.
    pub sha256: Sha256,
}

impl Intake {
    /// Lets any file of at most `max` bytes pass.
    pub(crate) fn of_any(max: u64) -> Self {
        Self::new(max, None)
    }

    /// Lets documents of at most `max` bytes pass.
    pub(crate) fn of_documents(max: u64) -> Self {
        Self::new(max, Some(Inspection::default()))
    }

    fn new(max: u64, inspection: Option<Inspection>) -> Self {
        let reading = Reading { max, size: 0, digest: sha2::Sha256::new(), inspection, refused: None };
        Self(Arc::new(Mutex::new(reading)))
    }

    /// The same content, looked at as it passes by.
    pub(crate) fn watch(&self, content: BlobStream) -> BlobStream {
        let intake = self.clone();
        Box::pin(content.map(move |piece| {
            let piece = piece?;
            intake.reading().look(&piece)?;
            Ok(piece)
        }))
    }

    /// Reads all of a content, which the intake bounds, into memory.
    pub(crate) async fn collect(&self, content: BlobStream) -> Result<Vec<u8>, Error> {
        let collected = self.watch(content).try_fold(Vec::new(), |mut whole, piece| async move {
            whole.extend_from_slice(&piece);
            Ok(whole)
        });
        collected.await.map_err(|cause| self.why(Error::UploadInterrupted(cause)))
    }

    /// Reads all of a content and keeps nothing.
    pub(crate) async fn drain(&self, content: BlobStream) -> Result<Taken, Error> {
        let drained = self.watch(content).try_for_each(|_| async { Ok(()) });
        drained.await.map_err(|cause| self.why(Error::UploadInterrupted(cause)))?;
        Ok(self.taken())
    }

    /// Why it was refused; `other` if it was not.
    pub(crate) fn why(&self, other: Error) -> Error {
        self.reading().refused.take().unwrap_or(other)
    }

    /// What came to its end.
    pub(crate) fn taken(&self) -> Taken {
        let reading = self.reading();
        Taken { size: reading.size, sha256: Sha256::new(reading.digest.clone().finalize().into()) }
    }

    /// Which kind of document came to its end.
    pub(crate) fn kind(&self, name: &FileName) -> Result<DocumentKind, Error> {
        let inspection = self.reading().inspection.take().unwrap_or_default();
        Ok(inspection.finish(name)?)
    }

    fn reading(&self) -> MutexGuard<'_, Reading> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reading {
    fn look(&mut self, piece: &[u8]) -> Result<(), Cause> {
        self.size += piece.len() as u64;
        if self.size > self.max {
            return self.refuse(Error::TooLarge { max: self.max });
        }
        self.digest.update(piece);
        if let Some(inspection) = &mut self.inspection {
            inspection.look(piece);
            if inspection.is_hopeless() {
                // Its name would only tell Markdown from other text.
                let hopeless = std::mem::take(inspection).finish(&FileName::from_client("", "file"));
                return hopeless.map_or_else(|reason| self.refuse(reason.into()), |_| Ok(()));
            }
        }
        Ok(())
    }

    fn refuse(&mut self, reason: Error) -> Result<(), Cause> {
        let cause = reason.to_string();
        self.refused = Some(reason);
        Err(cause.into())
    }
}
