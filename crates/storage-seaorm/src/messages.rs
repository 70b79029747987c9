//! Messages: reading them, and what all statements that write them bind.

use lyceum_domain::{
    conversations::{Author, Message, MessageStatus},
    ids::{ConversationId, CourseId, LessonId, MessageId, UserId},
    mentor::{FinishReason, Source, TokenUsage},
    page::{Cursor, Page, PageRequest},
    store::StoreError,
};
use sea_orm::ConnectionTrait;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    row::{Row, each},
    sql::{Sql, Values},
};

macro_rules! message_columns {
    () => {
        "m.id, m.conversation_id, m.author, m.content, m.status, m.lesson_id, m.sources, m.model, m.finish_reason, \
         m.prompt_tokens, m.completion_tokens, m.created_at, m.updated_at"
    };
}

macro_rules! of_owner {
    () => {
        " FROM messages m JOIN conversations c ON c.id = m.conversation_id \
         WHERE m.conversation_id = $1 AND c.owner_id = $2"
    };
}

const PAGE: Sql = Sql::same(concat!(
    "SELECT ",
    message_columns!(),
    of_owner!(),
    " AND (m.created_at, m.id) > ($3, $4) ORDER BY m.created_at, m.id LIMIT $5"
));

const RECENT: Sql = Sql::same(concat!(
    "SELECT ",
    message_columns!(),
    of_owner!(),
    " AND m.content <> '' ORDER BY m.created_at DESC, m.id DESC LIMIT $3"
));

/// A source as it lies in the column `sources`. The names are short for good: they are in every row.
#[derive(Serialize, Deserialize)]
struct StoredSource {
    lesson: String,
    course: String,
    title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    number: Option<String>,
    excerpt: String,
}

impl Values {
    /// All columns but `conversation_id`, in the order of [`crate::turns`]: twelve.
    pub(crate) fn message(self, message: &Message) -> Self {
        self.id(message.id.as_uuid())
            .text(message.author.as_str())
            .maybe_id(message.lesson.map(LessonId::as_uuid))
            .time(message.created_at)
            .answer(message)
    }

    /// What changes when an answer ends: eight.
    pub(crate) fn answer(self, message: &Message) -> Self {
        self.text(&*message.content)
            .text(message.status.as_str())
            .json(sources_as_json(&message.sources))
            .maybe_text(message.model.as_deref())
            .maybe_text(message.finish_reason.map(FinishReason::as_str))
            .maybe_number(message.usage.map(|usage| usage.prompt_tokens))
            .maybe_number(message.usage.map(|usage| usage.completion_tokens))
            .time(message.updated_at)
    }
}

fn sources_as_json(sources: &[Source]) -> serde_json::Value {
    let stored = sources.iter().map(|source| StoredSource {
        lesson: source.lesson.to_string(),
        course: source.course.to_string(),
        title: source.title.clone(),
        number: source.number.clone(),
        excerpt: source.excerpt.clone(),
    });
    // Strings alone always are JSON.
    stored.map(|source| serde_json::to_value(source).unwrap_or_default()).collect()
}

fn read_sources(row: &mut Row<'_>) -> Result<Vec<Source>, StoreError> {
    let stored: Vec<StoredSource> = row.json()?;
    let source = |stored: StoredSource| {
        Some(Source {
            lesson: LessonId::from_uuid(Uuid::try_parse(&stored.lesson).ok()?),
            course: CourseId::from_uuid(Uuid::try_parse(&stored.course).ok()?),
            title: stored.title,
            number: stored.number,
            excerpt: stored.excerpt,
        })
    };
    let sources: Option<_> = stored.into_iter().map(source).collect();
    sources.ok_or_else(|| StoreError::Corrupt("a source of a message names no lesson".to_owned()))
}

fn read(row: &mut Row<'_>) -> Result<Message, StoreError> {
    Ok(Message {
        id: row.id(MessageId::from_uuid)?,
        conversation: row.id(ConversationId::from_uuid)?,
        author: row.parsed(Author::parse)?,
        content: row.text()?,
        status: row.parsed(MessageStatus::parse)?,
        lesson: row.maybe_id(LessonId::from_uuid)?,
        sources: read_sources(row)?,
        model: row.maybe_text()?,
        finish_reason: row.maybe_text()?.map(|word| FinishReason::parse(Some(&word))),
        usage: match (row.maybe_number()?, row.maybe_number()?) {
            (Some(prompt_tokens), Some(completion_tokens)) => Some(TokenUsage { prompt_tokens, completion_tokens }),
            _ => None,
        },
        created_at: row.time()?,
        updated_at: row.time()?,
    })
}

fn key(owner: UserId, conversation: ConversationId) -> Values {
    Values::new().id(conversation.as_uuid()).id(owner.as_uuid())
}

pub(crate) async fn page(
    db: &impl ConnectionTrait,
    owner: UserId,
    conversation: ConversationId,
    page: PageRequest,
) -> Result<Page<Message>, StoreError> {
    let messages = each(&PAGE.all(db, key(owner, conversation).above(page).limit(page)).await?, read)?;
    Ok(Page::cut(messages, page.size, |message| Cursor { at: message.created_at, id: message.id.as_uuid() }))
}

pub(crate) async fn recent(
    db: &impl ConnectionTrait,
    owner: UserId,
    conversation: ConversationId,
    limit: u8,
) -> Result<Vec<Message>, StoreError> {
    let mut messages = each(&RECENT.all(db, key(owner, conversation).number(limit)).await?, read)?;
    messages.reverse();
    Ok(messages)
}
