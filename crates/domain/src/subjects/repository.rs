//! The repository of subjects and documents. Every call names the owner, so that a forgotten check finds nothing.

use async_trait::async_trait;

use crate::{
    blobs::BlobKey,
    ids::{DocumentId, SubjectId, UserId},
    page::{Page, PageRequest},
    store::StoreError,
    subjects::{Document, ExtractedText, Subject, TextState},
    time::Timestamp,
};

/// A document whose text waits to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadDocument {
    /// The document.
    pub document: Document,
    /// How often that was tried in vain; who took it and never said what came of it is among them.
    pub attempts: u32,
}

/// Writes subjects and documents inside a unit of work.
#[async_trait]
pub trait Subjects: Send {
    /// Stores a new subject. [`StoreError::Conflict`] if its owner has `max` or more already; two at once don't pass it
    /// together.
    async fn insert(&mut self, subject: &Subject, max: u32) -> Result<(), StoreError>;

    /// Saves a changed subject; [`StoreError::Conflict`] if `version` is not the stored one.
    async fn update(&mut self, subject: &Subject) -> Result<(), StoreError>;

    /// Removes the subject and its documents; answers the keys of their blobs, or `None` if the owner has no such subject
    /// (or, where `version` is given, none of that version).
    async fn remove(
        &mut self,
        owner: UserId,
        subject: SubjectId,
        version: Option<u32>,
    ) -> Result<Option<Vec<BlobKey>>, StoreError>;

    /// Stores a new document. [`StoreError::Conflict`] if its subject is not (any longer) there or not its owner's, or if
    /// the owner has `max` documents or more already; two at once don't pass it together.
    async fn insert_document(&mut self, document: &Document, max: u32) -> Result<(), StoreError>;

    /// Removes the document; answers the key of its blob, or `None` if the owner has no such document.
    async fn remove_document(&mut self, owner: UserId, document: DocumentId) -> Result<Option<BlobKey>, StoreError>;

    /// The `limit` documents whose text waits the longest, put off to `lease_until` so that nobody else reads them
    /// meanwhile.
    async fn take_unread(
        &mut self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<UnreadDocument>, StoreError>;

    /// Keeps what became of the text; nothing happens if the document is gone. `text` is there if `state` is
    /// [`TextState::Ready`].
    async fn settle_text(
        &mut self,
        document: DocumentId,
        state: &TextState,
        text: Option<&ExtractedText>,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// The text could not be read now: to be tried again at `due_at`.
    async fn postpone_text(&mut self, document: DocumentId, due_at: Timestamp) -> Result<(), StoreError>;
}

/// Reads subjects and documents without a transaction.
#[async_trait]
pub trait SubjectQueries: Send + Sync {
    /// A subject of this owner.
    async fn subject(&self, owner: UserId, subject: SubjectId) -> Result<Option<Subject>, StoreError>;

    /// The subjects of an owner, newest first: those that are archived, or those that are not.
    async fn subjects_page(
        &self,
        owner: UserId,
        archived: bool,
        page: PageRequest,
    ) -> Result<Page<Subject>, StoreError>;

    /// A document of this owner.
    async fn document(&self, owner: UserId, document: DocumentId) -> Result<Option<Document>, StoreError>;

    /// The text of a document of this owner, if it was read.
    async fn document_text(&self, owner: UserId, document: DocumentId) -> Result<Option<String>, StoreError>;

    /// The documents of a subject of this owner, newest first.
    async fn documents_page(
        &self,
        owner: UserId,
        subject: SubjectId,
        page: PageRequest,
    ) -> Result<Page<Document>, StoreError>;

    /// All documents of an owner, newest first.
    async fn documents_of(&self, owner: UserId, page: PageRequest) -> Result<Page<Document>, StoreError>;
}
