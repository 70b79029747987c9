//! Links that are good once: e-mail verification and password reset.

use crate::{
    ids::{OneTimeTokenId, RegistrationId, UserId},
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
    pub owner: TokenOwner,
    /// What it is good for.
    pub purpose: TokenPurpose,
    /// The hash of what was mailed.
    pub hash: SecretHash,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is no longer good.
    pub expires_at: Timestamp,
}

/// Whose a one-time token is. It goes when its owner goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenOwner {
    /// An account's.
    User(UserId),
    /// That of a registration which waits to become an account.
    Registration(RegistrationId),
}

/// What a one-time token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenPurpose {
    /// Shows that the e-mail belongs to the owner.
    VerifyEmail,
    /// Lets the owner set another password.
    ResetPassword,
}

impl TokenPurpose {
    /// The word used in rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::ResetPassword => "reset_password",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Result<Self, Invalid> {
        match word {
            "verify_email" => Ok(Self::VerifyEmail),
            "reset_password" => Ok(Self::ResetPassword),
            _ => Err(Invalid::NotAllowed { allowed: "verify_email, reset_password" }),
        }
    }
}
