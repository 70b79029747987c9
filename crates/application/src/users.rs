//! Accounts: registering, verifying, the profile.

mod administration;
mod api_keys;
mod leaving;
mod passwords;
mod portraits;
mod profiles;

use lyceum_domain::{
    audit::{AuditAction, AuditActor},
    ids::{RegistrationId, UserId},
    invalid::Invalid,
    mail::Intent,
    policy::{Action, Actor, allow},
    sessions::Client,
    store::{StoreError, Unique, UnitOfWork},
    users::{
        Bio, DisplayName, Email, Identifier, Locale, Password, PendingRegistration, TimeZone, TokenOwner, TokenPurpose,
        User, Username,
    },
};

pub use administration::{AccountChange, NewAccount};
pub use leaving::Export;
pub use profiles::{PrivacyChange, Profile};

use crate::{Error, Lyceum, error::denied, sessions::Caller};

/// What somebody registers with.
#[derive(Debug, Clone)]
pub struct Registration {
    /// Where the verification goes.
    pub email: Email,
    /// The public name.
    pub username: Username,
    /// The password.
    pub password: Password,
    /// What other people call them.
    pub display_name: Option<DisplayName>,
}

/// A change of one member of something: left alone, cleared, or set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Change<T> {
    /// Not part of the request.
    #[default]
    Keep,
    /// `null`.
    Clear,
    /// A new value.
    Set(T),
}

impl<T> Change<T> {
    pub(crate) fn apply(self, member: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Clear => *member = None,
            Self::Set(value) => *member = Some(value),
        }
    }
}

/// What a user changes about themselves.
#[derive(Debug, Clone, Default)]
pub struct ProfileChange {
    /// What other people call them.
    pub display_name: Change<DisplayName>,
    /// A few words about them.
    pub bio: Change<Bio>,
    /// How they read dates and words.
    pub locale: Option<Locale>,
    /// Where their days begin.
    pub time_zone: Option<TimeZone>,
    /// The public name.
    pub username: Option<Username>,
}

/// How much longer than a link a registration waits: whoever comes too late can have another link.
const LINK_LIVES: u32 = 7;

/// A mailed token that is unknown, taken or expired.
fn bad_token() -> Error {
    let expected = "a link that was not used and has not expired";
    Error::invalid("/token", Invalid::Malformed { expected })
}

/// Ends the links that were mailed for an account: they show nothing about an address that it did not have then.
pub(crate) async fn end_links(unit: &mut dyn UnitOfWork, user: UserId) -> Result<(), Error> {
    for purpose in [TokenPurpose::VerifyEmail, TokenPurpose::ResetPassword] {
        unit.users().revoke_tokens(TokenOwner::User(user), purpose).await?;
    }
    Ok(())
}

impl Lyceum {
    /// Registers, and has a link mailed that verifies the address. If the address has an account its owner gets a mail
    /// that says so; whoever registers sees no difference, now or when they try again.
    pub async fn register(&self, actor: &Actor, registration: Registration) -> Result<(), Error> {
        allow(actor, &Action::SignUp).map_err(denied("account"))?;
        self.needs_passwords()?;
        let Registration { email, username, password, display_name } = registration;
        let now = self.ports.clock.now();
        if self.ports.store.read().is_username_taken(&username, &email, now).await? {
            return Err(Error::UsernameTaken);
        }
        let pending = PendingRegistration {
            id: RegistrationId::new(&*self.ports.ids),
            password_hash: self.ports.passwords.hash(&password).await?,
            email,
            username,
            display_name,
            created_at: now,
            expires_at: now.plus(self.rules.verification_ttl * LINK_LIVES),
        };
        let mut unit = self.ports.store.begin().await?;
        unit.registrations().insert(&pending).await?;
        self.enqueue(&mut *unit, &pending.email, Intent::Register(pending.id)).await?;
        unit.commit().await?;
        self.ports.mail_bell.ring();
        Ok(())
    }

    /// Takes a verification token. The address then belongs to the account, which is made now if the token is that of
    /// a registration.
    pub async fn verify_email(&self, actor: &Actor, token: &str, client: &Client) -> Result<(), Error> {
        allow(actor, &Action::SignUp).map_err(denied("account"))?;
        let hash = self.ports.secrets.hash(token);
        crate::retry::retry_on_conflict(|| async {
            let now = self.ports.clock.now();
            let mut unit = self.ports.store.begin().await?;
            let owner = unit.users().take_token(TokenPurpose::VerifyEmail, &hash, now).await?;
            match owner.ok_or_else(bad_token)? {
                TokenOwner::User(id) => {
                    let mut user = unit.users().find(id).await?.filter(User::is_usable).ok_or_else(bad_token)?;
                    if user.verify_email(now) {
                        unit.users().update(&user).await?;
                        let event = self.event(AuditAction::EmailVerified, AuditActor::User(id), id, client);
                        unit.audit().append(&event).await?;
                    }
                }
                TokenOwner::Registration(id) => {
                    let registration = unit.registrations().find(id).await?.ok_or_else(bad_token)?;
                    self.open_account(&mut *unit, registration, client).await?;
                }
            }
            Ok(unit.commit().await?)
        })
        .await
    }

    /// Makes the account that a registration waited to become.
    async fn open_account(
        &self,
        unit: &mut dyn UnitOfWork,
        registration: PendingRegistration,
        client: &Client,
    ) -> Result<(), Error> {
        let now = self.ports.clock.now();
        let PendingRegistration { email, username, display_name, password_hash, .. } = registration;
        if !self.release_claim(unit, &email, client).await? {
            return Err(bad_token());
        }
        let id = UserId::new(&*self.ports.ids);
        let mut user = User::register(id, email, username, display_name, Some(password_hash), now);
        user.verify_email(now);
        match unit.users().insert(&user).await {
            Ok(()) => {}
            // Another link to this address was quicker.
            Err(StoreError::Duplicate(Unique::Email)) => return Err(bad_token()),
            Err(error) => return Err(error.into()),
        }
        unit.registrations().remove_all_of(&user.email).await?;
        unit.audit().append(&self.event(AuditAction::Registered, AuditActor::User(id), id, client)).await?;
        Ok(())
    }

    /// Makes an address free for who showed that it is theirs: an account that only claims it, because an identity
    /// provider said so and did not verify it, loses it. False if the address belongs to an account.
    pub(crate) async fn release_claim(
        &self,
        unit: &mut dyn UnitOfWork,
        email: &Email,
        client: &Client,
    ) -> Result<bool, Error> {
        let Some(mut holder) = self.ports.store.read().user_by(&Identifier::Email(email.clone())).await? else {
            return Ok(true);
        };
        if holder.email_verified_at.is_some() {
            return Ok(false);
        }
        holder.email = Email::placeholder(&holder.id.to_string()).map_err(|why| Error::Internal(why.to_string()))?;
        holder.updated_at = self.ports.clock.now();
        unit.users().update(&holder).await?;
        end_links(unit, holder.id).await?;
        let gave_way = self.event(AuditAction::EmailChanged, AuditActor::Anonymous, holder.id, client);
        unit.audit().append(&gave_way).await?;
        Ok(true)
    }

    /// Has another verification link mailed, if the address waits for one. Whoever asks sees no difference.
    pub async fn resend_verification(&self, actor: &Actor, email: &Email) -> Result<(), Error> {
        allow(actor, &Action::SignUp).map_err(denied("account"))?;
        self.request_mail(email, Intent::VerifyEmail).await
    }

    /// The account of whoever asks.
    pub fn own_account<'c>(&self, caller: &'c Caller) -> Result<&'c User, Error> {
        allow(&caller.actor(), &Action::UseOwnProfile).map_err(denied("account"))?;
        // It was loaded to let them in.
        Ok(&caller.user)
    }

    /// Changes the profile of whoever asks. `expected` is the version that the change is about, if they said.
    pub async fn change_profile(
        &self,
        caller: &Caller,
        change: ProfileChange,
        expected: Option<u32>,
    ) -> Result<User, Error> {
        allow(&caller.actor(), &Action::UseOwnProfile).map_err(denied("account"))?;
        crate::retry::retry_on_conflict(|| async {
            let mut unit = self.ports.store.begin().await?;
            let mut user = unit.users().find(caller.user.id).await?.ok_or(Error::NotFound("account"))?;
            if expected.is_some_and(|version| version != user.version) {
                return Err(Error::VersionMismatch);
            }
            let now = self.ports.clock.now();
            let change = change.clone();
            change.display_name.apply(&mut user.display_name);
            change.bio.apply(&mut user.bio);
            user.locale = change.locale.unwrap_or(user.locale);
            user.time_zone = change.time_zone.unwrap_or(user.time_zone);
            if let Some(username) = change.username {
                let is_other = username.key() != user.username.key();
                if is_other && self.ports.store.read().is_username_taken(&username, &user.email, now).await? {
                    return Err(Error::UsernameTaken);
                }
                if is_other {
                    let event = self.own_event(AuditAction::Renamed, caller);
                    unit.audit().append(&event.with("from", &user.username).with("to", &username)).await?;
                }
                user.username = username;
            }
            user.updated_at = now;
            unit.users().update(&user).await?;
            unit.commit().await?;
            user.version += 1;
            Ok(user)
        })
        .await
    }

    /// Refuses what needs passwords of ours where there are none.
    pub(crate) fn needs_passwords(&self) -> Result<(), Error> {
        if self.rules.has_passwords { Ok(()) } else { Err(Error::PasswordsOff) }
    }
}
