//! The mentor: the model port, what it is told, and what a call cost.

mod chat;
mod citation;
mod context;
mod manifest;
mod price;
mod prompt;
mod quota;
mod title;
mod usage;

pub use chat::{
    Cause, ChatAnswer, ChatError, ChatEvent, ChatMessage, ChatModel, ChatRequest, ChatRole, ChatStream, Completion,
    Delivery, FinishReason, ProviderState, TokenUsage, complete,
};
pub use citation::{Citations, cited, cited_among};
pub use context::{CourseStanding, Grounding, LessonInQuestion, NextLesson, NumberedPassage, Source};
pub use manifest::{Manifest, QuotedPassage, QuotedText};
pub use price::{Micros, Price, Prices};
pub use prompt::{EARLIER_TOKENS, Earlier, HISTORY_TOKENS, Prompt, Shape, TEMPLATE, compose, estimated_tokens};
pub use quota::{Allowance, Counted, Quota, Quotas, Reservation, Reserved, Spending, Used, Window, estimated_usage};
pub use title::TitleFilter;
pub use usage::{Cost, LedgerQueries, ModelUsage, UsageDay, UsageFilter, UsageOutcome, UsageRecord};
