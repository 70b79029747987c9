//! One-time tokens.

use lyceum_domain::{
    ids::UserId,
    sessions::SecretHash,
    store::StoreError,
    time::Timestamp,
    users::{OneTimeToken, TokenPurpose},
};
use sea_orm::ConnectionTrait;

use crate::{
    row::maybe,
    sql::{Sql, Values},
};

const INSERT: Sql = Sql::same(
    "INSERT INTO one_time_tokens (id, user_id, purpose, hash, expires_at, created_at, updated_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $6)",
);

const TAKE: Sql = Sql::same(
    "UPDATE one_time_tokens SET taken_at = $3, updated_at = $3 \
     WHERE hash = $2 AND purpose = $1 AND taken_at IS NULL AND expires_at > $3 RETURNING user_id",
);

pub(crate) async fn insert(db: &impl ConnectionTrait, token: &OneTimeToken) -> Result<(), StoreError> {
    let values = Values::new()
        .id(token.id.as_uuid())
        .id(token.user.as_uuid())
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
) -> Result<Option<UserId>, StoreError> {
    let values = Values::new().text(purpose.as_str()).text(hash.as_str()).time(at);
    maybe(TAKE.one(db, values).await?.as_ref(), |row| row.id(UserId::from_uuid))
}
