//! Subjects and documents.

use async_trait::async_trait;
use lyceum_domain::{
    blobs::BlobKey,
    ids::{DocumentId, SubjectId, UserId},
    page::{Page, PageRequest},
    store::{StoreError, Unique},
    subjects::{Document, ExtractedText, Subject, SubjectQueries, Subjects, TextState, UnreadDocument},
    time::Timestamp,
};

use super::{
    MemoryStore, MemoryUnit,
    tables::{DocumentRow, Tables, at_most, insert_new, newest_first, refer},
};

/// The subject, if it is this owner's.
fn own(tables: &Tables, owner: UserId, id: SubjectId) -> Option<&Subject> {
    tables.subjects.get(&id).filter(|subject| subject.owner == owner)
}

/// The document, if it is this owner's.
fn own_document(tables: &Tables, owner: UserId, id: DocumentId) -> Option<&DocumentRow> {
    tables.documents.get(&id).filter(|row| row.document.owner == owner)
}

/// Removes the documents that are meant, and answers where their bytes are.
pub(super) fn remove_documents(tables: &mut Tables, is_meant: impl Fn(&Document) -> bool) -> Vec<BlobKey> {
    let meant = tables.documents.values().filter(|row| is_meant(&row.document));
    let blobs = meant.map(|row| row.document.blob.clone()).collect();
    tables.documents.retain(|_, row| !is_meant(&row.document));
    blobs
}

#[async_trait]
impl Subjects for MemoryUnit {
    async fn insert(&mut self, subject: &Subject, max: u32) -> Result<(), StoreError> {
        self.run(|tables| {
            refer(&tables.users, &subject.owner, "user")?;
            if tables.subjects.values().filter(|other| other.owner == subject.owner).count() >= at_most(max) {
                return Err(StoreError::Conflict);
            }
            insert_new(&mut tables.subjects, subject.id, subject.clone())
        })
    }

    async fn update(&mut self, subject: &Subject) -> Result<(), StoreError> {
        self.run(|tables| {
            let stored = own(tables, subject.owner, subject.id).ok_or(StoreError::Conflict)?;
            if stored.version != subject.version {
                return Err(StoreError::Conflict);
            }
            tables.subjects.insert(subject.id, Subject { version: subject.version + 1, ..subject.clone() });
            Ok(())
        })
    }

    async fn remove(
        &mut self,
        owner: UserId,
        subject: SubjectId,
        version: Option<u32>,
    ) -> Result<Option<Vec<BlobKey>>, StoreError> {
        self.run(|tables| {
            let is_meant = |stored: &Subject| version.is_none_or(|version| stored.version == version);
            if !own(tables, owner, subject).is_some_and(is_meant) {
                return Ok(None);
            }
            tables.subjects.remove(&subject);
            Ok(Some(remove_documents(tables, |document| document.subject == subject)))
        })
    }

    async fn insert_document(&mut self, document: &Document, max: u32) -> Result<(), StoreError> {
        self.run(|tables| {
            own(tables, document.owner, document.subject).ok_or(StoreError::Conflict)?;
            if tables.documents.values().filter(|row| row.document.owner == document.owner).count() >= at_most(max) {
                return Err(StoreError::Conflict);
            }
            if tables.documents.values().any(|row| row.document.blob == document.blob) {
                return Err(StoreError::Duplicate(Unique::Key));
            }
            let row = DocumentRow { document: document.clone(), text: None, due_at: document.created_at, attempts: 0 };
            insert_new(&mut tables.documents, document.id, row)
        })
    }

    async fn remove_document(&mut self, owner: UserId, document: DocumentId) -> Result<Option<BlobKey>, StoreError> {
        self.run(|tables| {
            if own_document(tables, owner, document).is_none() {
                return Ok(None);
            }
            Ok(tables.documents.remove(&document).map(|row| row.document.blob))
        })
    }

    async fn take_unread(
        &mut self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<UnreadDocument>, StoreError> {
        self.run(|tables| {
            let waits = |row: &&mut DocumentRow| row.document.text == TextState::Pending && row.due_at <= now;
            let mut unread: Vec<_> = tables.documents.values_mut().filter(waits).collect();
            unread.sort_by_key(|row| (row.due_at, row.document.id));
            unread.truncate(at_most(limit));
            let take = |row: &mut DocumentRow| {
                row.due_at = lease_until;
                row.attempts += 1;
                UnreadDocument { document: row.document.clone(), attempts: row.attempts - 1 }
            };
            Ok(unread.into_iter().map(take).collect())
        })
    }

    async fn settle_text(
        &mut self,
        document: DocumentId,
        state: &TextState,
        text: Option<&ExtractedText>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.run(|tables| {
            if let Some(row) = tables.documents.get_mut(&document) {
                row.document.text = state.clone();
                row.document.updated_at = at;
                row.text = text.map(|text| text.text.clone());
            }
            Ok(())
        })
    }

    async fn postpone_text(&mut self, document: DocumentId, due_at: Timestamp) -> Result<(), StoreError> {
        self.run(|tables| {
            if let Some(row) = tables.documents.get_mut(&document) {
                row.due_at = due_at;
            }
            Ok(())
        })
    }
}

#[async_trait]
impl SubjectQueries for MemoryStore {
    async fn subject(&self, owner: UserId, subject: SubjectId) -> Result<Option<Subject>, StoreError> {
        Ok(own(&*self.tables()?, owner, subject).cloned())
    }

    async fn subjects_page(
        &self,
        owner: UserId,
        archived: bool,
        page: PageRequest,
    ) -> Result<Page<Subject>, StoreError> {
        let tables = self.tables()?;
        let is_listed = |subject: &&Subject| subject.owner == owner && subject.is_archived == archived;
        let listed = tables.subjects.values().filter(is_listed).cloned().collect();
        Ok(newest_first(listed, page, |subject| (subject.created_at, subject.id.as_uuid())))
    }

    async fn document(&self, owner: UserId, document: DocumentId) -> Result<Option<Document>, StoreError> {
        Ok(own_document(&*self.tables()?, owner, document).map(|row| row.document.clone()))
    }

    async fn document_text(&self, owner: UserId, document: DocumentId) -> Result<Option<String>, StoreError> {
        Ok(own_document(&*self.tables()?, owner, document).and_then(|row| row.text.clone()))
    }

    async fn documents_page(
        &self,
        owner: UserId,
        subject: SubjectId,
        page: PageRequest,
    ) -> Result<Page<Document>, StoreError> {
        let is_listed = |document: &Document| document.owner == owner && document.subject == subject;
        Ok(documents(&*self.tables()?, page, is_listed))
    }

    async fn documents_of(&self, owner: UserId, page: PageRequest) -> Result<Page<Document>, StoreError> {
        Ok(documents(&*self.tables()?, page, |document| document.owner == owner))
    }
}

fn documents(tables: &Tables, page: PageRequest, is_listed: impl Fn(&Document) -> bool) -> Page<Document> {
    let listed = tables.documents.values().map(|row| &row.document).filter(|document| is_listed(document));
    newest_first(listed.cloned().collect(), page, |document| (document.created_at, document.id.as_uuid()))
}
