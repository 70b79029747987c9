//! The mentor: the model port, what it is told, and what a call cost.

mod chat;
mod context;
mod prompt;
mod usage;

pub use chat::{
    Cause, ChatAnswer, ChatError, ChatEvent, ChatMessage, ChatModel, ChatRequest, ChatRole, ChatStream, Completion,
    Delivery, FinishReason, TokenUsage, complete,
};
pub use context::{CourseStanding, Grounding, LessonInQuestion, NextLesson, NumberedPassage, Source};
pub use prompt::{HISTORY_TOKENS, Prompt, TEMPLATE, compose, estimated_tokens};
pub use usage::{Cost, UsageOutcome, UsageRecord};
