//! Passwords: the rules, and the port that hashes them.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use thiserror::Error;

use crate::{
    invalid::Invalid,
    mentor::Cause,
    users::{Email, Username},
};

/// A password that somebody wants to set. Never printed, never stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

/// The ones that attackers try first and that pass the other rules (from public lists of leaked passwords).
const COMMON: &str = include_str!("common_passwords.txt");

impl Password {
    /// The fewest characters.
    pub const MIN: usize = 8;
    /// The largest number of bytes: bcrypt reads no more.
    pub const MAX_BYTES: usize = 72;

    /// Checks length, letters and digits, the common ones, and nearness to the user's own names.
    pub fn parse(raw: &str, own: &[&str]) -> Result<Self, Invalid> {
        if raw.is_empty() {
            return Err(Invalid::Empty);
        }
        if raw.chars().any(char::is_control) {
            return Err(Invalid::ControlCharacter);
        }
        if raw.chars().count() < Self::MIN {
            return Err(Invalid::TooShort { min: Self::MIN });
        }
        if raw.len() > Self::MAX_BYTES {
            return Err(Invalid::TooManyBytes { max: Self::MAX_BYTES });
        }
        let has_letter = raw.chars().any(char::is_alphabetic);
        let has_digit = raw.chars().any(char::is_numeric);
        if !has_letter || !has_digit {
            return Err(Invalid::NeedsLettersAndDigits);
        }
        let lower = raw.to_lowercase();
        if COMMON.lines().any(|common| common == lower) {
            return Err(Invalid::CommonPassword);
        }
        // Near: the name with a few characters around it ("ada.lovelace1815"), in either direction.
        let letters =
            |text: &str| text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
        let bare = letters(raw);
        let near = own
            .iter()
            .map(|name| letters(name))
            .any(|name| name.len() >= 4 && bare.contains(&name) && bare.len() - name.len() <= name.len().max(4));
        if near { Err(Invalid::NearOwnData) } else { Ok(Self(raw.to_owned())) }
    }

    /// Checks a password against the account it is for.
    pub fn for_account(raw: &str, email: Option<&Email>, username: Option<&Username>) -> Result<Self, Invalid> {
        let mut own = Vec::new();
        if let Some(email) = email {
            own.extend([email.as_str(), email.local_part()]);
        }
        if let Some(username) = username {
            own.push(username.as_str());
        }
        Self::parse(raw, &own)
    }

    /// The text, for the hasher alone.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// The hash of a password, in a form that names its algorithm and cost (`$2b$12$…`). Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// From a row or a hasher.
    pub fn new(hash: String) -> Self {
        Self(hash)
    }

    /// The text, for the store and the hasher alone.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// Hashes passwords, slowly on purpose, and never on the threads that serve requests.
#[async_trait]
pub trait PasswordHasher: Send + Sync {
    /// Hashes a new password.
    async fn hash(&self, password: &Password) -> Result<PasswordHash, PasswordError>;

    /// Whether `attempt` is the password behind `hash`. With no hash it takes just as long and says no.
    async fn verify(&self, attempt: &str, hash: Option<&PasswordHash>) -> Result<bool, PasswordError>;

    /// Whether `hash` was made with another algorithm or cost than new ones are.
    fn is_outdated(&self, hash: &PasswordHash) -> bool;
}

/// Why a password was neither hashed nor verified.
#[derive(Debug, Error)]
pub enum PasswordError {
    /// Too many are waiting; ask again later.
    #[error("too many passwords wait to be hashed")]
    Busy {
        /// When to ask again.
        retry_after: Duration,
    },
    /// The hasher broke.
    #[error("hashing failed")]
    Failed(#[source] Cause),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_are_told_apart() {
        let check = |raw: &str| Password::parse(raw, &["ada@example.com", "ada", "lovelace"]).map(|_| ());
        assert_eq!(check("correct horse 7"), Ok(()));
        assert_eq!(check("short 1"), Err(Invalid::TooShort { min: 8 }));
        assert_eq!(check("only letters here"), Err(Invalid::NeedsLettersAndDigits));
        assert_eq!(check("1234567890"), Err(Invalid::NeedsLettersAndDigits));
        assert_eq!(check("Password123"), Err(Invalid::CommonPassword));
        assert_eq!(check("Lovelace1815"), Err(Invalid::NearOwnData));
        assert_eq!(check("tab\tand digits 1"), Err(Invalid::ControlCharacter));
        assert_eq!(check(&format!("1{}", "ä".repeat(36))), Err(Invalid::TooManyBytes { max: 72 }));
        assert_eq!(check(&format!("1{}", "a".repeat(71))), Ok(()));
    }

    #[test]
    fn nothing_prints_a_password() {
        let password = Password::parse("correct horse 7", &[]).expect("good");
        assert_eq!(format!("{password:?}"), "Password(…)");
        assert_eq!(format!("{:?}", PasswordHash::new("$2b$12$x".into())), "PasswordHash(…)");
    }
}
