//! With which key, from whom and for whom.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

use super::key_file::KeyFileError;
use crate::jws::{KeySetError, SignatureAlgorithm};

/// With which key tokens are signed, from whom they are and for whom.
#[derive(Debug, Clone)]
pub struct AccessTokenSettings {
    /// The key that signs.
    pub key: SigningKey,
    /// Keys that signed before and still verify, in PEM: public ones, or private ones of which only the public half is
    /// kept. After a change of keys the last one belongs here for as long as its tokens live; one that is yet to sign may
    /// stand here in advance, so that other services know it in time.
    pub previous_keys: Vec<SecretString>,
    /// `iss`: this text and no other.
    pub issuer: String,
    /// `aud`: this text, or a list with it.
    pub audience: String,
    /// How far the clock of another service that signs may be ahead of ours: `iat` and `nbf` may lie so much in the
    /// future. A token's end is not stretched by it.
    pub leeway: Duration,
}

impl AccessTokenSettings {
    pub(super) const LEEWAY: Duration = Duration::from_secs(5);

    /// With a leeway of 5 seconds, and no previous keys.
    pub fn new(key: SigningKey, issuer: impl Into<String>, audience: impl Into<String>) -> Self {
        Self { key, previous_keys: Vec::new(), issuer: issuer.into(), audience: audience.into(), leeway: Self::LEEWAY }
    }

    /// Whether tokens can be signed and verified with these; the keys in PEM are read later.
    pub(super) fn check(&self) -> Result<(), AccessTokenSettingsError> {
        if let SigningKey::Hs256(secret) = &self.key {
            let length = secret.expose_secret().len();
            if length < SigningKey::HS256_MIN_BYTES {
                return Err(AccessTokenSettingsError::SecretTooShort { length });
            }
        }
        Self::check_parties(&self.issuer, &self.audience)
    }

    pub(super) fn check_parties(issuer: &str, audience: &str) -> Result<(), AccessTokenSettingsError> {
        if issuer.is_empty() {
            return Err(AccessTokenSettingsError::NoIssuer);
        }
        if audience.is_empty() {
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
    /// A private key; who has the public half can verify and not sign. Tokens name the key: `kid` is its thumbprint
    /// (RFC 7638).
    Pem {
        /// The algorithm, which has to be the key's.
        algorithm: SignatureAlgorithm,
        /// The key, unencrypted: PKCS #8 (`PRIVATE KEY`), SEC 1 (`EC PRIVATE KEY`) or PKCS #1 (`RSA PRIVATE KEY`).
        pem: SecretString,
    },
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
    /// A key that cannot sign.
    #[error("the key that signs tokens cannot be used: {0}")]
    Key(#[from] KeyFileError),
    /// A previous key that cannot verify.
    #[error("the previous key no. {number} cannot be used: {problem}")]
    PreviousKey {
        /// Which, counted from 1.
        number: usize,
        /// What is wrong with it.
        problem: KeyFileError,
    },
    /// A key set that cannot verify.
    #[error("the key set cannot be used: {0}")]
    KeySet(#[from] KeySetError),
    /// No issuer.
    #[error("tokens need an issuer")]
    NoIssuer,
    /// No audience.
    #[error("tokens need an audience")]
    NoAudience,
}
