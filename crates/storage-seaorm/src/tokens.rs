//! One-time tokens.

use lyceum_domain::{
    ids::{RegistrationId, UserId},
    sessions::SecretHash,
    store::StoreError,
    time::Timestamp,
    users::{OneTimeToken, TokenOwner, TokenPurpose},
};
use sea_orm::ConnectionTrait;

use crate::{
    row::{Row, maybe},
    sql::{Sql, Values, remove_before},
};

const INSERT: Sql = Sql::same(
    "INSERT INTO one_time_tokens (id, user_id, registration_id, purpose, hash, expires_at, created_at, updated_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $7)",
);

const TAKE: Sql = Sql::same(
    "UPDATE one_time_tokens SET taken_at = $3, updated_at = $3 WHERE hash = $2 AND purpose = $1 \
     AND taken_at IS NULL AND expires_at > $3 RETURNING user_id, registration_id",
);

const OWNER: Sql = Sql::same(
    "SELECT user_id, registration_id FROM one_time_tokens WHERE hash = $2 AND purpose = $1 \
     AND taken_at IS NULL AND expires_at > $3",
);

// Two, as the indexes.
const REVOKE_OF_USER: Sql =
    Sql::same("DELETE FROM one_time_tokens WHERE user_id = $1 AND purpose = $2 AND taken_at IS NULL");
const REVOKE_OF_REGISTRATION: Sql =
    Sql::same("DELETE FROM one_time_tokens WHERE registration_id = $1 AND purpose = $2 AND taken_at IS NULL");

const REMOVE_EXPIRED: Sql = remove_before!("one_time_tokens", "expires_at");

fn read_owner(row: &mut Row<'_>) -> Result<TokenOwner, StoreError> {
    match (row.maybe_id(UserId::from_uuid)?, row.maybe_id(RegistrationId::from_uuid)?) {
        (Some(user), None) => Ok(TokenOwner::User(user)),
        (None, Some(registration)) => Ok(TokenOwner::Registration(registration)),
        _ => Err(StoreError::Corrupt("a one-time token has no owner, or two".to_owned())),
    }
}

fn key(purpose: TokenPurpose, hash: &SecretHash, at: Timestamp) -> Values {
    Values::new().text(purpose.as_str()).text(hash.as_str()).time(at)
}

pub(crate) async fn insert(db: &impl ConnectionTrait, token: &OneTimeToken) -> Result<(), StoreError> {
    let (user, registration) = match token.owner {
        TokenOwner::User(id) => (Some(id.as_uuid()), None),
        TokenOwner::Registration(id) => (None, Some(id.as_uuid())),
    };
    let values = Values::new()
        .id(token.id.as_uuid())
        .maybe_id(user)
        .maybe_id(registration)
        .text(token.purpose.as_str())
        .text(token.hash.as_str())
        .time(token.expires_at)
        .time(token.created_at);
    INSERT.run_for_one(db, values).await
}

pub(crate) async fn take(
    db: &impl ConnectionTrait,
    purpose: TokenPurpose,
    hash: &SecretHash,
    at: Timestamp,
) -> Result<Option<TokenOwner>, StoreError> {
    maybe(TAKE.one(db, key(purpose, hash, at)).await?.as_ref(), read_owner)
}

pub(crate) async fn owner(
    db: &impl ConnectionTrait,
    purpose: TokenPurpose,
    hash: &SecretHash,
    at: Timestamp,
) -> Result<Option<TokenOwner>, StoreError> {
    maybe(OWNER.one(db, key(purpose, hash, at)).await?.as_ref(), read_owner)
}

pub(crate) async fn revoke(
    db: &impl ConnectionTrait,
    owner: TokenOwner,
    purpose: TokenPurpose,
) -> Result<u64, StoreError> {
    let (sql, id) = match owner {
        TokenOwner::User(id) => (REVOKE_OF_USER, id.as_uuid()),
        TokenOwner::Registration(id) => (REVOKE_OF_REGISTRATION, id.as_uuid()),
    };
    sql.run(db, Values::new().id(id).text(purpose.as_str())).await
}

pub(crate) async fn remove_expired(db: &impl ConnectionTrait, at: Timestamp, limit: u32) -> Result<u64, StoreError> {
    REMOVE_EXPIRED.run(db, Values::new().time(at).number(limit)).await
}
