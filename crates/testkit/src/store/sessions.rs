//! Sessions and refresh tokens.

use std::time::Duration;

use async_trait::async_trait;
use lyceum_domain::{
    ids::{SessionId, UserId},
    page::{Page, PageRequest},
    sessions::{NextToken, RefreshToken, Rotation, SecretHash, Session, SessionQueries, Sessions, Standing},
    store::{StoreError, Unique},
    time::Timestamp,
};

use super::{
    MemoryStore, MemoryUnit,
    tables::{Tables, count, insert_new, newest_first, refer, remove_some},
};

fn insert_token(tables: &mut Tables, token: &RefreshToken) -> Result<(), StoreError> {
    refer(&tables.sessions, &token.session, "session")?;
    if tables.refresh_tokens.values().any(|other| other.hash == token.hash) {
        return Err(StoreError::Duplicate(Unique::Key));
    }
    insert_new(&mut tables.refresh_tokens, token.id, token.clone())
}

#[async_trait]
impl Sessions for MemoryUnit {
    async fn insert(&mut self, session: &Session, first: &RefreshToken) -> Result<(), StoreError> {
        self.run(|tables| {
            refer(&tables.users, &session.user, "user")?;
            insert_new(&mut tables.sessions, session.id, session.clone())?;
            insert_token(tables, first)
        })
    }

    async fn find_by_token(&mut self, hash: &SecretHash) -> Result<Option<(RefreshToken, Session)>, StoreError> {
        self.run(|tables| {
            let found = tables.refresh_tokens.values().find(|token| token.hash == *hash);
            Ok(found.and_then(|token| Some((token.clone(), tables.sessions.get(&token.session)?.clone()))))
        })
    }

    async fn rotate(&mut self, hash: &SecretHash, next: &NextToken, grace: Duration) -> Result<Rotation, StoreError> {
        self.run(|tables| {
            let now = next.created_at;
            let Some(token) = tables.refresh_tokens.values().find(|token| token.hash == *hash).cloned() else {
                return Ok(Rotation::Unknown);
            };
            let session = tables.sessions.get(&token.session).filter(|session| session.revoked_at.is_none());
            let Some(session) = session.cloned() else { return Ok(Rotation::Unknown) };
            if token.expires_at <= now {
                return Ok(Rotation::Expired);
            }
            if session.expires_at <= now {
                return Ok(Rotation::Unknown);
            }
            let was_followed =
                tables.refresh_tokens.values().any(|other| other.parent == Some(token.id) && other.used_at.is_some());
            if token.used_at.is_some_and(|used| now.since(used) > grace || was_followed) {
                return Ok(Rotation::Replayed(session));
            }
            let used = RefreshToken { used_at: token.used_at.or(Some(now)), ..token.clone() };
            tables.refresh_tokens.insert(token.id, used);
            let follower = RefreshToken {
                id: next.id,
                session: session.id,
                parent: Some(token.id),
                hash: next.hash.clone(),
                created_at: now,
                expires_at: next.expires_at,
                used_at: None,
            };
            insert_token(tables, &follower)?;
            let session = Session { expires_at: next.expires_at, last_used_at: now, ..session };
            tables.sessions.insert(session.id, session.clone());
            Ok(Rotation::Rotated(session))
        })
    }

    async fn revoke(&mut self, session: SessionId, at: Timestamp) -> Result<bool, StoreError> {
        self.run(|tables| {
            let live = tables.sessions.get_mut(&session).filter(|session| session.revoked_at.is_none());
            Ok(live.map(|session| session.revoked_at = Some(at)).is_some())
        })
    }

    async fn revoke_of(&mut self, user: UserId, session: SessionId, at: Timestamp) -> Result<bool, StoreError> {
        self.run(|tables| {
            let is_meant = |session: &&mut Session| session.user == user && session.revoked_at.is_none();
            let live = tables.sessions.get_mut(&session).filter(is_meant);
            Ok(live.map(|session| session.revoked_at = Some(at)).is_some())
        })
    }

    async fn revoke_all(&mut self, user: UserId, except: Option<SessionId>, at: Timestamp) -> Result<u64, StoreError> {
        self.run(|tables| {
            let is_meant = |s: &&mut Session| {
                s.user == user && s.revoked_at.is_none() && at < s.expires_at && Some(s.id) != except
            };
            let mut ended = 0;
            for session in tables.sessions.values_mut().filter(is_meant) {
                session.revoked_at = Some(at);
                ended += 1;
            }
            Ok(ended)
        })
    }

    async fn remove_ended(&mut self, at: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.run(|tables| {
            let is_over = |session: &Session| session.revoked_at.unwrap_or(session.expires_at) < at;
            let removed = remove_some(&mut tables.sessions, limit, |_, session| is_over(session));
            tables.refresh_tokens.retain(|_, token| !removed.contains(&token.session));
            Ok(count(&removed))
        })
    }

    async fn remove_expired_tokens(&mut self, at: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.run(|tables| Ok(count(&remove_some(&mut tables.refresh_tokens, limit, |_, token| token.expires_at < at))))
    }
}

#[async_trait]
impl SessionQueries for MemoryStore {
    async fn standing(
        &self,
        user: UserId,
        session: Option<SessionId>,
        now: Timestamp,
    ) -> Result<Option<Standing>, StoreError> {
        let tables = self.tables()?;
        let is_live = |id: &SessionId| {
            tables
                .sessions
                .get(id)
                .is_some_and(|session| session.user == user && session.revoked_at.is_none() && now < session.expires_at)
        };
        let is_session_live = session.as_ref().is_none_or(is_live);
        Ok(tables.users.get(&user).map(|user| Standing { user: user.clone(), is_session_live }))
    }

    async fn sessions_page(
        &self,
        user: UserId,
        now: Timestamp,
        page: PageRequest,
    ) -> Result<Page<Session>, StoreError> {
        let tables = self.tables()?;
        let is_live = |s: &&Session| s.user == user && s.revoked_at.is_none() && now < s.expires_at;
        let live = tables.sessions.values().filter(is_live).cloned().collect();
        Ok(newest_first(live, page, |session| (session.created_at, session.id.as_uuid())))
    }
}
