//! Forgotten, reset and changed passwords.

use lyceum_domain::{
    audit::{AuditAction, AuditActor},
    invalid::Invalid,
    mail::Intent,
    policy::{Action, Actor, allow},
    sessions::{AccountKey, Client},
    users::{Email, Password, TokenOwner, TokenPurpose, User},
};

use super::bad_token;
use crate::{Error, Lyceum, error::denied, sessions::Caller};

impl Lyceum {
    /// Has a link mailed that sets another password, if the address belongs to an account. Whoever asks sees no
    /// difference.
    pub async fn forgot_password(&self, actor: &Actor, email: &Email) -> Result<(), Error> {
        allow(actor, &Action::SignUp).map_err(denied("account"))?;
        self.needs_passwords()?;
        self.request_mail(email, Intent::ResetPassword).await
    }

    /// Sets another password by a mailed token, and ends every session. A password that is refused does not use the
    /// token up.
    pub async fn reset_password(
        &self,
        actor: &Actor,
        token: &str,
        new_password: &str,
        client: &Client,
    ) -> Result<(), Error> {
        allow(actor, &Action::SignUp).map_err(denied("account"))?;
        self.needs_passwords()?;
        let token_hash = self.ports.secrets.hash(token);
        let purpose = TokenPurpose::ResetPassword;
        let read = self.ports.store.read();
        let owner = read.token_owner(purpose, &token_hash, self.ports.clock.now()).await?;
        let Some(TokenOwner::User(id)) = owner else { return Err(bad_token()) };
        let user = read.user(id).await?.filter(User::is_usable).ok_or_else(bad_token)?;
        let password = new_password_of(&user, new_password)?;
        let hash = self.ports.passwords.hash(&password).await?;
        crate::retry::retry_on_conflict(|| async {
            let now = self.ports.clock.now();
            let mut unit = self.ports.store.begin().await?;
            if unit.users().take_token(purpose, &token_hash, now).await? != Some(TokenOwner::User(id)) {
                return Err(bad_token());
            }
            let mut user = unit.users().find(id).await?.filter(User::is_usable).ok_or_else(bad_token)?;
            user.password_hash = Some(hash.clone());
            // The link came to the address.
            user.verify_email(now);
            user.tokens_valid_from = now;
            user.updated_at = now;
            unit.users().update(&user).await?;
            unit.users().revoke_tokens(TokenOwner::User(id), purpose).await?;
            unit.sessions().revoke_all(id, None, now).await?;
            unit.sign_in_failures().forget_all(&AccountKey::of_user(id)).await?;
            unit.audit().append(&self.event(AuditAction::PasswordReset, AuditActor::User(id), id, client)).await?;
            self.enqueue(&mut *unit, &user.email, Intent::PasswordChanged(id)).await?;
            unit.commit().await?;
            self.ports.mail_bell.ring();
            Ok(())
        })
        .await
    }

    /// Changes the password of whoever asks, and ends every other session.
    pub async fn change_password(
        &self,
        caller: &Caller,
        current_password: &str,
        new_password: &str,
    ) -> Result<(), Error> {
        allow(&caller.actor(), &Action::SecureOwnAccount).map_err(denied("account"))?;
        self.needs_passwords()?;
        let password = new_password_of(&caller.user, new_password)?;
        self.confirm_password(caller, current_password).await?;
        let hash = self.ports.passwords.hash(&password).await?;
        let id = caller.user.id;
        crate::retry::retry_on_conflict(|| async {
            let now = self.ports.clock.now();
            let mut unit = self.ports.store.begin().await?;
            let mut user = unit.users().find(id).await?.filter(User::is_usable).ok_or(Error::NotFound("account"))?;
            // Somebody set another password since the old one was shown.
            if user.password_hash != caller.user.password_hash {
                return Err(Error::InvalidCredentials);
            }
            user.password_hash = Some(hash.clone());
            user.updated_at = now;
            unit.users().update(&user).await?;
            unit.users().revoke_tokens(TokenOwner::User(id), TokenPurpose::ResetPassword).await?;
            unit.sessions().revoke_all(id, caller.session, now).await?;
            unit.audit().append(&self.own_event(AuditAction::PasswordChanged, caller)).await?;
            self.enqueue(&mut *unit, &user.email, Intent::PasswordChanged(id)).await?;
            unit.commit().await?;
            self.ports.mail_bell.ring();
            Ok(())
        })
        .await
    }

    /// Makes sure that whoever has the session knows the password, too. Wrong ones count as failed sign-ins.
    pub(crate) async fn confirm_password(&self, caller: &Caller, password: &str) -> Result<(), Error> {
        let user = &caller.user;
        let key = AccountKey::of_user(user.id);
        let network = caller.client.network();
        let failures = self.ports.store.read().failures(&key, Some(user.id), &network).await?;
        // The session shows that the owner was here, so guesses from elsewhere are not held against this one.
        let failures = lyceum_domain::sessions::AccountFailures { is_known_network: true, ..failures };
        let now = self.ports.clock.now();
        if let Some(until) = self.rules.lockout.lock(&failures, now).until() {
            return Err(Error::AccountLocked { retry_after: until.since(now) });
        }
        if self.ports.passwords.verify(password, user.password_hash.as_ref()).await? {
            return Ok(());
        }
        let event = self.own_event(AuditAction::SignInFailed, caller).with("reason", "wrong_password");
        self.count_failure(&key, &caller.client, &event).await?;
        Err(Error::InvalidCredentials)
    }
}

fn new_password_of(user: &User, raw: &str) -> Result<Password, Error> {
    let password: Result<_, Invalid> = Password::for_account(raw, Some(&user.email), Some(&user.username));
    password.map_err(|invalid| Error::invalid("/new_password", invalid))
}
