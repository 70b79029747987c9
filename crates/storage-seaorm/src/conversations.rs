//! Conversations.

use async_trait::async_trait;
use lyceum_domain::{
    blobs::Sha256,
    conversations::{
        Conversation, ConversationFilter, ConversationQueries, Conversations, Feedback, Message, TurnEnding,
        TurnOpening,
    },
    courses::Title,
    ids::{ConversationId, CourseId, MessageId, UserId},
    mentor::{Manifest, QuotedText, Reserved},
    page::{Cursor, Page, PageRequest},
    store::StoreError,
    time::Timestamp,
};

use crate::{
    calls,
    connect::SeaOrmStore,
    conversation_search,
    endings::{self, If},
    manifests, messages, quotations,
    row::{Row, each, maybe},
    sealing::{Place, Sealing, Stored},
    sql::{Sql, Values},
    turns,
    unit::SeaOrmUnit,
};

macro_rules! conversation_columns {
    () => {
        "c.id, c.owner_id, c.title, c.sealed_with, c.course_id, c.is_archived, c.created_at, c.updated_at, c.version"
    };
}
pub(crate) use conversation_columns;

const UPDATE: Sql = Sql::same(
    "UPDATE conversations SET title = $3, sealed_with = $4, course_id = $5, is_archived = $6, updated_at = $7, \
     version = version + 1 WHERE id = $1 AND owner_id = $2 AND version = $8",
);

const DELETE: Sql = Sql::same("DELETE FROM conversations WHERE id = $1 AND owner_id = $2");

const ONE: Sql =
    Sql::same(concat!("SELECT ", conversation_columns!(), " FROM conversations c WHERE c.id = $1 AND c.owner_id = $2"));

/// The `$6` next conversations of an owner, newest first: `$1` to `$6` as [`of_owner`] binds them.
macro_rules! listed {
    () => {
        concat!(
            "SELECT ",
            $crate::conversations::conversation_columns!(),
            " FROM conversations c WHERE c.owner_id = $1 AND (c.updated_at, c.id) < ($2, $3) \
             AND (c.is_archived = $4 OR c.is_archived = $5) ORDER BY c.updated_at DESC, c.id DESC LIMIT $6"
        )
    };
}
pub(crate) use listed;

const PAGE: Sql = Sql::same(listed!());

fn key(owner: UserId, id: ConversationId) -> Values {
    Values::new().id(id.as_uuid()).id(owner.as_uuid())
}

/// All but the limit of [`listed`].
pub(crate) fn of_owner(owner: UserId, filter: &ConversationFilter, page: PageRequest) -> Values {
    Values::new()
        .id(owner.as_uuid())
        .below(page)
        .flag(filter.is_archived.unwrap_or(false))
        .flag(filter.is_archived.unwrap_or(true))
}

/// Where a list goes on behind a conversation.
pub(crate) fn cursor(of: &Conversation) -> Cursor {
    Cursor { at: of.updated_at, id: of.id.as_uuid() }
}

/// Reads [`conversation_columns`].
pub(crate) fn read(row: &mut Row<'_>, sealing: &Sealing) -> Result<Conversation, StoreError> {
    let id = row.id(ConversationId::from_uuid)?;
    Ok(Conversation {
        id,
        owner: row.id(UserId::from_uuid)?,
        title: title(id, row.stored()?, sealing)?,
        course: row.maybe_id(CourseId::from_uuid)?,
        is_archived: row.flag()?,
        created_at: row.time()?,
        updated_at: row.time()?,
        version: row.number()?,
    })
}

fn title(id: ConversationId, stored: Stored, sealing: &Sealing) -> Result<Title, StoreError> {
    let place = Place::title(id.as_uuid());
    let text = sealing.open(place, stored)?;
    Title::parse(&text).map_err(|reason| place.unfit(&reason))
}

#[async_trait]
impl Conversations for SeaOrmUnit {
    async fn begin_turn(&mut self, opening: &TurnOpening) -> Result<Reserved, StoreError> {
        let mut step = self.step()?;
        step.end(turns::begin(step.tx, step.sealing, opening).await)
    }

    async fn end_turn(&mut self, ending: &TurnEnding) -> Result<(), StoreError> {
        let mut step = self.step()?;
        step.end(endings::end(step.tx, step.sealing, ending, If::Ever).await.map(drop))
    }

    async fn close_abandoned(&mut self, ending: &TurnEnding) -> Result<bool, StoreError> {
        let mut step = self.step()?;
        step.end(endings::end(step.tx, step.sealing, ending, If::UnderWay).await)
    }

    async fn update(&mut self, conversation: &Conversation) -> Result<(), StoreError> {
        let mut step = self.step()?;
        let place = Place::title(conversation.id.as_uuid());
        let title = match step.sealing.seal(place, conversation.title.as_str()) {
            Ok(title) => title,
            Err(error) => return step.end(Err(error)),
        };
        let values = key(conversation.owner, conversation.id)
            .stored(title)
            .maybe_id(conversation.course.map(CourseId::as_uuid))
            .flag(conversation.is_archived)
            .time(conversation.updated_at)
            .number(conversation.version);
        step.end(UPDATE.run_for_one(step.tx, values).await)
    }

    async fn delete(&mut self, owner: UserId, id: ConversationId) -> Result<bool, StoreError> {
        let mut step = self.step()?;
        step.end(DELETE.run(step.tx, key(owner, id)).await.map(|gone| gone > 0))
    }

    async fn set_feedback(
        &mut self,
        owner: UserId,
        message: MessageId,
        feedback: Option<&Feedback>,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut step = self.step()?;
        step.end(messages::set_feedback(step.tx, step.sealing, (owner, message), feedback, at).await)
    }

    async fn forget_texts(&mut self, quoted_before: Timestamp, now: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let mut step = self.step()?;
        step.end(quotations::forget(step.tx, quoted_before, now, limit).await)
    }

    async fn remove_usage(&mut self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let mut step = self.step()?;
        step.end(calls::remove_before(step.tx, before, limit).await)
    }
}

#[async_trait]
impl ConversationQueries for SeaOrmStore {
    async fn conversation(&self, owner: UserId, id: ConversationId) -> Result<Option<Conversation>, StoreError> {
        maybe(ONE.one(&self.reads, key(owner, id)).await?.as_ref(), |row| read(row, &self.sealing))
    }

    async fn conversations_page(
        &self,
        owner: UserId,
        filter: &ConversationFilter,
        page: PageRequest,
    ) -> Result<Page<Conversation>, StoreError> {
        if let Some(words) = &filter.words {
            return conversation_search::page(&self.reads, &self.sealing, owner, (filter, words), page).await;
        }
        let rows = PAGE.all(&self.reads, of_owner(owner, filter, page).limit(page)).await?;
        let conversations = each(&rows, |row| read(row, &self.sealing))?;
        Ok(Page::cut(conversations, page.size, cursor))
    }

    async fn message(&self, owner: UserId, id: MessageId) -> Result<Option<Message>, StoreError> {
        messages::one(&self.reads, &self.sealing, owner, id).await
    }

    async fn messages_page(
        &self,
        owner: UserId,
        conversation: ConversationId,
        page: PageRequest,
    ) -> Result<Page<Message>, StoreError> {
        messages::page(&self.reads, &self.sealing, owner, conversation, page).await
    }

    async fn recent_messages(
        &self,
        owner: UserId,
        conversation: ConversationId,
        before: Option<MessageId>,
        limit: u8,
    ) -> Result<Vec<Message>, StoreError> {
        messages::recent(&self.reads, &self.sealing, (owner, conversation), before, limit).await
    }

    async fn manifest(&self, answer: MessageId) -> Result<Option<(UserId, Manifest)>, StoreError> {
        manifests::one(&self.reads, &self.sealing, answer).await
    }

    async fn quoted_texts(&self, digests: &[Sha256]) -> Result<Vec<QuotedText>, StoreError> {
        manifests::quoted_texts(&self.reads, digests).await
    }
}
