//! Messages: reading them, and what all statements that write them bind.

use lyceum_domain::{
    conversations::{Author, Comment, Feedback, Message, MessageStatus, Rating},
    ids::{ConversationId, CourseId, LessonId, MessageId, UserId},
    mentor::{FinishReason, Source, TokenUsage},
    page::{Cursor, Page, PageRequest},
    store::StoreError,
    time::Timestamp,
};
use sea_orm::ConnectionTrait;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    row::{Row, each, maybe},
    sealing::{Place, Sealing},
    sql::{Sql, Values},
};

macro_rules! message_columns {
    () => {
        "m.id, m.conversation_id, m.author, m.parent_id, m.content, m.sealed_with, m.status, m.lesson_id, m.sources, \
         m.model, m.finish_reason, m.prompt_tokens, m.completion_tokens, m.feedback_rating, m.feedback_comment, \
         m.feedback_sealed_with, m.created_at, m.updated_at"
    };
}
pub(crate) use message_columns;

macro_rules! of_owner {
    () => {
        " FROM messages m JOIN conversations c ON c.id = m.conversation_id \
         WHERE m.conversation_id = $1 AND c.owner_id = $2"
    };
}

const ONE: Sql = Sql::same(concat!(
    "SELECT ",
    message_columns!(),
    " FROM messages m JOIN conversations c ON c.id = m.conversation_id WHERE m.id = $1 AND c.owner_id = $2"
));

const PAGE: Sql = Sql::same(concat!(
    "SELECT ",
    message_columns!(),
    of_owner!(),
    " AND (m.created_at, m.id) > ($3, $4) ORDER BY m.created_at, m.id LIMIT $5"
));

/// The last `$3` questions with text, and behind each the latest of its answers that has any.
macro_rules! recent {
    ($before:literal) => {
        concat!(
            "WITH asked AS (SELECT m.id, m.created_at",
            of_owner!(),
            " AND m.author = 'user' AND m.content <> ''",
            $before,
            " ORDER BY m.created_at DESC, m.id DESC LIMIT $3) SELECT * FROM (SELECT ",
            message_columns!(),
            ", q.created_at AS asked_at, q.id AS question_id, 0 AS place FROM asked q JOIN messages m ON m.id = q.id \
             UNION ALL SELECT ",
            message_columns!(),
            ", q.created_at, q.id, 1 FROM asked q JOIN messages m ON m.id = (SELECT a.id FROM messages a \
             WHERE a.parent_id = q.id AND a.content <> '' ORDER BY a.created_at DESC, a.id DESC LIMIT 1)) h \
             ORDER BY h.asked_at DESC, h.question_id DESC, h.place DESC LIMIT $3"
        )
    };
}

const RECENT: Sql = Sql::same(recent!(""));

const RECENT_BEFORE: Sql = Sql::same(recent!(
    " AND (m.created_at, m.id) < (SELECT b.created_at, b.id FROM messages b WHERE b.id = $4 AND b.conversation_id = $1)"
));

const SET_FEEDBACK: Sql = Sql::same(
    "UPDATE messages SET feedback_rating = $3, feedback_comment = $4, feedback_sealed_with = $5, updated_at = $6 \
     WHERE id = $1 AND author = 'assistant' AND EXISTS (SELECT 1 FROM conversations c \
     WHERE c.id = messages.conversation_id AND c.owner_id = $2)",
);

/// A source as it lies in the column `sources`. The names are short for good: they are in every row.
#[derive(Serialize, Deserialize)]
struct StoredSource {
    /// Rows from before sources had numbers have none.
    #[serde(default)]
    citation: Option<u32>,
    lesson: String,
    course: String,
    title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    number: Option<String>,
    excerpt: String,
}

impl Values {
    /// All columns but `conversation_id`, in the order of [`crate::turns`]: fourteen.
    pub(crate) fn message(self, message: &Message, sealing: &Sealing) -> Result<Self, StoreError> {
        self.id(message.id.as_uuid())
            .text(message.author.as_str())
            .maybe_id(message.parent.map(MessageId::as_uuid))
            .maybe_id(message.lesson.map(LessonId::as_uuid))
            .time(message.created_at)
            .answer(message, sealing)
    }

    /// What changes when an answer ends: nine.
    pub(crate) fn answer(self, message: &Message, sealing: &Sealing) -> Result<Self, StoreError> {
        Ok(self
            .stored(sealing.seal(Place::content(message.id.as_uuid()), &message.content)?)
            .text(message.status.as_str())
            .json(sources_as_json(&message.sources))
            .maybe_text(message.model.as_deref())
            .maybe_text(message.finish_reason.map(FinishReason::as_str))
            .maybe_number(message.usage.map(|usage| usage.prompt_tokens))
            .maybe_number(message.usage.map(|usage| usage.completion_tokens))
            .time(message.updated_at))
    }
}

fn sources_as_json(sources: &[Source]) -> serde_json::Value {
    let stored = sources.iter().map(|source| StoredSource {
        citation: Some(source.citation),
        lesson: source.lesson.to_string(),
        course: source.course.to_string(),
        title: source.title.clone(),
        number: source.number.clone(),
        excerpt: source.excerpt.clone(),
    });
    // Strings and numbers always are JSON.
    stored.map(|source| serde_json::to_value(source).unwrap_or_default()).collect()
}

fn read_sources(row: &mut Row<'_>) -> Result<Vec<Source>, StoreError> {
    let stored: Vec<StoredSource> = row.json()?;
    let source = |(n, stored): (u32, StoredSource)| {
        Some(Source {
            citation: stored.citation.unwrap_or(n),
            lesson: LessonId::from_uuid(Uuid::try_parse(&stored.lesson).ok()?),
            course: CourseId::from_uuid(Uuid::try_parse(&stored.course).ok()?),
            title: stored.title,
            number: stored.number,
            excerpt: stored.excerpt,
        })
    };
    let sources: Option<_> = (1..).zip(stored).map(source).collect();
    sources.ok_or_else(|| StoreError::Corrupt("a source of a message names no lesson".to_owned()))
}

/// Reads [`message_columns`].
pub(crate) fn read(row: &mut Row<'_>, sealing: &Sealing) -> Result<Message, StoreError> {
    let id = row.id(MessageId::from_uuid)?;
    Ok(Message {
        id,
        conversation: row.id(ConversationId::from_uuid)?,
        author: row.parsed(Author::parse)?,
        parent: row.maybe_id(MessageId::from_uuid)?,
        content: sealing.open(Place::content(id.as_uuid()), row.stored()?)?,
        status: row.parsed(MessageStatus::parse)?,
        lesson: row.maybe_id(LessonId::from_uuid)?,
        sources: read_sources(row)?,
        model: row.maybe_text()?,
        finish_reason: row.maybe_text()?.map(|word| FinishReason::parse(Some(&word))),
        usage: match (row.maybe_number()?, row.maybe_number()?) {
            (Some(prompt_tokens), Some(completion_tokens)) => Some(TokenUsage { prompt_tokens, completion_tokens }),
            _ => None,
        },
        feedback: read_feedback(row, id, sealing)?,
        created_at: row.time()?,
        updated_at: row.time()?,
    })
}

fn read_feedback(row: &mut Row<'_>, id: MessageId, sealing: &Sealing) -> Result<Option<Feedback>, StoreError> {
    let rating = row.maybe_parsed(Rating::parse)?;
    let stored = row.maybe_stored()?;
    let Some(rating) = rating else { return Ok(None) };
    let place = Place::comment(id.as_uuid());
    let comment = stored.map(|stored| {
        let text = sealing.open(place, stored)?;
        Comment::parse(&text).map_err(|reason| place.unfit(&reason))
    });
    Ok(Some(Feedback { rating, comment: comment.transpose()? }))
}

pub(crate) async fn one(
    db: &impl ConnectionTrait,
    sealing: &Sealing,
    owner: UserId,
    id: MessageId,
) -> Result<Option<Message>, StoreError> {
    let row = ONE.one(db, Values::new().id(id.as_uuid()).id(owner.as_uuid())).await?;
    maybe(row.as_ref(), |row| read(row, sealing))
}

fn key(owner: UserId, conversation: ConversationId) -> Values {
    Values::new().id(conversation.as_uuid()).id(owner.as_uuid())
}

pub(crate) async fn page(
    db: &impl ConnectionTrait,
    sealing: &Sealing,
    owner: UserId,
    conversation: ConversationId,
    page: PageRequest,
) -> Result<Page<Message>, StoreError> {
    let rows = PAGE.all(db, key(owner, conversation).above(page).limit(page)).await?;
    let messages = each(&rows, |row| read(row, sealing))?;
    Ok(Page::cut(messages, page.size, |message| Cursor { at: message.created_at, id: message.id.as_uuid() }))
}

pub(crate) async fn recent(
    db: &impl ConnectionTrait,
    sealing: &Sealing,
    (owner, conversation): (UserId, ConversationId),
    before: Option<MessageId>,
    limit: u8,
) -> Result<Vec<Message>, StoreError> {
    let values = key(owner, conversation).number(limit);
    let rows = match before {
        Some(before) => RECENT_BEFORE.all(db, values.id(before.as_uuid())).await?,
        None => RECENT.all(db, values).await?,
    };
    let mut messages = each(&rows, |row| read(row, sealing))?;
    messages.reverse();
    Ok(messages)
}

pub(crate) async fn set_feedback(
    db: &impl ConnectionTrait,
    sealing: &Sealing,
    (owner, id): (UserId, MessageId),
    feedback: Option<&Feedback>,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let comment = feedback.and_then(|feedback| feedback.comment.as_ref());
    let comment = comment.map(|comment| sealing.seal(Place::comment(id.as_uuid()), comment.as_str())).transpose()?;
    let values = Values::new()
        .id(id.as_uuid())
        .id(owner.as_uuid())
        .maybe_text(feedback.map(|feedback| feedback.rating.as_str()))
        .maybe_stored(comment)
        .time(at);
    SET_FEEDBACK.run(db, values).await.map(|set| set > 0)
}
