//! A turn of a conversation as it is stored: once before the model is asked, once when the answer has ended.

use crate::{
    conversations::{Conversation, Message},
    courses::Title,
    ids::InstanceId,
    mentor::{Manifest, QuotedText, Reservation, UsageRecord},
};

/// What is stored before the model is asked.
#[derive(Debug, Clone)]
pub struct TurnOpening {
    /// The conversation; of one that is there only the time of its last message is stored.
    pub conversation: Conversation,
    /// Whether it is new.
    pub is_new: bool,
    /// The question; `None` if one that is there is answered once more.
    pub question: Option<Message>,
    /// The answer without a word.
    pub answer: Message,
    /// What it is made from.
    pub manifest: Manifest,
    /// The passages that the manifest names; those that are kept already stay as they are.
    pub quoted: Vec<QuotedText>,
    /// The call. What it counts for is what comes of the reservation.
    pub call: UsageRecord,
    /// What is to be set aside for it.
    pub reservation: Reservation,
    /// Which server answers.
    pub instance: InstanceId,
}

/// What is stored when an answer has ended, however it did.
#[derive(Debug, Clone)]
pub struct TurnEnding {
    /// The answer as far as it came.
    pub answer: Message,
    /// What it cost.
    pub call: UsageRecord,
    /// What the model would call the conversation; taken while its version is the first one, and then a change: who
    /// loaded it before does not put the old title back.
    pub title: Option<Title>,
}
