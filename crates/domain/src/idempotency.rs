//! Requests that are done once, however often a client sends them: whoever sends a key with a request gets, for the same
//! key again, the answer that the first one got.
//!
//! The first request claims its key, and settles it in the unit of work in which it does what was asked; so either both are
//! kept or neither. The claim of a server that is gone is given back, any claim can be taken over when its lease ends, and
//! who lost their claim can no longer settle it.

use std::{fmt, time::Duration};

use async_trait::async_trait;

use crate::{
    blobs::Sha256,
    ids::{ClaimId, InstanceId, UserId},
    invalid::Invalid,
    store::StoreError,
    time::Timestamp,
};

/// A client's name for a request: 1 to 255 visible ASCII characters. It is unique among one user's requests.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The largest number of characters.
    pub const MAX: usize = 255;

    /// Checks the form.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        if raw.is_empty() {
            return Err(Invalid::Empty);
        }
        if raw.len() > Self::MAX {
            return Err(Invalid::TooLong { max: Self::MAX });
        }
        if raw.bytes().all(|b| b.is_ascii_graphic()) {
            Ok(Self(raw.to_owned()))
        } else {
            Err(Invalid::Malformed { expected: "visible ASCII characters" })
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How long an answer is kept.
pub const KEPT: Duration = Duration::from_hours(24);

/// A request that is being done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Names this attempt; another attempt at the same key has another one.
    pub id: ClaimId,
    /// Who asks.
    pub user: UserId,
    /// Their key.
    pub key: IdempotencyKey,
    /// The server that does the request.
    pub instance: InstanceId,
    /// When the claim was made.
    pub created_at: Timestamp,
    /// Until when nobody else may take it over.
    pub leased_until: Timestamp,
    /// When the key may be forgotten.
    pub expires_at: Timestamp,
}

/// An answer that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettledAnswer {
    /// The digest of what was asked: which operation, on what, with which body.
    pub fingerprint: Sha256,
    /// The status of the answer.
    pub status: u16,
    /// Its body, as it was sent.
    pub body: String,
}

/// What became of an attempt to claim a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claimed {
    /// It is ours: do what was asked, then settle or release it.
    Ours,
    /// Another request of that key still runs.
    Running,
    /// It was answered already.
    Settled(SettledAnswer),
}

/// Keeps claims, inside a unit of work.
#[async_trait]
pub trait Claims: Send {
    /// Claims a key. A claim that expired, or whose lease ended without an answer, is taken over; of two that try at once
    /// one gets it.
    async fn claim(&mut self, claim: &Claim) -> Result<Claimed, StoreError>;

    /// Keeps the answer. [`StoreError::Conflict`] if the claim is no longer this one.
    async fn settle(&mut self, claim: &Claim, answer: &SettledAnswer) -> Result<(), StoreError>;

    /// Gives the key back, so that it can be tried again; nothing happens if the claim is no longer this one, or settled.
    async fn release(&mut self, claim: &Claim) -> Result<(), StoreError>;

    /// Gives back at most `limit` keys of requests that run at servers which are `gone`, and says how many.
    async fn release_of(&mut self, gone: &[InstanceId], limit: u32) -> Result<u64, StoreError>;

    /// Forgets at most `limit` keys that expired before `at`, and says how many.
    async fn remove_expired(&mut self, at: Timestamp, limit: u32) -> Result<u64, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_visible_ascii() {
        assert!(IdempotencyKey::parse("8e03978e-40d5-43dd-bc93-6894a57f9324").is_ok());
        assert!(IdempotencyKey::parse(&"x".repeat(255)).is_ok());
        for bad in ["", "a b", "ä", "a\n", &"x".repeat(256)] {
            assert!(IdempotencyKey::parse(bad).is_err(), "{bad:?}");
        }
    }
}
