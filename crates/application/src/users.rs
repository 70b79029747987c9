//! Accounts: registering, verifying, the profile; and what the operator does to accounts.

use lyceum_domain::{
    ids::{OneTimeTokenId, UserId},
    invalid::Invalid,
    mail::Mail,
    policy::{Action, Actor, allow},
    store::{StoreError, Unique},
    users::{
        Bio, DisplayName, Email, Identifier, Locale, OneTimeToken, Password, Role, TimeZone, TokenPurpose, User,
        Username,
    },
};

use crate::{Error, Lyceum, error::denied};

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

/// An account that the operator makes.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// Where mail goes.
    pub email: Email,
    /// The public name.
    pub username: Username,
    /// What other people call them.
    pub display_name: Option<DisplayName>,
    /// What they may do.
    pub role: Role,
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
    fn apply(self, member: &mut Option<T>) {
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

impl Lyceum {
    /// Registers, and mails a link that verifies the address. If the address is known already its owner gets a mail
    /// that says so, and whoever registers sees no difference.
    pub async fn register(&self, actor: &Actor, registration: Registration) -> Result<(), Error> {
        allow(actor, &Action::SignUp).map_err(denied("account"))?;
        let Registration { email, username, password, display_name } = registration;
        let read = self.ports.store.read();
        if read.user_by(&Identifier::Username(username.clone())).await?.is_some() {
            return Err(Error::UsernameTaken);
        }
        let known = read.user_by(&Identifier::Email(email.clone())).await?;
        // Also for a known address: the answer takes the same time.
        let hash = self.ports.passwords.hash(&password).await?;
        let mail = if let Some(known) = known {
            if known.is_usable() && known.email_verified_at.is_none() {
                // Nobody can sign in to it yet: what its owner lacks is the link.
                return self.resend_verification(actor, &email).await;
            }
            already_registered(&email, &self.rules.public_url)
        } else {
            let now = self.ports.clock.now();
            let user = User::register(UserId::new(&*self.ports.ids), email.clone(), username, display_name, hash, now);
            let (token, mail) = self.verification(&user);
            let mut unit = self.ports.store.begin().await?;
            match unit.users().insert(&user).await {
                Ok(()) => {
                    unit.users().insert_token(&token).await?;
                    unit.commit().await?;
                    mail
                }
                // Somebody registered the same address at the same moment.
                Err(StoreError::Duplicate(Unique::Email)) => already_registered(&email, &self.rules.public_url),
                Err(error) => return Err(error.into()),
            }
        };
        self.send(&mail).await;
        Ok(())
    }

    /// Takes a verification token; the address then belongs to the user.
    pub async fn verify_email(&self, actor: &Actor, token: &str) -> Result<(), Error> {
        allow(actor, &Action::SignUp).map_err(denied("account"))?;
        let now = self.ports.clock.now();
        let hash = self.ports.secrets.hash(token);
        let bad = || {
            Error::invalid("/token", Invalid::Malformed { expected: "a link that was not used and has not expired" })
        };
        let mut unit = self.ports.store.begin().await?;
        let id = unit.users().take_token(TokenPurpose::VerifyEmail, &hash, now).await?.ok_or_else(bad)?;
        let mut user = unit.users().find(id).await?.filter(User::is_usable).ok_or_else(bad)?;
        if user.verify_email(now) {
            unit.users().update(&user).await?;
        }
        unit.commit().await?;
        Ok(())
    }

    /// Mails another verification link, if the address belongs to an account that waits for one. Whoever asks sees no
    /// difference.
    pub async fn resend_verification(&self, actor: &Actor, email: &Email) -> Result<(), Error> {
        allow(actor, &Action::SignUp).map_err(denied("account"))?;
        let user = self.ports.store.read().user_by(&Identifier::Email(email.clone())).await?;
        if let Some(user) = user.filter(|user| user.is_usable() && user.email_verified_at.is_none()) {
            let (token, mail) = self.verification(&user);
            let mut unit = self.ports.store.begin().await?;
            unit.users().insert_token(&token).await?;
            unit.commit().await?;
            self.send(&mail).await;
        }
        Ok(())
    }

    /// Changes the profile of whoever asks. `expected` is the version that the change is about, if they said.
    pub async fn change_profile(
        &self,
        actor: &Actor,
        change: ProfileChange,
        expected: Option<u32>,
    ) -> Result<User, Error> {
        allow(actor, &Action::UseOwnAccount).map_err(denied("account"))?;
        let id = actor.user().ok_or(Error::SignInRequired)?;
        crate::retry::retry_on_conflict(|| async {
            let mut unit = self.ports.store.begin().await?;
            let mut user = unit.users().find(id).await?.ok_or(Error::NotFound("account"))?;
            if expected.is_some_and(|version| version != user.version) {
                return Err(Error::VersionMismatch);
            }
            let change = change.clone();
            change.display_name.apply(&mut user.display_name);
            change.bio.apply(&mut user.bio);
            user.locale = change.locale.unwrap_or(user.locale);
            user.time_zone = change.time_zone.unwrap_or(user.time_zone);
            user.username = change.username.unwrap_or(user.username);
            user.updated_at = self.ports.clock.now();
            unit.users().update(&user).await?;
            unit.commit().await?;
            user.version += 1;
            Ok(user)
        })
        .await
    }

    /// Makes an account that is active and verified.
    pub async fn create_user(&self, actor: &Actor, registration: Registration, role: Role) -> Result<User, Error> {
        let Registration { email, username, password, display_name } = registration;
        let person = NewAccount { email, username, display_name, role };
        let mut made = self.create_users(actor, &password, vec![person]).await?;
        made.pop().ok_or_else(|| Error::Internal("no account was made".to_owned()))
    }

    /// Makes accounts that are active and verified and begin with the same password: all of them or none.
    pub async fn create_users(
        &self,
        actor: &Actor,
        password: &Password,
        people: Vec<NewAccount>,
    ) -> Result<Vec<User>, Error> {
        allow(actor, &Action::ManageUsers).map_err(denied("account"))?;
        let hash = self.ports.passwords.hash(password).await?;
        let now = self.ports.clock.now();
        let mut unit = self.ports.store.begin().await?;
        let mut made = Vec::new();
        for NewAccount { email, username, display_name, role } in people {
            let id = UserId::new(&*self.ports.ids);
            let mut user = User::register(id, email, username, display_name, hash.clone(), now);
            user.role = role;
            user.verify_email(now);
            unit.users().insert(&user).await?;
            made.push(user);
        }
        unit.commit().await?;
        Ok(made)
    }

    /// Gives an account another role.
    pub async fn promote(&self, actor: &Actor, identifier: &Identifier, role: Role) -> Result<User, Error> {
        allow(actor, &Action::ManageUsers).map_err(denied("account"))?;
        crate::retry::retry_on_conflict(|| async {
            let mut user = self
                .ports
                .store
                .read()
                .user_by(identifier)
                .await?
                .filter(|u| u.deleted_at.is_none())
                .ok_or(Error::NotFound("account"))?;
            user.role = role;
            user.updated_at = self.ports.clock.now();
            let mut unit = self.ports.store.begin().await?;
            unit.users().update(&user).await?;
            unit.commit().await?;
            user.version += 1;
            Ok(user)
        })
        .await
    }

    /// An account by name; for the operator.
    pub async fn find_user(&self, actor: &Actor, identifier: &Identifier) -> Result<Option<User>, Error> {
        allow(actor, &Action::ManageUsers).map_err(denied("account"))?;
        Ok(self.ports.store.read().user_by(identifier).await?.filter(|user| user.deleted_at.is_none()))
    }

    fn verification(&self, user: &User) -> (OneTimeToken, Mail) {
        let secret = self.ports.secrets.generate();
        let now = self.ports.clock.now();
        let token = OneTimeToken {
            id: OneTimeTokenId::new(&*self.ports.ids),
            user: user.id,
            purpose: TokenPurpose::VerifyEmail,
            hash: self.ports.secrets.hash(secret.expose()),
            created_at: now,
            expires_at: now.plus(self.rules.verification_ttl),
        };
        let mail = Mail {
            to: user.email.clone(),
            subject: "Your e-mail address for Lyceum".to_owned(),
            text: format!(
                "Hello {name},\n\nplease confirm that this address is yours:\n\n{url}/verify-email?token={token}\n\n\
                 Where the link leads nowhere, this is the code: {token}\n\n\
                 The link is good once, for {hours} hours. If you did not register, there is nothing to do.\n",
                // Not the display name: whoever registers could put words of theirs into our mail to a stranger.
                name = user.username,
                url = self.rules.public_url,
                token = secret.expose(),
                hours = self.rules.verification_ttl.as_secs() / 3600,
            ),
        };
        (token, mail)
    }

    /// Sends after the unit is closed. A mail that cannot be sent does not undo what was done: the user can ask for
    /// another.
    async fn send(&self, mail: &Mail) {
        if let Err(error) = self.ports.mailer.send(mail).await {
            tracing::error!(error = &error as &dyn std::error::Error, subject = mail.subject, "mail was not sent");
        }
    }
}

fn already_registered(email: &Email, public_url: &str) -> Mail {
    Mail {
        to: email.clone(),
        subject: "You have an account at Lyceum already".to_owned(),
        text: format!(
            "Hello,\n\nsomebody, probably you, wanted to register at Lyceum with this address. There is an account with \
             it already: sign in at {public_url}/login\n\nIf it was not you, there is nothing to do.\n"
        ),
    }
}
