//! Links that are good once: e-mail verification now, password reset when it comes.

use crate::{
    ids::{OneTimeTokenId, UserId},
    invalid::Invalid,
    sessions::SecretHash,
    time::Timestamp,
};

/// A token that was mailed. Only its hash is kept; it is taken once, before it expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneTimeToken {
    /// Its row.
    pub id: OneTimeTokenId,
    /// Whose it is.
    pub user: UserId,
    /// What it is good for.
    pub purpose: TokenPurpose,
    /// The hash of what was mailed.
    pub hash: SecretHash,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is no longer good.
    pub expires_at: Timestamp,
}

/// What a one-time token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenPurpose {
    /// Shows that the e-mail belongs to the user.
    VerifyEmail,
}

impl TokenPurpose {
    /// The word used in rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Result<Self, Invalid> {
        match word {
            "verify_email" => Ok(Self::VerifyEmail),
            _ => Err(Invalid::NotAllowed { allowed: "verify_email" }),
        }
    }
}
