//! Keeps what answers say before anybody reads it, the pieces of many answers in one write; and their ends, where the
//! turns themselves could not write them down.

use std::{
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    time::Duration,
};

use futures_util::future::join;
use lyceum_domain::{
    conversations::{Piece, TurnEnding},
    idempotency::{Claim, SettledAnswer},
    mentor::UsageRecord,
    store::{Store, StoreError},
};
use tokio::{sync::Notify, time::Instant};

use super::live::{LiveAnswer, LiveAnswers};

/// The shortest time from one write to the next: answers that come word by word at the same time share writes, and
/// nobody reads faster.
const PACE: Duration = Duration::from_millis(20);
/// How long readers wait for a store that is away. After that they read what is not kept; the end of the turn keeps it.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often an end is tried that could not be written down.
const AGAIN: Duration = Duration::from_secs(1);

/// The answers that have something to be kept.
pub(crate) struct Journal {
    answers: Arc<LiveAnswers>,
    noted: Mutex<Vec<Arc<LiveAnswer>>>,
    pieces_bell: Notify,
    ends: Mutex<Vec<End>>,
    ends_bell: Notify,
    /// Held by the one who keeps: two at once would write pieces that overlap.
    keeper: tokio::sync::Mutex<()>,
}

/// How something ended, to be written down.
pub(crate) enum End {
    /// A turn of a conversation, and what becomes of the name of its request.
    Turn(Box<TurnEnding>, Option<Box<Name>>),
    /// A call outside of one.
    Call(Box<UsageRecord>),
    /// A request with a name, which may be done again.
    Name(Box<Claim>),
}

/// What becomes of the name of a request whose end is written down late.
pub(crate) enum Name {
    /// Whoever comes with it gets this answer.
    Settled(Claim, SettledAnswer),
    /// The request may be done again.
    Free(Claim),
}

impl Journal {
    /// For the answers that this process gives.
    pub(crate) fn new(answers: Arc<LiveAnswers>) -> Self {
        Self {
            answers,
            noted: Mutex::default(),
            pieces_bell: Notify::new(),
            ends: Mutex::default(),
            ends_bell: Notify::new(),
            keeper: tokio::sync::Mutex::default(),
        }
    }

    /// An answer has said more.
    pub(super) fn note(&self, live: &Arc<LiveAnswer>) {
        if !live.is_noted.swap(true, Ordering::AcqRel) {
            self.noted.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(live));
            self.pieces_bell.notify_one();
        }
    }

    /// Something ended and nobody else writes it down.
    pub(crate) fn note_end(&self, end: End) {
        self.answers.expect_end();
        self.ends.lock().unwrap_or_else(PoisonError::into_inner).push(end);
        self.ends_bell.notify_one();
    }

    /// Keeps what is noted, again and again; never ready.
    pub(crate) async fn keep(&self, store: &dyn Store) {
        let _one = self.keeper.lock().await;
        join(self.keep_pieces(store), self.keep_ends(store)).await;
    }

    async fn keep_pieces(&self, store: &dyn Store) {
        loop {
            let began = Instant::now();
            let answers = std::mem::take(&mut *self.noted.lock().unwrap_or_else(PoisonError::into_inner));
            if answers.is_empty() {
                self.pieces_bell.notified().await;
                continue;
            }
            // What is said from here on is for the next write.
            for live in &answers {
                live.is_noted.store(false, Ordering::Release);
            }
            for live in keep_all(store, &answers).await {
                self.note(live);
            }
            tokio::time::sleep_until(began + PACE).await;
        }
    }

    /// An answer whose end is not written down would be under way for ever: this server lives.
    async fn keep_ends(&self, store: &dyn Store) {
        loop {
            let ends = std::mem::take(&mut *self.ends.lock().unwrap_or_else(PoisonError::into_inner));
            if ends.is_empty() {
                self.ends_bell.notified().await;
                continue;
            }
            for end in ends {
                match end.write(store).await {
                    Ok(()) => self.answers.end_written(),
                    Err(StoreError::Unavailable(_) | StoreError::Conflict) => {
                        self.ends.lock().unwrap_or_else(PoisonError::into_inner).push(end);
                    }
                    Err(error) => {
                        self.answers.end_written();
                        tracing::error!(error = &error as &dyn std::error::Error, "an end cannot be written down");
                    }
                }
            }
            if !self.ends.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

impl End {
    async fn write(&self, store: &dyn Store) -> Result<(), StoreError> {
        match self {
            Self::Turn(ending, None) => store.write().end_turn(ending).await,
            Self::Turn(ending, Some(name)) => {
                let mut unit = store.begin().await?;
                unit.conversations().end_turn(ending).await?;
                let named = match &**name {
                    Name::Settled(claim, answer) => unit.claims().settle(claim, answer).await,
                    Name::Free(claim) => unit.claims().release(claim).await,
                };
                match named {
                    Ok(()) => unit.commit().await,
                    // Somebody else has the name by now. What was said is kept all the same.
                    Err(StoreError::Conflict) => {
                        drop(unit);
                        store.write().end_turn(ending).await
                    }
                    Err(error) => Err(error),
                }
            }
            Self::Call(call) => store.write().close_call(call).await,
            Self::Name(claim) => {
                let mut unit = store.begin().await?;
                unit.claims().release(claim).await?;
                unit.commit().await
            }
        }
    }
}

/// Keeps what these have said, and gives those for which that is to be tried again.
async fn keep_all<'a>(store: &dyn Store, answers: &'a [Arc<LiveAnswer>]) -> Vec<&'a Arc<LiveAnswer>> {
    let of_each: Vec<_> = answers.iter().map(|live| (live, live.unkept())).filter(|(_, all)| !all.is_empty()).collect();
    let pieces: Vec<Piece> = of_each.iter().flat_map(|(_, pieces)| pieces).cloned().collect();
    if pieces.is_empty() {
        return Vec::new();
    }
    let are_kept = kept(store, &pieces).await;
    for (live, pieces) in &of_each {
        let end = pieces.iter().map(|piece| piece.offset as usize + piece.text.len()).max().unwrap_or(0);
        if are_kept { live.kept(end) } else { live.doubt(end) }
    }
    of_each.into_iter().map(|(live, _)| live).filter(|live| !are_kept && !live.has_ended()).collect()
}

/// A store may also hang, and say nothing at all.
async fn kept(store: &dyn Store, pieces: &[Piece]) -> bool {
    let mut last = None;
    let keeping = async {
        while let Err(error) = store.write().under_way().keep_pieces(pieces).await {
            last = Some(error);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let is_kept = tokio::time::timeout(PATIENCE, keeping).await.is_ok();
    if !is_kept {
        let error = last.as_ref().map(|error| error as &dyn std::error::Error);
        tracing::warn!(error, pieces = pieces.len(), "answers are shown that could not be kept");
    }
    is_kept
}
