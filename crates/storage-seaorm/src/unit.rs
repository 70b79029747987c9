//! The unit of work.

use async_trait::async_trait;
use lyceum_domain::{
    audit::AuditTrail,
    blobs::BlobRemovals,
    conversations::Conversations,
    courses::Courses,
    idempotency::Claims,
    mail::Outbox,
    progress::Progress,
    sessions::{Sessions, SignInFailures},
    store::{StoreError, UnitOfWork},
    subjects::Subjects,
    users::{ApiKeys, Identities, Registrations, Users},
};
use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, SqliteTransactionMode, TransactionOptions,
    TransactionTrait,
};

use tracing::Instrument as _;

use crate::{bounded::Bounded, errors::store_error, sealing::Sealing, sql::span};

/// A transaction that remembers whether anything in it failed. PostgreSQL answers `COMMIT` with success after a failed
/// statement and keeps nothing; SQLite keeps the rest.
pub(crate) struct SeaOrmUnit {
    tx: Bounded<DatabaseTransaction>,
    sealing: Sealing,
    is_broken: bool,
}

impl SeaOrmUnit {
    /// On SQLite as a writer from the start: one that turns from reading to writing can be refused at once.
    pub(crate) async fn begin(db: &Bounded<DatabaseConnection>, sealing: &Sealing) -> Result<Self, StoreError> {
        let immediate = Some(SqliteTransactionMode::Immediate);
        let options = TransactionOptions { sqlite_transaction_mode: immediate, ..TransactionOptions::default() };
        let patience = db.patience.clone();
        let begun = patience.with(db.inner.begin_with_options(options));
        let inner = begun.instrument(span(db.get_database_backend(), "BEGIN")).await.map_err(store_error)?;
        Ok(Self { tx: Bounded { inner, patience }, sealing: sealing.clone(), is_broken: false })
    }

    /// Takes a step. The unit counts as broken until the step has ended well, so also if its future is dropped halfway.
    pub(crate) fn step(&mut self) -> Result<Step<'_>, StoreError> {
        if self.is_broken {
            return Err(StoreError::Aborted);
        }
        self.is_broken = true;
        Ok(Step { tx: &self.tx, sealing: &self.sealing, is_broken: &mut self.is_broken })
    }
}

/// One call of a repository.
pub(crate) struct Step<'u> {
    pub(crate) tx: &'u Bounded<DatabaseTransaction>,
    pub(crate) sealing: &'u Sealing,
    is_broken: &'u mut bool,
}

impl Step<'_> {
    pub(crate) fn end<T>(&mut self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        *self.is_broken = outcome.is_err();
        outcome
    }
}

#[async_trait]
impl UnitOfWork for SeaOrmUnit {
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
        let span = span(self.tx.get_database_backend(), "COMMIT");
        let Bounded { inner, patience } = self.tx;
        if self.is_broken {
            // What it did so far is undone when the transaction is dropped; here it is undone before the answer.
            let _ = patience.with(inner.rollback()).await;
            return Err(StoreError::Aborted);
        }
        patience.with(inner.commit()).instrument(span).await.map_err(store_error)
    }
}
