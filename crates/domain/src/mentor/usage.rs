//! What a call of the model cost.

use crate::{
    ids::{ConversationId, MessageId, UsageId, UserId},
    invalid::Invalid,
    mentor::TokenUsage,
    time::Timestamp,
};

/// The record of one call, written before it starts and completed when it ends, however it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRecord {
    /// Its id.
    pub id: UsageId,
    /// Who asked.
    pub user: UserId,
    /// The conversation.
    pub conversation: ConversationId,
    /// The answer.
    pub message: MessageId,
    /// Who was asked.
    pub provider: String,
    /// The model.
    pub model: String,
    /// How it ended.
    pub outcome: UsageOutcome,
    /// What was counted.
    pub cost: Cost,
    /// The code of the error, if it failed.
    pub error_code: Option<String>,
    /// From asking to the first piece, in milliseconds.
    pub first_piece_ms: Option<u32>,
    /// From asking to the end, in milliseconds.
    pub duration_ms: Option<u32>,
    /// When it was asked.
    pub created_at: Timestamp,
    /// When it ended.
    pub updated_at: Timestamp,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UsageOutcome {
    /// It is under way, or the server died meanwhile.
    Open,
    /// The answer is whole.
    Complete,
    /// The learner left.
    Interrupted,
    /// The model failed.
    Failed,
}

impl UsageOutcome {
    /// The word used in rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Complete => "complete",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Result<Self, Invalid> {
        match word {
            "open" => Ok(Self::Open),
            "complete" => Ok(Self::Complete),
            "interrupted" => Ok(Self::Interrupted),
            "failed" => Ok(Self::Failed),
            _ => Err(Invalid::NotAllowed { allowed: "open, complete, interrupted, failed" }),
        }
    }
}

/// Tokens of a call, counted by the provider or estimated by us.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// The tokens.
    pub tokens: TokenUsage,
    /// Whether they are our estimate.
    pub is_estimated: bool,
}
