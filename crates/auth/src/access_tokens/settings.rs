//! With which key, from whom and for whom.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

/// With which key tokens are signed, from whom they are and for whom.
#[derive(Debug, Clone)]
pub struct AccessTokenSettings {
    /// The key.
    pub key: SigningKey,
    /// `iss`: this text and no other.
    pub issuer: String,
    /// `aud`: this text, or a list with it.
    pub audience: String,
    /// How far the clock of another service that signs may be ahead of ours: `iat` and `nbf` may lie so much in the
    /// future. A token's end is not stretched by it.
    pub leeway: Duration,
}

impl AccessTokenSettings {
    /// With a leeway of 5 seconds.
    pub fn new(key: SigningKey, issuer: impl Into<String>, audience: impl Into<String>) -> Self {
        Self { key, issuer: issuer.into(), audience: audience.into(), leeway: Duration::from_secs(5) }
    }

    /// Whether tokens can be signed and verified with these.
    pub(super) fn check(&self) -> Result<(), AccessTokenSettingsError> {
        let SigningKey::Hs256(secret) = &self.key;
        let length = secret.expose_secret().len();
        if length < SigningKey::HS256_MIN_BYTES {
            return Err(AccessTokenSettingsError::SecretTooShort { length });
        }
        if self.issuer.is_empty() {
            return Err(AccessTokenSettingsError::NoIssuer);
        }
        if self.audience.is_empty() {
            return Err(AccessTokenSettingsError::NoAudience);
        }
        Ok(())
    }
}

/// The key that signs, and by its kind the one algorithm that is accepted: nothing in a token chooses either.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum SigningKey {
    /// HMAC with SHA-256 (RFC 7518, section 3.2); who can verify can sign as well. The text's bytes are the key.
    Hs256(SecretString),
}

impl SigningKey {
    /// The fewest bytes of a key for HS256: as many as the digest has (RFC 7518, section 3.2).
    pub const HS256_MIN_BYTES: usize = 32;
}

/// Settings that tokens cannot be signed with.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AccessTokenSettingsError {
    /// A secret that is easier to guess than a signature.
    #[error("the secret that signs tokens has {length} bytes, but must have at least {}", SigningKey::HS256_MIN_BYTES)]
    SecretTooShort {
        /// Its bytes.
        length: usize,
    },
    /// No issuer.
    #[error("tokens need an issuer")]
    NoIssuer,
    /// No audience.
    #[error("tokens need an audience")]
    NoAudience,
}
