//! Accounts.

use async_trait::async_trait;
use lyceum_domain::{
    ids::UserId,
    sessions::SecretHash,
    store::StoreError,
    time::Timestamp,
    users::{
        Bio, DisplayName, Email, Identifier, Locale, OneTimeToken, PasswordHash, Plan, Privacy, ProfileVisibility,
        Role, TimeZone, TokenPurpose, User, UserQueries, Username, Users,
    },
};
use sea_orm::ConnectionTrait;

use crate::{
    connect::SeaOrmStore,
    row::{Row, maybe},
    sql::{Sql, Values},
    tokens,
    unit::SeaOrmUnit,
};

/// The columns that [`read`] reads, of the table `u`.
macro_rules! user_columns {
    () => {
        "u.id, u.email, u.email_verified_at, u.username, u.display_name, u.bio, u.locale, u.time_zone, u.role, u.plan, \
         u.profile_visibility, u.show_progress, u.ai_personalization, u.password_hash, u.is_active, \
         u.tokens_valid_from, u.last_login_at, u.created_at, u.updated_at, u.deleted_at, u.version"
    };
}
pub(crate) use user_columns;

const INSERT: Sql = Sql::same(
    "INSERT INTO users (id, email, email_verified_at, username, username_key, display_name, bio, locale, time_zone, \
     role, plan, profile_visibility, show_progress, ai_personalization, password_hash, is_active, tokens_valid_from, \
     updated_at, deleted_at, version, last_login_at, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, \
     $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)",
);

// Not the last sign-in: that is no change of the account, and this copy of it may be old.
const UPDATE: Sql = Sql::same(
    "UPDATE users SET email = $2, email_verified_at = $3, username = $4, username_key = $5, display_name = $6, \
     bio = $7, locale = $8, time_zone = $9, role = $10, plan = $11, profile_visibility = $12, show_progress = $13, \
     ai_personalization = $14, password_hash = $15, is_active = $16, tokens_valid_from = $17, updated_at = $18, \
     deleted_at = $19, version = version + 1 WHERE id = $1 AND version = $20",
);

const TOUCH_LOGIN: Sql = Sql::same("UPDATE users SET last_login_at = $2 WHERE id = $1");

const BY_ID: Sql = Sql::same(concat!("SELECT ", user_columns!(), " FROM users u WHERE u.id = $1"));
const BY_EMAIL: Sql = Sql::same(concat!("SELECT ", user_columns!(), " FROM users u WHERE u.email = $1"));
const BY_USERNAME: Sql = Sql::same(concat!("SELECT ", user_columns!(), " FROM users u WHERE u.username_key = $1"));

/// What [`INSERT`] and [`UPDATE`] have in common: `$1` to `$20`.
fn values(user: &User) -> Values {
    Values::new()
        .id(user.id.as_uuid())
        .text(user.email.as_str())
        .maybe_time(user.email_verified_at)
        .text(user.username.as_str())
        .text(user.username.key())
        .maybe_text(user.display_name.as_ref().map(DisplayName::as_str))
        .maybe_text(user.bio.as_ref().map(Bio::as_str))
        .text(user.locale.as_str())
        .text(user.time_zone.as_str())
        .text(user.role.as_str())
        .text(user.plan.as_str())
        .text(user.privacy.profile_visibility.as_str())
        .flag(user.privacy.show_progress)
        .flag(user.privacy.ai_personalization)
        .maybe_text(user.password_hash.as_ref().map(PasswordHash::expose))
        .flag(user.is_active)
        .time(user.tokens_valid_from)
        .time(user.updated_at)
        .maybe_time(user.deleted_at)
        .number(user.version)
}

/// Reads [`user_columns`].
pub(crate) fn read(row: &mut Row<'_>) -> Result<User, StoreError> {
    Ok(User {
        id: row.id(UserId::from_uuid)?,
        email: row.parsed(Email::parse)?,
        email_verified_at: row.maybe_time()?,
        username: row.parsed(Username::parse_reserved)?,
        display_name: row.maybe_parsed(DisplayName::parse)?,
        bio: row.maybe_parsed(Bio::parse)?,
        locale: row.parsed(Locale::parse)?,
        time_zone: row.parsed(TimeZone::parse)?,
        role: row.parsed(Role::parse)?,
        plan: row.parsed(Plan::parse)?,
        privacy: Privacy {
            profile_visibility: row.parsed(ProfileVisibility::parse)?,
            show_progress: row.flag()?,
            ai_personalization: row.flag()?,
        },
        password_hash: row.maybe_text()?.map(PasswordHash::new),
        is_active: row.flag()?,
        tokens_valid_from: row.time()?,
        last_login_at: row.maybe_time()?,
        created_at: row.time()?,
        updated_at: row.time()?,
        deleted_at: row.maybe_time()?,
        version: row.number()?,
    })
}

async fn by_id(db: &impl ConnectionTrait, id: UserId) -> Result<Option<User>, StoreError> {
    maybe(BY_ID.one(db, Values::new().id(id.as_uuid())).await?.as_ref(), read)
}

#[async_trait]
impl Users for SeaOrmUnit {
    async fn insert(&mut self, user: &User) -> Result<(), StoreError> {
        let mut step = self.step()?;
        let values = values(user).maybe_time(user.last_login_at).time(user.created_at);
        step.end(INSERT.run_for_one(step.tx, values).await)
    }

    async fn update(&mut self, user: &User) -> Result<(), StoreError> {
        let mut step = self.step()?;
        step.end(UPDATE.run_for_one(step.tx, values(user)).await)
    }

    async fn find(&mut self, id: UserId) -> Result<Option<User>, StoreError> {
        let mut step = self.step()?;
        step.end(by_id(step.tx, id).await)
    }

    async fn touch_login(&mut self, id: UserId, at: Timestamp) -> Result<(), StoreError> {
        let mut step = self.step()?;
        step.end(TOUCH_LOGIN.run(step.tx, Values::new().id(id.as_uuid()).time(at)).await.map(drop))
    }

    async fn insert_token(&mut self, token: &OneTimeToken) -> Result<(), StoreError> {
        let mut step = self.step()?;
        step.end(tokens::insert(step.tx, token).await)
    }

    async fn take_token(
        &mut self,
        purpose: TokenPurpose,
        hash: &SecretHash,
        at: Timestamp,
    ) -> Result<Option<UserId>, StoreError> {
        let mut step = self.step()?;
        step.end(tokens::take(step.tx, purpose, hash, at).await)
    }
}

#[async_trait]
impl UserQueries for SeaOrmStore {
    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        by_id(&self.reads, id).await
    }

    async fn user_by(&self, identifier: &Identifier) -> Result<Option<User>, StoreError> {
        let row = match identifier {
            Identifier::Email(email) => BY_EMAIL.one(&self.reads, Values::new().text(email.as_str())).await?,
            Identifier::Username(name) => BY_USERNAME.one(&self.reads, Values::new().text(name.key())).await?,
        };
        maybe(row.as_ref(), read)
    }
}
