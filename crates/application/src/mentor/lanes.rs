//! How many calls of the model run at once, and who is next.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use lyceum_domain::ids::UserId;
use thiserror::Error;
use tokio::{sync::oneshot, time::timeout};

/// How many may be asked at once, and how many may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneSettings {
    /// Calls at once; at least 1.
    pub at_once: usize,
    /// Calls that wait, of all users together.
    pub waiting: usize,
    /// Calls of one user that wait.
    pub waiting_per_user: usize,
    /// How long a call waits.
    pub patience: Duration,
}

/// The places for calls of the model in this process, shared by all web workers.
///
/// When all are taken, users take turns: each place that becomes free goes to the user whose turn is next, and there to
/// the call that has waited longest. Whoever asks a hundred things at once keeps nobody waiting but themselves.
///
/// A place goes from hand to hand: who leaves gives it to who is next, and it is not free in between, so nobody who
/// comes just then gets in first. It is a value that somebody always holds, also on the way: if the waiter is gone when
/// it arrives, or goes before taking it up, it is passed on to the next one.
#[derive(Debug, Clone)]
pub struct Lanes {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    settings: LaneSettings,
    state: Mutex<State>,
}

/// While anybody waits, all places are taken.
#[derive(Debug, Default)]
struct State {
    /// Places that are taken, or on their way to a waiter.
    taken: usize,
    /// Calls that wait.
    waiting: usize,
    /// The calls of each user who waits, the oldest first; no queue is empty.
    queues: HashMap<UserId, VecDeque<Waiter>>,
    /// Those users, each once, in the order of their turns.
    turns: VecDeque<UserId>,
    /// The number of the next waiter.
    next: u64,
    /// Calls that were turned away.
    refused: u64,
}

#[derive(Debug)]
struct Waiter {
    number: u64,
    place: oneshot::Sender<Lane>,
}

/// How busy the places are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneStatus {
    /// Places that are taken.
    pub taken: usize,
    /// How many there are.
    pub at_once: usize,
    /// Calls that wait.
    pub waiting: usize,
    /// Calls that were turned away since the start, at once or after waiting.
    pub refused: u64,
}

/// There is no place, and none to wait in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("too many questions are being answered")]
pub struct Busy {
    /// When to come again.
    pub retry_after: Duration,
}

impl Lanes {
    /// Places that are all free.
    pub fn new(settings: LaneSettings) -> Self {
        let settings = LaneSettings { at_once: settings.at_once.max(1), ..settings };
        Self { shared: Arc::new(Shared { settings, state: Mutex::default() }) }
    }

    /// Takes a place, after waiting for one if need be. Dropping the future leaves the queue.
    ///
    /// # Errors
    /// At once if as many wait as may, of all users or of this one; else when the patience is at an end.
    pub async fn enter(&self, user: UserId) -> Result<Lane, Busy> {
        let settings = &self.shared.settings;
        let busy = || {
            self.shared.state().refused += 1;
            Busy { retry_after: settings.patience.max(Duration::from_secs(1)) }
        };
        let mut waiting = match self.shared.line_up(user) {
            LinedUp::In(lane) => return Ok(lane),
            LinedUp::Full => return Err(busy()),
            LinedUp::Waits(waiting) => waiting,
        };
        match timeout(settings.patience, &mut waiting.place).await {
            Ok(Ok(lane)) => Ok(lane),
            // The sender stays in the queue until it sends or its waiter leaves, so only the patience can end.
            Ok(Err(_)) | Err(_) => Err(busy()),
        }
    }

    /// How busy they are now.
    pub fn status(&self) -> LaneStatus {
        let state = self.shared.state();
        LaneStatus {
            taken: state.taken,
            at_once: self.shared.settings.at_once,
            waiting: state.waiting,
            refused: state.refused,
        }
    }
}

enum LinedUp {
    In(Lane),
    Waits(Waiting),
    Full,
}

impl Shared {
    fn line_up(self: &Arc<Self>, user: UserId) -> LinedUp {
        let mut state = self.state();
        if state.taken < self.settings.at_once {
            state.taken += 1;
            return LinedUp::In(Lane { shared: Some(self.clone()) });
        }
        let of_user = state.queues.get(&user).map_or(0, VecDeque::len);
        if state.waiting >= self.settings.waiting || of_user >= self.settings.waiting_per_user {
            return LinedUp::Full;
        }
        let (sender, receiver) = oneshot::channel();
        let number = state.push(user, sender);
        LinedUp::Waits(Waiting { shared: self.clone(), user, number, place: receiver })
    }

    /// Gives a place to whoever is next and still there; without anybody it becomes free.
    fn pass_on(&self, mut lane: Lane) {
        loop {
            let mut state = self.state();
            let Some(waiter) = state.pop() else {
                state.taken -= 1;
                // It is counted: dropping it must not count it again.
                lane.shared = None;
                return;
            };
            // Waking somebody may run code of theirs.
            drop(state);
            match waiter.place.send(lane) {
                Ok(()) => return,
                Err(unwanted) => lane = unwanted,
            }
        }
    }

    /// What a panic leaves behind is whole: nothing is half done between two statements that can panic.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn push(&mut self, user: UserId, place: oneshot::Sender<Lane>) -> u64 {
        let number = self.next;
        self.next += 1;
        self.waiting += 1;
        let queue = self.queues.entry(user).or_default();
        if queue.is_empty() {
            self.turns.push_back(user);
        }
        queue.push_back(Waiter { number, place });
        number
    }

    /// The oldest waiter of the user whose turn it is; their next one has to wait for everybody else's.
    fn pop(&mut self) -> Option<Waiter> {
        let user = self.turns.pop_front()?;
        let queue = self.queues.get_mut(&user)?;
        let waiter = queue.pop_front()?;
        if queue.is_empty() {
            self.queues.remove(&user);
        } else {
            self.turns.push_back(user);
        }
        self.waiting -= 1;
        Some(waiter)
    }

    /// Takes a waiter out who leaves; one who was given a place is not there any more.
    fn remove(&mut self, user: UserId, number: u64) -> Option<Waiter> {
        let queue = self.queues.get_mut(&user)?;
        let at = queue.binary_search_by_key(&number, |waiter| waiter.number).ok()?;
        let waiter = queue.remove(at);
        if queue.is_empty() {
            self.queues.remove(&user);
            self.turns.retain(|other| *other != user);
        }
        self.waiting -= 1;
        waiter
    }
}

/// Somebody in the queue. Dropping it leaves the queue, and passes on a place that was given meanwhile.
struct Waiting {
    shared: Arc<Shared>,
    user: UserId,
    number: u64,
    place: oneshot::Receiver<Lane>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let left = self.shared.state().remove(self.user, self.number);
        // Without the lock, as below: a place in `self.place`, dropped after this, takes it again.
        drop(left);
    }
}

/// A place; dropping it gives it to whoever is next.
#[must_use = "the place is given back when this is dropped"]
pub struct Lane {
    /// Until it is given back.
    shared: Option<Arc<Shared>>,
}

impl Drop for Lane {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.take() {
            let same = Self { shared: Some(shared.clone()) };
            shared.pass_on(same);
        }
    }
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
