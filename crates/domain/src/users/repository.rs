//! The user repository and its queries.

use async_trait::async_trait;

use crate::{
    ids::UserId,
    sessions::SecretHash,
    store::StoreError,
    time::Timestamp,
    users::{Email, OneTimeToken, TokenPurpose, User, Username},
};

/// Writes users inside a unit of work.
#[async_trait]
pub trait Users: Send {
    /// Stores a new user; [`StoreError::Duplicate`] with `email` or `username` if one of them is taken.
    async fn insert(&mut self, user: &User) -> Result<(), StoreError>;

    /// Saves a changed user; [`StoreError::Conflict`] if `version` is not the stored one,
    /// [`StoreError::Duplicate`] as for [`insert`](Self::insert). The stored version is one higher afterwards.
    async fn update(&mut self, user: &User) -> Result<(), StoreError>;

    /// A user by id, deleted ones too.
    async fn find(&mut self, id: UserId) -> Result<Option<User>, StoreError>;

    /// Notes a sign-in. Not a change of the account: the version stays, two at once do not conflict, and
    /// [`update`](Self::update) leaves the note alone.
    async fn touch_login(&mut self, id: UserId, at: Timestamp) -> Result<(), StoreError>;

    /// Stores a token that was mailed.
    async fn insert_token(&mut self, token: &OneTimeToken) -> Result<(), StoreError>;

    /// Takes a token that is good: of two that try, one gets it. `None` if it is unknown, taken or expired.
    async fn take_token(
        &mut self,
        purpose: TokenPurpose,
        hash: &SecretHash,
        at: Timestamp,
    ) -> Result<Option<UserId>, StoreError>;
}

/// How somebody says who they are when they sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identifier {
    /// By e-mail.
    Email(Email),
    /// By username.
    Username(Username),
}

impl Identifier {
    /// What has an `@` is an e-mail; a username cannot have one. `None` if it can be neither, so belongs to nobody.
    pub fn parse(raw: &str) -> Option<Self> {
        if raw.contains('@') {
            Email::parse(raw).ok().map(Self::Email)
        } else {
            Username::parse_reserved(raw).ok().map(Self::Username)
        }
    }
}

/// Reads users without a transaction.
#[async_trait]
pub trait UserQueries: Send + Sync {
    /// A user by id, deleted ones too.
    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError>;

    /// A user by e-mail or username, deleted ones too: their names are not free.
    async fn user_by(&self, identifier: &Identifier) -> Result<Option<User>, StoreError>;
}
