//! A model that does what it is told, call by call, and then answers well.

use std::{
    collections::VecDeque,
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};
use lyceum_domain::{
    mentor::{ChatError, ChatEvent, ChatModel, ChatRequest, ChatStream, Completion, Delivery, FinishReason, Grounding},
    users::Role,
};

/// What a call comes to.
pub(crate) enum Act {
    Fails(ChatError),
    /// After a piece.
    BreaksOff(ChatError),
    /// After a piece, without saying so.
    JustEnds,
    /// Never begins.
    Hangs,
    /// Never goes on after a piece.
    HangsWithin,
    /// Answers when the test says so.
    Waits(tokio::sync::oneshot::Receiver<Result<(), ChatError>>),
}

pub(crate) struct TestModel {
    provider: &'static str,
    script: Mutex<VecDeque<Act>>,
    calls: AtomicUsize,
}

impl TestModel {
    pub(crate) fn new(provider: &'static str, script: impl IntoIterator<Item = Act>) -> Arc<Self> {
        let script = Mutex::new(script.into_iter().collect());
        Arc::new(Self { provider, script, calls: AtomicUsize::new(0) })
    }

    pub(crate) fn then(&self, act: Act) {
        self.script.lock().expect("a lock").push_back(act);
    }

    /// How often it was asked.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl ChatModel for TestModel {
    fn provider(&self) -> &'static str {
        self.provider
    }

    fn model(&self) -> &'static str {
        "test-1"
    }

    fn temperature(&self) -> Option<f32> {
        Some(0.5)
    }

    async fn stream(&self, _request: ChatRequest) -> Result<ChatStream, ChatError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let act = self.script.lock().expect("a lock").pop_front();
        let piece = stream::iter([Ok(ChatEvent::Delta("Hello.".to_owned()))]);
        let done = Completion { finish_reason: FinishReason::Stop, usage: None, model: "test-1-2026".to_owned() };
        let answer = |events| Ok(ChatStream::new(self.provider, "test-1", events));
        match act {
            Some(Act::Fails(error)) => Err(error),
            Some(Act::BreaksOff(error)) => answer(piece.chain(stream::iter([Err(error)])).boxed()),
            Some(Act::JustEnds) => answer(piece.boxed()),
            Some(Act::Hangs) => pending().await,
            Some(Act::HangsWithin) => answer(piece.chain(stream::pending()).boxed()),
            Some(Act::Waits(until)) => {
                until.await.expect("the test says")?;
                answer(piece.chain(stream::iter([Ok(ChatEvent::Done(done))])).boxed())
            }
            None => answer(piece.chain(stream::iter([Ok(ChatEvent::Done(done))])).boxed()),
        }
    }

    /// As its next call would go.
    async fn check(&self) -> Result<(), ChatError> {
        match self.script.lock().expect("a lock").front() {
            Some(Act::Fails(error)) => Err(same(error)),
            _ => Ok(()),
        }
    }
}

fn same(error: &ChatError) -> ChatError {
    match error {
        ChatError::RateLimited { retry_after } => rate_limited(*retry_after),
        ChatError::Unavailable { retry_after, .. } => unavailable(*retry_after),
        ChatError::Timeout { .. } => timeout(),
        ChatError::BadResponse { .. } => bad(),
        ChatError::Refused { .. } => refused(),
        ChatError::Misconfigured { .. } => misconfigured(),
    }
}

pub(crate) fn unavailable(retry_after: Option<Duration>) -> ChatError {
    ChatError::Unavailable { detail: "down".to_owned(), retry_after, source: None }
}

pub(crate) const fn rate_limited(retry_after: Option<Duration>) -> ChatError {
    ChatError::RateLimited { retry_after }
}

pub(crate) fn timeout() -> ChatError {
    ChatError::Timeout { detail: "slow".to_owned() }
}

pub(crate) fn bad() -> ChatError {
    ChatError::BadResponse { detail: "no JSON".to_owned(), source: None }
}

pub(crate) fn refused() -> ChatError {
    ChatError::Refused { detail: "too long".to_owned() }
}

pub(crate) fn misconfigured() -> ChatError {
    ChatError::Misconfigured { detail: "no such key".to_owned() }
}

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn request() -> ChatRequest {
    let grounding = Grounding {
        role: Role::Learner,
        courses: Vec::new(),
        lesson: None,
        passages: Vec::new(),
        question: "Why?".to_owned(),
        is_personal: false,
    };
    ChatRequest { messages: Vec::new(), grounding, delivery: Delivery::Pieces, max_tokens: None }
}

/// Asks and reads to the end; answers who answered.
pub(crate) async fn ask(model: &dyn ChatModel) -> Result<String, ChatError> {
    let mut stream = model.stream(request()).await?;
    let mut last = None;
    while let Some(event) = stream.next().await {
        last = Some(event?);
    }
    match last {
        Some(ChatEvent::Done(_)) => Ok(stream.provider.clone()),
        _ => Err(ChatError::BadResponse { detail: "no end".to_owned(), source: None }),
    }
}
