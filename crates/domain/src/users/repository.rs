//! The user repository and its queries.

use async_trait::async_trait;

use crate::{
    ids::UserId,
    page::{Page, PageRequest},
    sessions::SecretHash,
    store::StoreError,
    time::Timestamp,
    users::{Email, OneTimeToken, Plan, Role, TokenOwner, TokenPurpose, User, Username},
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

    /// Notes a sign-in, which is activity too. Not a change of the account: the version stays, two at once do not
    /// conflict, and [`update`](Self::update) leaves the note alone.
    async fn touch_login(&mut self, id: UserId, at: Timestamp) -> Result<(), StoreError>;

    /// Stores a token that was mailed.
    async fn insert_token(&mut self, token: &OneTimeToken) -> Result<(), StoreError>;

    /// Takes a token that is good: of two that try, one gets it. `None` if it is unknown, taken or expired.
    async fn take_token(
        &mut self,
        purpose: TokenPurpose,
        hash: &SecretHash,
        at: Timestamp,
    ) -> Result<Option<TokenOwner>, StoreError>;

    /// Ends all tokens of an owner that are good for this, and says how many there were.
    async fn revoke_tokens(&mut self, owner: TokenOwner, purpose: TokenPurpose) -> Result<u64, StoreError>;

    /// Removes at most `limit` tokens that expired before `at`, and says how many.
    async fn remove_expired_tokens(&mut self, at: Timestamp, limit: u32) -> Result<u64, StoreError>;

    /// Erases an account for good: the user, all that is theirs alone (sessions, keys, identities, progress,
    /// conversations, usage, subjects and documents, failed sign-ins, mails and registrations of the address), and the
    /// audit events about them; their portrait and the blobs of their documents are noted for removal at `at`. What is others' too stays without the name: courses they wrote, events they caused. False if there is no
    /// such account.
    async fn erase(&mut self, id: UserId, at: Timestamp) -> Result<bool, StoreError>;
}

/// Which users are asked for; all that is said must hold. Deleted ones are never among them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserFilter {
    /// E-mail, username or display name holds this, in any case.
    pub text: Option<String>,
    /// With this role.
    pub role: Option<Role>,
    /// With this plan.
    pub plan: Option<Plan>,
    /// Switched on or off.
    pub is_active: Option<bool>,
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

    /// Whose a one-time token is, if it is good at `at`; it is not taken.
    async fn token_owner(
        &self,
        purpose: TokenPurpose,
        hash: &SecretHash,
        at: Timestamp,
    ) -> Result<Option<TokenOwner>, StoreError>;

    /// Users, newest first.
    async fn users_page(&self, filter: &UserFilter, page: PageRequest) -> Result<Page<User>, StoreError>;

    /// At most `limit` users who were deleted before `at`, longest ago first.
    async fn users_deleted_before(&self, at: Timestamp, limit: u32) -> Result<Vec<UserId>, StoreError>;
}
