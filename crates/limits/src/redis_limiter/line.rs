//! The connection to Redis.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redis::{AsyncConnectionConfig, Client, FromRedisValue, RedisError, ScriptInvocation, aio::MultiplexedConnection};
use tokio::sync::OnceCell;

/// One connection, which all requests share and which is made anew when it fails.
pub(super) struct Line {
    client: Client,
    config: AsyncConnectionConfig,
    current: Mutex<Current>,
}

#[derive(Default)]
struct Current {
    connection: Arc<Connection>,
    /// How often Redis had been away when it was asked for.
    absences: u64,
}

/// How the one attempt to connect ended, for all who wait for it: else each of them would begin another one when it has
/// failed, and the last of many wait for all their time-outs.
type Connection = OnceCell<Result<MultiplexedConnection, RedisError>>;

impl Line {
    /// One that is not connected yet.
    pub(super) fn new(client: Client, config: AsyncConnectionConfig) -> Self {
        Self { client, config, current: Mutex::default() }
    }

    /// Gives up a connection from before so many absences.
    pub(super) fn been_away(&self, absences: u64) {
        let mut current = self.current();
        if current.absences < absences {
            *current = Current { connection: Arc::default(), absences };
        }
    }

    /// Asks, and gives the connection up if that fails. One that was there before and turns out to be closed says nothing
    /// about Redis, which may have been started again or close what rests: then another one is asked, once. The first may
    /// have been closed between its doing and its answer, so one request more may be counted, or given back, than there was.
    pub(super) async fn ask<T: FromRedisValue>(&self, question: &ScriptInvocation<'_>) -> Result<T, RedisError> {
        let connection = Arc::clone(&self.current().connection);
        let was_there = matches!(connection.get(), Some(Ok(_)));
        match self.ask_by(connection, question).await {
            Err(error) if was_there && error.is_connection_dropped() => {
                let another = Arc::clone(&self.current().connection);
                self.ask_by(another, question).await
            }
            answer => answer,
        }
    }

    async fn ask_by<T: FromRedisValue>(
        &self,
        connection: Arc<Connection>,
        question: &ScriptInvocation<'_>,
    ) -> Result<T, RedisError> {
        let connect = || self.client.get_multiplexed_async_connection_with_config(&self.config);
        let answer = match connection.get_or_init(connect).await {
            Ok(connected) => question.invoke_async(&mut connected.clone()).await,
            Err(error) => Err(error.clone()),
        };
        if answer.is_err() {
            let mut current = self.current();
            // Others may have failed at the same time, and may have another one already.
            if Arc::ptr_eq(&current.connection, &connection) {
                current.connection = Arc::default();
            }
        }
        answer
    }

    /// What a panic leaves behind is whole: each change is one statement.
    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
