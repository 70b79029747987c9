//! `ScriptedModel`: a language model whose upstream the test plays.
//!
//! ```
//! # use lyceum_domain::mentor::{ChatModel, Delivery, complete};
//! # use lyceum_testkit::{chat::{ScriptedModel, stop}, contract::chat_model::request};
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let (model, upstream) = ScriptedModel::new();
//! let (answer, question) = tokio::join!(complete(&model, request(Delivery::Pieces)), async {
//!     let asked = upstream.asked().await;
//!     upstream.says("Hel").await;
//!     upstream.says("lo.").await;
//!     upstream.finishes(stop()).await;
//!     asked.grounding.question
//! });
//! assert_eq!(answer.unwrap().text, "Hello.");
//! # let _ = question;
//! # });
//! ```

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::{Stream, StreamExt as _, stream};
use lyceum_domain::mentor::{
    ChatError, ChatEvent, ChatModel, ChatRequest, ChatStream, Completion, Delivery, FinishReason, TokenUsage,
};
use tokio::sync::{Mutex, mpsc};

/// How long [`Upstream::was_hung_up`] waits for a client to leave.
const PATIENCE: Duration = Duration::from_secs(5);

type Event = Result<ChatEvent, ChatError>;

/// A language model that says what the test tells it to say.
pub struct ScriptedModel {
    provider: String,
    model: String,
    mode: Mode,
}

enum Mode {
    Played(mpsc::UnboundedSender<Call>),
    Always(String),
    Failing(Box<dyn Fn() -> ChatError + Send + Sync>),
}

enum Said {
    Text(String),
    End(Result<Completion, ChatError>),
}

impl ScriptedModel {
    /// A model, and the other end of it. A call waits until the other end speaks.
    pub fn new() -> (Self, Upstream) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let upstream = Upstream { calls: Arc::new(Mutex::new(Calls { incoming: receiver, current: None })) };
        (Self::of(Mode::Played(sender)), upstream)
    }

    /// A model that answers every question with this text: word by word, or at once.
    pub fn always(text: impl Into<String>) -> Self {
        Self::of(Mode::Always(text.into()))
    }

    /// A model that fails before the first byte of every answer, and whose check fails the same way.
    pub fn failing(error: impl Fn() -> ChatError + Send + Sync + 'static) -> Self {
        Self::of(Mode::Failing(Box::new(error)))
    }

    /// The same under another name, for a test with several models.
    #[must_use]
    pub fn named(self, provider: &str, model: &str) -> Self {
        Self { provider: provider.to_owned(), model: model.to_owned(), ..self }
    }

    fn of(mode: Mode) -> Self {
        Self { provider: "scripted".to_owned(), model: "scripted-1".to_owned(), mode }
    }
}

#[async_trait]
impl ChatModel for ScriptedModel {
    fn provider(&self) -> &str {
        &self.provider
    }

    fn model(&self) -> &str {
        &self.model
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream, ChatError> {
        let (provider, model) = (self.provider.as_str(), self.model.as_str());
        match &self.mode {
            Mode::Played(calls) => Ok(ChatStream::new(provider, model, played(calls, request).await?)),
            Mode::Always(text) => Ok(ChatStream::new(provider, model, told(model, text, request.delivery))),
            Mode::Failing(error) => Err(error()),
        }
    }

    async fn check(&self) -> Result<(), ChatError> {
        match &self.mode {
            Mode::Failing(error) => Err(error()),
            Mode::Played(calls) if calls.is_closed() => Err(broke_off()),
            Mode::Played(_) | Mode::Always(_) => Ok(()),
        }
    }
}

async fn played(
    calls: &mpsc::UnboundedSender<Call>,
    request: ChatRequest,
) -> Result<impl Stream<Item = Event> + Send + use<>, ChatError> {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    calls.send(Call { request, sender: Some(sender), has_ended: false }).map_err(|_| broke_off())?;
    let first = heard(&mut receiver).await?;
    let rest = stream::unfold(Some((Some(first), receiver)), |state| async {
        let (first, mut receiver) = state?;
        let event = match first {
            Some(event) => Ok(event),
            None => heard(&mut receiver).await,
        };
        let goes_on = matches!(event, Ok(ChatEvent::Delta(_)));
        Some((event, goes_on.then_some((None, receiver))))
    });
    // A bare unfold panics when it is polled after its end.
    Ok(rest.fuse())
}

async fn heard(receiver: &mut mpsc::UnboundedReceiver<Said>) -> Result<ChatEvent, ChatError> {
    loop {
        match receiver.recv().await {
            Some(Said::Text(text)) if text.is_empty() => {}
            Some(Said::Text(text)) => return Ok(ChatEvent::Delta(text)),
            Some(Said::End(end)) => return end.map(ChatEvent::Done),
            None => return Err(broke_off()),
        }
    }
}

fn told(model: &str, text: &str, delivery: Delivery) -> impl Stream<Item = Event> + Send + use<> {
    let pieces: Vec<&str> = match delivery {
        Delivery::Pieces => text.split_inclusive(' ').collect(),
        Delivery::Whole => vec![text],
    };
    let mut events: Vec<_> = pieces
        .into_iter()
        .filter(|piece| !piece.is_empty())
        .map(|piece| Ok(ChatEvent::Delta(piece.to_owned())))
        .collect();
    events.push(Ok(ChatEvent::Done(Completion { model: model.to_owned(), ..stop() })));
    stream::iter(events)
}

fn broke_off() -> ChatError {
    ChatError::Unavailable { detail: "the answer broke off".to_owned(), retry_after: None, source: None }
}

/// A good end: stopped by itself, 20 tokens in, 10 out.
pub fn stop() -> Completion {
    Completion {
        finish_reason: FinishReason::Stop,
        usage: Some(TokenUsage { prompt_tokens: 20, completion_tokens: 10 }),
        model: "scripted-1".to_owned(),
    }
}

/// The other end of a [`ScriptedModel`], played by the test. What it says goes to the current call: the first one,
/// until [`asked`](Self::asked) takes the next.
#[derive(Clone)]
pub struct Upstream {
    calls: Arc<Mutex<Calls>>,
}

struct Calls {
    incoming: mpsc::UnboundedReceiver<Call>,
    current: Option<Call>,
}

impl Calls {
    async fn next(&mut self) -> Call {
        match self.incoming.recv().await {
            Some(call) => call,
            None => panic!("the model was dropped before it was asked"),
        }
    }

    async fn current(&mut self) -> &mut Call {
        let call = match self.current.take() {
            Some(call) => call,
            None => self.next().await,
        };
        self.current.insert(call)
    }
}

impl Upstream {
    /// Waits for the next call, makes it the current one and answers what was asked.
    pub async fn asked(&self) -> ChatRequest {
        let mut calls = self.calls.lock().await;
        let call = calls.next().await;
        calls.current.insert(call).request.clone()
    }

    /// Waits for the next call and hands it over, for a test that answers several at once.
    pub async fn call(&self) -> Call {
        self.calls.lock().await.next().await
    }

    /// Says a piece of the answer.
    pub async fn says(&self, piece: &str) {
        self.calls.lock().await.current().await.says(piece);
    }

    /// Ends the answer well.
    pub async fn finishes(&self, completion: Completion) {
        self.calls.lock().await.current().await.finishes(completion);
    }

    /// Ends the answer with an error: before the first piece the call itself fails, later its stream does.
    pub async fn fails(&self, error: ChatError) {
        self.calls.lock().await.current().await.fails(error);
    }

    /// Goes away in the middle of the answer.
    pub async fn breaks_off(&self) {
        self.calls.lock().await.current().await.breaks_off();
    }

    /// Whether the client left the current call before its end; waits a few seconds for it to do so.
    pub async fn was_hung_up(&self) -> bool {
        self.calls.lock().await.current().await.was_hung_up().await
    }
}

/// One call of a [`ScriptedModel`]. Dropping it breaks the answer off.
pub struct Call {
    request: ChatRequest,
    sender: Option<mpsc::UnboundedSender<Said>>,
    has_ended: bool,
}

impl Call {
    /// What was asked.
    pub fn request(&self) -> &ChatRequest {
        &self.request
    }

    /// Says a piece of the answer.
    pub fn says(&self, piece: &str) {
        self.send(Said::Text(piece.to_owned()));
    }

    /// Ends the answer well.
    pub fn finishes(&mut self, completion: Completion) {
        self.has_ended = true;
        self.send(Said::End(Ok(completion)));
    }

    /// Ends the answer with an error.
    pub fn fails(&mut self, error: ChatError) {
        self.has_ended = true;
        self.send(Said::End(Err(error)));
    }

    /// Goes away in the middle of the answer.
    pub fn breaks_off(&mut self) {
        self.has_ended = true;
        self.sender = None;
    }

    /// Whether the client left before the end; waits a few seconds for it to do so.
    pub async fn was_hung_up(&self) -> bool {
        match &self.sender {
            Some(sender) if !self.has_ended => tokio::time::timeout(PATIENCE, sender.closed()).await.is_ok(),
            _ => false,
        }
    }

    /// A client that has left hears nothing, as in life.
    fn send(&self, said: Said) {
        if let Some(sender) = &self.sender {
            let _ = sender.send(said);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::chat_model::{ChatModelWorld, Ending, Played, Script, request};
    use lyceum_domain::mentor::complete;

    struct World;

    #[async_trait]
    impl ChatModelWorld for World {
        async fn play(&self, script: Script) -> Played {
            let (model, upstream) = ScriptedModel::new();
            let (left, mut leaving) = mpsc::channel(1);
            #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
            tokio::spawn(async move {
                loop {
                    let mut call = upstream.call().await;
                    for piece in &script.pieces {
                        call.says(piece);
                    }
                    match script.ending {
                        Ending::Done => call.finishes(stop()),
                        Ending::BreaksOff => call.breaks_off(),
                        Ending::Fails => call.fails(broke_off()),
                        Ending::Hangs => {
                            if call.was_hung_up().await {
                                let _ = left.send(()).await;
                            }
                        }
                    }
                }
            });
            let hung_up = Box::pin(async move { leaving.recv().await.is_some() });
            Played { model: Box::new(model), hung_up }
        }
    }

    mod played {
        crate::chat_model_contract!(super::World);
    }

    mod always {
        crate::any_chat_model_contract!(super::ScriptedModel::always("Two words, or five."));
    }

    #[tokio::test]
    async fn several_calls_are_answered_one_after_the_other() {
        let (model, upstream) = ScriptedModel::new();
        for text in ["one", "two"] {
            let (answer, asked) = tokio::join!(complete(&model, request(Delivery::Whole)), async {
                let asked = upstream.asked().await;
                upstream.says(text).await;
                upstream.finishes(stop()).await;
                asked
            });
            assert_eq!(answer.expect("an answer").text, text);
            assert_eq!(asked, request(Delivery::Whole));
        }
    }

    #[tokio::test]
    async fn a_finished_call_was_not_hung_up() {
        let (model, upstream) = ScriptedModel::new();
        let (answer, ()) = tokio::join!(complete(&model, request(Delivery::Pieces)), async {
            upstream.says("x").await;
            upstream.finishes(stop()).await;
        });
        assert!(answer.is_ok());
        assert!(!upstream.was_hung_up().await);
    }

    #[tokio::test]
    async fn a_failing_model_fails_each_time() {
        let model = ScriptedModel::failing(|| ChatError::RateLimited { retry_after: None });
        for _ in 0..2 {
            let failed = complete(&model, request(Delivery::Whole)).await;
            assert!(matches!(failed, Err(ChatError::RateLimited { .. })));
        }
        assert!(model.check().await.is_err());
    }
}
