//! Signing in and out, staying signed in.

mod authentication;
mod provisioning;

pub use authentication::Caller;

use lyceum_domain::{
    audit::{AuditAction, AuditActor, AuditEvent},
    ids::{RefreshTokenId, SessionId},
    page::{Page, PageRequest},
    policy::{Action, allow},
    sessions::{AccessClaims, AccountKey, Client, Lock, NextToken, RefreshToken, Rotation, Secret, Session},
    time::Timestamp,
    users::{Identifier, Password, PendingRegistration, User},
};

use crate::{Error, Lyceum, error::denied};

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

/// Whom a name that somebody signs in with may mean. An address can have both: anybody may register with one that has
/// an account, and must not learn of it by signing in with what they registered.
#[derive(Default)]
struct Candidate {
    /// An account.
    user: Option<User>,
    /// A registration that was not verified yet.
    pending: Option<PendingRegistration>,
}

/// What a password opens.
enum Opened {
    User(Box<User>),
    Pending,
    Nothing,
}

impl Lyceum {
    /// Signs in by e-mail or username. Unknown, wrong, locked and not verified are the same answer after the same work;
    /// only who knows the password is told that an account is locked, not verified or switched off.
    pub async fn sign_in(&self, identifier: &str, password: &str, client: &Client) -> Result<SignedIn, Error> {
        self.needs_passwords()?;
        let candidate = self.candidate(identifier).await?;
        let user = candidate.user.as_ref().map(|user| user.id);
        let is_nobody = candidate.user.is_none() && candidate.pending.is_none();
        let key = self.account_key(&candidate, identifier);
        let failures = self.ports.store.read().failures(&key, user, &client.network()).await?;
        let now = self.ports.clock.now();
        let lock = self.rules.lockout.lock(&failures, now);
        let candidate = if matches!(lock, Lock::Blind { .. }) { Candidate::default() } else { candidate };
        let opened = self.opened(candidate, password).await?;

        let refused = |reason: &str| {
            let actor = AuditActor::Anonymous;
            self.event(AuditAction::SignInFailed, actor, user, client).with("reason", reason)
        };
        match (lock, opened) {
            (Lock::Blind { .. }, _) => {
                // Not counted: whoever goes on guessing blindly does not keep the lock closed.
                self.note(&refused("locked")).await?;
                Err(Error::InvalidCredentials)
            }
            (_, Opened::Nothing) => {
                let reason = if is_nobody { "unknown" } else { "wrong_password" };
                self.count_failure(&key, client, &refused(reason)).await?;
                Err(Error::InvalidCredentials)
            }
            (Lock::Locked { until }, _) => {
                self.note(&refused("locked")).await?;
                Err(Error::AccountLocked { retry_after: until.since(now) })
            }
            (Lock::Open, Opened::User(user)) if !user.is_active => {
                self.note(&refused("disabled")).await?;
                Err(Error::AccountDisabled)
            }
            (Lock::Open, Opened::User(user)) if user.email_verified_at.is_some() => {
                let user = self.rehashed(*user, password).await;
                self.open_session(user, &key, client).await
            }
            (Lock::Open, Opened::User(_) | Opened::Pending) => {
                self.note(&refused("not_verified")).await?;
                Err(Error::EmailNotVerified)
            }
        }
    }

    /// Trades a refresh token for the next pair. One that is shown again after it was used up ends the whole session:
    /// either the client or a thief holds a copy.
    pub async fn refresh(&self, refresh_token: &str, client: &Client) -> Result<SignedIn, Error> {
        // Two servers whose clocks differ may meet at one session.
        crate::retry::retry_on_conflict(|| self.refresh_once(refresh_token, client)).await
    }

    async fn refresh_once(&self, refresh_token: &str, client: &Client) -> Result<SignedIn, Error> {
        let now = self.ports.clock.now();
        let hash = self.ports.secrets.hash(refresh_token);
        let secret = self.ports.secrets.generate();
        let next = NextToken {
            id: RefreshTokenId::new(&*self.ports.ids),
            hash: self.ports.secrets.hash(secret.expose()),
            created_at: now,
            expires_at: now.plus(self.rules.refresh_ttl),
        };
        let mut unit = self.ports.store.begin().await?;
        let session = match unit.sessions().rotate(&hash, &next, self.rules.refresh_grace).await? {
            Rotation::Rotated(session) => session,
            Rotation::Expired => return Err(Error::TokenExpired),
            Rotation::Unknown => return Err(Error::InvalidToken),
            Rotation::Replayed(session) => {
                // Of several that see it the one that ends the session tells of it.
                if unit.sessions().revoke(session.id, now).await? {
                    let actor = AuditActor::Anonymous;
                    let event = self.event(AuditAction::TokenReplayed, actor, session.user, client);
                    unit.audit().append(&event.with("session", session.id)).await?;
                    tracing::warn!(session = %session.id, user = %session.user, "refresh token replayed: session ended");
                }
                unit.commit().await?;
                return Err(Error::InvalidToken);
            }
        };
        let user = unit.users().find(session.user).await?.filter(|user| user.deleted_at.is_none());
        let user = user.ok_or(Error::InvalidToken)?;
        if !user.is_active {
            return Err(Error::AccountDisabled);
        }
        unit.commit().await?;
        self.signed_in(user, session.id, secret, next.expires_at, now)
    }

    /// Signs out here.
    pub async fn sign_out(&self, caller: &Caller) -> Result<(), Error> {
        allow(&caller.actor(), &Action::SecureOwnAccount).map_err(denied("session"))?;
        if let Some(session) = caller.session {
            let mut unit = self.ports.store.begin().await?;
            if unit.sessions().revoke(session, self.ports.clock.now()).await? {
                let event = self.own_event(AuditAction::SignedOut, caller);
                unit.audit().append(&event.with("session", session)).await?;
            }
            unit.commit().await?;
        }
        Ok(())
    }

    /// Signs out by the refresh token, for a browser whose access token has run out. An unknown token ends nothing.
    pub async fn sign_out_by_refresh_token(&self, refresh_token: &str, client: &Client) -> Result<(), Error> {
        let hash = self.ports.secrets.hash(refresh_token);
        let mut unit = self.ports.store.begin().await?;
        if let Some((_, session)) = unit.sessions().find_by_token(&hash).await? {
            if unit.sessions().revoke(session.id, self.ports.clock.now()).await? {
                let actor = AuditActor::User(session.user);
                let event = self.event(AuditAction::SignedOut, actor, session.user, client);
                unit.audit().append(&event.with("session", session.id)).await?;
            }
            unit.commit().await?;
        }
        Ok(())
    }

    /// Signs out everywhere; tokens that name no session end too.
    pub async fn sign_out_everywhere(&self, caller: &Caller) -> Result<(), Error> {
        allow(&caller.actor(), &Action::SecureOwnAccount).map_err(denied("session"))?;
        crate::retry::retry_on_conflict(|| async {
            let now = self.ports.clock.now();
            let mut unit = self.ports.store.begin().await?;
            let mut user = unit.users().find(caller.user.id).await?.ok_or(Error::NotFound("account"))?;
            user.tokens_valid_from = now;
            user.updated_at = now;
            unit.users().update(&user).await?;
            let ended = unit.sessions().revoke_all(user.id, None, now).await?;
            let event = self.own_event(AuditAction::SignedOutEverywhere, caller);
            unit.audit().append(&event.with("sessions", ended)).await?;
            Ok(unit.commit().await?)
        })
        .await
    }

    /// Where whoever asks is signed in, newest sign-in first.
    pub async fn sessions(&self, caller: &Caller, page: PageRequest) -> Result<Page<Session>, Error> {
        allow(&caller.actor(), &Action::SecureOwnAccount).map_err(denied("session"))?;
        Ok(self.ports.store.read().sessions_page(caller.user.id, self.ports.clock.now(), page).await?)
    }

    /// Ends one session of whoever asks; it may be this one.
    pub async fn revoke_session(&self, caller: &Caller, session: SessionId) -> Result<(), Error> {
        allow(&caller.actor(), &Action::SecureOwnAccount).map_err(denied("session"))?;
        let mut unit = self.ports.store.begin().await?;
        if !unit.sessions().revoke_of(caller.user.id, session, self.ports.clock.now()).await? {
            return Err(Error::NotFound("session"));
        }
        let event = self.own_event(AuditAction::SignedOut, caller);
        unit.audit().append(&event.with("session", session)).await?;
        unit.commit().await?;
        Ok(())
    }

    /// Whom a name means. A deleted account is nobody.
    async fn candidate(&self, identifier: &str) -> Result<Candidate, Error> {
        let Some(identifier) = Identifier::parse(identifier) else { return Ok(Candidate::default()) };
        let read = self.ports.store.read();
        let user = read.user_by(&identifier).await?.filter(|user| user.deleted_at.is_none());
        let pending = read.registration_by(&identifier, self.ports.clock.now()).await?;
        Ok(Candidate { user, pending })
    }

    /// What the password opens. Whatever is there, one that opens no account is looked at twice.
    async fn opened(&self, candidate: Candidate, password: &str) -> Result<Opened, Error> {
        let Candidate { user, pending } = candidate;
        let hash = user.as_ref().and_then(|user| user.password_hash.as_ref());
        if self.ports.passwords.verify(password, hash).await? {
            return Ok(user.map_or(Opened::Nothing, |user| Opened::User(Box::new(user))));
        }
        let hash = pending.as_ref().map(|registration| &registration.password_hash);
        let is_pending = self.ports.passwords.verify(password, hash).await?;
        Ok(if is_pending { Opened::Pending } else { Opened::Nothing })
    }

    /// What failures of a name are counted against: one thing, however the name is written.
    fn account_key(&self, candidate: &Candidate, identifier: &str) -> AccountKey {
        let digest = |text: &str| AccountKey::of_nobody(&self.ports.secrets.hash(text));
        match candidate {
            Candidate { user: Some(user), .. } => AccountKey::of_user(user.id),
            Candidate { pending: Some(registration), .. } => digest(registration.email.as_str()),
            Candidate { .. } => digest(&identifier.trim().to_lowercase()),
        }
    }

    /// Writes an event down, alone.
    async fn note(&self, event: &AuditEvent) -> Result<(), Error> {
        let mut unit = self.ports.store.begin().await?;
        unit.audit().append(event).await?;
        Ok(unit.commit().await?)
    }

    /// Counts a failed sign-in, and writes it down.
    pub(crate) async fn count_failure(
        &self,
        key: &AccountKey,
        client: &Client,
        event: &AuditEvent,
    ) -> Result<(), Error> {
        let now = self.ports.clock.now();
        let forget_before = now.minus(self.rules.lockout.forget_after);
        let mut unit = self.ports.store.begin().await?;
        unit.sign_in_failures().add(key, &client.network(), now, forget_before).await?;
        unit.audit().append(event).await?;
        Ok(unit.commit().await?)
    }

    async fn open_session(&self, user: User, key: &AccountKey, client: &Client) -> Result<SignedIn, Error> {
        let now = self.ports.clock.now();
        let id = SessionId::new(&*self.ports.ids);
        let secret = self.ports.secrets.generate();
        let first = RefreshToken {
            id: RefreshTokenId::new(&*self.ports.ids),
            session: id,
            parent: None,
            hash: self.ports.secrets.hash(secret.expose()),
            created_at: now,
            expires_at: now.plus(self.rules.refresh_ttl),
            used_at: None,
        };
        let session = Session {
            id,
            user: user.id,
            user_agent: client.shown_agent(),
            ip_address: client.address.map(|address| address.to_canonical().to_string()),
            network: client.network(),
            created_at: now,
            last_used_at: now,
            expires_at: first.expires_at,
            revoked_at: None,
        };
        let mut unit = self.ports.store.begin().await?;
        // Guesses that are made at once all find the lock open. Whoever is right after too many of them hears what they
        // would have heard had they come one after another.
        let failures = self.ports.store.read().failures(key, Some(user.id), &session.network).await?;
        let lock = self.rules.lockout.lock(&failures, now);
        if let Some(until) = lock.until() {
            let event = self.event(AuditAction::SignInFailed, AuditActor::Anonymous, user.id, client);
            unit.audit().append(&event.with("reason", "locked")).await?;
            unit.commit().await?;
            let is_blind = matches!(lock, Lock::Blind { .. });
            let retry_after = until.since(now);
            return Err(if is_blind { Error::InvalidCredentials } else { Error::AccountLocked { retry_after } });
        }
        unit.sessions().insert(&session, &first).await?;
        unit.users().touch_login(user.id, now).await?;
        unit.sign_in_failures().forget(key, &session.network).await?;
        let event = self.event(AuditAction::SignedIn, AuditActor::User(user.id), user.id, client);
        unit.audit().append(&event.with("session", id)).await?;
        unit.commit().await?;
        self.signed_in(user, id, secret, first.expires_at, now)
    }

    fn signed_in(
        &self,
        user: User,
        session: SessionId,
        refresh_token: Secret,
        refresh_expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<SignedIn, Error> {
        // Tokens from before that time count no more. This one does, also if the clock was set back since.
        let issued_at = now.max(user.tokens_valid_from);
        let access_expires_at = issued_at.plus(self.rules.access_ttl);
        let access_token = self.ports.access_tokens.issue(&AccessClaims {
            user: user.id,
            session: Some(session),
            role: user.role,
            issued_at,
            expires_at: access_expires_at,
        })?;
        Ok(SignedIn { user, session, access_token, issued_at, access_expires_at, refresh_token, refresh_expires_at })
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
