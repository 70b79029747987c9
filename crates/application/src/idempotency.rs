//! Requests that are done once, however often a client sends them.
//!
//! A use case that can be asked so takes an `Option<Once<T>>` and answers [`Done<T>`]. It begins with `begin_once`; does
//! its work with the ticket that it gets, and calls `Ticket::settle` in the unit of work that keeps what was done; and
//! ends with `or_release`, so that what failed can be tried again. If the request was answered before it gets what was
//! kept instead, and compares what is asked now with what was asked then.

use std::{fmt, sync::Arc, time::Duration};

use lyceum_domain::{
    blobs::Sha256,
    idempotency::{Claim, Claimed, IdempotencyKey, KEPT, SettledAnswer},
    ids::{ClaimId, UserId},
    store::UnitOfWork,
};
use sha2::Digest as _;

use crate::{Error, Lyceum, mentor::End};

/// How long nobody else may do a request of the same key: longer than any takes.
const LEASE: Duration = Duration::from_mins(10);

/// A request that its client named, so that it is done once.
pub struct Once<T> {
    /// The client's name for it.
    pub key: IdempotencyKey,
    /// What is to be done, and to what: `POST /subjects/…/documents`.
    pub operation: String,
    /// How what was done is answered; kept for whoever asks again.
    pub answer: fn(&T) -> Answer,
}

/// An answer as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: String,
}

/// What came of a request.
#[derive(Debug, Clone)]
pub enum Done<T> {
    /// It was done.
    Now(T),
    /// It had been done before, and was answered so.
    Before(Answer),
}

impl<T> Once<T> {
    /// The digest of what is asked: the operation, and what the body says in each of `parts`.
    fn fingerprint(&self, parts: &[&[u8]]) -> Sha256 {
        let mut digest = sha2::Sha256::new();
        for part in std::iter::once(self.operation.as_bytes()).chain(parts.iter().copied()) {
            // With its length, so that no two requests are one text.
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        Sha256::new(digest.finalize().into())
    }
}

impl<T> fmt::Debug for Once<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").field("key", &self.key).field("operation", &self.operation).finish_non_exhaustive()
    }
}

/// Whether a request is to be done.
pub(crate) enum Begun<T> {
    /// It is.
    Ours(Ticket<T>),
    /// It was answered before.
    Before(Kept<T>),
}

/// The right to do a request; an empty one if the client gave it no name.
pub(crate) struct Ticket<T>(Option<Arc<(Claim, Once<T>)>>);

impl<T> Clone for Ticket<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// The answer that a request of the same key got.
pub(crate) struct Kept<T> {
    once: Once<T>,
    answer: SettledAnswer,
}

impl<T> Ticket<T> {
    /// Of a request without a name.
    pub(crate) const fn nameless() -> Self {
        Self(None)
    }

    /// Whether its client gave it a name.
    pub(crate) const fn has_name(&self) -> bool {
        self.0.is_some()
    }

    /// The claim of the name, if there is one.
    pub(crate) fn claim(&self) -> Option<&Claim> {
        self.0.as_deref().map(|(claim, _)| claim)
    }

    /// The claim of the name, and the answer to be kept for it. `parts` are what the body said.
    pub(crate) fn settlement(&self, parts: &[&[u8]], outcome: &T) -> Option<(Claim, SettledAnswer)> {
        let (claim, once) = self.0.as_deref()?;
        let Answer { status, body } = (once.answer)(outcome);
        Some((claim.clone(), SettledAnswer { fingerprint: once.fingerprint(parts), status, body }))
    }

    /// Keeps the answer, in the unit that keeps what was done. `parts` are what the body said.
    pub(crate) async fn settle(&self, unit: &mut dyn UnitOfWork, parts: &[&[u8]], outcome: &T) -> Result<(), Error> {
        if let Some((claim, answer)) = self.settlement(parts, outcome) {
            unit.claims().settle(&claim, &answer).await?;
        }
        Ok(())
    }
}

impl<T> Kept<T> {
    /// The answer, if what is asked now is what was asked then. `parts` are what the body says.
    pub(crate) fn for_the_same(self, parts: &[&[u8]]) -> Result<Done<T>, Error> {
        if self.once.fingerprint(parts) == self.answer.fingerprint {
            Ok(Done::Before(Answer { status: self.answer.status, body: self.answer.body }))
        } else {
            Err(Error::IdempotencyKeyReused)
        }
    }
}

impl Lyceum {
    /// Claims the key of a request, if it has one.
    pub(crate) async fn begin_once<T>(&self, user: UserId, once: Option<Once<T>>) -> Result<Begun<T>, Error> {
        self.begin_once_for(user, once, LEASE).await
    }

    /// As [`begin_once`](Self::begin_once), for work that may take up to `lease`.
    pub(crate) async fn begin_once_for<T>(
        &self,
        user: UserId,
        once: Option<Once<T>>,
        lease: Duration,
    ) -> Result<Begun<T>, Error> {
        let Some(once) = once else { return Ok(Begun::Ours(Ticket(None))) };
        let now = self.ports.clock.now();
        let claim = Claim {
            id: ClaimId::new(&*self.ports.ids),
            user,
            key: once.key.clone(),
            instance: self.ports.answers.instance(),
            created_at: now,
            leased_until: now.plus(lease),
            expires_at: now.plus(KEPT),
        };
        let mut unit = self.ports.store.begin().await?;
        let claimed = unit.claims().claim(&claim).await?;
        if let Err(error) = unit.commit().await {
            // Perhaps it is claimed all the same, and nobody would give it back while this server lives.
            self.journal.note_end(End::Name(Box::new(claim)));
            return Err(error.into());
        }
        match claimed {
            Claimed::Ours => Ok(Begun::Ours(Ticket(Some(Arc::new((claim, once)))))),
            Claimed::Running => Err(Error::RequestInProgress),
            Claimed::Settled(answer) => Ok(Begun::Before(Kept { once, answer })),
        }
    }

    /// Gives the key back if the work failed. If that fails, too, as it does while the store is away, it is tried until it
    /// succeeds: who comes again when the store is back must not wait for the end of a lease.
    pub(crate) async fn or_release<T, U>(&self, ticket: &Ticket<T>, work: Result<U, Error>) -> Result<U, Error> {
        if let (Some((claim, _)), Err(_)) = (ticket.0.as_deref(), &work) {
            let released = async {
                let mut unit = self.ports.store.begin().await?;
                unit.claims().release(claim).await?;
                unit.commit().await
            };
            if let Err(error) = released.await {
                tracing::warn!(error = &error as &dyn std::error::Error, "the key of a request stays claimed for now");
                self.journal.note_end(End::Name(Box::new(claim.clone())));
            }
        }
        work
    }
}
