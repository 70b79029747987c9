//! Sending what waits in the outbox.

use std::time::Duration;

use lyceum_domain::{
    ids::{OneTimeTokenId, OutboxMailId, UserId},
    mail::{Intent, Letter, Mail, MailError, OutboxMail, Settlement, without_addresses},
    policy::{Action, Actor, allow},
    sessions::Secret,
    store::UnitOfWork,
    text,
    time::Timestamp,
    users::{Email, Identifier, Locale, OneTimeToken, PendingRegistration, TokenOwner, TokenPurpose, User},
};

use crate::{Error, Lyceum, error::denied};

/// How many mails are taken at a time.
const BATCH: u32 = 5;
/// How much longer mails are ours, once we took them, than all of them together can take.
const MARGIN: Duration = Duration::from_secs(10);
/// The longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_mins(5);
/// How much of an error is kept, in characters.
const ERROR_MAX: usize = 500;
/// When a mail that cannot be sent is given up.
const GIVE_UP_AFTER: Duration = Duration::from_hours(3 * 24);

/// What became of the mails of one round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Delivered {
    /// Mails that were handed over.
    pub sent: u32,
    /// Mails with nothing to tell anybody.
    pub dropped: u32,
    /// Mails to be tried again.
    pub postponed: u32,
    /// Mails that were given up.
    pub dead: u32,
}

impl Delivered {
    /// How many mails there were.
    pub const fn total(&self) -> u32 {
        self.sent + self.dropped + self.postponed + self.dead
    }

    fn note(&mut self, settlement: &Settlement) {
        match settlement {
            Settlement::Sent => self.sent += 1,
            Settlement::Dropped => self.dropped += 1,
            Settlement::Later { .. } => self.postponed += 1,
            Settlement::Dead { .. } => self.dead += 1,
        }
    }
}

/// What a mail server said of a mail, for the log and the outbox: short, and not whom it is for.
fn told(mail: &OutboxMail, said: &str) -> String {
    text::shortened(&without_addresses(&text::cleaned(said), &mail.to), ERROR_MAX)
}

impl Lyceum {
    /// Takes a few mails that are due and tries to send them. Several workers, also on several machines, can do so at
    /// once. A mail is sent twice only if a worker dies between the handover and the note of it; both bear one
    /// `Message-ID`.
    pub async fn deliver_mails(&self, actor: &Actor) -> Result<Delivered, Error> {
        allow(actor, &Action::ManageUsers).map_err(denied("outbox"))?;
        let now = self.ports.clock.now();
        let until = now.plus(self.rules.mail_timeout * BATCH + MARGIN);
        let mut unit = self.ports.store.begin().await?;
        let mails = unit.outbox().lease(now, until, BATCH).await?;
        unit.commit().await?;

        let mut delivered = Delivered::default();
        // Once the server is away, each further mail would only wait for the same silence.
        let mut away: Option<String> = None;
        for mail in mails {
            let settlement = match &away {
                Some(error) => self.later(&mail, error),
                None => self.deliver(&mail).await?,
            };
            if let Settlement::Later { error, .. } = &settlement {
                away.get_or_insert_with(|| error.clone());
            }
            let mut unit = self.ports.store.begin().await?;
            unit.outbox().settle(mail.id, until, &settlement, self.ports.clock.now()).await?;
            unit.commit().await?;
            delivered.note(&settlement);
        }
        Ok(delivered)
    }

    /// Lets mails that were given up be tried again.
    pub async fn revive_mails(&self, actor: &Actor) -> Result<u64, Error> {
        allow(actor, &Action::ManageUsers).map_err(denied("outbox"))?;
        let mut unit = self.ports.store.begin().await?;
        let revived = unit.outbox().revive(self.ports.clock.now()).await?;
        unit.commit().await?;
        self.ports.mail_bell.ring();
        Ok(revived)
    }

    /// Puts a mail into the outbox, with what made it necessary. Ring the bell after the commit.
    pub(crate) async fn enqueue(&self, unit: &mut dyn UnitOfWork, to: &Email, intent: Intent) -> Result<(), Error> {
        if to.is_placeholder() {
            return Ok(());
        }
        let now = self.ports.clock.now();
        let id = OutboxMailId::new(&*self.ports.ids);
        let mail = OutboxMail { id, to: to.clone(), intent, attempts: 0, due_at: now, created_at: now };
        Ok(unit.outbox().enqueue(&mail).await?)
    }

    /// Puts a mail into the outbox, alone.
    pub(crate) async fn request_mail(&self, to: &Email, intent: Intent) -> Result<(), Error> {
        let mut unit = self.ports.store.begin().await?;
        self.enqueue(&mut *unit, to, intent).await?;
        unit.commit().await?;
        self.ports.mail_bell.ring();
        Ok(())
    }

    async fn deliver(&self, mail: &OutboxMail) -> Result<Settlement, Error> {
        let hour_ago = self.ports.clock.now().minus(Duration::from_hours(1));
        let sent = self.ports.store.read().mails_sent(&mail.to, mail.intent.kind(), hour_ago).await?;
        if sent >= self.rules.mails_per_hour {
            tracing::warn!(kind = mail.intent.kind(), "an address gets no more mails of this kind within the hour");
            return Ok(Settlement::Dropped);
        }
        let Some((letter, locale)) = self.letter(mail).await? else { return Ok(Settlement::Dropped) };
        let sent = match self.ports.letters.write(&letter, &locale) {
            Ok(written) => {
                let (subject, text, html) = (written.subject, written.text, written.html);
                self.ports.mailer.send(&Mail { id: mail.id, to: mail.to.clone(), subject, text, html }).await
            }
            Err(error) => Err(error),
        };
        Ok(match sent {
            Ok(()) => Settlement::Sent,
            Err(MailError::Refused(error)) => {
                let error = told(mail, &error);
                tracing::error!(error, kind = mail.intent.kind(), mail = %mail.id, "a mail was refused for good");
                Settlement::Dead { error }
            }
            Err(MailError::Unavailable(cause)) => self.later(mail, &told(mail, &cause.to_string())),
        })
    }

    /// When a mail is tried again: after 1, 2, 4, … seconds, and a little more by chance, so that not all come at once.
    fn later(&self, mail: &OutboxMail, error: &str) -> Settlement {
        let now = self.ports.clock.now();
        let kind = mail.intent.kind();
        if now.since(mail.created_at) >= GIVE_UP_AFTER {
            tracing::error!(error, kind, mail = %mail.id, "a mail could not be sent for days and is given up");
            return Settlement::Dead { error: error.to_owned() };
        }
        let doublings = mail.attempts.saturating_sub(1).min(16);
        let wait = Duration::from_secs(1 << doublings).min(LONGEST_WAIT);
        let (_, chance) = mail.id.as_uuid().as_u64_pair();
        let chance = u32::try_from(chance % 256).unwrap_or_default();
        tracing::warn!(error, kind, mail = %mail.id, attempts = mail.attempts, "a mail has to wait");
        Settlement::Later { due_at: now.plus(wait + wait * chance / 1024), error: error.to_owned() }
    }

    /// What there is to say now, if there is anything; with the secret that it needs.
    async fn letter(&self, mail: &OutboxMail) -> Result<Option<(Letter, Locale)>, Error> {
        match mail.intent {
            Intent::Register(id) => {
                let mut unit = self.ports.store.begin().await?;
                let registration = unit.registrations().find(id).await?;
                drop(unit);
                let now = self.ports.clock.now();
                match registration.filter(|registration| now < registration.expires_at) {
                    Some(registration) => self.registration_letter(registration).await.map(Some),
                    // Verified by another link, or expired.
                    None => Ok(None),
                }
            }
            Intent::VerifyEmail => self.verification_letter(&mail.to).await,
            Intent::ResetPassword => self.reset_letter(&mail.to).await,
            Intent::PasswordChanged(user) => {
                let Some(user) = self.addressee(user).await? else { return Ok(None) };
                let letter = Letter::PasswordChanged {
                    username: user.username,
                    at: mail.created_at,
                    reset_link: self.page("forgot-password"),
                };
                Ok(Some((letter, user.locale)))
            }
            Intent::AccountDeleted(user) => {
                let user = self.ports.store.read().user(user).await?;
                let letter = user.and_then(|user| {
                    let erased_at = user.erased_at(self.rules.deletion_grace)?;
                    Some((Letter::AccountDeleted { username: user.username, erased_at }, user.locale))
                });
                Ok(letter)
            }
        }
    }

    async fn registration_letter(&self, registration: PendingRegistration) -> Result<(Letter, Locale), Error> {
        let holder = self.ports.store.read().user_by(&Identifier::Email(registration.email.clone())).await?;
        match holder.filter(|user| user.email_verified_at.is_some()) {
            Some(user) => Ok((
                Letter::AlreadyRegistered {
                    username: user.username,
                    sign_in_link: self.page("login"),
                    reset_link: self.page("forgot-password"),
                },
                user.locale,
            )),
            None => Ok((self.first_link(&registration).await?, Locale::default())),
        }
    }

    /// For a registration that waits, or for an account whose address was never shown to be its own.
    async fn verification_letter(&self, to: &Email) -> Result<Option<(Letter, Locale)>, Error> {
        let (read, now) = (self.ports.store.read(), self.ports.clock.now());
        let by_email = Identifier::Email(to.clone());
        let holder = read.user_by(&by_email).await?;
        if holder.as_ref().is_some_and(|user| user.email_verified_at.is_some()) {
            return Ok(None);
        }
        if let Some(registration) = read.registration_by(&by_email, now).await? {
            return Ok(Some((self.first_link(&registration).await?, Locale::default())));
        }
        match holder.filter(User::is_usable) {
            Some(user) => {
                let expires_at = now.plus(self.rules.verification_ttl);
                let code = self.mint(TokenOwner::User(user.id), TokenPurpose::VerifyEmail, expires_at).await?;
                let link = self.link("verify-email", &code);
                Ok(Some((Letter::VerifyEmail { username: user.username, link, code, expires_at }, user.locale)))
            }
            None => Ok(None),
        }
    }

    async fn first_link(&self, registration: &PendingRegistration) -> Result<Letter, Error> {
        let expires_at = self.ports.clock.now().plus(self.rules.verification_ttl).min(registration.expires_at);
        let owner = TokenOwner::Registration(registration.id);
        let code = self.mint(owner, TokenPurpose::VerifyEmail, expires_at).await?;
        let link = self.link("verify-email", &code);
        Ok(Letter::VerifyEmail { username: registration.username.clone(), link, code, expires_at })
    }

    /// Only to an address that is known to be the account's.
    async fn reset_letter(&self, to: &Email) -> Result<Option<(Letter, Locale)>, Error> {
        let user = self.ports.store.read().user_by(&Identifier::Email(to.clone())).await?;
        let Some(user) = user.filter(|user| user.is_usable() && user.email_verified_at.is_some()) else {
            return Ok(None);
        };
        let expires_at = self.ports.clock.now().plus(self.rules.reset_ttl);
        let code = self.mint(TokenOwner::User(user.id), TokenPurpose::ResetPassword, expires_at).await?;
        let link = self.link("reset-password", &code);
        Ok(Some((Letter::ResetPassword { username: user.username, link, code, expires_at }, user.locale)))
    }

    async fn addressee(&self, id: UserId) -> Result<Option<User>, Error> {
        Ok(self.ports.store.read().user(id).await?.filter(User::is_usable))
    }

    /// A new one-time token; its hash is stored before anybody can have it.
    async fn mint(&self, owner: TokenOwner, purpose: TokenPurpose, expires_at: Timestamp) -> Result<Secret, Error> {
        let secret = self.ports.secrets.generate();
        let token = OneTimeToken {
            id: OneTimeTokenId::new(&*self.ports.ids),
            owner,
            purpose,
            hash: self.ports.secrets.hash(secret.expose()),
            created_at: self.ports.clock.now(),
            expires_at,
        };
        let mut unit = self.ports.store.begin().await?;
        unit.users().insert_token(&token).await?;
        unit.commit().await?;
        Ok(secret)
    }

    fn page(&self, path: &str) -> String {
        format!("{}/{path}", self.rules.public_url)
    }

    fn link(&self, path: &str, code: &Secret) -> Secret {
        Secret::new(format!("{}?token={}", self.page(path), code.expose()))
    }
}
