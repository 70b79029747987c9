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
    /// Whether it has not ended.
    pub is_under_way: bool,
}

/// A server with something under way, and its last sign of life. Two that differ are two signs; what time it tells is the
/// server's own, and nobody else's clock need agree with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignOfLife {
    /// The server.
    pub instance: InstanceId,
    /// When it last [said that it lives](TurnsUnderWay::beat); `None` if it never did, or was forgotten.
    pub at: Option<Timestamp>,
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

    /// Somebody follows an answer elsewhere, and says so again and again: it is by this time's change that others know, by
    /// whatever clock it is told.
    async fn follow(&self, message: MessageId, at: Timestamp) -> Result<(), StoreError>;

    /// What those who follow this answer elsewhere said last.
    async fn followed_at(&self, message: MessageId) -> Result<Option<Timestamp>, StoreError>;

    /// The last signs of life of all servers with an answer under way, or with a named request that has no answer yet, in
    /// no order.
    async fn signs_of_life(&self) -> Result<Vec<SignOfLife>, StoreError>;

    /// The answers that are under way at this server as far as the store knows, in no order.
    async fn answers_of(&self, instance: InstanceId) -> Result<Vec<MessageId>, StoreError>;

    /// At most `limit` answers under way whose server is one of `gone`.
    async fn abandoned(&self, gone: &[InstanceId], limit: u32) -> Result<Vec<Abandoned>, StoreError>;

    /// Forgets servers that have no answers under way and were not seen since. How many.
    async fn forget_instances(&self, silent_since: Timestamp) -> Result<u64, StoreError>;
}
