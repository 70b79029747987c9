//! A [`Store`] in memory with real units of work: one writer at a time, a working copy, all or nothing.

mod api_keys;
mod audit;
mod backlog;
mod blob_removals;
mod catalogue;
mod claims;
mod cohort;
mod conversations;
mod courses;
mod identities;
mod job_leases;
mod ledger;
mod outbox;
mod passages;
mod progress;
mod registrations;
mod search;
mod sessions;
mod sign_in_failures;
mod subjects;
mod tables;
mod turns;
mod under_way;
mod users;

use std::sync::{
    Arc, PoisonError, RwLock,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use async_trait::async_trait;
use lyceum_domain::{
    audit::AuditTrail,
    blobs::BlobRemovals,
    conversations::{Conversations, TurnEnding, TurnOpening, TurnsUnderWay},
    courses::Courses,
    idempotency::Claims,
    ids::{ApiKeyId, UserId},
    jobs::JobLeases,
    mail::Outbox,
    mentor::{Reservation, Reserved, UsageRecord},
    progress::{CourseProgress, Progress, ProgressChange},
    sessions::{Sessions, SignInFailures},
    store::{Queries, SingleWrites, Store, StoreError, UnitOfWork},
    subjects::Subjects,
    time::Timestamp,
    users::{ApiKeys, Identities, Registrations, Users},
};
use tables::Tables;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// Everything in memory. Its clones share what they keep.
///
/// A unit of work waits until the one before it has ended, as with `SQLite`'s `BEGIN IMMEDIATE`; so a task that opens
/// a second unit while it holds one waits for itself. Readers wait for nobody and see what was committed.
#[derive(Clone, Default)]
pub struct MemoryStore {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    writer: Arc<Mutex<()>>,
    committed: RwLock<Arc<Tables>>,
    is_away: AtomicBool,
    conflicts: AtomicU32,
    unheard: AtomicU32,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether it answers everything with [`StoreError::Unavailable`] from now on.
    pub fn set_away(&self, is_away: bool) {
        self.shared.is_away.store(is_away, Ordering::SeqCst);
    }

    /// The next `n` commits answer [`StoreError::Conflict`] and keep nothing, as if somebody had been quicker.
    pub fn conflict_at_next_commits(&self, n: u32) {
        self.shared.conflicts.store(n, Ordering::SeqCst);
    }

    /// The next `n` commits keep everything and answer [`StoreError::Unavailable`], as if the connection had broken before
    /// the answer was heard.
    pub fn lose_the_answers_of_next_commits(&self, n: u32) {
        self.shared.unheard.store(n, Ordering::SeqCst);
    }

    /// One statement in a unit of its own.
    async fn alone<T>(&self, statement: impl FnOnce(&mut Tables) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut unit = self.unit().await?;
        let answer = unit.run(statement)?;
        Box::new(unit).commit().await?;
        Ok(answer)
    }

    /// One statement that never conflicts, so that those who keep an answer's pieces beside a request take no conflict
    /// that was meant for it.
    async fn quietly<T>(&self, statement: impl FnOnce(&mut Tables) -> T) -> Result<T, StoreError> {
        let mut unit = self.unit().await?;
        let answer = unit.run(|tables| Ok(statement(tables)))?;
        unit.put();
        Ok(answer)
    }

    /// Waits until the unit before it has ended.
    async fn unit(&self) -> Result<MemoryUnit, StoreError> {
        let writer = Arc::clone(&self.shared.writer).lock_owned().await;
        let working = Tables::clone(&*self.tables()?);
        Ok(MemoryUnit { store: self.clone(), working, is_broken: false, _writer: writer })
    }

    /// What is committed now.
    fn tables(&self) -> Result<Arc<Tables>, StoreError> {
        if self.shared.is_away.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("the store was told to be away".into()));
        }
        Ok(Arc::clone(&self.shared.committed.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn begin(&self) -> Result<Box<dyn UnitOfWork>, StoreError> {
        Ok(Box::new(self.unit().await?))
    }

    fn read(&self) -> &dyn Queries {
        self
    }

    fn write(&self) -> &dyn SingleWrites {
        self
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.tables().map(|_| ())
    }
}

#[async_trait]
impl SingleWrites for MemoryStore {
    async fn touch_activity(&self, user: UserId, at: Timestamp) -> Result<(), StoreError> {
        self.alone(|tables| {
            if let Some(user) = tables.users.get_mut(&user) {
                user.last_active_at = Some(at);
            }
            Ok(())
        })
        .await
    }

    async fn touch_api_key(&self, key: ApiKeyId, at: Timestamp) -> Result<(), StoreError> {
        self.alone(|tables| {
            if let Some(key) = tables.api_keys.get_mut(&key) {
                key.last_used_at = Some(at);
            }
            Ok(())
        })
        .await
    }

    async fn save_progress(&self, progress: &CourseProgress, change: &ProgressChange) -> Result<(), StoreError> {
        let mut unit = self.begin().await?;
        unit.progress().save(progress, change).await?;
        unit.commit().await
    }

    async fn begin_turn(&self, opening: &TurnOpening) -> Result<Reserved, StoreError> {
        self.alone(|tables| turns::begin(tables, opening)).await
    }

    async fn end_turn(&self, ending: &TurnEnding) -> Result<(), StoreError> {
        self.alone(|tables| {
            turns::end(tables, ending);
            Ok(())
        })
        .await
    }

    async fn open_call(&self, call: &UsageRecord, reservation: &Reservation) -> Result<Reserved, StoreError> {
        self.alone(|tables| ledger::open_call(tables, call, reservation)).await
    }

    async fn close_call(&self, call: &UsageRecord) -> Result<(), StoreError> {
        self.alone(|tables| {
            ledger::close(tables, call);
            Ok(())
        })
        .await
    }

    fn under_way(&self) -> &dyn TurnsUnderWay {
        self
    }

    fn job_leases(&self) -> &dyn JobLeases {
        self
    }
}

/// A unit of work: a copy of everything, put in place at the commit.
struct MemoryUnit {
    store: MemoryStore,
    working: Tables,
    is_broken: bool,
    _writer: OwnedMutexGuard<()>,
}

impl MemoryUnit {
    /// Runs one statement. One that fails breaks the unit.
    fn run<T>(&mut self, statement: impl FnOnce(&mut Tables) -> Result<T, StoreError>) -> Result<T, StoreError> {
        if self.is_broken {
            return Err(StoreError::Aborted);
        }
        let result = self.store.tables().and_then(|_| statement(&mut self.working));
        self.is_broken = result.is_err();
        result
    }

    /// Puts the copy in place.
    fn put(self) {
        *self.store.shared.committed.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(self.working);
    }
}

#[async_trait]
impl UnitOfWork for MemoryUnit {
    fn users(&mut self) -> &mut dyn Users {
        self
    }

    fn registrations(&mut self) -> &mut dyn Registrations {
        self
    }

    fn identities(&mut self) -> &mut dyn Identities {
        self
    }

    fn api_keys(&mut self) -> &mut dyn ApiKeys {
        self
    }

    fn sessions(&mut self) -> &mut dyn Sessions {
        self
    }

    fn sign_in_failures(&mut self) -> &mut dyn SignInFailures {
        self
    }

    fn audit(&mut self) -> &mut dyn AuditTrail {
        self
    }

    fn outbox(&mut self) -> &mut dyn Outbox {
        self
    }

    fn courses(&mut self) -> &mut dyn Courses {
        self
    }

    fn progress(&mut self) -> &mut dyn Progress {
        self
    }

    fn subjects(&mut self) -> &mut dyn Subjects {
        self
    }

    fn blob_removals(&mut self) -> &mut dyn BlobRemovals {
        self
    }

    fn claims(&mut self) -> &mut dyn Claims {
        self
    }

    fn conversations(&mut self) -> &mut dyn Conversations {
        self
    }

    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        if self.is_broken {
            return Err(StoreError::Aborted);
        }
        self.store.tables()?;
        let conflicts = &self.store.shared.conflicts;
        if conflicts.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok() {
            return Err(StoreError::Conflict);
        }
        let unheard = &self.store.shared.unheard;
        let is_unheard = unheard.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok();
        self.put();
        if is_unheard { Err(StoreError::Unavailable("the answer was lost".into())) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::store_contract!(|| async { Some(Arc::new(MemoryStore::new())) });

    #[tokio::test]
    async fn a_store_is_away_as_long_as_it_is_told() {
        let store = MemoryStore::new();
        store.set_away(true);
        assert!(matches!(store.check().await, Err(StoreError::Unavailable(_))));
        assert!(matches!(store.begin().await.err(), Some(StoreError::Unavailable(_))));
        store.set_away(false);
        assert!(store.begin().await.unwrap().commit().await.is_ok());
    }

    #[tokio::test]
    async fn commits_conflict_as_often_as_they_are_told() {
        let store = MemoryStore::new();
        store.conflict_at_next_commits(1);
        assert!(matches!(store.begin().await.unwrap().commit().await, Err(StoreError::Conflict)));
        assert!(store.begin().await.unwrap().commit().await.is_ok());
    }
}
