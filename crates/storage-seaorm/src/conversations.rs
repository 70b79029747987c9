//! Conversations.

use async_trait::async_trait;
use lyceum_domain::{
    conversations::{Conversation, ConversationFilter, ConversationQueries, Conversations, Message},
    courses::Title,
    ids::{ConversationId, CourseId, UserId},
    mentor::UsageRecord,
    page::{Cursor, Page, PageRequest},
    store::StoreError,
};

use crate::{
    connect::SeaOrmStore,
    messages,
    row::{Row, each, maybe},
    sql::{Sql, Values},
    turns,
    unit::SeaOrmUnit,
    usage,
};

macro_rules! conversation_columns {
    () => {
        "c.id, c.owner_id, c.title, c.course_id, c.is_archived, c.created_at, c.updated_at, c.version"
    };
}

const UPDATE: Sql = Sql::same(
    "UPDATE conversations SET title = $3, course_id = $4, is_archived = $5, updated_at = $6, version = version + 1 \
     WHERE id = $1 AND owner_id = $2 AND version = $7",
);

const DELETE: Sql = Sql::same("DELETE FROM conversations WHERE id = $1 AND owner_id = $2");

const ONE: Sql =
    Sql::same(concat!("SELECT ", conversation_columns!(), " FROM conversations c WHERE c.id = $1 AND c.owner_id = $2"));

const PAGE: Sql = Sql::same(concat!(
    "SELECT ",
    conversation_columns!(),
    " FROM conversations c WHERE c.owner_id = $1 AND (c.updated_at, c.id) < ($2, $3) \
     AND (c.is_archived = $4 OR c.is_archived = $5) ORDER BY c.updated_at DESC, c.id DESC LIMIT $6"
));

fn key(owner: UserId, id: ConversationId) -> Values {
    Values::new().id(id.as_uuid()).id(owner.as_uuid())
}

fn read(row: &mut Row<'_>) -> Result<Conversation, StoreError> {
    Ok(Conversation {
        id: row.id(ConversationId::from_uuid)?,
        owner: row.id(UserId::from_uuid)?,
        title: row.parsed(Title::parse)?,
        course: row.maybe_id(CourseId::from_uuid)?,
        is_archived: row.flag()?,
        created_at: row.time()?,
        updated_at: row.time()?,
        version: row.number()?,
    })
}

#[async_trait]
impl Conversations for SeaOrmUnit {
    async fn begin_turn(
        &mut self,
        conversation: &Conversation,
        is_new: bool,
        question: &Message,
        answer: &Message,
        usage: &UsageRecord,
    ) -> Result<(), StoreError> {
        let mut step = self.step()?;
        step.end(turns::begin(step.tx, conversation, is_new, [question, answer], usage).await)
    }

    async fn end_turn(&mut self, answer: &Message, usage: &UsageRecord) -> Result<(), StoreError> {
        let mut step = self.step()?;
        step.end(turns::end(step.tx, answer, usage).await)
    }

    async fn update(&mut self, conversation: &Conversation) -> Result<(), StoreError> {
        let mut step = self.step()?;
        let values = key(conversation.owner, conversation.id)
            .text(conversation.title.as_str())
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
}

#[async_trait]
impl ConversationQueries for SeaOrmStore {
    async fn conversation(&self, owner: UserId, id: ConversationId) -> Result<Option<Conversation>, StoreError> {
        maybe(ONE.one(&self.reads, key(owner, id)).await?.as_ref(), read)
    }

    async fn conversations_page(
        &self,
        owner: UserId,
        filter: ConversationFilter,
        page: PageRequest,
    ) -> Result<Page<Conversation>, StoreError> {
        let values = Values::new()
            .id(owner.as_uuid())
            .below(page)
            .flag(filter.is_archived.unwrap_or(false))
            .flag(filter.is_archived.unwrap_or(true))
            .limit(page);
        let conversations = each(&PAGE.all(&self.reads, values).await?, read)?;
        Ok(Page::cut(conversations, page.size, |found| Cursor { at: found.updated_at, id: found.id.as_uuid() }))
    }

    async fn messages_page(
        &self,
        owner: UserId,
        conversation: ConversationId,
        page: PageRequest,
    ) -> Result<Page<Message>, StoreError> {
        messages::page(&self.reads, owner, conversation, page).await
    }

    async fn recent_messages(
        &self,
        owner: UserId,
        conversation: ConversationId,
        limit: u8,
    ) -> Result<Vec<Message>, StoreError> {
        messages::recent(&self.reads, owner, conversation, limit).await
    }

    async fn usage_of(&self, user: UserId) -> Result<Vec<UsageRecord>, StoreError> {
        usage::of(&self.reads, user).await
    }
}
