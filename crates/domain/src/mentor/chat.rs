//! The port to a language model.

use std::{
    fmt,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use async_trait::async_trait;
use futures_core::Stream;
use thiserror::Error;

use crate::mentor::Grounding;

/// A language model that answers a conversation.
///
/// # Contract
/// - Errors before the first byte of an answer come from [`stream`](Self::stream) itself, later ones are items.
/// - Retries, if any, happen before the first byte and never after it.
/// - The stream ends after its first error or its [`ChatEvent::Done`], whichever comes first; an answer that breaks
///   off is an error, never a `Done`.
/// - Text comes in pieces that are never empty, whole in characters.
/// - Reasoning that the model shows apart from its answer is not part of the answer.
/// - Dropping the stream (or the future that makes it) hangs up: whoever is asked upstream stops working.
#[async_trait]
pub trait ChatModel: Send + Sync {
    /// The name of the provider, as it stands in usage records: `offline`, `qubrid`.
    fn provider(&self) -> &str;

    /// The model that is asked; what answered can be more exact, see [`Completion::model`].
    fn model(&self) -> &str;

    /// Asks, and answers once the first byte is there.
    async fn stream(&self, request: ChatRequest) -> Result<ChatStream, ChatError>;

    /// How free the answers are, from 0 to 2; `None` if that is the model's own business.
    fn temperature(&self) -> Option<f32> {
        None
    }

    /// Whether it can probably be asked now; cheap, and never a call that costs money. What an error says is shown to
    /// whoever looks at the health of the server: never an address or a key.
    async fn check(&self) -> Result<(), ChatError>;

    /// The providers behind this one, in the order in which they are asked, each with what its check says.
    async fn providers(&self) -> Vec<ProviderState> {
        vec![ProviderState { name: self.provider().to_owned(), trouble: self.check().await.err() }]
    }
}

/// How a provider is.
#[derive(Debug)]
pub struct ProviderState {
    /// Its name, as it stands in usage records.
    pub name: String,
    /// What is the matter with it.
    pub trouble: Option<ChatError>,
}

/// Pieces of an answer, and who gives it: of several models behind one port it need not be the first.
pub struct ChatStream {
    /// The name of the provider that answers.
    pub provider: String,
    /// The model that was asked.
    pub model: String,
    events: Pin<Box<dyn Stream<Item = Result<ChatEvent, ChatError>> + Send>>,
}

impl ChatStream {
    /// An answer of this provider's model.
    pub fn new(
        provider: impl Into<String>,
        model: impl Into<String>,
        events: impl Stream<Item = Result<ChatEvent, ChatError>> + Send + 'static,
    ) -> Self {
        Self { provider: provider.into(), model: model.into(), events: Box::pin(events) }
    }
}

impl Stream for ChatStream {
    type Item = Result<ChatEvent, ChatError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.events.as_mut().poll_next(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.events.size_hint()
    }
}

impl fmt::Debug for ChatStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatStream")
            .field("provider", &self.provider)
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}

/// What a model is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatRequest {
    /// Instructions, data, history and the question, in the order they are to be read.
    pub messages: Vec<ChatMessage>,
    /// What the messages say about the learner and the material, as data: for a model that is a program.
    pub grounding: Grounding,
    /// Whether the caller can use the answer piece by piece.
    pub delivery: Delivery,
    /// The longest answer, in tokens; the model's own limit if `None`.
    pub max_tokens: Option<u32>,
}

/// How the answer is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Piece by piece, as it is made.
    Pieces,
    /// At once; the stream then usually has one piece.
    Whole,
}

/// One message of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatMessage {
    /// Who says it.
    pub role: ChatRole,
    /// What is said.
    pub content: String,
}

/// Who says something in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChatRole {
    /// The house.
    System,
    /// The learner.
    User,
    /// The mentor, earlier.
    Assistant,
}

impl ChatRole {
    /// The word of the OpenAI wire format.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

/// A step of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChatEvent {
    /// The next piece of text; never empty.
    Delta(String),
    /// The answer is whole.
    Done(Completion),
}

/// How an answer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// Why it ended.
    pub finish_reason: FinishReason,
    /// What the provider counted, if it said.
    pub usage: Option<TokenUsage>,
    /// The model that answered.
    pub model: String,
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishReason {
    /// It was complete.
    Stop,
    /// It reached the longest allowed.
    Length,
    /// The provider held it back.
    ContentFilter,
}

impl FinishReason {
    /// The word of the OpenAI wire format.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ContentFilter => "content_filter",
        }
    }

    /// Reads the word; what is unknown or absent counts as complete.
    pub fn parse(word: Option<&str>) -> Self {
        match word {
            Some("length") => Self::Length,
            Some("content_filter") => Self::ContentFilter,
            _ => Self::Stop,
        }
    }
}

/// Tokens that a provider counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TokenUsage {
    /// What it was sent.
    pub prompt_tokens: u32,
    /// What it answered.
    pub completion_tokens: u32,
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatAnswer {
    /// The text.
    pub text: String,
    /// How it ended.
    pub completion: Completion,
}

/// Asks and waits for the whole answer.
pub async fn complete(model: &dyn ChatModel, request: ChatRequest) -> Result<ChatAnswer, ChatError> {
    let mut stream = model.stream(request).await?;
    let mut text = String::new();
    while let Some(event) = poll_fn(|cx| Pin::new(&mut stream).poll_next(cx)).await {
        match event? {
            ChatEvent::Delta(piece) => text.push_str(&piece),
            ChatEvent::Done(completion) => return Ok(ChatAnswer { text, completion }),
        }
    }
    Err(ChatError::BadResponse { detail: "the answer ended without an end".to_owned(), source: None })
}

/// The cause behind a port's error, for the log alone.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a model did not answer.
#[derive(Debug, Error)]
pub enum ChatError {
    /// Too many requests, also after the retries.
    #[error("the model is asked too often")]
    RateLimited {
        /// When to ask again, if the provider said.
        retry_after: Option<Duration>,
    },
    /// Not reachable, or it says that it cannot now; also after the retries.
    #[error("the model is unavailable: {detail}")]
    Unavailable {
        /// What happened, for the log.
        detail: String,
        /// When to ask again, if the provider said.
        retry_after: Option<Duration>,
        /// What lies behind it.
        #[source]
        source: Option<Cause>,
    },
    /// No answer, or no further piece of one, in time.
    #[error("the model took too long: {detail}")]
    Timeout {
        /// Which of the time-outs.
        detail: String,
    },
    /// It answered something that is no answer.
    #[error("the model's answer is unusable: {detail}")]
    BadResponse {
        /// What was wrong with it, for the log.
        detail: String,
        /// What lies behind it.
        #[source]
        source: Option<Cause>,
    },
    /// The provider refuses this request: its content, or its length.
    #[error("the model refused the request: {detail}")]
    Refused {
        /// What the provider said, for the log.
        detail: String,
    },
    /// Our key, credit, address or model name is wrong: nothing the learner can mend.
    #[error("the model is set up wrongly: {detail}")]
    Misconfigured {
        /// What the provider said, for the log.
        detail: String,
    },
}

impl ChatError {
    /// A stable word for usage records and logs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::RateLimited { .. } => "rate_limited",
            Self::Unavailable { .. } => "unavailable",
            Self::Timeout { .. } => "timeout",
            Self::BadResponse { .. } => "bad_response",
            Self::Refused { .. } => "refused",
            Self::Misconfigured { .. } => "misconfigured",
        }
    }
}
