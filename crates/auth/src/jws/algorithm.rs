//! The algorithms with a public key.

use std::{fmt, str::FromStr};

use thiserror::Error;

/// How a token is signed with a private key (RFC 7518, RFC 8037). Each goes with one kind of key, and a key with one
/// of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignatureAlgorithm {
    /// Ed25519: small, quick, the same signature each time.
    EdDsa,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// RSA (PKCS #1 v1.5) with SHA-256, 2048 bits and more.
    Rs256,
}

impl SignatureAlgorithm {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::EdDsa, Self::Es256, Self::Rs256];

    /// Its name in a token's header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }

    /// The algorithm of that name, in this very spelling. `Ed25519` is the newer name of what nearly everybody calls
    /// `EdDSA` (RFC 9864).
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "EdDSA" | "Ed25519" => Some(Self::EdDsa),
            "ES256" => Some(Self::Es256),
            "RS256" => Some(Self::Rs256),
            _ => None,
        }
    }
}

impl fmt::Display for SignatureAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SignatureAlgorithm {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, UnknownAlgorithm> {
        Self::named(name).ok_or(UnknownAlgorithm)
    }
}

/// A name that is none of [`SignatureAlgorithm`]'s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the algorithm has to be EdDSA, ES256 or RS256")]
pub struct UnknownAlgorithm;
