//! Sign-ins.

use std::time::Duration;

use async_trait::async_trait;
use lyceum_domain::{
    ids::{RefreshTokenId, SessionId, UserId},
    page::{Cursor, Page, PageRequest},
    sessions::{Network, NextToken, RefreshToken, Rotation, SecretHash, Session, SessionQueries, Sessions, Standing},
    store::StoreError,
    time::Timestamp,
};
use sea_orm::ConnectionTrait;

use crate::{
    connect::SeaOrmStore,
    rotation,
    row::{Row, each, maybe},
    sql::{Sql, Values, remove_before},
    unit::SeaOrmUnit,
    users::{self, user_columns},
};

/// The columns that [`read`] reads, of the table `sessions`.
macro_rules! session_columns {
    () => {
        "sessions.id, sessions.user_id, sessions.user_agent, sessions.ip_address, sessions.network, \
         sessions.created_at, sessions.last_used_at, sessions.expires_at, sessions.revoked_at"
    };
}
pub(crate) use session_columns;

const INSERT: Sql = Sql::same(
    "INSERT INTO sessions (id, user_id, user_agent, ip_address, network, last_used_at, expires_at, revoked_at, \
     created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $6)",
);

const INSERT_TOKEN: Sql = Sql::same(
    "INSERT INTO refresh_tokens (id, session_id, parent_id, hash, expires_at, used_at, created_at, updated_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $7)",
);

const BY_TOKEN: Sql = Sql::same(concat!(
    "SELECT t.id, t.session_id, t.parent_id, t.hash, t.created_at, t.expires_at, t.used_at, ",
    session_columns!(),
    " FROM refresh_tokens t JOIN sessions ON sessions.id = t.session_id WHERE t.hash = $1"
));

const REVOKE: Sql =
    Sql::same("UPDATE sessions SET revoked_at = $2, updated_at = $2 WHERE id = $1 AND revoked_at IS NULL");

const REVOKE_OF: Sql = Sql::same(
    "UPDATE sessions SET revoked_at = $3, updated_at = $3 WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL",
);

const REVOKE_ALL: Sql = Sql::same(
    "UPDATE sessions SET revoked_at = $3, updated_at = $3 WHERE user_id = $1 AND id IS DISTINCT FROM $2 \
     AND revoked_at IS NULL AND expires_at > $3",
);

// Twice, because PostgreSQL looks again only at the outer one when a session was extended meanwhile.
const REMOVE_ENDED: Sql = Sql::same(
    "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE COALESCE(revoked_at, expires_at) < $1 \
     ORDER BY COALESCE(revoked_at, expires_at) LIMIT $2) AND COALESCE(revoked_at, expires_at) < $1",
);

const REMOVE_EXPIRED_TOKENS: Sql = remove_before!("refresh_tokens", "expires_at");

const PAGE: Sql = Sql::same(concat!(
    "SELECT ",
    session_columns!(),
    " FROM sessions WHERE user_id = $1 AND (created_at, id) < ($2, $3) AND revoked_at IS NULL AND expires_at > $4 \
     ORDER BY created_at DESC, id DESC LIMIT $5"
));

const STANDING: Sql = Sql::same(concat!(
    "SELECT CASE WHEN s.id IS NULL THEN FALSE ELSE s.revoked_at IS NULL AND s.expires_at > $3 END, ",
    user_columns!(),
    " FROM users u LEFT JOIN sessions s ON s.id = $2 AND s.user_id = u.id WHERE u.id = $1"
));

pub(crate) async fn insert_token(db: &impl ConnectionTrait, token: &RefreshToken) -> Result<(), StoreError> {
    let values = Values::new()
        .id(token.id.as_uuid())
        .id(token.session.as_uuid())
        .maybe_id(token.parent.map(RefreshTokenId::as_uuid))
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
        .text(session.network.as_str())
        .time(session.last_used_at)
        .time(session.expires_at)
        .maybe_time(session.revoked_at)
        .time(session.created_at);
    INSERT.run_for_one(db, values).await?;
    insert_token(db, first).await
}

/// Reads [`session_columns`].
pub(crate) fn read(row: &mut Row<'_>) -> Result<Session, StoreError> {
    Ok(Session {
        id: row.id(SessionId::from_uuid)?,
        user: row.id(UserId::from_uuid)?,
        user_agent: row.maybe_text()?,
        ip_address: row.maybe_text()?,
        network: row.text().map(Network::stored)?,
        created_at: row.time()?,
        last_used_at: row.time()?,
        expires_at: row.time()?,
        revoked_at: row.maybe_time()?,
    })
}

fn read_with_token(row: &mut Row<'_>) -> Result<(RefreshToken, Session), StoreError> {
    let token = RefreshToken {
        id: row.id(RefreshTokenId::from_uuid)?,
        session: row.id(SessionId::from_uuid)?,
        parent: row.maybe_id(RefreshTokenId::from_uuid)?,
        hash: row.text().map(SecretHash::new)?,
        created_at: row.time()?,
        expires_at: row.time()?,
        used_at: row.maybe_time()?,
    };
    Ok((token, read(row)?))
}

/// A refresh token and its session, by hash.
pub(crate) async fn by_token(
    db: &impl ConnectionTrait,
    hash: &SecretHash,
) -> Result<Option<(RefreshToken, Session)>, StoreError> {
    maybe(BY_TOKEN.one(db, Values::new().text(hash.as_str())).await?.as_ref(), read_with_token)
}

#[async_trait]
impl Sessions for SeaOrmUnit {
    async fn insert(&mut self, session: &Session, first: &RefreshToken) -> Result<(), StoreError> {
        let mut step = self.step()?;
        step.end(insert(step.tx, session, first).await)
    }

    async fn find_by_token(&mut self, hash: &SecretHash) -> Result<Option<(RefreshToken, Session)>, StoreError> {
        let mut step = self.step()?;
        step.end(by_token(step.tx, hash).await)
    }

    async fn rotate(&mut self, hash: &SecretHash, next: &NextToken, grace: Duration) -> Result<Rotation, StoreError> {
        let mut step = self.step()?;
        step.end(rotation::rotate(step.tx, hash, next, grace).await)
    }

    async fn revoke(&mut self, session: SessionId, at: Timestamp) -> Result<bool, StoreError> {
        let mut step = self.step()?;
        step.end(REVOKE.run(step.tx, Values::new().id(session.as_uuid()).time(at)).await.map(|ended| ended > 0))
    }

    async fn revoke_of(&mut self, user: UserId, session: SessionId, at: Timestamp) -> Result<bool, StoreError> {
        let mut step = self.step()?;
        let values = Values::new().id(session.as_uuid()).id(user.as_uuid()).time(at);
        step.end(REVOKE_OF.run(step.tx, values).await.map(|ended| ended > 0))
    }

    async fn revoke_all(&mut self, user: UserId, except: Option<SessionId>, at: Timestamp) -> Result<u64, StoreError> {
        let mut step = self.step()?;
        let values = Values::new().id(user.as_uuid()).maybe_id(except.map(SessionId::as_uuid)).time(at);
        step.end(REVOKE_ALL.run(step.tx, values).await)
    }

    async fn remove_ended(&mut self, at: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let mut step = self.step()?;
        step.end(REMOVE_ENDED.run(step.tx, Values::new().time(at).number(limit)).await)
    }

    async fn remove_expired_tokens(&mut self, at: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let mut step = self.step()?;
        step.end(REMOVE_EXPIRED_TOKENS.run(step.tx, Values::new().time(at).number(limit)).await)
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
    async fn sessions_page(
        &self,
        user: UserId,
        now: Timestamp,
        page: PageRequest,
    ) -> Result<Page<Session>, StoreError> {
        let values = Values::new().id(user.as_uuid()).below(page).time(now).limit(page);
        let sessions = each(&PAGE.all(&self.reads, values).await?, read)?;
        Ok(Page::cut(sessions, page.size, |session| Cursor { at: session.created_at, id: session.id.as_uuid() }))
    }
}
