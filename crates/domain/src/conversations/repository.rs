//! The conversation repository and its queries. The owner is part of every key, so that a forgotten check finds
//! nothing.

use async_trait::async_trait;

use crate::{
    conversations::{Conversation, Message},
    ids::{ConversationId, UserId},
    mentor::UsageRecord,
    page::{Page, PageRequest},
    store::StoreError,
};

/// Writes conversations inside a unit of work.
#[async_trait]
pub trait Conversations: Send {
    /// Stores a turn before the model is asked: the conversation if `is_new`, else the time of its last message; the
    /// question, the answer without a word, and the record of what the call may cost. The version stays, so two turns
    /// at once don't conflict; [`StoreError::Conflict`] if it is not new and the owner has no such conversation.
    async fn begin_turn(
        &mut self,
        conversation: &Conversation,
        is_new: bool,
        question: &Message,
        answer: &Message,
        usage: &UsageRecord,
    ) -> Result<(), StoreError>;

    /// Writes down how a turn ended: the answer as far as it came, and what it cost. If the conversation was deleted
    /// meanwhile, what it cost alone.
    async fn end_turn(&mut self, answer: &Message, usage: &UsageRecord) -> Result<(), StoreError>;

    /// Saves a changed conversation; [`StoreError::Conflict`] if `version` is not the stored one. The stored version
    /// is one higher afterwards.
    async fn update(&mut self, conversation: &Conversation) -> Result<(), StoreError>;

    /// Removes a conversation with its messages, for good; what it cost stays recorded. False if there was none.
    async fn delete(&mut self, owner: UserId, id: ConversationId) -> Result<bool, StoreError>;
}

/// Which conversations a list holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ConversationFilter {
    /// Only archived ones, or only those that are not; both if `None`.
    pub is_archived: Option<bool>,
}

/// Reads conversations without a transaction.
#[async_trait]
pub trait ConversationQueries: Send + Sync {
    /// A conversation of this owner.
    async fn conversation(&self, owner: UserId, id: ConversationId) -> Result<Option<Conversation>, StoreError>;

    /// The conversations of an owner, newest first.
    async fn conversations_page(
        &self,
        owner: UserId,
        filter: ConversationFilter,
        page: PageRequest,
    ) -> Result<Page<Conversation>, StoreError>;

    /// The messages of a conversation of this owner, oldest first.
    async fn messages_page(
        &self,
        owner: UserId,
        conversation: ConversationId,
        page: PageRequest,
    ) -> Result<Page<Message>, StoreError>;

    /// The last `limit` messages of a conversation of this owner that have text, oldest first: the history of the
    /// next question.
    async fn recent_messages(
        &self,
        owner: UserId,
        conversation: ConversationId,
        limit: u8,
    ) -> Result<Vec<Message>, StoreError>;

    /// All usage records of a user, oldest first.
    async fn usage_of(&self, user: UserId) -> Result<Vec<UsageRecord>, StoreError>;
}
