//! Accounts of people who sign in at an identity provider.

use lyceum_domain::{
    audit::{AuditAction, AuditActor},
    ids::{IdentityId, UserId},
    sessions::{Client, ExternalClaims},
    users::{DisplayName, Email, Identifier, Identity, User, Username},
};

use super::authentication::is_current;
use crate::{Error, Lyceum, users::end_links};

/// How often an account is tried to be made where others take its names at the same moment.
const ATTEMPTS: u32 = 20;

impl Lyceum {
    /// The account that a provider's user stands for; made at the first sight of them, once, however many requests
    /// come at the same moment.
    pub(super) async fn by_identity(&self, claims: ExternalClaims, client: &Client) -> Result<User, Error> {
        for attempt in 0..ATTEMPTS {
            let known = self.ports.store.read().user_by_identity(&claims.provider, &claims.subject).await?;
            if let Some((user, identity)) = known {
                return self.up_to_date(user, identity, &claims, client).await;
            }
            match self.provision(&claims, attempt, client).await {
                // Somebody was quicker, with the identity or with one of the names: look again.
                Err(Error::Conflict | Error::UsernameTaken | Error::EmailTaken) => {}
                other => return other,
            }
        }
        Err(Error::Conflict)
    }

    /// Makes an account, or joins the provider's user to the one that has the address, if both sides have verified it.
    async fn provision(&self, claims: &ExternalClaims, attempt: u32, client: &Client) -> Result<User, Error> {
        let now = self.ports.clock.now();
        let verified = claims.email.as_ref().filter(|_| claims.is_email_verified);
        let holder = match &claims.email {
            Some(email) => self.ports.store.read().user_by(&Identifier::Email(email.clone())).await?,
            None => None,
        };
        let linked = holder.as_ref().filter(|user| verified.is_some() && user.email_verified_at.is_some());
        // A deleted account is nobody's to come back to by another way; its address stays its own until it is erased.
        let linked = linked.filter(|user| user.deleted_at.is_none()).cloned();

        let mut unit = self.ports.store.begin().await?;
        let (user, action) = if let Some(user) = linked {
            (user, AuditAction::IdentityLinked)
        } else {
            let id = UserId::new(&*self.ports.ids);
            let is_free = match (&claims.email, verified) {
                (None, _) => false,
                (Some(email), Some(_)) => self.release_claim(&mut *unit, email, client).await?,
                (Some(_), None) => holder.is_none(),
            };
            let email = match claims.email.clone().filter(|_| is_free) {
                Some(email) => email,
                None => self.placeholder(claims, id).await?,
            };
            let username = username(claims, id, attempt)?;
            let display_name = claims.name.as_deref().and_then(|name| DisplayName::parse(name).ok());
            let mut user = User::register(id, email, username, display_name, None, now);
            // The token that it is made for was issued before.
            user.tokens_valid_from = claims.issued_at.min(now);
            if is_free && verified.is_some() {
                user.verify_email(now);
                unit.registrations().remove_all_of(&user.email).await?;
            }
            unit.users().insert(&user).await?;
            (user, AuditAction::Provisioned)
        };
        let identity = Identity {
            id: IdentityId::new(&*self.ports.ids),
            user: user.id,
            provider: claims.provider.clone(),
            subject: claims.subject.clone(),
            email: claims.email.clone(),
            is_email_verified: claims.is_email_verified,
            created_at: now,
            updated_at: claims.issued_at.min(now),
        };
        unit.identities().insert(&identity).await?;
        let event = self.event(action, AuditActor::User(user.id), user.id, client);
        unit.audit().append(&event.with("provider", &claims.provider).with("identity", identity.id)).await?;
        unit.commit().await?;
        Ok(user)
    }

    /// `{sub}@placeholder.invalid`; where that is no address, or another provider's user has it, with the account's own
    /// id.
    async fn placeholder(&self, claims: &ExternalClaims, id: UserId) -> Result<Email, Error> {
        if let Ok(email) = Email::placeholder(&claims.subject)
            && self.ports.store.read().user_by(&Identifier::Email(email.clone())).await?.is_none()
        {
            return Ok(email);
        }
        Email::placeholder(&id.to_string()).map_err(|invalid| Error::Internal(invalid.to_string()))
    }

    /// Keeps what the provider tells now. An account that lives by the provider alone takes a changed address over, if
    /// nobody else has it.
    async fn up_to_date(
        &self,
        user: User,
        identity: Identity,
        claims: &ExternalClaims,
        client: &Client,
    ) -> Result<User, Error> {
        let is_known = identity.email == claims.email && identity.is_email_verified == claims.is_email_verified;
        // A token is good for a while: one from before the last change, at another device, tells what was.
        let is_old = claims.issued_at < identity.updated_at;
        // Whoever is not let in changes nothing either.
        let is_let_in = user.is_usable() && is_current(&user, claims.issued_at);
        if is_known || is_old || !is_let_in {
            return Ok(user);
        }
        match self.take_over(user.clone(), identity, claims, client).await {
            Ok(user) => Ok(user),
            // It is no reason to turn somebody away; the next request tries again.
            Err(Error::Conflict | Error::EmailTaken) => Ok(user),
            Err(error) => Err(error),
        }
    }

    async fn take_over(
        &self,
        mut user: User,
        identity: Identity,
        claims: &ExternalClaims,
        client: &Client,
    ) -> Result<User, Error> {
        let now = self.ports.clock.now();
        let was_from_there = user.password_hash.is_none()
            && (user.email.is_placeholder() || identity.email.as_ref() == Some(&user.email));
        let mut unit = self.ports.store.begin().await?;
        if let Some(email) = claims.email.as_ref().filter(|_| was_from_there) {
            let holder = self.ports.store.read().user_by(&Identifier::Email(email.clone())).await?;
            let is_free = match holder {
                None => true,
                Some(holder) if holder.id == user.id => true,
                Some(_) => claims.is_email_verified && self.release_claim(&mut *unit, email, client).await?,
            };
            if is_free {
                let event = |action| {
                    self.event(action, AuditActor::User(user.id), user.id, client).with("provider", &claims.provider)
                };
                let (changed, verified) = (event(AuditAction::EmailChanged), event(AuditAction::EmailVerified));
                if user.email != *email {
                    user.email = email.clone();
                    user.email_verified_at = None;
                    end_links(&mut *unit, user.id).await?;
                    unit.audit().append(&changed).await?;
                }
                if claims.is_email_verified && user.verify_email(now) {
                    unit.audit().append(&verified).await?;
                }
                user.updated_at = now;
                unit.users().update(&user).await?;
                user.version += 1;
            }
        }
        let told = Identity {
            email: claims.email.clone(),
            is_email_verified: claims.is_email_verified,
            updated_at: claims.issued_at.min(now),
            ..identity
        };
        unit.identities().update(&told).await?;
        unit.commit().await?;
        Ok(user)
    }
}

/// A name made of what the provider tells; after the first attempt with some digits of the account's id.
fn username(claims: &ExternalClaims, id: UserId, attempt: u32) -> Result<Username, Error> {
    let told = claims.email.as_ref().map(Email::local_part).or(claims.name.as_deref()).unwrap_or("learner");
    let letters = |c: char| if c.is_ascii_alphanumeric() { Some(c.to_ascii_lowercase()) } else { None };
    let mut name = String::new();
    for c in told.chars() {
        match letters(c) {
            Some(c) => name.push(c),
            None if !name.is_empty() && !name.ends_with('-') => name.push('-'),
            None => {}
        }
    }
    let chance = id.as_uuid().as_simple().to_string();
    name.truncate(Username::MAX - 9);
    let name = name.trim_end_matches('-');
    let plain = Username::parse(name).ok().filter(|_| attempt == 0);
    let numbered = || {
        let name = if name.is_empty() { "learner" } else { name };
        // Of a UUIDv7 the random parts.
        Username::parse(&format!("{name}-{}{}", &chance[13..16], &chance[27..]))
    };
    match plain {
        Some(username) => Ok(username),
        None => numbered().map_err(|invalid| Error::Internal(invalid.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use lyceum_domain::{ids::IdGenerator, users::ProviderName};
    use uuid::Uuid;

    use lyceum_domain::time::Timestamp;

    use super::*;

    struct OneId;

    impl IdGenerator for OneId {
        fn next(&self) -> Uuid {
            Uuid::from_u128(0x0199_0000_0000_7123_8000_0000_0004_5678)
        }
    }

    fn named(email: Option<&str>, name: Option<&str>, attempt: u32) -> String {
        let at = Timestamp::from_micros(0).unwrap();
        let claims = ExternalClaims {
            provider: ProviderName::parse("neon").unwrap(),
            subject: "1".to_owned(),
            email: email.map(|email| Email::parse(email).unwrap()),
            is_email_verified: false,
            name: name.map(str::to_owned),
            issued_at: at,
            expires_at: at,
        };
        username(&claims, UserId::new(&OneId), attempt).unwrap().to_string()
    }

    #[test]
    fn a_username_is_made_of_what_the_provider_tells() {
        assert_eq!(named(Some("ada.lovelace+x@example.com"), None, 0), "ada-lovelace-x");
        assert_eq!(named(Some("ada@example.com"), None, 1), "ada-12345678");
        assert_eq!(named(None, Some("Ada Lovelace"), 0), "ada-lovelace");
        assert_eq!(named(None, Some("Åda 明"), 0), "da-12345678");
        assert_eq!(named(None, Some("明"), 0), "learner-12345678");
        assert_eq!(named(None, None, 0), "learner");
        assert_eq!(named(Some("admin@example.com"), None, 0), "admin-12345678");
        assert_eq!(named(Some(&format!("{}@example.com", "a".repeat(60))), None, 3).len(), 32);
    }
}
