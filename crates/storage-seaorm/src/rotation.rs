//! Trading a refresh token for the next one.

use std::time::Duration;

use lyceum_domain::{
    ids::{RefreshTokenId, SessionId},
    sessions::{NextToken, RefreshToken, Rotation, SecretHash, Session},
    store::StoreError,
    time::Timestamp,
};
use sea_orm::ConnectionTrait;

use crate::{
    row::maybe,
    sessions::{self, session_columns},
    sql::{Sql, Values},
};

// The decision. Those who ask at once wait for each other at the row, and each then looks at it as the one before left
// it; what PostgreSQL does not look at again is the followers. A follower that is used while somebody waits here is so
// at the same moment as this use, and there is an order of the two in which both are right.
const USE: Sql = Sql::same(
    "UPDATE refresh_tokens SET used_at = COALESCE(used_at, $2), updated_at = $2 WHERE hash = $1 AND expires_at > $2 \
     AND (used_at IS NULL OR (used_at >= $3 AND NOT EXISTS (SELECT 1 FROM refresh_tokens f \
     WHERE f.parent_id = refresh_tokens.id AND f.used_at IS NOT NULL))) AND EXISTS (SELECT 1 FROM sessions s \
     WHERE s.id = refresh_tokens.session_id AND s.revoked_at IS NULL AND s.expires_at > $2) RETURNING id, session_id",
);

// Again only if it is live: it may have been ended since the decision, and stays so.
const MOVE: Sql = Sql::same(concat!(
    "UPDATE sessions SET expires_at = $2, last_used_at = $3, updated_at = $3 WHERE id = $1 AND revoked_at IS NULL \
     AND expires_at > $3 RETURNING ",
    session_columns!()
));

/// What [`Sessions::rotate`](lyceum_domain::sessions::Sessions::rotate) does.
pub(crate) async fn rotate(
    db: &impl ConnectionTrait,
    hash: &SecretHash,
    next: &NextToken,
    grace: Duration,
) -> Result<Rotation, StoreError> {
    let now = next.created_at;
    let values = Values::new().text(hash.as_str()).time(now).since(Some(now.minus(grace)));
    let used = USE.one(db, values).await?;
    let used = maybe(used.as_ref(), |row| Ok((row.id(RefreshTokenId::from_uuid)?, row.id(SessionId::from_uuid)?)))?;
    if let Some((parent, session)) = used
        && let Some(session) = extended(db, session, next).await?
    {
        let follower = RefreshToken {
            id: next.id,
            session: session.id,
            parent: Some(parent),
            hash: next.hash.clone(),
            created_at: now,
            expires_at: next.expires_at,
            used_at: None,
        };
        sessions::insert_token(db, &follower).await?;
        return Ok(Rotation::Rotated(session));
    }
    refused(db, hash, now).await
}

async fn extended(
    db: &impl ConnectionTrait,
    session: SessionId,
    next: &NextToken,
) -> Result<Option<Session>, StoreError> {
    let values = Values::new().id(session.as_uuid()).time(next.expires_at).time(next.created_at);
    maybe(MOVE.one(db, values).await?.as_ref(), sessions::read)
}

/// Why there was no next one.
async fn refused(db: &impl ConnectionTrait, hash: &SecretHash, now: Timestamp) -> Result<Rotation, StoreError> {
    let Some((token, session)) = sessions::by_token(db, hash).await? else { return Ok(Rotation::Unknown) };
    if session.revoked_at.is_some() {
        return Ok(Rotation::Unknown);
    }
    if token.expires_at <= now {
        return Ok(Rotation::Expired);
    }
    if session.expires_at <= now {
        return Ok(Rotation::Unknown);
    }
    // Unused after all: the session was extended since the decision, by somebody whose clock is behind.
    if token.used_at.is_none() { Err(StoreError::Conflict) } else { Ok(Rotation::Replayed(session)) }
}
