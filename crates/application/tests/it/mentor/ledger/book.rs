//! A provider that keeps books of its own.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::StreamExt as _;
use lyceum_domain::mentor::{
    ChatError, ChatEvent, ChatModel, ChatRequest, ChatStream, Completion, FinishReason, TokenUsage,
};
use lyceum_testkit::chat::{Call, ScriptedModel, Upstream};
use tokio::time::sleep;

/// Chance that can be had again: the seed of a world that breaks the law is in the message.
#[derive(Debug, Clone)]
pub struct Dice {
    pub seed: u64,
    state: u64,
}

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self { seed, state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) }
    }

    /// Other dice, thrown by somebody else.
    pub fn other(&mut self) -> Self {
        Self { seed: self.seed, state: self.next() }
    }

    /// Splitmix64, by Sebastiano Vigna.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// So many milliseconds, or fewer; often none at all.
    pub async fn wait(&mut self, most: u64) {
        match self.below(4) {
            0 => {}
            1 => tokio::task::yield_now().await,
            _ => sleep(Duration::from_millis(self.below(most))).await,
        }
    }
}

/// What the provider knows of a call.
#[derive(Debug, Clone, Copy, Default)]
pub struct Entry {
    /// It failed before its first byte, in a way that costs nothing.
    pub is_free: bool,
    /// It was answered to its end, and this is what it cost.
    pub counted: Option<TokenUsage>,
}

/// The calls that were made, by the question. One that is not there was never made.
#[derive(Clone, Default)]
pub struct Book(Arc<Mutex<HashMap<String, Entry>>>);

impl Book {
    pub fn entry(&self, question: &str) -> Option<Entry> {
        self.0.lock().unwrap().get(question).copied()
    }

    fn note(&self, question: &str, change: impl FnOnce(&mut Entry)) {
        change(self.0.lock().unwrap().entry(question.to_owned()).or_default());
    }
}

/// A model that is played, and counted where its answers are handed over.
pub struct Counting {
    model: ScriptedModel,
    book: Book,
}

impl Counting {
    pub fn new(book: &Book) -> (Self, Upstream) {
        let (model, upstream) = ScriptedModel::new();
        (Self { model, book: book.clone() }, upstream)
    }
}

#[async_trait]
impl ChatModel for Counting {
    fn provider(&self) -> &str {
        self.model.provider()
    }

    fn model(&self) -> &str {
        self.model.model()
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream, ChatError> {
        let (book, question) = (self.book.clone(), request.grounding.question.clone());
        book.note(&question, |_| {});
        match self.model.stream(request).await {
            Err(error) => {
                let is_free = !matches!(error, ChatError::Timeout { .. } | ChatError::BadResponse { .. });
                book.note(&question, |entry| entry.is_free = is_free);
                Err(error)
            }
            Ok(stream) => {
                let (provider, model) = (stream.provider.clone(), stream.model.clone());
                let counted = stream.inspect(move |event| {
                    if let Ok(ChatEvent::Done(completion)) = event {
                        book.note(&question, |entry| entry.counted = completion.usage);
                    }
                });
                Ok(ChatStream::new(provider, model, counted))
            }
        }
    }

    async fn check(&self) -> Result<(), ChatError> {
        self.model.check().await
    }
}

fn failure(dice: &mut Dice) -> ChatError {
    match dice.below(6) {
        0 => ChatError::RateLimited { retry_after: None },
        1 => ChatError::Unavailable { detail: "gone".into(), retry_after: None, source: None },
        2 => ChatError::Timeout { detail: "next piece".into() },
        3 => ChatError::BadResponse { detail: "html".into(), source: None },
        4 => ChatError::Refused { detail: "length".into() },
        _ => ChatError::Misconfigured { detail: "key".into() },
    }
}

/// Answers one call, somehow.
pub async fn play(mut call: Call, mut dice: Dice) {
    dice.wait(500).await;
    if dice.one_in(6) {
        return call.fails(failure(&mut dice));
    }
    const PIECES: [&str; 6] = ["It ", "bears – ", "漢字 ", " \n", "🦀", "<<title: A knot>>"];
    for _ in 0..dice.below(8) {
        call.says(PIECES[usize::try_from(dice.below(6)).unwrap()]);
        dice.wait(400).await;
    }
    let usage = TokenUsage {
        prompt_tokens: u32::try_from(dice.below(900)).unwrap(),
        completion_tokens: u32::try_from(dice.below(900)).unwrap(),
    };
    let end = |usage| Completion { finish_reason: FinishReason::Stop, usage, model: "scripted-1".to_owned() };
    match dice.below(8) {
        0 => call.fails(failure(&mut dice)),
        1 => call.breaks_off(),
        2 => call.finishes(end(None)),
        // It hangs.
        3 => {
            for _ in 0..4 {
                if call.was_hung_up().await {
                    break;
                }
            }
        }
        _ => call.finishes(end(Some(usage))),
    }
}
