//! Answers that are being given: what was said so far, by which server, and who wants them stopped.
//!
//! Whoever reads an answer has nothing that is not stored: a piece is kept before it is shown. So a reader whose
//! connection breaks, whose server dies, or who asks another server finds the very text that they saw.

use async_trait::async_trait;

use crate::{
    conversations::Message,
    ids::{InstanceId, MessageId, UserId},
    mentor::UsageRecord,
    store::StoreError,
    time::Timestamp,
};

/// A piece of an answer under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The answer.
    pub message: MessageId,
    /// How many bytes (UTF-8) of it come before.
    pub offset: u32,
    /// The next ones; whole characters, and never none.
    pub text: String,
}

/// An answer, and what there is of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The answer; while it is under way its `content` is what was said so far.
    pub answer: Message,
    /// When the server that gives it last said that it lives, or when the answer was begun if it never did; `None` once
    /// the answer has ended.
    pub seen_at: Option<Timestamp>,
}

/// An answer whose server is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Abandoned {
    /// The answer, with all that was said.
    pub answer: Message,
    /// Its call.
    pub call: UsageRecord,
}

/// Writes and reads answers under way. Every method is whole in itself.
#[async_trait]
pub trait TurnsUnderWay: Send + Sync {
    /// Keeps the next pieces of some answers, in their order. Those of answers that are not under way (any more) are
    /// passed over; one that is kept already is kept once.
    async fn keep_pieces(&self, pieces: &[Piece]) -> Result<(), StoreError>;

    /// An answer of this owner as far as it came.
    async fn said(&self, owner: UserId, message: MessageId) -> Result<Option<Said>, StoreError>;

    /// A server says that it lives, for the first time too, and hears which of its answers are to stop.
    async fn beat(&self, instance: InstanceId, at: Timestamp) -> Result<Vec<MessageId>, StoreError>;

    /// Asks whichever server gives this answer of this owner to stop. False if it is not under way.
    async fn request_stop(&self, owner: UserId, message: MessageId) -> Result<bool, StoreError>;

    /// Somebody follows an answer elsewhere, at least until then. The latest time counts.
    async fn follow(&self, message: MessageId, until: Timestamp) -> Result<(), StoreError>;

    /// Until when somebody follows this answer elsewhere.
    async fn followed_until(&self, message: MessageId) -> Result<Option<Timestamp>, StoreError>;

    /// At most `limit` answers under way whose server is one of `gone`, or was not seen since `silent_since`.
    async fn abandoned(
        &self,
        gone: &[InstanceId],
        silent_since: Timestamp,
        limit: u32,
    ) -> Result<Vec<Abandoned>, StoreError>;

    /// Forgets servers that have no answers under way and were not seen since. How many.
    async fn forget_instances(&self, silent_since: Timestamp) -> Result<u64, StoreError>;
}
