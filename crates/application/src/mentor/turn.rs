//! One question and its answer, from the moment it is written down to the moment the answer is.

use std::{future::Future, pin::pin, sync::Arc, time::Duration};

use futures_util::StreamExt;
use lyceum_domain::{
    conversations::{Message, MessageStatus, TurnEnding},
    ids::{ConversationId, MessageId},
    mentor::{
        ChatError, ChatEvent, ChatRequest, Completion, Cost, Counted, Delivery, NumberedPassage, Source, TitleFilter,
        TokenUsage, UsageOutcome, UsageRecord, cited, estimated_usage,
    },
    text,
    time::Timestamp,
};
use tokio::time::Instant;

use super::{
    LEASE,
    broken::Broken,
    follow::{BELIEVED, TELL},
    journal::{End, Name},
    live::{LiveAnswer, Reader},
    slices,
};
use crate::{Error, Lyceum, idempotency::Ticket};

/// How long the end of a turn is tried to be written down while the store is away.
const STORE_PATIENCE: Duration = Duration::from_secs(10);

/// A turn whose question is stored and whose model was not asked yet.
///
/// [`run`](Self::run) is to be driven to its end by a task of its own, whatever becomes of the one who asked: only
/// then is what was said, and what it cost, written down.
pub struct Turn {
    lyceum: Lyceum,
    pub(super) live: Arc<LiveAnswer>,
    /// Taken when the model is asked.
    request: Option<ChatRequest>,
    answer: Message,
    call: UsageRecord,
    /// What the answer may cite.
    passages: Vec<NumberedPassage>,
    title: TitleFilter,
    keeping: Keeping,
    /// How long it goes on without a reader.
    linger: Duration,
    /// Whether the model was asked, so that it may have cost something.
    was_asked: bool,
    /// Whether anything but white space came.
    has_begun: bool,
}

/// Where a turn is written down.
pub(super) enum Keeping {
    /// With the answer, in its conversation.
    Conversation {
        /// The name of the request, if its client gave it one.
        ticket: Ticket<Answer>,
        /// What its body said.
        parts: Vec<Vec<u8>>,
    },
    /// The call alone: whoever asked keeps the conversation.
    Call,
}

/// What the reader of a turn sees: one `Started`, then pieces, then one `Ended`; or only an `Ended` with an error.
#[derive(Debug)]
pub enum TurnEvent {
    /// The model began to answer.
    Started(TurnStarted),
    /// The next piece of the answer.
    Piece {
        /// The words.
        text: String,
        /// How many bytes (UTF-8) of the answer there are with them; whoever has them reads on from here.
        end: u32,
    },
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
    /// What the answer may rest on.
    pub sources: Vec<Source>,
}

/// An answer that is whole, or as far as its reader wanted it.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The message as it is stored.
    pub message: Message,
}

impl TurnStarted {
    /// What is known of an answer to this question before its first word.
    pub(super) fn of(answer: &Message, question: MessageId) -> Self {
        Self { conversation: answer.conversation, question, answer: answer.id, sources: answer.sources.clone() }
    }
}

impl Turn {
    /// A turn that is stored, and that nobody drives yet.
    pub(super) fn new(
        lyceum: Lyceum,
        started: TurnStarted,
        request: ChatRequest,
        answer: Message,
        call: UsageRecord,
        keeping: Keeping,
        wants_title: bool,
    ) -> Self {
        // Whoever gave the request a name will come back for the answer.
        let is_named = matches!(&keeping, Keeping::Conversation { ticket, .. } if ticket.has_name());
        Self {
            linger: if is_named { LEASE } else { lyceum.rules.linger },
            live: LiveAnswer::new(call.user, started, call.created_at),
            passages: request.grounding.passages.clone(),
            request: Some(request),
            title: TitleFilter::new(wants_title),
            lyceum,
            answer,
            call,
            keeping,
            was_asked: false,
            has_begun: false,
        }
    }

    /// Somebody who reads the answer from its beginning. To be taken before the turn runs: one that nobody reads ends
    /// soon.
    pub fn reader(&self) -> Reader {
        Reader::new(&self.live)
    }

    /// Asks the model and relays its answer, until it is whole, the model fails, all readers left, one of them had it
    /// stopped, or `stop` is ready. However it ends, it hangs up and writes down what was said and what it cost.
    pub async fn run(mut self, stop: impl Future<Output = ()> + Send) {
        let mut stop = pin!(stop);
        let (live, lyceum, linger) = (Arc::clone(&self.live), self.lyceum.clone(), self.linger);
        let is_stored = matches!(self.keeping, Keeping::Conversation { .. });
        let outcome = tokio::select! {
            biased;
            () = live.stopped() => Err(Broken::Stopped),
            () = &mut stop => Err(Broken::ShutDown),
            outcome = self.relay() => outcome,
            () = lyceum.unread(&live, linger, is_stored) => Err(Broken::Gone),
        };
        let (rest, title) = std::mem::take(&mut self.title).finish();
        self.say(&rest);
        let outcome = match outcome {
            Ok(completion) if self.answer.content.is_empty() => Err(Broken::Empty(completion)),
            outcome => outcome,
        };
        self.record(&outcome);
        // An answer that broke off may have broken off in its title.
        let title = title.filter(|_| outcome.is_ok());
        let ending = TurnEnding { answer: self.answer.clone(), call: self.call.clone(), title };
        let stored = self.store(ending).await;
        let status = self.answer.status;
        let ended = match (outcome, stored) {
            (Ok(_) | Err(Broken::Stopped), Err(error)) => Err((error, MessageStatus::Failed)),
            (Ok(_) | Err(Broken::Stopped), Ok(())) => Ok(Box::new(Answer { message: self.answer.clone() })),
            (Err(broken), _) => Err((broken.into(), status)),
        };
        match ended {
            Ok(answer) => live.end(answer),
            Err((error, status)) => live.break_off(error, status),
        }
        lyceum.ports.answers.remove(live.id());
    }

    async fn relay(&mut self) -> Result<Completion, Broken> {
        let Some(request) = self.request.take() else {
            return Err(Broken::ShutDown);
        };
        let is_read_along = request.delivery == Delivery::Pieces;
        let lyceum = self.lyceum.clone();
        let _lane = lyceum.ports.lanes.enter(self.call.user).await.map_err(Broken::Busy)?;
        self.was_asked = true;
        let mut stream = lyceum.ports.model.stream(request).await.map_err(Broken::Failed)?;
        self.call.provider.clone_from(&stream.provider);
        self.call.model.clone_from(&stream.model);
        self.live.start();
        while let Some(event) = stream.next().await {
            match event.map_err(Broken::Failed)? {
                ChatEvent::Delta(piece) => {
                    let piece = self.clean(piece);
                    let piece = self.title.push(piece);
                    self.say(&piece);
                    if is_read_along && !piece.is_empty() {
                        self.show();
                    }
                }
                ChatEvent::Done(completion) => return Ok(completion),
            }
        }
        let detail = "the answer ended without an end".to_owned();
        Err(Broken::Failed(ChatError::BadResponse { detail, source: None }))
    }

    /// A piece as it may leave the house: without control characters, and without white space before the first word.
    fn clean(&mut self, piece: String) -> String {
        let is_clean = piece.chars().all(|c| !c.is_control() || c == '\n' || c == '\t');
        let piece = if is_clean { piece } else { text::cleaned(&piece) };
        let piece = if self.has_begun { piece } else { piece.trim_start().to_owned() };
        self.has_begun |= !piece.is_empty();
        piece
    }

    fn say(&mut self, words: &str) {
        if words.is_empty() {
            return;
        }
        if self.call.first_piece_ms.is_none() {
            self.call.first_piece_ms = Some(self.elapsed_ms());
        }
        self.answer.content.push_str(words);
        self.live.say(words);
    }

    /// Lets readers see what was said: as soon as it is kept, if it is to be.
    fn show(&self) {
        match self.keeping {
            Keeping::Conversation { .. } => self.lyceum.journal.note(&self.live),
            Keeping::Call => self.live.show(self.answer.content.len()),
        }
    }

    fn record(&mut self, outcome: &Result<Completion, Broken>) {
        let now = self.lyceum.ports.clock.now();
        self.answer.updated_at = now;
        self.call.updated_at = now;
        self.call.duration_ms = Some(self.elapsed_ms());
        let asked_model = self.call.model.clone();
        let estimated = || estimated_usage(self.call.cost.tokens.prompt_tokens, &self.answer.content);
        let (tokens, is_estimated, counted) = match outcome {
            Ok(completion) | Err(Broken::Empty(completion)) => {
                let (tokens, is_estimated) = completion.usage.map_or_else(|| (estimated(), true), |said| (said, false));
                (tokens, is_estimated, Counted::of(tokens))
            }
            Err(broken) if !self.was_asked || (!self.live.has_started() && broken.is_free()) => {
                (TokenUsage::default(), false, Counted::default())
            }
            Err(_) => (estimated(), true, Counted::of(estimated())),
        };
        if let Ok(completion) | Err(Broken::Empty(completion)) = outcome {
            self.answer.finish_reason = Some(completion.finish_reason);
            self.call.model.clone_from(&completion.model);
        }
        match outcome {
            Ok(_) => {
                self.answer.status = MessageStatus::Complete;
                self.call.outcome = UsageOutcome::Complete;
            }
            Err(broken) => {
                let (status, outcome, code) = broken.record();
                self.answer.status = status;
                self.call.outcome = outcome;
                self.call.error_code = Some(code.to_owned());
            }
        }
        self.answer.model = Some(self.call.model.clone());
        let micros = self.lyceum.rules.prices.of(&self.call.model, &asked_model).of(tokens);
        self.call.cost = Cost { tokens, is_estimated, micros };
        self.call.counted = counted;
        self.answer.usage = Some(tokens);
        let citations = cited(&self.answer.content, &self.passages);
        self.answer.sources = citations.sources;
        if citations.dropped > 0 {
            self.lyceum.ports.answers.count_dropped(citations.dropped);
            tracing::info!(answer = %self.answer.id, dropped = citations.dropped, "an answer cites what is not there");
        }
    }

    /// Writes the end down, trying again for a while if the store is away or others are in the way: the answer was paid
    /// for. Readers are not kept waiting for longer; then the journal goes on.
    async fn store(&self, ending: TurnEnding) -> Result<(), Error> {
        let began = Instant::now();
        let mut wait = Duration::from_millis(100);
        loop {
            match self.store_once(&ending).await {
                Err(error @ (Error::StoreUnavailable(_) | Error::Conflict)) if began.elapsed() < STORE_PATIENCE => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "the end of a turn waits for the store");
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(Duration::from_secs(2));
                }
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, answer = %self.answer.id, "the end of a turn was not stored");
                    self.store_later(ending);
                    return Err(error);
                }
                Ok(()) => return Ok(()),
            }
        }
    }

    fn store_later(&self, ending: TurnEnding) {
        let Keeping::Conversation { ticket, parts } = &self.keeping else {
            return self.lyceum.journal.note_end(End::Call(Box::new(ending.call)));
        };
        let name = if is_answer(&ending) {
            let answer = Answer { message: ending.answer.clone() };
            ticket.settlement(&slices(parts), &answer).map(|(claim, answer)| Name::Settled(claim, answer))
        } else {
            ticket.claim().cloned().map(Name::Free)
        };
        self.lyceum.journal.note_end(End::Turn(Box::new(ending), name.map(Box::new)));
    }

    async fn store_once(&self, ending: &TurnEnding) -> Result<(), Error> {
        let store = &self.lyceum.ports.store;
        let Keeping::Conversation { ticket, parts } = &self.keeping else {
            return Ok(store.write().close_call(&ending.call).await?);
        };
        if !ticket.has_name() {
            return Ok(store.write().end_turn(ending).await?);
        }
        if !is_answer(ending) {
            store.write().end_turn(ending).await?;
            // What failed may be asked again under the same name.
            return self.lyceum.or_release(ticket, Err(Error::Abandoned)).await.or_else(|_: Error| Ok(()));
        }
        let mut unit = store.begin().await?;
        unit.conversations().end_turn(ending).await?;
        match ticket.settle(&mut *unit, &slices(parts), &Answer { message: ending.answer.clone() }).await {
            Err(Error::Conflict) => {}
            settled => {
                settled?;
                return Ok(unit.commit().await?);
            }
        }
        // This server was taken for gone, or past its lease, and the name is another's. What was said is kept all the same.
        drop(unit);
        Ok(store.write().end_turn(ending).await?)
    }

    fn elapsed_ms(&self) -> u32 {
        u32::try_from(self.lyceum.ports.clock.now().since(self.call.created_at).as_millis()).unwrap_or(u32::MAX)
    }
}

/// Whether this is what was asked for. What failed may be asked again under the same name.
const fn is_answer(ending: &TurnEnding) -> bool {
    matches!(ending.answer.status, MessageStatus::Complete | MessageStatus::Stopped)
}

/// A turn that nobody drives any more, because its task panicked or its runtime is gone, ends too.
impl Drop for Turn {
    fn drop(&mut self) {
        if self.live.has_ended() {
            return;
        }
        let (rest, _) = std::mem::take(&mut self.title).finish();
        self.say(&rest);
        self.record(&Err(Broken::Dropped));
        self.store_later(TurnEnding { answer: self.answer.clone(), call: self.call.clone(), title: None });
        self.live.break_off(Error::AnswerBroken(self.answer.status), self.answer.status);
        self.lyceum.ports.answers.remove(self.live.id());
    }
}

impl Lyceum {
    /// Ready when nobody has read an answer for so long, here or (if it is stored) at another server.
    async fn unread(&self, live: &LiveAnswer, linger: Duration, is_stored: bool) {
        let mut seen: Option<(Timestamp, Instant)> = None;
        loop {
            live.left_alone(linger).await;
            if !is_stored {
                return;
            }
            // Whether that changes counts, and not what time it is elsewhere.
            let followed = self.ports.store.write().under_way().followed_at(live.id()).await.ok().flatten();
            let Some(at) = followed else { return };
            match seen {
                Some((before, since)) if before == at && since.elapsed() >= BELIEVED => return,
                Some((before, _)) if before == at => {}
                _ => seen = Some((at, Instant::now())),
            }
            tokio::time::sleep(TELL).await;
        }
    }
}
