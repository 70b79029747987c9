//! Personal keys for scripts and OpenAI clients.

use std::fmt;

use async_trait::async_trait;

use crate::{
    ids::{ApiKeyId, UserId},
    invalid::Invalid,
    page::{Page, PageRequest},
    sessions::{Secret, SecretHash},
    store::StoreError,
    text,
    time::Timestamp,
    users::User,
};

/// A key that acts for its user, within its scopes, until it expires or is revoked. It is shown once, when it is made;
/// what is kept is its hash, and its first characters to know it by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// Whose it is.
    pub user: UserId,
    /// What the user calls it.
    pub name: ApiKeyName,
    /// The first characters of the key.
    pub prefix: String,
    /// The hash of the whole key.
    pub hash: SecretHash,
    /// What it may be used for.
    pub scopes: Scopes,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is no longer good.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

impl ApiKey {
    /// What every key begins with: so that scanners find a leaked one, and no other token is mistaken for one.
    pub const START: &'static str = "lyc_";
    /// How many characters are shown later.
    const PREFIX_LENGTH: usize = 12;

    /// The text of a key made of this secret.
    pub fn text_of(secret: &Secret) -> Secret {
        Secret::new(format!("{}{}", Self::START, secret.expose()))
    }

    /// The part of a key that is shown later.
    pub fn prefix_of(text: &Secret) -> String {
        text.expose().chars().take(Self::PREFIX_LENGTH).collect()
    }

    /// Whether it can be used at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

/// What a user calls a key: 1 to 80 characters on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeyName(String);

impl ApiKeyName {
    /// Checks and takes the text.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        text::line(raw, 1, 80).map(Self)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A part of what a user can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// Ask the mentor, read and change conversations.
    Ai,
    /// Courses, lessons and progress.
    Learning,
    /// Read and change the profile.
    Profile,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Ai, Self::Learning, Self::Profile];

    /// The word used in rows and bodies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ai => "ai",
            Self::Learning => "learning",
            Self::Profile => "profile",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Result<Self, Invalid> {
        Self::ALL
            .into_iter()
            .find(|scope| scope.as_str() == word)
            .ok_or(Invalid::NotAllowed { allowed: "ai, learning, profile" })
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Ai => 1,
            Self::Learning => 2,
            Self::Profile => 4,
        }
    }
}

/// A set of scopes, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scopes(u8);

impl Scopes {
    /// These; at least one.
    pub fn new(scopes: impl IntoIterator<Item = Scope>) -> Result<Self, Invalid> {
        match scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()) {
            0 => Err(Invalid::Empty),
            bits => Ok(Self(bits)),
        }
    }

    /// Reads them as they are displayed.
    pub fn parse(words: &str) -> Result<Self, Invalid> {
        Self::new(words.split(' ').map(Scope::parse).collect::<Result<Vec<_>, _>>()?)
    }

    /// Whether this one is among them.
    pub const fn has(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.has(*scope))
    }
}

impl fmt::Display for Scopes {
    /// The words with spaces between, as OAuth2 writes them (RFC 6749, section 3.3).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, scope) in self.iter().enumerate() {
            write!(f, "{}{}", if n == 0 { "" } else { " " }, scope.as_str())?;
        }
        Ok(())
    }
}

/// Writes keys inside a unit of work.
#[async_trait]
pub trait ApiKeys: Send {
    /// Stores a new one.
    async fn insert(&mut self, key: &ApiKey) -> Result<(), StoreError>;

    /// How many of a user's keys are neither revoked nor expired.
    async fn count_live(&mut self, user: UserId, now: Timestamp) -> Result<u32, StoreError>;

    /// Revokes a key of this user, also one that has expired, so that it is listed no more; false if there is none, or
    /// it was revoked.
    async fn revoke(&mut self, user: UserId, key: ApiKeyId, at: Timestamp) -> Result<bool, StoreError>;

    /// Ends all keys of a user and says how many there were.
    async fn revoke_all(&mut self, user: UserId, at: Timestamp) -> Result<u64, StoreError>;
}

/// Reads keys without a transaction.
#[async_trait]
pub trait ApiKeyQueries: Send + Sync {
    /// The account and the key behind a hash, in one round trip; also if the key has ended or the account is deleted:
    /// judging that is the caller's.
    async fn user_by_api_key(&self, hash: &SecretHash) -> Result<Option<(User, ApiKey)>, StoreError>;

    /// A user's keys that were not revoked, newest first.
    async fn api_keys_page(&self, user: UserId, page: PageRequest) -> Result<Page<ApiKey>, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read_as_they_are_written() {
        let scopes = Scopes::new([Scope::Profile, Scope::Ai, Scope::Ai]).expect("some");
        assert_eq!(scopes.to_string(), "ai profile");
        assert_eq!(Scopes::parse("ai profile"), Ok(scopes));
        assert!(scopes.has(Scope::Ai) && !scopes.has(Scope::Learning));
        assert_eq!(Scopes::new([]), Err(Invalid::Empty));
        assert!(Scopes::parse("").is_err() && Scopes::parse("ai admin").is_err());
    }

    #[test]
    fn a_key_is_known_by_its_first_characters() {
        let text = ApiKey::text_of(&Secret::new("abcdefghijklmnop".to_owned()));
        assert_eq!(text.expose(), "lyc_abcdefghijklmnop");
        assert_eq!(ApiKey::prefix_of(&text), "lyc_abcdefgh");
    }
}
