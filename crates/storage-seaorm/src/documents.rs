//! Documents and what became of their text.

use lyceum_domain::{
    blobs::{BlobKey, Sha256},
    ids::{DocumentId, SubjectId, UserId},
    page::{Cursor, Page, PageRequest},
    store::StoreError,
    subjects::{Document, DocumentKind, ExtractedText, FileName, TextState, UnreadDocument},
    time::Timestamp,
};
use sea_orm::ConnectionTrait;

use crate::{
    row::{Row, each, maybe},
    sql::{Sql, Values},
};

/// The columns that [`read`] reads, of the table `documents`.
macro_rules! document_columns {
    () => {
        "documents.id, documents.subject_id, documents.owner_id, documents.name, documents.media_type, documents.size, \
         documents.sha256, documents.blob_key, documents.text_state, documents.text_characters, \
         COALESCE(documents.text_is_cut, FALSE), documents.text_reason, documents.created_at, documents.updated_at"
    };
}

/// Who adds a document waits for whoever adds one for the same owner, erases the owner or removes the subject, and
/// counts only then. On SQLite a unit is alone.
macro_rules! hold {
    ($lock:literal) => {
        concat!("SELECT 1 FROM users u JOIN subjects s ON s.owner_id = u.id WHERE u.id = $1 AND s.id = $2", $lock)
    };
}
const HOLD: Sql = Sql { postgres: hold!(" FOR NO KEY UPDATE OF u FOR KEY SHARE OF s"), sqlite: hold!("") };

/// `$16` is how many there may be; no more are counted.
const INSERT: Sql = Sql::same(
    "INSERT INTO documents (id, subject_id, owner_id, name, media_type, size, sha256, blob_key, text_state, \
     text_characters, text_is_cut, text_reason, text_attempts, text_due_at, created_at, updated_at) \
     SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, $13, $14, $15 WHERE (SELECT COUNT(*) FROM \
     (SELECT 1 FROM documents WHERE owner_id = $3 LIMIT $16) AS others) < $16",
);

const REMOVE: Sql = Sql::same("DELETE FROM documents WHERE id = $2 AND owner_id = $1 RETURNING blob_key");

const REMOVE_ALL_OF: Sql = Sql::same("DELETE FROM documents WHERE subject_id = $1 RETURNING blob_key");

/// An attempt counts when it begins: the process may not live to say how it ended. On PostgreSQL a worker passes over
/// what another one is taking; on SQLite a unit is alone.
macro_rules! take_unread {
    ($lock:literal) => {
        concat!(
            "WITH due AS (SELECT id FROM documents WHERE text_state = 'pending' AND text_due_at <= $1 \
             ORDER BY text_due_at, id LIMIT $3",
            $lock,
            ") UPDATE documents SET text_due_at = $2, text_attempts = text_attempts + 1 \
             WHERE id IN (SELECT id FROM due) RETURNING ",
            document_columns!(),
            ", documents.text_attempts - 1"
        )
    };
}
const TAKE_UNREAD: Sql = Sql { postgres: take_unread!(" FOR UPDATE SKIP LOCKED"), sqlite: take_unread!("") };

const SETTLE: Sql = Sql::same(
    "UPDATE documents SET text_state = $2, text_characters = $3, text_is_cut = $4, text_reason = $5, \
     text_due_at = $6, updated_at = $7 WHERE id = $1",
);

const KEEP_TEXT: Sql = Sql::same(
    "INSERT INTO document_texts (document_id, text, created_at, updated_at) VALUES ($1, $2, $3, $3) \
     ON CONFLICT (document_id) DO UPDATE SET text = excluded.text, updated_at = excluded.updated_at",
);

const FORGET_TEXT: Sql = Sql::same("DELETE FROM document_texts WHERE document_id = $1");

const POSTPONE: Sql = Sql::same("UPDATE documents SET text_due_at = $2 WHERE id = $1 AND text_state = 'pending'");

const ONE: Sql = Sql::same(concat!("SELECT ", document_columns!(), " FROM documents WHERE id = $2 AND owner_id = $1"));

const TEXT: Sql = Sql::same(
    "SELECT t.text FROM documents d JOIN document_texts t ON t.document_id = d.id WHERE d.id = $2 AND d.owner_id = $1",
);

const PAGE_OF_OWNER: Sql = Sql::same(concat!(
    "SELECT ",
    document_columns!(),
    " FROM documents WHERE owner_id = $3 AND (created_at, id) < ($1, $2) ORDER BY created_at DESC, id DESC LIMIT $4"
));

// The owner is asked of the subject: asked of the documents, a planner may walk through all that the owner has.
const PAGE_OF_SUBJECT: Sql = Sql::same(concat!(
    "SELECT ",
    document_columns!(),
    " FROM subjects s JOIN documents ON documents.subject_id = s.id WHERE s.owner_id = $3 AND s.id = $4 \
     AND (documents.created_at, documents.id) < ($1, $2) ORDER BY documents.created_at DESC, documents.id DESC LIMIT $5"
));

/// Reads [`document_columns`].
fn read(row: &mut Row<'_>) -> Result<Document, StoreError> {
    Ok(Document {
        id: row.id(DocumentId::from_uuid)?,
        subject: row.id(SubjectId::from_uuid)?,
        owner: row.id(UserId::from_uuid)?,
        name: row.parsed(FileName::parse)?,
        kind: row.parsed(DocumentKind::parse)?,
        size: row.number()?,
        sha256: row.parsed(Sha256::parse)?,
        blob: row.parsed(BlobKey::parse)?,
        text: read_text_state(row)?,
        created_at: row.time()?,
        updated_at: row.time()?,
    })
}

fn read_text_state(row: &mut Row<'_>) -> Result<TextState, StoreError> {
    let word = row.text()?;
    let characters = row.maybe_number()?;
    let is_cut = row.flag()?;
    let reason = row.maybe_text()?;
    match (&*word, characters, reason) {
        ("pending", None, None) => Ok(TextState::Pending),
        ("ready", Some(characters), None) => Ok(TextState::Ready { characters, is_cut }),
        ("unreadable", None, Some(reason)) => Ok(TextState::Unreadable { reason }),
        _ => Err(StoreError::Corrupt(format!("a document whose text is {word} and something else as well"))),
    }
}

fn read_unread(row: &mut Row<'_>) -> Result<UnreadDocument, StoreError> {
    Ok(UnreadDocument { document: read(row)?, attempts: row.number()? })
}

fn read_key(row: &mut Row<'_>) -> Result<BlobKey, StoreError> {
    row.parsed(BlobKey::parse)
}

/// The document of an owner: `$1` and `$2`.
fn key(owner: UserId, document: DocumentId) -> Values {
    Values::new().id(owner.as_uuid()).id(document.as_uuid())
}

/// The state, its parts, and when the text is due if it is still to be read: five values.
fn with_state(values: Values, state: &TextState, due_at: Timestamp) -> Values {
    let (characters, is_cut, reason) = match state {
        TextState::Pending => (None, None, None),
        TextState::Ready { characters, is_cut } => (Some(*characters), Some(*is_cut), None),
        TextState::Unreadable { reason } => (None, None, Some(&**reason)),
    };
    values
        .text(state.as_str())
        .maybe_number(characters)
        .maybe_flag(is_cut)
        .maybe_text(reason)
        .maybe_time((*state == TextState::Pending).then_some(due_at))
}

pub(crate) async fn insert(db: &impl ConnectionTrait, document: &Document, max: u32) -> Result<(), StoreError> {
    let (owner, subject) = (document.owner.as_uuid(), document.subject.as_uuid());
    if HOLD.one(db, Values::new().id(owner).id(subject)).await?.is_none() {
        return Err(StoreError::Conflict);
    }
    let size = i64::try_from(document.size)
        .map_err(|_| StoreError::Corrupt(format!("a document of {} bytes", document.size)))?;
    let values = Values::new()
        .id(document.id.as_uuid())
        .id(subject)
        .id(owner)
        .text(document.name.as_str())
        .text(document.kind.media_type())
        .number(size)
        .text(document.sha256.to_string())
        .text(document.blob.as_str());
    let values = with_state(values, &document.text, document.created_at)
        .time(document.created_at)
        .time(document.updated_at)
        .number(max);
    INSERT.run_for_one(db, values).await
}

pub(crate) async fn remove(
    db: &impl ConnectionTrait,
    owner: UserId,
    document: DocumentId,
) -> Result<Option<BlobKey>, StoreError> {
    maybe(REMOVE.one(db, key(owner, document)).await?.as_ref(), read_key)
}

/// Removes the documents of a subject that is locked, so that none is added meanwhile.
pub(crate) async fn remove_all_of(db: &impl ConnectionTrait, subject: SubjectId) -> Result<Vec<BlobKey>, StoreError> {
    each(&REMOVE_ALL_OF.all(db, Values::new().id(subject.as_uuid())).await?, read_key)
}

pub(crate) async fn take_unread(
    db: &impl ConnectionTrait,
    now: Timestamp,
    lease_until: Timestamp,
    limit: u32,
) -> Result<Vec<UnreadDocument>, StoreError> {
    let rows = TAKE_UNREAD.all(db, Values::new().time(now).time(lease_until).number(limit)).await?;
    let mut unread = each(&rows, read_unread)?;
    // What an update returns has no order.
    unread.sort_by_key(|unread| (unread.document.created_at, unread.document.id));
    Ok(unread)
}

pub(crate) async fn settle_text(
    db: &impl ConnectionTrait,
    document: DocumentId,
    state: &TextState,
    text: Option<&ExtractedText>,
    at: Timestamp,
) -> Result<(), StoreError> {
    let id = || Values::new().id(document.as_uuid());
    if SETTLE.run(db, with_state(id(), state, at).time(at)).await? == 0 {
        return Ok(());
    }
    match text {
        Some(text) => KEEP_TEXT.run(db, id().text(&*text.text).time(at)).await.map(drop),
        None => FORGET_TEXT.run(db, id()).await.map(drop),
    }
}

pub(crate) async fn postpone_text(
    db: &impl ConnectionTrait,
    document: DocumentId,
    due_at: Timestamp,
) -> Result<(), StoreError> {
    POSTPONE.run(db, Values::new().id(document.as_uuid()).time(due_at)).await.map(drop)
}

pub(crate) async fn one(
    db: &impl ConnectionTrait,
    owner: UserId,
    document: DocumentId,
) -> Result<Option<Document>, StoreError> {
    maybe(ONE.one(db, key(owner, document)).await?.as_ref(), read)
}

pub(crate) async fn text(
    db: &impl ConnectionTrait,
    owner: UserId,
    document: DocumentId,
) -> Result<Option<String>, StoreError> {
    maybe(TEXT.one(db, key(owner, document)).await?.as_ref(), |row| row.text())
}

/// Of one subject, or of all.
pub(crate) async fn page(
    db: &impl ConnectionTrait,
    owner: UserId,
    subject: Option<SubjectId>,
    page: PageRequest,
) -> Result<Page<Document>, StoreError> {
    let values = Values::new().below(page).id(owner.as_uuid());
    let rows = match subject {
        Some(subject) => PAGE_OF_SUBJECT.all(db, values.id(subject.as_uuid()).limit(page)).await?,
        None => PAGE_OF_OWNER.all(db, values.limit(page)).await?,
    };
    let cursor = |document: &Document| Cursor { at: document.created_at, id: document.id.as_uuid() };
    Ok(Page::cut(each(&rows, read)?, page.size, cursor))
}
