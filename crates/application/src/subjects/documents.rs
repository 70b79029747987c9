//! Documents: storing what comes in, and giving it out again.

use std::{fmt, ops::Range};

use lyceum_domain::{
    blobs::{Blob, BlobKey, BlobStream},
    ids::{DocumentId, SubjectId},
    page::{Page, PageRequest},
    store::StoreError,
    subjects::{Document, FileName, TextState},
};

use super::may_use_subjects;
use crate::{
    Error, Lyceum,
    blobs::Intake,
    idempotency::{Begun, Done, Once, Ticket},
    sessions::Caller,
};

/// A document that is coming in.
pub struct NewDocument {
    /// The subject it is to belong to.
    pub subject: SubjectId,
    /// What the file is called.
    pub name: FileName,
    /// Its bytes.
    pub content: BlobStream,
}

impl fmt::Debug for NewDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewDocument").field("subject", &self.subject).field("name", &self.name).finish_non_exhaustive()
    }
}

impl Lyceum {
    /// Stores a document. Its bytes are looked at while they pass by to where they are kept; never more than a few pieces
    /// of them are in memory. What it is its content says.
    pub async fn add_document(
        &self,
        caller: &Caller,
        new: NewDocument,
        once: Option<Once<Document>>,
    ) -> Result<Done<Document>, Error> {
        may_use_subjects(caller)?;
        let ticket = match self.begin_once(caller.user.id, once).await? {
            Begun::Ours(ticket) => ticket,
            Begun::Before(kept) => {
                let taken = Intake::of_any(self.rules.max_document_bytes).drain(new.content).await?;
                return kept.for_the_same(&[new.name.as_str().as_bytes(), taken.sha256.as_bytes()]);
            }
        };
        let stored = self.store_document(caller, new, &ticket).await;
        self.or_release(&ticket, stored).await.map(Done::Now)
    }

    async fn store_document(
        &self,
        caller: &Caller,
        new: NewDocument,
        ticket: &Ticket<Document>,
    ) -> Result<Document, Error> {
        self.own_subject(caller, new.subject).await?;
        let blob = BlobKey::document(&*self.ports.ids);
        self.note_blobs(std::slice::from_ref(&blob)).await?;
        let stored = async {
            let document = self.take_in(caller, new, blob.clone()).await?;
            let mut unit = self.ports.store.begin().await?;
            match unit.subjects().insert_document(&document, self.rules.max_documents).await {
                Err(StoreError::Conflict) => {
                    drop(unit);
                    return Err(self.why_not(&document).await?);
                }
                inserted => inserted?,
            }
            unit.blob_removals().cancel(std::slice::from_ref(&document.blob)).await?;
            let parts = [document.name.as_str().as_bytes(), document.sha256.as_bytes()];
            ticket.settle(&mut *unit, &parts, &document).await?;
            unit.commit().await?;
            Ok(document)
        };
        match stored.await {
            Ok(document) => {
                self.ports.text_bell.ring();
                Ok(document)
            }
            Err(error) => {
                self.give_up_blobs(&[blob], &error).await;
                Err(error)
            }
        }
    }

    /// Writes the bytes, and says what they are.
    async fn take_in(&self, caller: &Caller, new: NewDocument, blob: BlobKey) -> Result<Document, Error> {
        let intake = Intake::of_documents(self.rules.max_document_bytes);
        self.put_blob(&blob, intake.watch(new.content)).await.map_err(|error| intake.why(error))?;
        let kind = intake.kind(&new.name)?;
        let taken = intake.taken();
        let now = self.ports.clock.now();
        Ok(Document {
            id: DocumentId::new(&*self.ports.ids),
            subject: new.subject,
            owner: caller.user.id,
            name: new.name,
            kind,
            size: taken.size,
            sha256: taken.sha256,
            blob,
            text: TextState::Pending,
            created_at: now,
            updated_at: now,
        })
    }

    /// Why a document was not stored.
    async fn why_not(&self, document: &Document) -> Result<Error, Error> {
        // A subject that was deleted meanwhile, or one document too many.
        let subject = self.ports.store.read().subject(document.owner, document.subject).await?;
        Ok(subject.map_or(Error::NotFound("subject"), |_| Error::TooMany("documents")))
    }

    /// A document of whoever asks.
    pub async fn document(&self, caller: &Caller, id: DocumentId) -> Result<Document, Error> {
        may_use_subjects(caller)?;
        self.ports.store.read().document(caller.user.id, id).await?.ok_or(Error::NotFound("document"))
    }

    /// The documents of a subject of whoever asks, newest first.
    pub async fn documents(
        &self,
        caller: &Caller,
        subject: SubjectId,
        page: PageRequest,
    ) -> Result<Page<Document>, Error> {
        self.own_subject(caller, subject).await?;
        Ok(self.ports.store.read().documents_page(caller.user.id, subject, page).await?)
    }

    /// The bytes of a document of whoever asks, or a part of them.
    pub async fn document_content(
        &self,
        caller: &Caller,
        document: &Document,
        range: Option<Range<u64>>,
    ) -> Result<Blob, Error> {
        may_use_subjects(caller)?;
        if document.owner != caller.user.id {
            return Err(Error::NotFound("document"));
        }
        Ok(self.ports.blobs.get(&document.blob, range).await?)
    }

    /// A document of whoever asks, with its text if it was read.
    pub async fn document_text(&self, caller: &Caller, id: DocumentId) -> Result<(Document, Option<String>), Error> {
        let document = self.document(caller, id).await?;
        let text = match document.text {
            TextState::Ready { .. } => self.ports.store.read().document_text(caller.user.id, id).await?,
            TextState::Pending | TextState::Unreadable { .. } => None,
        };
        Ok((document, text))
    }

    /// Removes a document.
    pub async fn delete_document(&self, caller: &Caller, id: DocumentId) -> Result<(), Error> {
        may_use_subjects(caller)?;
        let mut unit = self.ports.store.begin().await?;
        let blob = unit.subjects().remove_document(caller.user.id, id).await?.ok_or(Error::NotFound("document"))?;
        unit.blob_removals().schedule(&[blob], self.ports.clock.now()).await?;
        unit.commit().await?;
        self.ports.blob_bell.ring();
        Ok(())
    }
}
