//! Subjects.

use async_trait::async_trait;
use lyceum_domain::{
    blobs::BlobKey,
    courses::Title,
    ids::{DocumentId, SubjectId, UserId},
    page::{Cursor, Page, PageRequest},
    store::StoreError,
    subjects::{Color, Document, ExtractedText, Subject, SubjectQueries, Subjects, TextState, UnreadDocument},
    time::Timestamp,
};
use sea_orm::ConnectionTrait;

use crate::{
    connect::SeaOrmStore,
    documents,
    row::{Row, each, maybe},
    sql::{Sql, Values},
    unit::SeaOrmUnit,
};

/// The columns that [`read`] reads, of the table `s`.
macro_rules! subject_columns {
    () => {
        "s.id, s.owner_id, s.title, s.description, s.color, s.is_archived, s.created_at, s.updated_at, s.version"
    };
}

/// Who adds a subject waits for whoever adds one for the same owner, and counts only then. On SQLite a unit is alone.
const HOLD_OWNER: Sql = Sql {
    postgres: "SELECT 1 FROM users WHERE id = $1 FOR NO KEY UPDATE",
    sqlite: "SELECT 1 FROM users WHERE id = $1",
};

/// `$10` is how many there may be; no more are counted.
const INSERT: Sql = Sql::same(
    "INSERT INTO subjects (id, owner_id, title, description, color, is_archived, updated_at, version, created_at) \
     SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9 WHERE \
     (SELECT COUNT(*) FROM (SELECT 1 FROM subjects WHERE owner_id = $2 LIMIT $10) AS others) < $10",
);

const UPDATE: Sql = Sql::same(
    "UPDATE subjects SET title = $3, description = $4, color = $5, is_archived = $6, updated_at = $7, \
     version = version + 1 WHERE id = $1 AND owner_id = $2 AND version = $8",
);

/// Nobody adds a document to it from here on.
macro_rules! hold {
    ($lock:literal) => {
        concat!("SELECT 1 FROM subjects WHERE id = $1 AND owner_id = $2 AND ($3 IS NULL OR version = $3)", $lock)
    };
}
const HOLD: Sql = Sql { postgres: hold!(" FOR UPDATE"), sqlite: hold!("") };

const REMOVE: Sql = Sql::same("DELETE FROM subjects WHERE id = $1");

const ONE: Sql =
    Sql::same(concat!("SELECT ", subject_columns!(), " FROM subjects s WHERE s.id = $1 AND s.owner_id = $2"));

const PAGE: Sql = Sql::same(concat!(
    "SELECT ",
    subject_columns!(),
    " FROM subjects s WHERE s.owner_id = $3 AND s.is_archived = $4 AND (s.created_at, s.id) < ($1, $2) \
     ORDER BY s.created_at DESC, s.id DESC LIMIT $5"
));

/// What [`INSERT`] and [`UPDATE`] have in common: `$1` to `$8`.
fn values(subject: &Subject) -> Values {
    Values::new()
        .id(subject.id.as_uuid())
        .id(subject.owner.as_uuid())
        .text(subject.title.as_str())
        .text(&*subject.description)
        .maybe_text(subject.color.as_ref().map(Color::as_str))
        .flag(subject.is_archived)
        .time(subject.updated_at)
        .number(subject.version)
}

/// Reads [`subject_columns`].
fn read(row: &mut Row<'_>) -> Result<Subject, StoreError> {
    Ok(Subject {
        id: row.id(SubjectId::from_uuid)?,
        owner: row.id(UserId::from_uuid)?,
        title: row.parsed(Title::parse)?,
        description: row.text()?,
        color: row.maybe_parsed(Color::parse)?,
        is_archived: row.flag()?,
        created_at: row.time()?,
        updated_at: row.time()?,
        version: row.number()?,
    })
}

async fn insert(db: &impl ConnectionTrait, subject: &Subject, max: u32) -> Result<(), StoreError> {
    HOLD_OWNER.one(db, Values::new().id(subject.owner.as_uuid())).await?;
    INSERT.run_for_one(db, values(subject).time(subject.created_at).number(max)).await
}

async fn remove(
    db: &impl ConnectionTrait,
    owner: UserId,
    subject: SubjectId,
    version: Option<u32>,
) -> Result<Option<Vec<BlobKey>>, StoreError> {
    let held = Values::new().id(subject.as_uuid()).id(owner.as_uuid()).maybe_number(version);
    if HOLD.one(db, held).await?.is_none() {
        return Ok(None);
    }
    let blobs = documents::remove_all_of(db, subject).await?;
    REMOVE.run(db, Values::new().id(subject.as_uuid())).await?;
    Ok(Some(blobs))
}

#[async_trait]
impl Subjects for SeaOrmUnit {
    async fn insert(&mut self, subject: &Subject, max: u32) -> Result<(), StoreError> {
        let mut step = self.step()?;
        step.end(insert(step.tx, subject, max).await)
    }

    async fn update(&mut self, subject: &Subject) -> Result<(), StoreError> {
        let mut step = self.step()?;
        step.end(UPDATE.run_for_one(step.tx, values(subject)).await)
    }

    async fn remove(
        &mut self,
        owner: UserId,
        subject: SubjectId,
        version: Option<u32>,
    ) -> Result<Option<Vec<BlobKey>>, StoreError> {
        let mut step = self.step()?;
        step.end(remove(step.tx, owner, subject, version).await)
    }

    async fn insert_document(&mut self, document: &Document, max: u32) -> Result<(), StoreError> {
        let mut step = self.step()?;
        step.end(documents::insert(step.tx, document, max).await)
    }

    async fn remove_document(&mut self, owner: UserId, document: DocumentId) -> Result<Option<BlobKey>, StoreError> {
        let mut step = self.step()?;
        step.end(documents::remove(step.tx, owner, document).await)
    }

    async fn take_unread(
        &mut self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<UnreadDocument>, StoreError> {
        let mut step = self.step()?;
        step.end(documents::take_unread(step.tx, now, lease_until, limit).await)
    }

    async fn settle_text(
        &mut self,
        document: DocumentId,
        state: &TextState,
        text: Option<&ExtractedText>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let mut step = self.step()?;
        step.end(documents::settle_text(step.tx, document, state, text, at).await)
    }

    async fn postpone_text(&mut self, document: DocumentId, due_at: Timestamp) -> Result<(), StoreError> {
        let mut step = self.step()?;
        step.end(documents::postpone_text(step.tx, document, due_at).await)
    }
}

#[async_trait]
impl SubjectQueries for SeaOrmStore {
    async fn subject(&self, owner: UserId, subject: SubjectId) -> Result<Option<Subject>, StoreError> {
        let row = ONE.one(&self.reads, Values::new().id(subject.as_uuid()).id(owner.as_uuid())).await?;
        maybe(row.as_ref(), read)
    }

    async fn subjects_page(
        &self,
        owner: UserId,
        archived: bool,
        page: PageRequest,
    ) -> Result<Page<Subject>, StoreError> {
        let values = Values::new().below(page).id(owner.as_uuid()).flag(archived).limit(page);
        let subjects = each(&PAGE.all(&self.reads, values).await?, read)?;
        Ok(Page::cut(subjects, page.size, |subject| Cursor { at: subject.created_at, id: subject.id.as_uuid() }))
    }

    async fn document(&self, owner: UserId, document: DocumentId) -> Result<Option<Document>, StoreError> {
        documents::one(&self.reads, owner, document).await
    }

    async fn document_text(&self, owner: UserId, document: DocumentId) -> Result<Option<String>, StoreError> {
        documents::text(&self.reads, owner, document).await
    }

    async fn documents_page(
        &self,
        owner: UserId,
        subject: SubjectId,
        page: PageRequest,
    ) -> Result<Page<Document>, StoreError> {
        documents::page(&self.reads, owner, Some(subject), page).await
    }

    async fn documents_of(&self, owner: UserId, page: PageRequest) -> Result<Page<Document>, StoreError> {
        documents::page(&self.reads, owner, None, page).await
    }
}
