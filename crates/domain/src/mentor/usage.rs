//! The ledger: what each call of the model was to cost, and did.

use async_trait::async_trait;

use crate::{
    ids::{ConversationId, MessageId, UsageId, UserId},
    invalid::Invalid,
    mentor::{Counted, Micros, Spending, TokenUsage},
    page::{Page, PageRequest},
    store::StoreError,
    time::{Day, Timestamp},
};

/// The record of one call, written before it starts and completed when it ends, however it ends. A call outside of a
/// conversation has ids of its own for the two that no row bears.
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
    /// What it counts for in the user's quota: what is reserved while it runs, then what it took.
    pub counted: Counted,
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
    /// Their price.
    pub micros: Micros,
}

/// What one user spent on one day (UTC).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageDay {
    /// The day.
    pub day: Day,
    /// Who.
    pub user: UserId,
    /// With which models, by provider and name.
    pub models: Vec<ModelUsage>,
}

/// What was asked of one model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelUsage {
    /// Who answered.
    pub provider: String,
    /// The model.
    pub model: String,
    /// Calls, also broken ones.
    pub calls: u32,
    /// Those of them that failed.
    pub failed: u32,
    /// Tokens of prompts.
    pub prompt_tokens: u64,
    /// Tokens of answers.
    pub completion_tokens: u64,
    /// The price of all.
    pub micros: Micros,
}

/// Which days and whose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsageFilter {
    /// From this day.
    pub since: Day,
    /// To this day, that included.
    pub until: Day,
    /// Only this user.
    pub user: Option<UserId>,
}

/// Reads the ledger without a transaction.
#[async_trait]
pub trait LedgerQueries: Send + Sync {
    /// What a user has used up, as it was last counted; see [`Spending::at`]. `None`: nothing ever.
    async fn spending(&self, user: UserId) -> Result<Option<Spending>, StoreError>;

    /// All records of a user, oldest first.
    async fn usage_of(&self, user: UserId) -> Result<Vec<UsageRecord>, StoreError>;

    /// At most `limit` calls that began before `before` and never ended, oldest first: their server is gone. Only those
    /// whose answer is no message, because they were made outside of a conversation or it was deleted.
    async fn stale_calls(&self, before: Timestamp, limit: u32) -> Result<Vec<UsageRecord>, StoreError>;

    /// What was spent by day and user, latest day first; cursors have the beginning of the day, and the user.
    async fn usage_days(&self, filter: UsageFilter, page: PageRequest) -> Result<Page<UsageDay>, StoreError>;
}
