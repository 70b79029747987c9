//! Sessions and refresh tokens.

use async_trait::async_trait;
use lyceum_domain::{
    ids::{RefreshTokenId, SessionId, UserId},
    sessions::{RefreshToken, SecretHash, Session, SessionQueries, Sessions, Standing},
    store::{StoreError, Unique},
    time::Timestamp,
};

use super::{
    MemoryStore, MemoryUnit,
    tables::{Tables, insert_new, refer},
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

    async fn use_token(&mut self, token: RefreshTokenId, at: Timestamp) -> Result<bool, StoreError> {
        self.run(|tables| {
            let unused = tables.refresh_tokens.get_mut(&token).filter(|token| token.used_at.is_none());
            Ok(unused.map(|token| token.used_at = Some(at)).is_some())
        })
    }

    async fn extend(&mut self, next: &RefreshToken) -> Result<(), StoreError> {
        self.run(|tables| {
            insert_token(tables, next)?;
            if let Some(session) = tables.sessions.get_mut(&next.session) {
                session.expires_at = next.expires_at;
                session.last_used_at = next.created_at;
            }
            Ok(())
        })
    }

    async fn revoke(&mut self, session: SessionId, at: Timestamp) -> Result<bool, StoreError> {
        self.run(|tables| {
            let live = tables.sessions.get_mut(&session).filter(|session| session.revoked_at.is_none());
            Ok(live.map(|session| session.revoked_at = Some(at)).is_some())
        })
    }

    async fn revoke_all(&mut self, user: UserId, at: Timestamp) -> Result<u64, StoreError> {
        self.run(|tables| {
            let mut ended = 0;
            for session in tables.sessions.values_mut().filter(|s| s.user == user && s.revoked_at.is_none()) {
                session.revoked_at = Some(at);
                ended += 1;
            }
            Ok(ended)
        })
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
}
