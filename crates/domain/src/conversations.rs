//! Conversations with the mentor: what was asked and what was answered.

mod repository;
mod seal;
mod turn;
mod under_way;

use std::fmt;

pub use repository::{ConversationFilter, ConversationQueries, Conversations, SearchedWords};
pub use seal::{Seal, SealError, Sealed};
pub use turn::{TurnEnding, TurnOpening};
pub use under_way::{Abandoned, Piece, Said, SignOfLife, TurnsUnderWay};

use crate::{
    courses::Title,
    ids::{ConversationId, CourseId, LessonId, MessageId, UserId},
    invalid::Invalid,
    mentor::{FinishReason, Source, TokenUsage},
    text,
    time::Timestamp,
};

/// What a learner asks: 1 to 1000 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt(String);

impl Prompt {
    /// The largest number of characters.
    pub const MAX: usize = 1000;

    /// Checks; white space alone is nothing.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        text::block(raw, 1, Self::MAX).map(Self)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A conversation of one learner with the mentor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// Whose it is; nobody else sees it.
    pub owner: UserId,
    /// The first words of the first question, or what the owner called it.
    pub title: Title,
    /// The course it is about, if one was named.
    pub course: Option<CourseId>,
    /// Put away.
    pub is_archived: bool,
    /// When it began.
    pub created_at: Timestamp,
    /// The last message or change.
    pub updated_at: Timestamp,
    /// For optimistic locking.
    pub version: u32,
}

impl Conversation {
    /// A new conversation, titled after its first question.
    pub fn begin(id: ConversationId, owner: UserId, course: Option<CourseId>, prompt: &Prompt, at: Timestamp) -> Self {
        let title = Title::from_source(&text::shortened(prompt.as_str().trim(), 60), "Conversation");
        Self { id, owner, title, course, is_archived: false, created_at: at, updated_at: at, version: 1 }
    }
}

/// Who wrote a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Author {
    /// The learner.
    User,
    /// The mentor.
    Assistant,
}

impl Author {
    /// The word used in rows and bodies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Result<Self, Invalid> {
        match word {
            "user" => Ok(Self::User),
            "assistant" => Ok(Self::Assistant),
            _ => Err(Invalid::NotAllowed { allowed: "user, assistant" }),
        }
    }
}

/// How far a message came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageStatus {
    /// All of it is there.
    Complete,
    /// It is being said.
    Streaming,
    /// It broke off, because the learner left or the server stopped; what was said is kept.
    Interrupted,
    /// The learner had it stopped; what was said is kept.
    Stopped,
    /// The model failed; what was said before is kept.
    Failed,
}

impl MessageStatus {
    /// The word used in rows and bodies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Streaming => "streaming",
            Self::Interrupted => "interrupted",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Result<Self, Invalid> {
        match word {
            "complete" => Ok(Self::Complete),
            "streaming" => Ok(Self::Streaming),
            "interrupted" => Ok(Self::Interrupted),
            "stopped" => Ok(Self::Stopped),
            "failed" => Ok(Self::Failed),
            _ => Err(Invalid::NotAllowed { allowed: "complete, streaming, interrupted, stopped, failed" }),
        }
    }
}

/// A message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its id; messages of a conversation sort by it.
    pub id: MessageId,
    /// The conversation.
    pub conversation: ConversationId,
    /// Who wrote it.
    pub author: Author,
    /// The question that an answer is for; several answers of one question are siblings, the latest counts. `None` for
    /// questions.
    pub parent: Option<MessageId>,
    /// The text, Markdown; empty while nothing was said yet.
    pub content: String,
    /// How far it came.
    pub status: MessageStatus,
    /// The lesson it is about, if one was named.
    pub lesson: Option<LessonId>,
    /// What an answer rests on.
    pub sources: Vec<Source>,
    /// What answered.
    pub model: Option<String>,
    /// Why it ended.
    pub finish_reason: Option<FinishReason>,
    /// What it cost.
    pub usage: Option<TokenUsage>,
    /// What the learner thinks of an answer.
    pub feedback: Option<Feedback>,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Message {
    /// A learner's question.
    pub fn question(
        id: MessageId,
        conversation: ConversationId,
        lesson: Option<LessonId>,
        prompt: &Prompt,
        at: Timestamp,
    ) -> Self {
        Self {
            id,
            conversation,
            author: Author::User,
            parent: None,
            content: prompt.as_str().to_owned(),
            status: MessageStatus::Complete,
            lesson,
            sources: Vec::new(),
            model: None,
            finish_reason: None,
            usage: None,
            feedback: None,
            created_at: at,
            updated_at: at,
        }
    }

    /// The mentor's answer to a question, before its first word.
    pub fn answer(id: MessageId, question: &Self, sources: Vec<Source>, at: Timestamp) -> Self {
        Self {
            id,
            conversation: question.conversation,
            author: Author::Assistant,
            parent: Some(question.id),
            content: String::new(),
            status: MessageStatus::Streaming,
            lesson: question.lesson,
            sources,
            model: None,
            finish_reason: None,
            usage: None,
            feedback: None,
            created_at: at,
            updated_at: at,
        }
    }
}

/// What a learner thinks of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feedback {
    /// Whether it helped.
    pub rating: Rating,
    /// Why, in their words.
    pub comment: Option<Comment>,
}

/// Whether an answer helped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rating {
    /// It did.
    Up,
    /// It did not.
    Down,
}

impl Rating {
    /// The word used in rows and bodies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Result<Self, Invalid> {
        match word {
            "up" => Ok(Self::Up),
            "down" => Ok(Self::Down),
            _ => Err(Invalid::NotAllowed { allowed: "up, down" }),
        }
    }
}

/// Why an answer helped or not: 1 to 1000 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment(String);

impl Comment {
    /// The largest number of characters.
    pub const MAX: usize = 1000;

    /// Checks; white space alone is nothing.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        text::block(raw, 1, Self::MAX).map(Self)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
