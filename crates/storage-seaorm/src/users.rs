//! Accounts.

use async_trait::async_trait;
use lyceum_domain::{
    blobs::BlobKey,
    ids::UserId,
    page::{Cursor, Page, PageRequest},
    sessions::SecretHash,
    store::StoreError,
    time::Timestamp,
    users::{
        Bio, DisplayName, Email, Identifier, Locale, OneTimeToken, PasswordHash, Plan, Privacy, ProfileVisibility,
        Role, TimeZone, TokenOwner, TokenPurpose, User, UserFilter, UserQueries, Username, Users,
    },
};
use sea_orm::ConnectionTrait;

use crate::{
    connect::SeaOrmStore,
    erasure,
    row::{Row, each, maybe},
    sql::{Sql, Values},
    tokens,
    unit::SeaOrmUnit,
};

/// The columns that [`read`] reads, of the table `u`.
macro_rules! user_columns {
    () => {
        "u.id, u.email, u.email_verified_at, u.username, u.display_name, u.bio, u.locale, u.time_zone, u.role, u.plan, \
         u.profile_visibility, u.show_progress, u.ai_personalization, u.password_hash, u.is_active, \
         u.tokens_valid_from, u.last_login_at, u.last_active_at, u.created_at, u.updated_at, u.deleted_at, \
         u.portrait_key, u.version"
    };
}
pub(crate) use user_columns;

const INSERT: Sql = Sql::same(
    "INSERT INTO users (id, email, email_verified_at, username, username_key, display_name, bio, locale, time_zone, \
     role, plan, profile_visibility, show_progress, ai_personalization, password_hash, is_active, tokens_valid_from, \
     updated_at, deleted_at, version, display_name_key, portrait_key, last_login_at, last_active_at, created_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, \
     $24, $25)",
);

// Not the last sign-in and activity: they are no change of the account, and this copy of them may be old.
const UPDATE: Sql = Sql::same(
    "UPDATE users SET email = $2, email_verified_at = $3, username = $4, username_key = $5, display_name = $6, \
     bio = $7, locale = $8, time_zone = $9, role = $10, plan = $11, profile_visibility = $12, show_progress = $13, \
     ai_personalization = $14, password_hash = $15, is_active = $16, tokens_valid_from = $17, updated_at = $18, \
     deleted_at = $19, version = version + 1, display_name_key = $21, portrait_key = $22 WHERE id = $1 AND version = $20",
);

const TOUCH_LOGIN: Sql = Sql::same("UPDATE users SET last_login_at = $2, last_active_at = $2 WHERE id = $1");
const TOUCH_ACTIVITY: Sql = Sql::same("UPDATE users SET last_active_at = $2 WHERE id = $1");

const BY_ID: Sql = Sql::same(concat!("SELECT ", user_columns!(), " FROM users u WHERE u.id = $1"));
const BY_EMAIL: Sql = Sql::same(concat!("SELECT ", user_columns!(), " FROM users u WHERE u.email = $1"));
const BY_USERNAME: Sql = Sql::same(concat!("SELECT ", user_columns!(), " FROM users u WHERE u.username_key = $1"));

/// `$1` and `$2` where the page starts, `$3` text in lower case, `$4` role, `$5` plan, `$6` whether switched on.
macro_rules! page {
    ($find:literal) => {
        concat!(
            "SELECT ",
            user_columns!(),
            " FROM users u WHERE (u.created_at, u.id) < ($1, $2) AND u.deleted_at IS NULL AND ($3 IS NULL OR ",
            $find,
            "(u.email, $3) > 0 OR ",
            $find,
            "(u.username_key, $3) > 0 OR ",
            $find,
            "(u.display_name_key, $3) > 0) AND ($4 IS NULL OR u.role = $4) AND ($5 IS NULL OR u.plan = $5) \
             AND ($6 IS NULL OR u.is_active = $6) ORDER BY u.created_at DESC, u.id DESC LIMIT $7"
        )
    };
}
const PAGE: Sql = Sql { postgres: page!("strpos"), sqlite: page!("instr") };

const DELETED_BEFORE: Sql = Sql::same("SELECT id FROM users WHERE deleted_at < $1 ORDER BY deleted_at, id LIMIT $2");

/// What [`INSERT`] and [`UPDATE`] have in common: `$1` to `$22`.
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
        .maybe_text(user.display_name.as_ref().map(|name| name.as_str().to_lowercase()))
        .maybe_text(user.portrait.as_ref().map(BlobKey::as_str))
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
        last_active_at: row.maybe_time()?,
        created_at: row.time()?,
        updated_at: row.time()?,
        deleted_at: row.maybe_time()?,
        portrait: row.maybe_parsed(BlobKey::parse)?,
        version: row.number()?,
    })
}

async fn by_id(db: &impl ConnectionTrait, id: UserId) -> Result<Option<User>, StoreError> {
    maybe(BY_ID.one(db, Values::new().id(id.as_uuid())).await?.as_ref(), read)
}

pub(crate) async fn touch_activity(db: &impl ConnectionTrait, id: UserId, at: Timestamp) -> Result<(), StoreError> {
    TOUCH_ACTIVITY.run(db, Values::new().id(id.as_uuid()).time(at)).await.map(drop)
}

#[async_trait]
impl Users for SeaOrmUnit {
    async fn insert(&mut self, user: &User) -> Result<(), StoreError> {
        let mut step = self.step()?;
        let values = values(user).maybe_time(user.last_login_at).maybe_time(user.last_active_at).time(user.created_at);
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
    ) -> Result<Option<TokenOwner>, StoreError> {
        let mut step = self.step()?;
        step.end(tokens::take(step.tx, purpose, hash, at).await)
    }

    async fn revoke_tokens(&mut self, owner: TokenOwner, purpose: TokenPurpose) -> Result<u64, StoreError> {
        let mut step = self.step()?;
        step.end(tokens::revoke(step.tx, owner, purpose).await)
    }

    async fn remove_expired_tokens(&mut self, at: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let mut step = self.step()?;
        step.end(tokens::remove_expired(step.tx, at, limit).await)
    }

    async fn erase(&mut self, id: UserId, at: Timestamp) -> Result<bool, StoreError> {
        let mut step = self.step()?;
        step.end(erasure::erase(step.tx, id, at).await)
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
    async fn token_owner(
        &self,
        purpose: TokenPurpose,
        hash: &SecretHash,
        at: Timestamp,
    ) -> Result<Option<TokenOwner>, StoreError> {
        tokens::owner(&self.reads, purpose, hash, at).await
    }

    async fn users_page(&self, filter: &UserFilter, page: PageRequest) -> Result<Page<User>, StoreError> {
        let text = filter.text.as_deref().map(str::to_lowercase);
        // PostgreSQL takes no such text, and none of ours has it.
        if text.as_ref().is_some_and(|text| text.contains('\0')) {
            return Ok(Page { items: Vec::new(), next: None });
        }
        let values = Values::new()
            .below(page)
            .maybe_text(text)
            .maybe_text(filter.role.map(Role::as_str))
            .maybe_text(filter.plan.map(Plan::as_str))
            .maybe_flag(filter.is_active)
            .limit(page);
        let users = each(&PAGE.all(&self.reads, values).await?, read)?;
        Ok(Page::cut(users, page.size, |user| Cursor { at: user.created_at, id: user.id.as_uuid() }))
    }

    async fn users_deleted_before(&self, at: Timestamp, limit: u32) -> Result<Vec<UserId>, StoreError> {
        let rows = DELETED_BEFORE.all(&self.reads, Values::new().time(at).number(limit)).await?;
        each(&rows, |row| row.id(UserId::from_uuid))
    }
}
