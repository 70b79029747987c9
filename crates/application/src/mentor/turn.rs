//! One question and its answer, from the moment it is written down to the moment the answer is.

use std::{future::Future, pin::pin, time::Duration};

use futures_util::StreamExt;
use lyceum_domain::{
    conversations::{Message, MessageStatus},
    ids::{ConversationId, MessageId},
    mentor::{
        ChatError, ChatEvent, ChatRequest, ChatStream, Completion, Cost, Source, TokenUsage, UsageOutcome, UsageRecord,
        estimated_tokens,
    },
    text,
    time::Timestamp,
};
use tokio::sync::mpsc::{Sender, error::TrySendError};

use crate::{Error, Ports};

/// How long a reader may take nothing.
const READER_PATIENCE: Duration = Duration::from_secs(30);

/// A turn whose question is stored and whose model was not asked yet.
///
/// [`run`](Self::run) is to be driven to its end by a task of its own, whatever becomes of the one who asked: only
/// then is what was said, and what it cost, written down.
pub struct Turn {
    ports: Ports,
    /// Taken when the model is asked.
    request: Option<ChatRequest>,
    question: MessageId,
    answer: Message,
    usage: UsageRecord,
    asked_at: Timestamp,
}

/// What the reader of a turn sees: one `Started`, then pieces, then one `Ended`; or only an `Ended` with an error.
#[derive(Debug)]
pub enum TurnEvent {
    /// The model began to answer.
    Started(TurnStarted),
    /// The next piece of the answer.
    Piece(String),
    /// The turn is over and written down.
    Ended(Result<Box<Answer>, Error>),
}

/// What is known when an answer begins.
#[derive(Debug, Clone)]
pub struct TurnStarted {
    /// The conversation.
    pub conversation: ConversationId,
    /// The question.
    pub question: MessageId,
    /// The answer.
    pub answer: MessageId,
    /// What the answer rests on.
    pub sources: Vec<Source>,
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The message as it is stored.
    pub message: Message,
}

/// Why an answer broke off.
enum Broken {
    Gone,
    Stopped,
    Failed(ChatError),
}

impl Turn {
    pub(super) fn new(
        ports: Ports,
        request: ChatRequest,
        question: MessageId,
        answer: Message,
        usage: UsageRecord,
    ) -> Self {
        let asked_at = ports.clock.now();
        Self { ports, request: Some(request), question, answer, usage, asked_at }
    }

    /// Asks the model and relays its answer to `out`, until the answer is whole, the model fails, the reader leaves
    /// (drops the receiver) or `stop` is ready. However it ends, it hangs up and writes down what was said and what it
    /// cost.
    pub async fn run(mut self, out: Sender<TurnEvent>, stop: impl Future<Output = ()> + Send) {
        let mut stop = pin!(stop);
        let outcome = tokio::select! {
            biased;
            () = out.closed() => Err(Broken::Gone),
            () = &mut stop => Err(Broken::Stopped),
            outcome = self.relay(&out) => outcome,
        };
        self.record(&outcome);
        let stored = self.store().await;
        let ended = match (outcome, stored) {
            (Ok(_), Err(error)) => Err(error),
            (Ok(_), Ok(())) => Ok(Box::new(Answer { message: self.answer })),
            (Err(Broken::Gone), _) => return,
            (Err(Broken::Stopped), _) => Err(Error::ShuttingDown),
            (Err(Broken::Failed(error)), _) => {
                tracing::warn!(error = &error as &dyn std::error::Error, code = error.code(), "the model failed");
                Err(Error::Mentor(error))
            }
        };
        // The reader may be slow, but not for ever.
        let _ = send(&out, TurnEvent::Ended(ended)).await;
    }

    async fn relay(&mut self, out: &Sender<TurnEvent>) -> Result<Completion, Broken> {
        let Some(request) = self.request.take() else {
            return Err(Broken::Stopped);
        };
        let mut stream = self.ports.model.stream(request).await.map_err(Broken::Failed)?;
        let started = TurnStarted {
            conversation: self.answer.conversation,
            question: self.question,
            answer: self.answer.id,
            sources: self.answer.sources.clone(),
        };
        send(out, TurnEvent::Started(started)).await?;
        while let Some(event) = next(&mut stream).await? {
            match event {
                ChatEvent::Delta(piece) => {
                    let piece = self.clean(piece);
                    if piece.is_empty() {
                        continue;
                    }
                    if self.usage.first_piece_ms.is_none() {
                        self.usage.first_piece_ms = Some(self.elapsed_ms());
                    }
                    self.answer.content.push_str(&piece);
                    send(out, TurnEvent::Piece(piece)).await?;
                }
                ChatEvent::Done(completion) if self.answer.content.is_empty() => {
                    let detail = format!("an empty answer ({})", completion.finish_reason.as_str());
                    return Err(Broken::Failed(ChatError::BadResponse { detail, source: None }));
                }
                ChatEvent::Done(completion) => return Ok(completion),
            }
        }
        let detail = "the answer ended without an end".to_owned();
        Err(Broken::Failed(ChatError::BadResponse { detail, source: None }))
    }

    /// A piece as it may leave the house: without control characters, and without white space before the first word.
    fn clean(&self, piece: String) -> String {
        let piece =
            if piece.chars().any(|c| c.is_control() && c != '\n' && c != '\t') { text::cleaned(&piece) } else { piece };
        if self.answer.content.is_empty() { piece.trim_start().to_owned() } else { piece }
    }

    fn record(&mut self, outcome: &Result<Completion, Broken>) {
        let now = self.ports.clock.now();
        self.answer.updated_at = now;
        self.usage.updated_at = now;
        self.usage.duration_ms = Some(self.elapsed_ms());
        let counted = match outcome {
            Ok(completion) => {
                self.answer.status = MessageStatus::Complete;
                self.answer.finish_reason = Some(completion.finish_reason);
                self.answer.model = Some(completion.model.clone());
                self.usage.model.clone_from(&completion.model);
                self.usage.outcome = UsageOutcome::Complete;
                completion.usage
            }
            Err(broken) => {
                let (status, outcome, code) = match broken {
                    Broken::Gone => (MessageStatus::Interrupted, UsageOutcome::Interrupted, "client_gone"),
                    Broken::Stopped => (MessageStatus::Interrupted, UsageOutcome::Interrupted, "shutting_down"),
                    Broken::Failed(error) => (MessageStatus::Failed, UsageOutcome::Failed, error.code()),
                };
                self.answer.status = status;
                self.answer.model = Some(self.usage.model.clone());
                self.usage.outcome = outcome;
                self.usage.error_code = Some(code.to_owned());
                None
            }
        };
        self.usage.cost = counted.map_or_else(
            || Cost {
                tokens: TokenUsage {
                    prompt_tokens: self.usage.cost.tokens.prompt_tokens,
                    completion_tokens: estimated_tokens(&self.answer.content),
                },
                is_estimated: true,
            },
            |tokens| Cost { tokens, is_estimated: false },
        );
        self.answer.usage = Some(self.usage.cost.tokens);
    }

    /// Writes the end down, trying again for a while if the store is away or others are in the way: the answer was paid
    /// for.
    async fn store(&self) -> Result<(), Error> {
        let mut wait = Duration::from_millis(100);
        loop {
            match self.store_once().await {
                Err(error @ (Error::StoreUnavailable(_) | Error::Conflict)) if wait < Duration::from_secs(5) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "the end of a turn waits for the store");
                    tokio::time::sleep(wait).await;
                    wait *= 3;
                }
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, message = %self.answer.id, "the end of a turn was not stored");
                    return Err(error);
                }
                Ok(()) => return Ok(()),
            }
        }
    }

    async fn store_once(&self) -> Result<(), Error> {
        Ok(self.ports.store.write().end_turn(&self.answer, &self.usage).await?)
    }

    fn elapsed_ms(&self) -> u32 {
        u32::try_from(self.ports.clock.now().since(self.asked_at).as_millis()).unwrap_or(u32::MAX)
    }
}

async fn next(stream: &mut ChatStream) -> Result<Option<ChatEvent>, Broken> {
    stream.next().await.transpose().map_err(Broken::Failed)
}

/// Hands an event to the reader. One that takes nothing for so long is as good as gone: meanwhile the model waits.
async fn send(out: &Sender<TurnEvent>, event: TurnEvent) -> Result<(), Broken> {
    match out.try_send(event) {
        Ok(()) => Ok(()),
        Err(TrySendError::Closed(_)) => Err(Broken::Gone),
        Err(TrySendError::Full(event)) => match tokio::time::timeout(READER_PATIENCE, out.send(event)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Broken::Gone),
        },
    }
}
