//! The conversation repository and its queries. The owner is part of every key, so that a forgotten check finds
//! nothing.

use async_trait::async_trait;

use crate::{
    blobs::Sha256,
    conversations::{Conversation, Feedback, Message, TurnEnding, TurnOpening},
    ids::{ConversationId, MessageId, UserId},
    invalid::Invalid,
    mentor::{Manifest, QuotedText, Reserved},
    page::{Page, PageRequest},
    store::StoreError,
    text,
    time::Timestamp,
};

/// Writes conversations inside a unit of work.
#[async_trait]
pub trait Conversations: Send {
    /// Stores a turn before the model is asked, and sets aside what it may cost; all of it or, if an allowance is used
    /// up, nothing. The version of the conversation stays, so two turns at once don't conflict;
    /// [`StoreError::Conflict`] if it is not new and the owner has no such conversation (any more), or not the question
    /// that is answered once more.
    async fn begin_turn(&mut self, opening: &TurnOpening) -> Result<Reserved, StoreError>;

    /// Writes down how a turn ended: the answer as far as it came, and what it cost; what was set aside for it becomes
    /// what it took. It is under way no more. What the owner thinks of the answer stays. If the conversation was
    /// deleted meanwhile, what it cost alone; if its owner was erased, nothing. Written twice, the last one counts, and
    /// nothing is charged twice.
    async fn end_turn(&mut self, ending: &TurnEnding) -> Result<(), StoreError>;

    /// As [`end_turn`](Self::end_turn), for a server that is gone; false, and nothing, if the turn has ended already.
    async fn close_abandoned(&mut self, ending: &TurnEnding) -> Result<bool, StoreError>;

    /// Saves a changed conversation; [`StoreError::Conflict`] if `version` is not the stored one. The stored version
    /// is one higher afterwards.
    async fn update(&mut self, conversation: &Conversation) -> Result<(), StoreError>;

    /// Removes a conversation with its messages, for good; what it cost stays recorded. False if there was none.
    async fn delete(&mut self, owner: UserId, id: ConversationId) -> Result<bool, StoreError>;

    /// Notes what the owner thinks of an answer, or that they take it back. False if they have no such answer.
    async fn set_feedback(
        &mut self,
        owner: UserId,
        message: MessageId,
        feedback: Option<&Feedback>,
        at: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Looks at `limit` of the texts that no turn has quoted since `quoted_before`, longest ago first. Those that no
    /// answer quotes any more are removed, and it says how many; the others count as quoted at `now`. A text that a turn
    /// quotes at the same moment stays. A turn that quotes a text which was quoted less than a day before need not note
    /// it, so `quoted_before` is more than a day ago.
    async fn forget_texts(&mut self, quoted_before: Timestamp, now: Timestamp, limit: u32) -> Result<u64, StoreError>;

    /// Removes at most `limit` records of calls that were begun before the day (UTC) of `before`, and says how many.
    /// What their users have used up stays as it is.
    async fn remove_usage(&mut self, before: Timestamp, limit: u32) -> Result<u64, StoreError>;
}

/// What conversations are searched for: 1 to 100 characters of a title or a message, in any case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchedWords(String);

impl SearchedWords {
    /// Checks, and lowers the case.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        text::line(raw, 1, 100).map(|line| Self(line.to_lowercase()))
    }

    /// Whether a text has them.
    pub fn are_in(&self, text: &str) -> bool {
        text.to_lowercase().contains(&self.0)
    }

    /// In lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Which conversations a list holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConversationFilter {
    /// Only archived ones, or only those that are not; both if `None`.
    pub is_archived: Option<bool>,
    /// Only those whose title or messages have these words.
    pub words: Option<SearchedWords>,
}

/// Reads conversations without a transaction.
#[async_trait]
pub trait ConversationQueries: Send + Sync {
    /// A conversation of this owner.
    async fn conversation(&self, owner: UserId, id: ConversationId) -> Result<Option<Conversation>, StoreError>;

    /// The conversations of an owner, newest first. A search may give fewer than the page holds, even none, and go on
    /// in the next: it looks only at so much at a time.
    async fn conversations_page(
        &self,
        owner: UserId,
        filter: &ConversationFilter,
        page: PageRequest,
    ) -> Result<Page<Conversation>, StoreError>;

    /// A message of this owner. An answer under way has no text yet; see
    /// [`said`](crate::conversations::TurnsUnderWay::said).
    async fn message(&self, owner: UserId, id: MessageId) -> Result<Option<Message>, StoreError>;

    /// The messages of a conversation of this owner, oldest first.
    async fn messages_page(
        &self,
        owner: UserId,
        conversation: ConversationId,
        page: PageRequest,
    ) -> Result<Page<Message>, StoreError>;

    /// The last `limit` messages of a conversation of this owner that have text and come before `before` (all, if
    /// `None`), oldest first: the history of the next question. An answer stands behind its question however late it was
    /// given, and of several answers to one question the latest with text stands for all. `before` is a question.
    async fn recent_messages(
        &self,
        owner: UserId,
        conversation: ConversationId,
        before: Option<MessageId>,
        limit: u8,
    ) -> Result<Vec<Message>, StoreError>;

    /// What an answer was made from, whoever's it is; for the operator.
    async fn manifest(&self, answer: MessageId) -> Result<Option<(UserId, Manifest)>, StoreError>;

    /// The texts that are kept under these digests; those that are not are left out.
    async fn quoted_texts(&self, digests: &[Sha256]) -> Result<Vec<QuotedText>, StoreError>;
}
