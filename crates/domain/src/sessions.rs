//! Sign-ins: sessions, the tokens they hand out, and the ports that make and read tokens.

mod client;
mod lockout;
mod providers;
mod repository;
mod tokens;

pub use client::{Client, Network};
pub use lockout::{AccountFailures, AccountKey, Failures, Lock, Lockout, SignInFailureQueries, SignInFailures};
pub use providers::{ExternalClaims, IdentityProviders, NoProviders};
pub use repository::{NextToken, Rotation, SessionQueries, Sessions, Standing};
pub use tokens::{AccessClaims, AccessTokens, Secret, SecretHash, Secrets, TokenError};

use crate::{
    ids::{RefreshTokenId, SessionId, UserId},
    time::Timestamp,
};

/// One sign-in on one device. All refresh tokens that follow from it are one family and end with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id, the `sid` of its access tokens.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// What the client called itself, shortened.
    pub user_agent: Option<String>,
    /// Where it signed in from.
    pub ip_address: Option<String>,
    /// The network of that address.
    pub network: Network,
    /// When it began.
    pub created_at: Timestamp,
    /// The last refresh.
    pub last_used_at: Timestamp,
    /// When it ends if it is not refreshed before.
    pub expires_at: Timestamp,
    /// When it was ended.
    pub revoked_at: Option<Timestamp>,
}

/// A refresh token of a session. Its use makes the next one. It can be used again for a short grace, by tabs that
/// refresh at once, as long as none of the tokens that followed from it was used; after that its use is a replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// Its row.
    pub id: RefreshTokenId,
    /// The family.
    pub session: SessionId,
    /// The token that this one followed from; none for a session's first.
    pub parent: Option<RefreshTokenId>,
    /// The hash of what the client holds.
    pub hash: SecretHash,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is no longer good.
    pub expires_at: Timestamp,
    /// When it was first used.
    pub used_at: Option<Timestamp>,
}
