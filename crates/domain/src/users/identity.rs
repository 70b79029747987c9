//! Accounts at identity providers that stand for an account here.

use std::fmt;

use async_trait::async_trait;

use crate::{
    ids::{IdentityId, UserId},
    invalid::Invalid,
    store::StoreError,
    time::Timestamp,
    users::{Email, User},
};

/// The name that the operator gave an identity provider: 1 to 32 lower-case letters, digits, `_` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProviderName(String);

impl ProviderName {
    /// Checks a name.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        let good = (1..=32).contains(&raw.len())
            && raw.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-');
        if good {
            Ok(Self(raw.to_owned()))
        } else {
            Err(Invalid::Malformed { expected: "1 to 32 lower-case letters, digits, _ and -" })
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProviderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One user at one provider. A provider's user stands for one account; an account may have several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Its row.
    pub id: IdentityId,
    /// The account here.
    pub user: UserId,
    /// Where.
    pub provider: ProviderName,
    /// `sub`: the user's id there, 1 to 255 characters.
    pub subject: String,
    /// The e-mail that the provider last told, if it told one.
    pub email: Option<Email>,
    /// Whether the provider says that the e-mail is verified.
    pub is_email_verified: bool,
    /// When it was first seen.
    pub created_at: Timestamp,
    /// When what the provider tells last changed, by the time of the token that told it.
    pub updated_at: Timestamp,
}

/// Writes identities inside a unit of work.
#[async_trait]
pub trait Identities: Send {
    /// Stores a new one; [`StoreError::Duplicate`] with `identity` if the provider's user stands for an account.
    async fn insert(&mut self, identity: &Identity) -> Result<(), StoreError>;

    /// Keeps what the provider tells now: e-mail, whether it is verified, and when that was.
    async fn update(&mut self, identity: &Identity) -> Result<(), StoreError>;
}

/// Reads identities without a transaction.
#[async_trait]
pub trait IdentityQueries: Send + Sync {
    /// The account that a provider's user stands for, deleted ones too, in one round trip.
    async fn user_by_identity(
        &self,
        provider: &ProviderName,
        subject: &str,
    ) -> Result<Option<(User, Identity)>, StoreError>;

    /// Those of an account, oldest first.
    async fn identities_of(&self, user: UserId) -> Result<Vec<Identity>, StoreError>;
}
