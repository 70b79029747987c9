//! Subjects and documents.

use async_trait::async_trait;
use lyceum_domain::{
    blobs::BlobKey,
    ids::{DocumentId, SubjectId, UserId},
    page::{Page, PageRequest},
    store::StoreError,
    subjects::{Document, ExtractedText, Subject, SubjectQueries, Subjects, TextState, UnreadDocument},
    time::Timestamp,
};

use crate::{connect::SeaOrmStore, unit::SeaOrmUnit};

#[async_trait]
impl Subjects for SeaOrmUnit {
    async fn insert(&mut self, _subject: &Subject, _max: u32) -> Result<(), StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }

    async fn update(&mut self, _subject: &Subject) -> Result<(), StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }

    async fn remove(
        &mut self,
        _owner: UserId,
        _subject: SubjectId,
        _version: Option<u32>,
    ) -> Result<Option<Vec<BlobKey>>, StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }

    async fn insert_document(&mut self, _document: &Document, _max: u32) -> Result<(), StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }

    async fn remove_document(&mut self, _owner: UserId, _document: DocumentId) -> Result<Option<BlobKey>, StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }

    async fn take_unread(
        &mut self,
        _now: Timestamp,
        _lease_until: Timestamp,
        _limit: u32,
    ) -> Result<Vec<UnreadDocument>, StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }

    async fn settle_text(
        &mut self,
        _document: DocumentId,
        _state: &TextState,
        _text: Option<&ExtractedText>,
        _at: Timestamp,
    ) -> Result<(), StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }

    async fn postpone_text(&mut self, _document: DocumentId, _due_at: Timestamp) -> Result<(), StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }
}

#[async_trait]
impl SubjectQueries for SeaOrmStore {
    async fn subject(&self, _owner: UserId, _subject: SubjectId) -> Result<Option<Subject>, StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }

    async fn subjects_page(
        &self,
        _owner: UserId,
        _archived: bool,
        _page: PageRequest,
    ) -> Result<Page<Subject>, StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }

    async fn document(&self, _owner: UserId, _document: DocumentId) -> Result<Option<Document>, StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }

    async fn document_text(&self, _owner: UserId, _document: DocumentId) -> Result<Option<String>, StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }

    async fn documents_page(
        &self,
        _owner: UserId,
        _subject: SubjectId,
        _page: PageRequest,
    ) -> Result<Page<Document>, StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }

    async fn documents_of(&self, _owner: UserId, _page: PageRequest) -> Result<Page<Document>, StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }
}
