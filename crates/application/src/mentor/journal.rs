//! Keeps what answers say before anybody reads it, the pieces of many answers in one write.

use std::{
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    time::Duration,
};

use lyceum_domain::{conversations::Piece, store::Store};
use tokio::{sync::Notify, time::Instant};

use super::live::LiveAnswer;

/// The shortest time from one write to the next: answers that come word by word at the same time share writes, and
/// nobody reads faster.
const PACE: Duration = Duration::from_millis(20);
/// How long readers wait for a store that is away. After that they read what is not kept; the end of the turn keeps it.
const PATIENCE: Duration = Duration::from_secs(2);

/// The answers that have something to be kept.
#[derive(Default)]
pub(crate) struct Journal {
    noted: Mutex<Vec<Arc<LiveAnswer>>>,
    bell: Notify,
}

impl Journal {
    /// An answer has said more.
    pub(super) fn note(&self, live: &Arc<LiveAnswer>) {
        if !live.is_noted.swap(true, Ordering::AcqRel) {
            self.noted.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(live));
            self.bell.notify_one();
        }
    }

    /// Keeps what is noted, again and again; never ready.
    pub(crate) async fn keep(&self, store: &dyn Store) {
        loop {
            self.bell.notified().await;
            let began = Instant::now();
            let answers = std::mem::take(&mut *self.noted.lock().unwrap_or_else(PoisonError::into_inner));
            // What is said from here on is for the next write.
            answers.iter().for_each(|live| live.is_noted.store(false, Ordering::Release));
            let pieces: Vec<(usize, Piece)> =
                answers.iter().enumerate().filter_map(|(n, live)| Some((n, live.unkept()?))).collect();
            keep_all(store, &answers, pieces).await;
            tokio::time::sleep_until(began + PACE).await;
        }
    }
}

async fn keep_all(store: &dyn Store, answers: &[Arc<LiveAnswer>], pieces: Vec<(usize, Piece)>) {
    if pieces.is_empty() {
        return;
    }
    let (whose, pieces): (Vec<usize>, Vec<Piece>) = pieces.into_iter().unzip();
    let are_kept = kept(store, &pieces).await;
    for (n, piece) in whose.into_iter().zip(&pieces) {
        let end = piece.offset as usize + piece.text.len();
        if are_kept { answers[n].kept(end) } else { answers[n].show(end) }
    }
}

async fn kept(store: &dyn Store, pieces: &[Piece]) -> bool {
    let began = Instant::now();
    while let Err(error) = store.write().under_way().keep_pieces(pieces).await {
        if began.elapsed() > PATIENCE {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, pieces = pieces.len(), "answers are shown that could not be kept");
            return false;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    true
}
