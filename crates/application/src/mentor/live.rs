//! Answers that this process gives, for all who read along: the one who asked, a second tab, one who comes back.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use lyceum_domain::{
    conversations::{MessageStatus, Piece},
    ids::{InstanceId, MessageId, UserId},
    time::Timestamp,
};
use tokio::sync::watch;

use super::{Answer, TurnEvent, TurnStarted};
use crate::Error;

/// The answers under way in this process, shared by all its threads.
pub struct LiveAnswers {
    instance: InstanceId,
    by_id: Mutex<HashMap<MessageId, Arc<LiveAnswer>>>,
    dropped_citations: AtomicU64,
    unwritten: AtomicUsize,
}

impl LiveAnswers {
    /// None yet, in a process of this name.
    pub fn new(instance: InstanceId) -> Self {
        Self { instance, by_id: Mutex::default(), dropped_citations: AtomicU64::new(0), unwritten: AtomicUsize::new(0) }
    }

    /// The name of this process, from its start to its end.
    pub fn instance(&self) -> InstanceId {
        self.instance
    }

    /// How many answers are under way.
    pub fn count(&self) -> usize {
        locked(&self.by_id).len()
    }

    /// How many numbers in answers named no passage, since the start.
    pub fn dropped_citations(&self) -> u64 {
        self.dropped_citations.load(Ordering::Relaxed)
    }

    /// Ends that are still to be written down, because the store was away. Whoever stops before loses them.
    pub fn unwritten_ends(&self) -> usize {
        self.unwritten.load(Ordering::Relaxed)
    }

    /// There is one more of them.
    pub(super) fn expect_end(&self) {
        self.unwritten.fetch_add(1, Ordering::Relaxed);
    }

    /// One of them is written down, or never will be.
    pub(super) fn end_written(&self) {
        self.unwritten.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn count_dropped(&self, citations: u32) {
        self.dropped_citations.fetch_add(u64::from(citations), Ordering::Relaxed);
    }

    /// An answer of this owner.
    pub(super) fn find(&self, owner: UserId, id: MessageId) -> Option<Arc<LiveAnswer>> {
        locked(&self.by_id).get(&id).filter(|live| live.owner == owner).cloned()
    }

    /// Whether this process gives an answer.
    pub(super) fn gives(&self, id: MessageId) -> bool {
        locked(&self.by_id).contains_key(&id)
    }

    pub(super) fn add(&self, live: &Arc<LiveAnswer>) {
        locked(&self.by_id).insert(live.started.answer, Arc::clone(live));
    }

    pub(super) fn remove(&self, id: MessageId) {
        locked(&self.by_id).remove(&id);
    }

    /// Asks these to stop; those that are not here are passed over.
    pub(super) fn stop(&self, ids: &[MessageId]) {
        let answers = locked(&self.by_id);
        ids.iter().filter_map(|id| answers.get(id)).for_each(|live| live.stop());
    }
}

/// What readers may see.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Shown {
    has_started: bool,
    /// So many bytes of the text.
    bytes: usize,
    has_ended: bool,
}

#[derive(Default)]
struct Text {
    said: String,
    /// So many bytes of it are kept in the store.
    kept: usize,
    /// Where pieces ended that may be kept or not: the store did not say.
    in_doubt: Vec<usize>,
    outcome: Option<Outcome>,
}

/// How an answer ended.
enum Outcome {
    Whole(Box<Answer>),
    Broken {
        /// What broke it off; for the first who hears of it.
        error: Option<Error>,
        /// What is written down about it.
        status: MessageStatus,
    },
}

/// One answer under way. Its text grows; readers see of it what is kept.
pub(super) struct LiveAnswer {
    owner: UserId,
    began_at: Timestamp,
    started: TurnStarted,
    text: Mutex<Text>,
    shown: watch::Sender<Shown>,
    readers: watch::Sender<usize>,
    is_stopped: watch::Sender<bool>,
    /// Whether the journal has it on its list.
    pub(super) is_noted: AtomicBool,
}

impl LiveAnswer {
    pub(super) fn new(owner: UserId, started: TurnStarted, began_at: Timestamp) -> Arc<Self> {
        Arc::new(Self {
            owner,
            began_at,
            started,
            text: Mutex::default(),
            shown: watch::Sender::default(),
            readers: watch::Sender::default(),
            is_stopped: watch::Sender::default(),
            is_noted: AtomicBool::new(false),
        })
    }

    pub(super) fn id(&self) -> MessageId {
        self.started.answer
    }

    /// The model began to answer.
    pub(super) fn start(&self) {
        self.shown.send_modify(|shown| shown.has_started = true);
    }

    /// The next words; nobody sees them yet.
    pub(super) fn say(&self, words: &str) {
        locked(&self.text).said.push_str(words);
    }

    /// What is said and not kept. A piece that may be kept already is the same again, so that the store knows it.
    pub(super) fn unkept(&self) -> Vec<Piece> {
        let text = locked(&self.text);
        let mut pieces = Vec::new();
        let mut from = text.kept;
        for to in text.in_doubt.iter().copied().chain([text.said.len()]).filter(|to| *to > text.kept) {
            if to > from {
                let words = text.said[from..to].to_owned();
                pieces.push(Piece { message: self.started.answer, offset: offset(from), text: words });
                from = to;
            }
        }
        pieces
    }

    /// So many bytes are kept; readers may see them.
    pub(super) fn kept(&self, bytes: usize) {
        let mut text = locked(&self.text);
        text.kept = text.kept.max(bytes);
        text.in_doubt.clear();
        drop(text);
        self.show(bytes);
    }

    /// Nobody knows whether they are kept; readers may see them all the same.
    pub(super) fn doubt(&self, bytes: usize) {
        let mut text = locked(&self.text);
        if text.in_doubt.last() != Some(&bytes) {
            text.in_doubt.push(bytes);
        }
        drop(text);
        self.show(bytes);
    }

    /// Readers may see so many bytes.
    pub(super) fn show(&self, bytes: usize) {
        self.shown.send_modify(|shown| shown.bytes = shown.bytes.max(bytes));
    }

    /// Whether the model began to answer.
    pub(super) fn has_started(&self) -> bool {
        self.shown.borrow().has_started
    }

    /// Whether readers were told that it ended.
    pub(super) fn has_ended(&self) -> bool {
        self.shown.borrow().has_ended
    }

    /// The answer has ended well. Readers hear that it began, also where not a word was said.
    pub(super) fn end(&self, answer: Box<Answer>) {
        self.close(Outcome::Whole(answer), true);
    }

    /// The answer broke off; `status` is what is written down about it.
    pub(super) fn break_off(&self, error: Error, status: MessageStatus) {
        self.close(Outcome::Broken { error: Some(error), status }, false);
    }

    fn close(&self, outcome: Outcome, has_started: bool) {
        let mut text = locked(&self.text);
        text.outcome = Some(outcome);
        let bytes = text.said.len();
        drop(text);
        self.shown.send_modify(|shown| {
            *shown = Shown { has_started: shown.has_started || has_started, bytes, has_ended: true };
        });
    }

    pub(super) fn stop(&self) {
        self.is_stopped.send_replace(true);
    }

    /// Ready when somebody wants it stopped.
    pub(super) async fn stopped(&self) {
        // Its sender is ours, so it does not close.
        let _ = self.is_stopped.subscribe().wait_for(|is_stopped| *is_stopped).await;
    }

    /// Ready when nobody has read it for so long.
    pub(super) async fn left_alone(&self, linger: Duration) {
        let mut readers = self.readers.subscribe();
        loop {
            let _ = readers.wait_for(|readers| *readers == 0).await;
            tokio::select! {
                biased;
                _ = readers.wait_for(|readers| *readers > 0) => {}
                () = tokio::time::sleep(linger) => return,
            }
        }
    }
}

/// Where an answer stands; none is longer than four gigabytes.
pub(super) fn offset(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// Somebody who reads an answer of this process. As long as there is one the model goes on.
pub struct Reader {
    live: Arc<LiveAnswer>,
    shown: watch::Receiver<Shown>,
    has_started: bool,
    at: usize,
    has_ended: bool,
}

impl Reader {
    /// Reads from the beginning.
    pub(super) fn new(live: &Arc<LiveAnswer>) -> Self {
        live.readers.send_modify(|readers| *readers += 1);
        let shown = live.shown.subscribe();
        Self { live: Arc::clone(live), shown, has_started: false, at: 0, has_ended: false }
    }

    /// Reads on from where somebody had come to, who knows how it started.
    pub(super) fn resume(live: &Arc<LiveAnswer>, at: usize) -> Self {
        let mut reader = Self::new(live);
        (reader.has_started, reader.at) = (true, at);
        reader
    }

    /// Which answer it is.
    pub fn answer(&self) -> MessageId {
        self.live.id()
    }

    /// When it was asked for.
    pub fn began_at(&self) -> Timestamp {
        self.live.began_at
    }

    /// Whether nothing was told yet: not even that the model began.
    pub(super) fn is_fresh(&self) -> bool {
        !self.has_started
    }

    /// What happens next; `None` after the end.
    pub async fn next(&mut self) -> Option<TurnEvent> {
        if self.has_ended {
            return None;
        }
        loop {
            let shown = *self.shown.borrow_and_update();
            if shown.has_started && !self.has_started {
                self.has_started = true;
                return Some(TurnEvent::Started(self.live.started.clone()));
            }
            if shown.bytes > self.at {
                let text = locked(&self.live.text);
                // Whoever comes back may have counted into a character.
                let from = text.said.floor_char_boundary(self.at);
                let words = portion(&text.said[from..shown.bytes]).to_owned();
                self.at = from + words.len();
                return Some(TurnEvent::Piece { text: words, end: offset(self.at) });
            }
            if shown.has_ended {
                self.has_ended = true;
                return Some(TurnEvent::Ended(self.outcome()));
            }
            if self.shown.changed().await.is_err() {
                return None;
            }
        }
    }

    /// How it ended. An error is told as it was to the first who hears of it, to others as one that broke it off.
    fn outcome(&self) -> Result<Box<Answer>, Error> {
        match &mut locked(&self.live.text).outcome {
            Some(Outcome::Whole(answer)) => Ok(answer.clone()),
            Some(Outcome::Broken { error, status }) => Err(error.take().unwrap_or(Error::AnswerBroken(*status))),
            None => Err(Error::AnswerBroken(MessageStatus::Interrupted)),
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.live.readers.send_modify(|readers| *readers -= 1);
    }
}

/// So many bytes a reader is told at once, about: what came at once is read as what comes word by word is.
const PORTION: usize = 80;

/// The next words to be told: some of them, whole in characters and, where they are short, in words.
pub(super) fn portion(text: &str) -> &str {
    if text.len() <= PORTION {
        return text;
    }
    let end = text.floor_char_boundary(PORTION);
    let end = text[..end].rfind(char::is_whitespace).map_or(end, |at| text.ceil_char_boundary(at + 1));
    &text[..end]
}

/// A panic while it was held left nothing half done: all that is done under these locks is whole.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
