//! Personal keys.

use async_trait::async_trait;
use lyceum_domain::{
    ids::{ApiKeyId, UserId},
    page::{Cursor, Page, PageRequest},
    sessions::SecretHash,
    store::StoreError,
    time::Timestamp,
    users::{ApiKey, ApiKeyName, ApiKeyQueries, ApiKeys, Scopes, User},
};
use sea_orm::ConnectionTrait;

use crate::{
    connect::SeaOrmStore,
    row::{Row, each, maybe},
    sql::{Sql, Values},
    unit::SeaOrmUnit,
    users::{self, user_columns},
};

/// The columns that [`read`] reads, of the table `k`.
macro_rules! api_key_columns {
    () => {
        "k.id, k.user_id, k.name, k.prefix, k.hash, k.scopes, k.created_at, k.expires_at, k.last_used_at, k.revoked_at"
    };
}

const INSERT: Sql = Sql::same(
    "INSERT INTO api_keys (id, user_id, name, prefix, hash, scopes, expires_at, last_used_at, revoked_at, created_at, \
     updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)",
);

const COUNT_LIVE: Sql = Sql::same(
    "SELECT COUNT(*) FROM api_keys WHERE user_id = $1 AND revoked_at IS NULL \
     AND (expires_at IS NULL OR expires_at > $2)",
);

const REVOKE: Sql = Sql::same(
    "UPDATE api_keys SET revoked_at = $3, updated_at = $3 WHERE id = $2 AND user_id = $1 AND revoked_at IS NULL",
);

const REVOKE_ALL: Sql = Sql::same(
    "UPDATE api_keys SET revoked_at = $2, updated_at = $2 WHERE user_id = $1 AND revoked_at IS NULL \
     AND (expires_at IS NULL OR expires_at > $2)",
);

const TOUCH: Sql = Sql::same("UPDATE api_keys SET last_used_at = $2 WHERE id = $1");

const USER_BY_HASH: Sql = Sql::same(concat!(
    "SELECT ",
    user_columns!(),
    ", ",
    api_key_columns!(),
    " FROM api_keys k JOIN users u ON u.id = k.user_id WHERE k.hash = $1"
));

const PAGE: Sql = Sql::same(concat!(
    "SELECT ",
    api_key_columns!(),
    " FROM api_keys k WHERE k.user_id = $3 AND (k.created_at, k.id) < ($1, $2) AND k.revoked_at IS NULL \
     ORDER BY k.created_at DESC, k.id DESC LIMIT $4"
));

/// Reads [`api_key_columns`].
fn read(row: &mut Row<'_>) -> Result<ApiKey, StoreError> {
    Ok(ApiKey {
        id: row.id(ApiKeyId::from_uuid)?,
        user: row.id(UserId::from_uuid)?,
        name: row.parsed(ApiKeyName::parse)?,
        prefix: row.text()?,
        hash: row.text().map(SecretHash::new)?,
        scopes: row.parsed(Scopes::parse)?,
        created_at: row.time()?,
        expires_at: row.maybe_time()?,
        last_used_at: row.maybe_time()?,
        revoked_at: row.maybe_time()?,
    })
}

pub(crate) async fn touch(db: &impl ConnectionTrait, key: ApiKeyId, at: Timestamp) -> Result<(), StoreError> {
    TOUCH.run(db, Values::new().id(key.as_uuid()).time(at)).await.map(drop)
}

#[async_trait]
impl ApiKeys for SeaOrmUnit {
    async fn insert(&mut self, key: &ApiKey) -> Result<(), StoreError> {
        let mut step = self.step()?;
        let values = Values::new()
            .id(key.id.as_uuid())
            .id(key.user.as_uuid())
            .text(key.name.as_str())
            .text(key.prefix.as_str())
            .text(key.hash.as_str())
            .text(key.scopes.to_string())
            .maybe_time(key.expires_at)
            .maybe_time(key.last_used_at)
            .maybe_time(key.revoked_at)
            .time(key.created_at);
        step.end(INSERT.run_for_one(step.tx, values).await)
    }

    async fn count_live(&mut self, user: UserId, now: Timestamp) -> Result<u32, StoreError> {
        let mut step = self.step()?;
        let row = COUNT_LIVE.one(step.tx, Values::new().id(user.as_uuid()).time(now)).await;
        step.end(row.and_then(|row| Ok(maybe(row.as_ref(), |row| row.number())?.unwrap_or(0))))
    }

    async fn revoke(&mut self, user: UserId, key: ApiKeyId, at: Timestamp) -> Result<bool, StoreError> {
        let mut step = self.step()?;
        let values = Values::new().id(user.as_uuid()).id(key.as_uuid()).time(at);
        step.end(REVOKE.run(step.tx, values).await.map(|ended| ended > 0))
    }

    async fn revoke_all(&mut self, user: UserId, at: Timestamp) -> Result<u64, StoreError> {
        let mut step = self.step()?;
        step.end(REVOKE_ALL.run(step.tx, Values::new().id(user.as_uuid()).time(at)).await)
    }
}

#[async_trait]
impl ApiKeyQueries for SeaOrmStore {
    async fn user_by_api_key(&self, hash: &SecretHash) -> Result<Option<(User, ApiKey)>, StoreError> {
        let row = USER_BY_HASH.one(&self.reads, Values::new().text(hash.as_str())).await?;
        maybe(row.as_ref(), |row| Ok((users::read(row)?, read(row)?)))
    }

    async fn api_keys_page(&self, user: UserId, page: PageRequest) -> Result<Page<ApiKey>, StoreError> {
        let values = Values::new().below(page).id(user.as_uuid()).limit(page);
        let keys = each(&PAGE.all(&self.reads, values).await?, read)?;
        Ok(Page::cut(keys, page.size, |key| Cursor { at: key.created_at, id: key.id.as_uuid() }))
    }
}
