//! Registrations that wait for their e-mail to be verified.

use async_trait::async_trait;

use crate::{
    ids::RegistrationId,
    store::StoreError,
    time::Timestamp,
    users::{DisplayName, Email, Identifier, PasswordHash, Username},
};

/// What somebody registered with, before they showed that the e-mail is theirs. It becomes an account when the link in
/// its own mail is followed; until then it is nobody's.
///
/// Each registration stands for itself: of two with one e-mail the one whose link is followed becomes the account, with
/// its own password. So nobody can prepare an account for somebody else's address and wait for its owner to verify it
/// unseen. One with an e-mail that has an account is kept all the same, and leads nowhere: from outside the two are
/// alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingRegistration {
    /// Its id.
    pub id: RegistrationId,
    /// Where the link goes.
    pub email: Email,
    /// The name that is kept free for it.
    pub username: Username,
    /// What other people will call the user.
    pub display_name: Option<DisplayName>,
    /// The hash of the password.
    pub password_hash: PasswordHash,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it no longer counts.
    pub expires_at: Timestamp,
}

/// Writes registrations inside a unit of work.
#[async_trait]
pub trait Registrations: Send {
    /// Stores a new one.
    async fn insert(&mut self, registration: &PendingRegistration) -> Result<(), StoreError>;

    /// One by id, expired or not.
    async fn find(&mut self, id: RegistrationId) -> Result<Option<PendingRegistration>, StoreError>;

    /// Removes all that wait for this e-mail, with their tokens, and says how many there were.
    async fn remove_all_of(&mut self, email: &Email) -> Result<u64, StoreError>;

    /// Removes at most `limit` that expired before `at`, and says how many.
    async fn remove_expired(&mut self, at: Timestamp, limit: u32) -> Result<u64, StoreError>;
}

/// Reads registrations without a transaction. None of these shows one that expired at `now`.
#[async_trait]
pub trait RegistrationQueries: Send + Sync {
    /// The newest one with this e-mail or username.
    async fn registration_by(
        &self,
        identifier: &Identifier,
        now: Timestamp,
    ) -> Result<Option<PendingRegistration>, StoreError>;

    /// Whether an account has the username, or a registration of another e-mail than `email` waits for it.
    async fn is_username_taken(&self, username: &Username, email: &Email, now: Timestamp) -> Result<bool, StoreError>;
}
