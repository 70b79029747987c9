//! The claims of a provider's token.

use std::{borrow::Cow, fmt, time::Duration};

use lyceum_domain::{
    sessions::{ExternalClaims, TokenError},
    time::Timestamp,
    users::Email,
};
use serde::{Deserialize, Deserializer, de::IgnoredAny};
use uuid::Uuid;

use super::settings::{ProviderSettings, Subject};
use crate::jws::{Audience, Text, check_object};

/// What is read. All may be missing, so that it can be said which is; what is not needed may be anything.
#[derive(Deserialize)]
struct Read<'a> {
    #[serde(borrow)]
    iss: Option<Text<'a>>,
    #[serde(borrow)]
    aud: Option<Audience<'a>>,
    #[serde(borrow)]
    sub: Option<Text<'a>>,
    iat: Option<NumericDate>,
    exp: Option<NumericDate>,
    nbf: Option<NumericDate>,
    #[serde(borrow)]
    role: Option<Lenient<'a>>,
    #[serde(borrow)]
    email: Option<Lenient<'a>>,
    #[serde(borrow)]
    name: Option<Lenient<'a>>,
    // Two spellings: that of Better Auth, and that of OpenID Connect.
    #[serde(borrow, rename = "emailVerified")]
    email_verified_camel: Option<Lenient<'a>>,
    #[serde(borrow)]
    email_verified: Option<Lenient<'a>>,
    #[serde(borrow)]
    banned: Option<Lenient<'a>>,
    #[serde(borrow)]
    is_anonymous: Option<Lenient<'a>>,
    #[serde(borrow, rename = "isAnonymous")]
    is_anonymous_camel: Option<Lenient<'a>>,
    #[serde(borrow)]
    is_restricted: Option<Lenient<'a>>,
    #[serde(borrow, rename = "isRestricted")]
    is_restricted_camel: Option<Lenient<'a>>,
}

/// A word, yes or no, or whatever is there.
#[derive(Deserialize)]
#[serde(untagged)]
enum Lenient<'a> {
    Flag(bool),
    #[serde(borrow)]
    Word(Cow<'a, str>),
    Else(IgnoredAny),
}

impl Lenient<'_> {
    fn word(&self) -> Option<&str> {
        if let Self::Word(word) = self { Some(word) } else { None }
    }
}

/// Seconds since 1970 as a JSON number, perhaps with a fraction (RFC 7519, section 2), inside of the calendar.
struct NumericDate(Timestamp);

impl<'de> Deserialize<'de> for NumericDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        let since = Duration::try_from_secs_f64(seconds).ok();
        let micros = since.and_then(|since| i64::try_from(since.as_micros()).ok());
        let at = micros.and_then(Timestamp::from_micros);
        at.map(Self).ok_or_else(|| serde::de::Error::custom("past the calendar"))
    }
}

/// What a token with a good signature says, if it is good at `now`.
pub(super) fn accept(json: &[u8], settings: &ProviderSettings, now: Timestamp) -> Result<ExternalClaims, TokenError> {
    let invalid = |reason: &str| TokenError::Invalid(reason.to_owned());
    check_object(json).map_err(|_| invalid("the claims are not a JSON object, or one stands twice"))?;
    let claims: Read = serde_json::from_slice(json)
        .map_err(|error| invalid(&format!("a claim before byte {} is of another type", error.column())))?;
    claims.check_parties(settings).map_err(|wrong| invalid(&wrong.to_string()))?;
    claims.check_standing(settings).map_err(invalid)?;

    let subject = claims.sub.as_ref().ok_or_else(|| invalid("`sub` is missing"))?.0.to_string();
    if !settings.subject.takes(&subject) {
        return Err(invalid("`sub` is not of the form that is set"));
    }
    let date = |date: &Option<NumericDate>, name: &str| {
        date.as_ref().map(|date| date.0).ok_or_else(|| invalid(&format!("`{name}` is missing")))
    };
    let issued_at = date(&claims.iat, "iat")?;
    let expires_at = date(&claims.exp, "exp")?;
    let soon = now.plus(settings.leeway);
    if issued_at > soon {
        return Err(invalid("`iat` lies in the future"));
    }
    if claims.nbf.as_ref().is_some_and(|date| date.0 > soon) {
        return Err(invalid("`nbf` lies in the future"));
    }
    if expires_at <= issued_at || expires_at.since(issued_at) > settings.max_lifetime {
        return Err(invalid("it lives too long, or not at all"));
    }
    // Last: what has expired was good once.
    if expires_at.plus(settings.leeway) <= now {
        return Err(TokenError::Expired);
    }
    let email = claims.email();
    Ok(ExternalClaims {
        provider: settings.name.clone(),
        subject,
        is_email_verified: email.is_some() && claims.is_email_verified(),
        email,
        name: claims.name(),
        issued_at,
        expires_at,
    })
}

/// A claim that stands for another party.
enum Wrong {
    Missing(&'static str),
    Foreign(&'static str),
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(name) => write!(f, "`{name}` is missing"),
            Self::Foreign(name) => write!(f, "`{name}` is another"),
        }
    }
}

impl Read<'_> {
    /// From whom and for whom.
    fn check_parties(&self, settings: &ProviderSettings) -> Result<(), Wrong> {
        if self.iss.as_ref().ok_or(Wrong::Missing("iss"))?.0 != settings.issuer {
            return Err(Wrong::Foreign("iss"));
        }
        let audience = self.aud.as_ref().ok_or(Wrong::Missing("aud"))?;
        let is_for_us = settings.audiences.iter().any(|ours| audience.names(ours));
        if is_for_us { Ok(()) } else { Err(Wrong::Foreign("aud")) }
    }

    /// Whether the provider itself treats its user as one. A mark that we do not understand counts as one.
    fn check_standing(&self, settings: &ProviderSettings) -> Result<(), &'static str> {
        let is_marked =
            |mark: &Option<Lenient<'_>>| mark.as_ref().is_some_and(|mark| !matches!(mark, Lenient::Flag(false)));
        if is_marked(&self.banned) {
            return Err("its user is banned");
        }
        if is_marked(&self.is_anonymous) || is_marked(&self.is_anonymous_camel) {
            return Err("its user is anonymous");
        }
        if is_marked(&self.is_restricted) || is_marked(&self.is_restricted_camel) {
            return Err("its user is restricted");
        }
        match &settings.required_role {
            Some(required) if self.role.as_ref().and_then(Lenient::word) != Some(required) => {
                Err("`role` is not the one that is set")
            }
            _ => Ok(()),
        }
    }

    /// An address that mail can be sent to.
    fn email(&self) -> Option<Email> {
        let word = self.email.as_ref().and_then(Lenient::word)?;
        Email::parse(word).ok().filter(|email| !email.is_placeholder())
    }

    /// Only if all that is said about it is a plain yes.
    fn is_email_verified(&self) -> bool {
        let mut said = [&self.email_verified, &self.email_verified_camel].into_iter().flatten().peekable();
        said.peek().is_some() && said.all(|said| matches!(said, Lenient::Flag(true)))
    }

    fn name(&self) -> Option<String> {
        let name = self.name.as_ref().and_then(Lenient::word)?.trim();
        (!name.is_empty()).then(|| name.to_owned())
    }
}

impl Subject {
    fn takes(self, subject: &str) -> bool {
        match self {
            Self::Text => !subject.chars().any(char::is_control) && (1..=255).contains(&subject.chars().count()),
            // Other ways to write the same one would be other subjects.
            Self::Uuid => subject.len() == 36 && Uuid::try_parse(subject).is_ok(),
        }
    }
}
