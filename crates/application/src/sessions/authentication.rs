//! Who is behind a credential: an access token of ours, a personal key, or a token of an identity provider.

use lyceum_domain::{
    ids::SessionId,
    policy::Actor,
    sessions::Client,
    time::Timestamp,
    users::{ApiKey, Scopes, User},
};

use crate::{Error, Lyceum};

/// Somebody who showed a good credential.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The account as it is now.
    pub user: User,
    /// The session the token came from, if it named one.
    pub session: Option<SessionId>,
    /// What the key is good for, if it was one.
    pub key: Option<Scopes>,
    /// Where the request comes from.
    pub client: Client,
}

impl Caller {
    /// Somebody who is signed in, without a session.
    pub fn of(user: User) -> Self {
        Self { user, session: None, key: None, client: Client::default() }
    }

    /// The caller as policy sees them.
    pub fn actor(&self) -> Actor {
        Actor::User { id: self.user.id, role: self.user.role, key: self.key }
    }
}

/// How exactly the last use of a key is kept.
const KEY_USE_GRAIN: std::time::Duration = std::time::Duration::from_mins(1);

impl Lyceum {
    /// Who is behind a bearer credential, as they are at this moment.
    pub async fn authenticate(&self, credential: &str, client: Client) -> Result<Caller, Error> {
        let now = self.ports.clock.now();
        let (user, session, key) = if credential.starts_with(ApiKey::START) {
            let (user, scopes) = self.by_api_key(credential, now).await?;
            (user, None, Some(scopes))
        } else if let Some(claims) = self.ports.providers.verify(credential, now).await? {
            let issued_at = claims.issued_at;
            (since(self.by_identity(claims, &client).await?, issued_at)?, None, None)
        } else {
            let (user, session) = self.by_access_token(credential, now).await?;
            (user, session, None)
        };
        if user.deleted_at.is_some() {
            return Err(Error::InvalidToken);
        }
        if !user.is_active {
            return Err(Error::AccountDisabled);
        }
        if user.is_activity_news(now) {
            // That it could not be noted is no reason to turn somebody away.
            if let Err(error) = self.ports.store.write().touch_activity(user.id, now).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "activity was not noted");
            }
        }
        Ok(Caller { user, session, key, client })
    }

    async fn by_access_token(&self, token: &str, now: Timestamp) -> Result<(User, Option<SessionId>), Error> {
        let claims = self.ports.access_tokens.verify(token, now)?;
        let standing = self.ports.store.read().standing(claims.user, claims.session, now).await?;
        let standing = standing.filter(|standing| standing.is_session_live).ok_or(Error::InvalidToken)?;
        Ok((since(standing.user, claims.issued_at)?, claims.session))
    }

    async fn by_api_key(&self, text: &str, now: Timestamp) -> Result<(User, Scopes), Error> {
        let hash = self.ports.secrets.hash(text);
        let found = self.ports.store.read().user_by_api_key(&hash).await?;
        let (user, key) = found.filter(|(_, key)| key.revoked_at.is_none()).ok_or(Error::InvalidToken)?;
        if !key.is_live(now) {
            return Err(Error::TokenExpired);
        }
        if key.last_used_at.is_none_or(|last| now.since(last) >= KEY_USE_GRAIN)
            && let Err(error) = self.ports.store.write().touch_api_key(key.id, now).await
        {
            tracing::warn!(error = &error as &dyn std::error::Error, "the use of a key was not noted");
        }
        Ok((user, key.scopes))
    }
}

/// Whether tokens of that time still count for the user. In whole seconds: a token says no more.
pub(super) fn is_current(user: &User, issued_at: Timestamp) -> bool {
    issued_at.as_unix_seconds() >= user.tokens_valid_from.as_unix_seconds()
}

/// The user, unless tokens of that time no longer count for them.
fn since(user: User, issued_at: Timestamp) -> Result<User, Error> {
    if is_current(&user, issued_at) { Ok(user) } else { Err(Error::InvalidToken) }
}
