//! Signing in and out, and who is behind a token.

use lyceum_domain::{
    ids::{RefreshTokenId, SessionId},
    policy::{Action, Actor, allow},
    sessions::{AccessClaims, RefreshToken, Secret, Session},
    time::Timestamp,
    users::{Identifier, Password, User},
};

use crate::{Error, Lyceum, error::denied};

/// What a client tells about itself when it signs in.
#[derive(Debug, Clone, Default)]
pub struct Client {
    /// What it calls itself.
    pub user_agent: Option<String>,
    /// Where it connects from.
    pub ip_address: Option<String>,
}

/// What a sign-in or a refresh gives.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// The account.
    pub user: User,
    /// The session.
    pub session: SessionId,
    /// Good for a short time, sent with each request.
    pub access_token: String,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When the access token ends.
    pub access_expires_at: Timestamp,
    /// Good once, for the next pair.
    pub refresh_token: Secret,
    /// When the refresh token ends.
    pub refresh_expires_at: Timestamp,
}

/// Somebody who showed a good access token.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The account as it is now.
    pub user: User,
    /// The session the token came from, if it named one.
    pub session: Option<SessionId>,
}

impl Caller {
    /// The caller as policy sees them.
    pub fn actor(&self) -> Actor {
        Actor::User { id: self.user.id, role: self.user.role }
    }
}

/// The longest user agent that is kept, in characters.
const USER_AGENT_MAX: usize = 200;

impl Lyceum {
    /// Signs in by e-mail or username. Unknown and wrong are the same answer after the same time; that an account is
    /// not verified or switched off is told only to who knows its password.
    pub async fn sign_in(&self, identifier: &str, password: &str, client: Client) -> Result<SignedIn, Error> {
        let user = match Identifier::parse(identifier) {
            Some(identifier) => self.ports.store.read().user_by(&identifier).await?,
            None => None,
        };
        let user = user.filter(|user| user.deleted_at.is_none());
        let hash = user.as_ref().and_then(|user| user.password_hash.as_ref());
        let is_right = self.ports.passwords.verify(password, hash).await?;
        let Some(user) = user.filter(|_| is_right) else {
            return Err(Error::InvalidCredentials);
        };
        if !user.is_active {
            return Err(Error::AccountDisabled);
        }
        if user.email_verified_at.is_none() {
            return Err(Error::EmailNotVerified);
        }
        let user = self.rehashed(user, password).await;
        self.open_session(user, client).await
    }

    /// Trades a refresh token for the next pair. One that was used before ends the whole session: either the client or
    /// a thief holds a copy.
    pub async fn refresh(&self, refresh_token: &str) -> Result<SignedIn, Error> {
        let now = self.ports.clock.now();
        let hash = self.ports.secrets.hash(refresh_token);
        let mut unit = self.ports.store.begin().await?;
        let (token, session) = unit.sessions().find_by_token(&hash).await?.ok_or(Error::InvalidToken)?;
        if session.revoked_at.is_some() {
            return Err(Error::InvalidToken);
        }
        if token.expires_at <= now {
            return Err(Error::TokenExpired);
        }
        let is_first_use = unit.sessions().use_token(token.id, now).await?;
        let used_at = token.used_at.unwrap_or(now);
        if !is_first_use && now.since(used_at) > self.rules.refresh_grace {
            unit.sessions().revoke(session.id, now).await?;
            unit.commit().await?;
            tracing::warn!(session = %session.id, user = %session.user, "refresh token used twice: session ended");
            return Err(Error::InvalidToken);
        }
        let user =
            unit.users().find(session.user).await?.filter(|u| u.deleted_at.is_none()).ok_or(Error::InvalidToken)?;
        if !user.is_active {
            return Err(Error::AccountDisabled);
        }
        let (secret, next) = self.next_token(session.id, now);
        unit.sessions().extend(&next).await?;
        unit.commit().await?;
        self.signed_in(user, session.id, secret, next.expires_at, now)
    }

    /// Who is behind an access token, as they are at this moment.
    pub async fn authenticate(&self, access_token: &str) -> Result<Caller, Error> {
        let now = self.ports.clock.now();
        let claims = self.ports.access_tokens.verify(access_token, now)?;
        let standing = self.ports.store.read().standing(claims.user, claims.session, now).await?;
        let standing =
            standing.filter(|s| s.is_session_live && s.user.deleted_at.is_none()).ok_or(Error::InvalidToken)?;
        // Whole seconds: a token says no more.
        if claims.issued_at.as_unix_seconds() < standing.user.tokens_valid_from.as_unix_seconds() {
            return Err(Error::InvalidToken);
        }
        if !standing.user.is_active {
            return Err(Error::AccountDisabled);
        }
        Ok(Caller { user: standing.user, session: claims.session })
    }

    /// Signs out here.
    pub async fn sign_out(&self, caller: &Caller) -> Result<(), Error> {
        allow(&caller.actor(), &Action::UseOwnAccount).map_err(denied("session"))?;
        if let Some(session) = caller.session {
            let mut unit = self.ports.store.begin().await?;
            unit.sessions().revoke(session, self.ports.clock.now()).await?;
            unit.commit().await?;
        }
        Ok(())
    }

    /// Signs out by the refresh token, for a browser whose access token has run out. An unknown token ends nothing.
    pub async fn sign_out_by_refresh_token(&self, refresh_token: &str) -> Result<(), Error> {
        let hash = self.ports.secrets.hash(refresh_token);
        let mut unit = self.ports.store.begin().await?;
        if let Some((_, session)) = unit.sessions().find_by_token(&hash).await? {
            unit.sessions().revoke(session.id, self.ports.clock.now()).await?;
            unit.commit().await?;
        }
        Ok(())
    }

    /// Signs out everywhere; tokens that name no session end too.
    pub async fn sign_out_everywhere(&self, caller: &Caller) -> Result<(), Error> {
        allow(&caller.actor(), &Action::UseOwnAccount).map_err(denied("session"))?;
        crate::retry::retry_on_conflict(|| async {
            let now = self.ports.clock.now();
            let mut unit = self.ports.store.begin().await?;
            let mut user = unit.users().find(caller.user.id).await?.ok_or(Error::NotFound("account"))?;
            user.tokens_valid_from = now;
            user.updated_at = now;
            unit.users().update(&user).await?;
            unit.sessions().revoke_all(user.id, now).await?;
            Ok(unit.commit().await?)
        })
        .await
    }

    async fn open_session(&self, user: User, client: Client) -> Result<SignedIn, Error> {
        let now = self.ports.clock.now();
        let id = SessionId::new(&*self.ports.ids);
        let (secret, first) = self.next_token(id, now);
        let session = Session {
            id,
            user: user.id,
            user_agent: client
                .user_agent
                .map(|name| lyceum_domain::text::shortened(&lyceum_domain::text::cleaned(&name), USER_AGENT_MAX)),
            ip_address: client.ip_address,
            created_at: now,
            last_used_at: now,
            expires_at: first.expires_at,
            revoked_at: None,
        };
        let mut unit = self.ports.store.begin().await?;
        unit.sessions().insert(&session, &first).await?;
        unit.users().touch_login(user.id, now).await?;
        unit.commit().await?;
        self.signed_in(user, id, secret, first.expires_at, now)
    }

    fn next_token(&self, session: SessionId, now: Timestamp) -> (Secret, RefreshToken) {
        let secret = self.ports.secrets.generate();
        let token = RefreshToken {
            id: RefreshTokenId::new(&*self.ports.ids),
            session,
            hash: self.ports.secrets.hash(secret.expose()),
            created_at: now,
            expires_at: now.plus(self.rules.refresh_ttl),
            used_at: None,
        };
        (secret, token)
    }

    fn signed_in(
        &self,
        user: User,
        session: SessionId,
        refresh_token: Secret,
        refresh_expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<SignedIn, Error> {
        let access_expires_at = now.plus(self.rules.access_ttl);
        let access_token = self.ports.access_tokens.issue(&AccessClaims {
            user: user.id,
            session: Some(session),
            role: user.role,
            issued_at: now,
            expires_at: access_expires_at,
        })?;
        Ok(SignedIn {
            user,
            session,
            access_token,
            issued_at: now,
            access_expires_at,
            refresh_token,
            refresh_expires_at,
        })
    }

    /// The account with its password hashed at today's cost. That it could not be done now is no reason to turn
    /// somebody away.
    async fn rehashed(&self, mut user: User, password: &str) -> User {
        let is_outdated = user.password_hash.as_ref().is_some_and(|hash| self.ports.passwords.is_outdated(hash));
        // A password from before today's rules stays as it is until it is changed.
        if let Some(password) = Password::parse(password, &[]).ok().filter(|_| is_outdated) {
            match self.store_new_hash(&user, &password).await {
                Ok(changed) => user = changed,
                Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "rehashing failed"),
            }
        }
        user
    }

    async fn store_new_hash(&self, user: &User, password: &Password) -> Result<User, Error> {
        let mut user = user.clone();
        user.password_hash = Some(self.ports.passwords.hash(password).await?);
        user.updated_at = self.ports.clock.now();
        let mut unit = self.ports.store.begin().await?;
        unit.users().update(&user).await?;
        unit.commit().await?;
        user.version += 1;
        Ok(user)
    }
}
