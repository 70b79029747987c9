//! The end of patience with a database that says nothing at all: a machine that vanished, a process that stands still, a
//! network that swallows. The driver would wait for as long as the system keeps the connection, which is a quarter of an
//! hour on Linux; and what it waits for holds a place in the pool.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement};
use sqlx::{Connection as _, PgConnection};
use tokio::time::timeout;

/// What a database that ends long statements itself gets beyond that, to say so.
const BEYOND: Duration = Duration::from_secs(2);
/// How long a connection that may be stuck is waited for before it is thrown away.
const RELEASE: Duration = Duration::from_secs(2);
/// How long after a statement was cut off connections that come back are held to that. Its own comes back at once.
const WARY: Duration = Duration::from_secs(5);

/// How long a statement may take, and whether one was cut off lately.
#[derive(Debug, Clone)]
pub(crate) struct Patience {
    longest: Option<Duration>,
    cuts: Arc<Cuts>,
}

#[derive(Debug)]
struct Cuts {
    began: Instant,
    /// Milliseconds after `began`, and 1; 0 if nothing was ever cut off.
    last: AtomicU64,
}

impl Patience {
    /// For a database that ends statements itself after so long; or that never hangs, or has all the time that it wants.
    pub(crate) fn beyond(statement_timeout: Option<Duration>) -> Self {
        let cuts = Cuts { began: Instant::now(), last: AtomicU64::new(0) };
        Self { longest: statement_timeout.map(|timeout| timeout + BEYOND), cuts: Arc::new(cuts) }
    }

    /// Waits for what the database does, and no longer than that.
    pub(crate) async fn with<T>(&self, doing: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
        let Some(longest) = self.longest else { return doing.await };
        let mut cut = Cut(Some(&self.cuts));
        let done = timeout(longest, doing).await;
        if done.is_ok() {
            cut.0 = None;
        }
        done.unwrap_or_else(|_| {
            let silence = format!("the database did not answer within {} s", longest.as_secs_f64());
            Err(DbErr::Conn(RuntimeErr::Internal(silence)))
        })
    }

    /// Whether a connection that comes back is fit for others. The driver asks each once more, however long that takes; so
    /// whoever may have been cut off is asked here first.
    pub(crate) async fn is_fit(&self, connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
        if !self.cuts.are_recent() {
            return Ok(true);
        }
        // An error, and it is dropped without a goodbye, which would wait as well.
        timeout(RELEASE, connection.ping()).await.map_err(|late| sqlx::Error::Io(late.into()))?.map(|()| true)
    }
}

impl Cuts {
    fn are_recent(&self) -> bool {
        let last = self.last.load(Ordering::Relaxed);
        last > 0 && self.now().saturating_sub(last) < WARY.as_millis() as u64
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX - 1) + 1
    }
}

/// Notes that what was waited for was dropped before it ended: out of patience, or because nobody waits any more.
struct Cut<'a>(Option<&'a Cuts>);

impl Drop for Cut<'_> {
    fn drop(&mut self) {
        if let Some(cuts) = self.0 {
            cuts.last.store(cuts.now(), Ordering::Relaxed);
        }
    }
}

/// A pool or a transaction whose statements are not waited for without end.
#[derive(Debug, Clone)]
pub(crate) struct Bounded<C> {
    pub(crate) inner: C,
    pub(crate) patience: Patience,
}

#[async_trait::async_trait]
impl<C: ConnectionTrait> ConnectionTrait for Bounded<C> {
    fn get_database_backend(&self) -> DbBackend {
        self.inner.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.patience.with(self.inner.execute_raw(statement)).await
    }

    async fn execute_unprepared(&self, text: &str) -> Result<ExecResult, DbErr> {
        self.patience.with(self.inner.execute_unprepared(text)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.patience.with(self.inner.query_one_raw(statement)).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.patience.with(self.inner.query_all_raw(statement)).await
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_database_that_says_nothing_is_waited_for_a_little_longer_than_it_may_take() {
        let patience = Patience::beyond(Some(Duration::from_secs(30)));
        let began = tokio::time::Instant::now();
        let error = patience.with(pending::<Result<(), _>>()).await.expect_err("nothing comes");
        assert_eq!(began.elapsed(), Duration::from_secs(32));
        assert!(matches!(error, DbErr::Conn(_)), "{error}");
        assert!(patience.cuts.are_recent());
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_may_take_its_time_is_waited_for() {
        let patience = Patience::beyond(None);
        let slow = async {
            tokio::time::sleep(Duration::from_hours(9)).await;
            Ok(())
        };
        patience.with(slow).await.expect("it comes");
        assert!(!patience.cuts.are_recent());
    }

    #[tokio::test]
    async fn whoever_leaves_before_the_end_is_noted_and_whoever_stays_is_not() {
        let patience = Patience::beyond(Some(Duration::from_secs(30)));
        patience.with(async { Ok(()) }).await.expect("done");
        patience.with(async { Err::<(), _>(DbErr::RecordNotInserted) }).await.expect_err("refused");
        assert!(!patience.cuts.are_recent());
        let left = timeout(Duration::from_millis(1), patience.with(pending::<Result<(), _>>())).await;
        assert!(left.is_err() && patience.cuts.are_recent());
    }
}
