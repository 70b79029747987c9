//! The session repository and its queries.

use async_trait::async_trait;

use crate::{
    ids::{RefreshTokenId, SessionId, UserId},
    sessions::{RefreshToken, SecretHash, Session},
    store::StoreError,
    time::Timestamp,
    users::User,
};

/// Writes sessions inside a unit of work.
#[async_trait]
pub trait Sessions: Send {
    /// Stores a new session with its first refresh token.
    async fn insert(&mut self, session: &Session, first: &RefreshToken) -> Result<(), StoreError>;

    /// A refresh token and its session, by hash.
    async fn find_by_token(&mut self, hash: &SecretHash) -> Result<Option<(RefreshToken, Session)>, StoreError>;

    /// Marks a refresh token as used, if it is not yet: of two that try, one gets `true`.
    async fn use_token(&mut self, token: RefreshTokenId, at: Timestamp) -> Result<bool, StoreError>;

    /// Stores the next refresh token of a session and moves the session's end to the token's.
    async fn extend(&mut self, next: &RefreshToken) -> Result<(), StoreError>;

    /// Ends a session; false if it had ended.
    async fn revoke(&mut self, session: SessionId, at: Timestamp) -> Result<bool, StoreError>;

    /// Ends all sessions of a user and says how many there were.
    async fn revoke_all(&mut self, user: UserId, at: Timestamp) -> Result<u64, StoreError>;
}

/// What stands behind an access token now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The account.
    pub user: User,
    /// Whether the session named in the token is neither revoked nor over; `true` if none was named.
    pub is_session_live: bool,
}

/// Reads sessions without a transaction.
#[async_trait]
pub trait SessionQueries: Send + Sync {
    /// The account and the session behind an access token, in one round trip. `None` if there is no such account.
    async fn standing(
        &self,
        user: UserId,
        session: Option<SessionId>,
        now: Timestamp,
    ) -> Result<Option<Standing>, StoreError>;
}
