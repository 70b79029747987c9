//! The ports that make and read tokens.

use std::{fmt, time::Duration};

use thiserror::Error;

use crate::{
    ids::{SessionId, UserId},
    mentor::Cause,
    time::Timestamp,
    users::Role,
};

/// A secret that a client holds: a refresh token, a mailed token. Never printed, never stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// From a generator.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for the client alone.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What is kept of a secret: enough to know it again, too little to make it. The secrets are random, so a plain
/// digest is enough.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SecretHash(String);

impl SecretHash {
    /// From a row or a hasher.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for the store alone.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

/// Makes random secrets and their hashes.
pub trait Secrets: Send + Sync {
    /// A new secret of at least 256 random bits, URL-safe text.
    fn generate(&self) -> Secret;

    /// The hash of what a client sent.
    fn hash(&self, secret: &str) -> SecretHash;
}

/// What an access token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessClaims {
    /// `sub`: whose it is.
    pub user: UserId,
    /// `sid`: the session it came from. A service that holds the key may sign tokens without one; they end with the
    /// account and not with a session.
    pub session: Option<SessionId>,
    /// `role` at the time of issue; for other services. Lyceum itself looks at the account.
    pub role: Role,
    /// `iat`.
    pub issued_at: Timestamp,
    /// `exp`.
    pub expires_at: Timestamp,
}

/// Signs and verifies access tokens (RFC 7519).
pub trait AccessTokens: Send + Sync {
    /// Signs.
    fn issue(&self, claims: &AccessClaims) -> Result<String, TokenError>;

    /// Verifies signature, algorithm, type, issuer, audience and times at `now`.
    fn verify(&self, token: &str, now: Timestamp) -> Result<AccessClaims, TokenError>;

    /// The public keys that verify our tokens, as a JWK Set in JSON (RFC 7517, section 5); an empty set where tokens
    /// are signed with a shared secret.
    fn key_set(&self) -> String;
}

/// Why a token is not good.
#[derive(Debug, Error)]
pub enum TokenError {
    /// It was good once.
    #[error("the token has expired")]
    Expired,
    /// It never was; the reason is for the log alone.
    #[error("the token is not valid: {0}")]
    Invalid(String),
    /// Nobody can tell now: the keys that it would be verified with cannot be had.
    #[error("the keys that verify the token cannot be had")]
    Unavailable {
        /// When to ask again.
        retry_after: Duration,
    },
    /// It could not be signed.
    #[error("signing failed")]
    Signing(#[source] Cause),
}
