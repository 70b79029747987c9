//! Sign-ins.

use async_trait::async_trait;
use lyceum_domain::{
    ids::{RefreshTokenId, SessionId, UserId},
    sessions::{RefreshToken, SecretHash, Session, SessionQueries, Sessions, Standing},
    store::StoreError,
    time::Timestamp,
};
use sea_orm::ConnectionTrait;

use crate::{
    connect::SeaOrmStore,
    row::{Row, maybe},
    sql::{Sql, Values},
    unit::SeaOrmUnit,
    users::{self, user_columns},
};

const INSERT: Sql = Sql::same(
    "INSERT INTO sessions (id, user_id, user_agent, ip_address, last_used_at, expires_at, revoked_at, created_at, \
     updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $5)",
);

const INSERT_TOKEN: Sql = Sql::same(
    "INSERT INTO refresh_tokens (id, session_id, hash, expires_at, used_at, created_at, updated_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $6)",
);

const BY_TOKEN: Sql = Sql::same(
    "SELECT t.id, t.session_id, t.hash, t.created_at, t.expires_at, t.used_at, s.id, s.user_id, s.user_agent, \
     s.ip_address, s.created_at, s.last_used_at, s.expires_at, s.revoked_at \
     FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id WHERE t.hash = $1",
);

const USE_TOKEN: Sql =
    Sql::same("UPDATE refresh_tokens SET used_at = $2, updated_at = $2 WHERE id = $1 AND used_at IS NULL");

// A session that was ended stays ended.
const EXTEND: Sql = Sql::same("UPDATE sessions SET expires_at = $2, last_used_at = $3, updated_at = $3 WHERE id = $1");

const REVOKE: Sql =
    Sql::same("UPDATE sessions SET revoked_at = $2, updated_at = $2 WHERE id = $1 AND revoked_at IS NULL");

const REVOKE_ALL: Sql =
    Sql::same("UPDATE sessions SET revoked_at = $2, updated_at = $2 WHERE user_id = $1 AND revoked_at IS NULL");

const STANDING: Sql = Sql::same(concat!(
    "SELECT CASE WHEN s.id IS NULL THEN FALSE ELSE s.revoked_at IS NULL AND s.expires_at > $3 END, ",
    user_columns!(),
    " FROM users u LEFT JOIN sessions s ON s.id = $2 AND s.user_id = u.id WHERE u.id = $1"
));

async fn insert_token(db: &impl ConnectionTrait, token: &RefreshToken) -> Result<(), StoreError> {
    let values = Values::new()
        .id(token.id.as_uuid())
        .id(token.session.as_uuid())
        .text(token.hash.as_str())
        .time(token.expires_at)
        .maybe_time(token.used_at)
        .time(token.created_at);
    INSERT_TOKEN.run_for_one(db, values).await
}

async fn insert(db: &impl ConnectionTrait, session: &Session, first: &RefreshToken) -> Result<(), StoreError> {
    let values = Values::new()
        .id(session.id.as_uuid())
        .id(session.user.as_uuid())
        .maybe_text(session.user_agent.as_deref())
        .maybe_text(session.ip_address.as_deref())
        .time(session.last_used_at)
        .time(session.expires_at)
        .maybe_time(session.revoked_at)
        .time(session.created_at);
    INSERT.run_for_one(db, values).await?;
    insert_token(db, first).await
}

async fn extend(db: &impl ConnectionTrait, next: &RefreshToken) -> Result<(), StoreError> {
    insert_token(db, next).await?;
    let values = Values::new().id(next.session.as_uuid()).time(next.expires_at).time(next.created_at);
    EXTEND.run_for_one(db, values).await
}

fn read_with_token(row: &mut Row<'_>) -> Result<(RefreshToken, Session), StoreError> {
    let token = RefreshToken {
        id: row.id(RefreshTokenId::from_uuid)?,
        session: row.id(SessionId::from_uuid)?,
        hash: row.text().map(SecretHash::new)?,
        created_at: row.time()?,
        expires_at: row.time()?,
        used_at: row.maybe_time()?,
    };
    let session = Session {
        id: row.id(SessionId::from_uuid)?,
        user: row.id(UserId::from_uuid)?,
        user_agent: row.maybe_text()?,
        ip_address: row.maybe_text()?,
        created_at: row.time()?,
        last_used_at: row.time()?,
        expires_at: row.time()?,
        revoked_at: row.maybe_time()?,
    };
    Ok((token, session))
}

#[async_trait]
impl Sessions for SeaOrmUnit {
    async fn insert(&mut self, session: &Session, first: &RefreshToken) -> Result<(), StoreError> {
        let mut step = self.step()?;
        step.end(insert(step.tx, session, first).await)
    }

    async fn find_by_token(&mut self, hash: &SecretHash) -> Result<Option<(RefreshToken, Session)>, StoreError> {
        let mut step = self.step()?;
        let row = BY_TOKEN.one(step.tx, Values::new().text(hash.as_str())).await;
        step.end(row.and_then(|row| maybe(row.as_ref(), read_with_token)))
    }

    async fn use_token(&mut self, token: RefreshTokenId, at: Timestamp) -> Result<bool, StoreError> {
        let mut step = self.step()?;
        step.end(USE_TOKEN.run(step.tx, Values::new().id(token.as_uuid()).time(at)).await.map(|used| used > 0))
    }

    async fn extend(&mut self, next: &RefreshToken) -> Result<(), StoreError> {
        let mut step = self.step()?;
        step.end(extend(step.tx, next).await)
    }

    async fn revoke(&mut self, session: SessionId, at: Timestamp) -> Result<bool, StoreError> {
        let mut step = self.step()?;
        step.end(REVOKE.run(step.tx, Values::new().id(session.as_uuid()).time(at)).await.map(|ended| ended > 0))
    }

    async fn revoke_all(&mut self, user: UserId, at: Timestamp) -> Result<u64, StoreError> {
        let mut step = self.step()?;
        step.end(REVOKE_ALL.run(step.tx, Values::new().id(user.as_uuid()).time(at)).await)
    }
}

#[async_trait]
impl SessionQueries for SeaOrmStore {
    async fn standing(
        &self,
        user: UserId,
        session: Option<SessionId>,
        now: Timestamp,
    ) -> Result<Option<Standing>, StoreError> {
        let values = Values::new().id(user.as_uuid()).maybe_id(session.map(SessionId::as_uuid)).time(now);
        let row = STANDING.one(&self.reads, values).await?;
        maybe(row.as_ref(), |row| {
            let is_session_live = row.flag()? || session.is_none();
            Ok(Standing { user: users::read(row)?, is_session_live })
        })
    }
}
