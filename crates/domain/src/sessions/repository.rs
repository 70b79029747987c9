//! The session repository and its queries.

use std::time::Duration;

use async_trait::async_trait;

use crate::{
    ids::{RefreshTokenId, SessionId, UserId},
    page::{Page, PageRequest},
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

    /// Trades the token with this hash for `next`, at `next.created_at`, and moves the session's end to `next`'s.
    ///
    /// One compare-and-swap decides: the token must not have expired, its session must be live, and it must be unused,
    /// or first used no longer than `grace` ago with none of the tokens that followed from it used yet. However many
    /// ask at once, each gets a token of the one family.
    async fn rotate(&mut self, hash: &SecretHash, next: &NextToken, grace: Duration) -> Result<Rotation, StoreError>;

    /// Ends a session; false if it had ended.
    async fn revoke(&mut self, session: SessionId, at: Timestamp) -> Result<bool, StoreError>;

    /// Ends a session of this user; false if there is none, or it had ended.
    async fn revoke_of(&mut self, user: UserId, session: SessionId, at: Timestamp) -> Result<bool, StoreError>;

    /// Ends all live sessions of a user but `except`, and says how many there were.
    async fn revoke_all(&mut self, user: UserId, except: Option<SessionId>, at: Timestamp) -> Result<u64, StoreError>;

    /// Removes at most `limit` sessions that ended before `at`, revoked or expired, with their tokens; and says how
    /// many.
    async fn remove_ended(&mut self, at: Timestamp, limit: u32) -> Result<u64, StoreError>;

    /// Removes at most `limit` refresh tokens that ran out before `at`, of sessions that go on too, and says how many.
    async fn remove_expired_tokens(&mut self, at: Timestamp, limit: u32) -> Result<u64, StoreError>;
}

/// The refresh token that follows on a use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextToken {
    /// Its row.
    pub id: RefreshTokenId,
    /// The hash of what the client will hold.
    pub hash: SecretHash,
    /// When it is made.
    pub created_at: Timestamp,
    /// From when on it is no longer good.
    pub expires_at: Timestamp,
}

/// What became of a refresh token that somebody showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rotation {
    /// It was good: the next one is stored, and this is the session as it is now.
    Rotated(Session),
    /// It was used before, and too long ago or with a follower that was used: either the client or a thief holds a
    /// copy. The session is as it was, not yet ended.
    Replayed(Session),
    /// It ran out.
    Expired,
    /// There is none, or its session has ended.
    Unknown,
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

    /// The sessions of a user that are live at `now`, newest sign-in first.
    async fn sessions_page(&self, user: UserId, now: Timestamp, page: PageRequest)
    -> Result<Page<Session>, StoreError>;
}
