//! Whose tokens are taken, and which of them.

use std::{ops::RangeInclusive, time::Duration};

use lyceum_domain::users::ProviderName;
use thiserror::Error;
use url::{Host, Url};

use crate::jws::SignatureAlgorithm;

/// An identity provider, and which of its tokens are taken.
#[derive(Debug, Clone)]
pub struct ProviderSettings {
    /// What the house calls it.
    pub name: ProviderName,
    /// Where its keys are: `https`, or `http` on this very machine.
    pub jwks_url: Url,
    /// `iss`: this text and no other.
    pub issuer: String,
    /// `aud`: one of these, or a list with one of them. A provider's other customers, and copies of it, may sign with the
    /// same keys; this tells them apart.
    pub audiences: Vec<String>,
    /// The algorithms that are taken, each with keys of its own kind alone.
    pub algorithms: Vec<SignatureAlgorithm>,
    /// What `role` has to be.
    pub required_role: Option<String>,
    /// What `sub` has to be.
    pub subject: Subject,
    /// How far the provider's clock may be from ours.
    pub leeway: Duration,
    /// The longest time from `iat` to `exp`. No sign-out and no ban is seen before the token ends.
    pub max_lifetime: Duration,
    /// How its keys are kept.
    pub cache: KeyCacheSettings,
    /// Says of which trace a fetch of its keys is part, where the fetch begins; none if `None`.
    pub trace: Option<TraceHeaders>,
}

/// Names and values of headers that say of which trace the caller is part (W3C Trace Context); empty for none.
pub type TraceHeaders = fn() -> Vec<(&'static str, String)>;

/// The form of `sub`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Subject {
    /// 1 to 255 characters.
    Text,
    /// A UUID, hyphenated.
    Uuid,
}

/// When a provider's keys are fetched, and for how long they are good.
///
/// There is never more than one fetch at a time. When four fifths of the keys' time have passed, the next token begins
/// one and does not wait for it; when all of it has passed, tokens wait. As long as the provider is away, the keys that
/// there are stay good until `max_age`, and the provider is asked less and less often. An answer that is broken or has no
/// key counts as none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyCacheSettings {
    /// How long keys are good if the answer does not say (`Cache-Control: max-age`, RFC 9111).
    pub lifetime: Duration,
    /// The least and the most that an answer can say.
    pub lifetime_bounds: RangeInclusive<Duration>,
    /// A token may name a key that was made just now: then the keys are fetched again, but at most once in this time,
    /// however many tokens ask.
    pub unknown_key_cooldown: Duration,
    /// How long to leave the provider alone after a failure; doubled by each further one, up to the last.
    pub retry_delays: RangeInclusive<Duration>,
    /// How long keys are good at all while the provider is away.
    pub max_age: Duration,
    /// To connect.
    pub connect_timeout: Duration,
    /// From the first byte sent to the last one received.
    pub timeout: Duration,
}

impl Default for KeyCacheSettings {
    /// 5 minutes, if the answer does not say another time from 1 minute to 1 hour; once in 30 s for unknown keys; 1 s to
    /// 1 minute after failures; a day at most; 2 s to connect, and 5 s in all.
    fn default() -> Self {
        Self {
            lifetime: Duration::from_mins(5),
            lifetime_bounds: Duration::from_mins(1)..=Duration::from_hours(1),
            unknown_key_cooldown: Duration::from_secs(30),
            retry_delays: Duration::from_secs(1)..=Duration::from_mins(1),
            max_age: Duration::from_hours(24),
            connect_timeout: Duration::from_secs(2),
            timeout: Duration::from_secs(5),
        }
    }
}

/// Settings that no token can be trusted with.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProviderSettingsError {
    /// Neither `https`, nor `http` on this machine; or with a user's name in it.
    #[error(
        "identity provider {name}: the address of the keys has to be https (http on this machine alone), without a user"
    )]
    Address {
        /// The provider.
        name: ProviderName,
    },
    /// No issuer, audience or algorithm, or an empty one.
    #[error("identity provider {name}: {what} is missing")]
    Missing {
        /// The provider.
        name: ProviderName,
        /// What is missing.
        what: &'static str,
    },
    /// A time that cannot be kept.
    #[error("identity provider {name}: {what} has to be longer")]
    Time {
        /// The provider.
        name: ProviderName,
        /// Which.
        what: &'static str,
    },
    /// Two providers with the same name or issuer.
    #[error("identity provider {name}: another one has the same name or issuer")]
    Twice {
        /// The second.
        name: ProviderName,
    },
    /// The base is no address that others could be made from.
    #[error("the base address of an identity provider has to be an https address")]
    Base,
    /// No client could be made.
    #[error("the HTTP client cannot be made")]
    Client(#[source] reqwest::Error),
}

impl ProviderSettings {
    /// A provider of which nothing special is known: `EdDSA` alone, any role, any subject; 30 s between the clocks, and
    /// tokens that live an hour at most.
    pub fn new(name: ProviderName, jwks_url: Url, issuer: impl Into<String>, audience: impl Into<String>) -> Self {
        Self {
            name,
            jwks_url,
            issuer: issuer.into(),
            audiences: vec![audience.into()],
            algorithms: vec![SignatureAlgorithm::EdDsa],
            required_role: None,
            subject: Subject::Text,
            leeway: Duration::from_secs(30),
            max_lifetime: Duration::from_hours(1),
            cache: KeyCacheSettings::default(),
            trace: None,
        }
    }

    /// Neon Auth at `base`, such as `https://ep-x.neonauth.eu-central-1.aws.neon.tech/neondb/auth`, with the name `neon`.
    ///
    /// The keys are at `base` + `/.well-known/jwks.json`; issuer and audience are the origin of `base`, without its path.
    /// `role` has to be `authenticated`, since there are anonymous tokens, and `sub` a UUID.
    pub fn neon(base: &Url) -> Result<Self, ProviderSettingsError> {
        let name = ProviderName::parse("neon").map_err(|_| ProviderSettingsError::Base)?;
        let origin = base.origin();
        if !origin.is_tuple() {
            return Err(ProviderSettingsError::Base);
        }
        let origin = origin.ascii_serialization();
        let mut jwks_url = base.clone();
        jwks_url.set_path(&format!("{}/.well-known/jwks.json", base.path().trim_end_matches('/')));
        jwks_url.set_query(None);
        jwks_url.set_fragment(None);
        Ok(Self {
            required_role: Some("authenticated".to_owned()),
            subject: Subject::Uuid,
            ..Self::new(name, jwks_url, origin.clone(), origin)
        })
    }

    /// Whether tokens can be trusted with these.
    pub(super) fn check(&self) -> Result<(), ProviderSettingsError> {
        let name = || self.name.clone();
        let is_safe = match self.jwks_url.scheme() {
            "https" => true,
            "http" => is_loopback(&self.jwks_url),
            _ => false,
        };
        if !is_safe || !self.jwks_url.username().is_empty() || self.jwks_url.password().is_some() {
            return Err(ProviderSettingsError::Address { name: name() });
        }
        for (is_missing, what) in [
            (self.issuer.is_empty(), "the issuer"),
            (self.audiences.is_empty() || self.audiences.iter().any(String::is_empty), "the audience"),
            (self.algorithms.is_empty(), "the algorithm"),
            (self.required_role.as_ref().is_some_and(String::is_empty), "the role"),
        ] {
            if is_missing {
                return Err(ProviderSettingsError::Missing { name: name(), what });
            }
        }
        let cache = &self.cache;
        for (time, what) in [
            (self.max_lifetime, "the longest life of a token"),
            (cache.lifetime, "the life of the keys"),
            (*cache.lifetime_bounds.start(), "the shortest life of the keys"),
            (*cache.retry_delays.start(), "the first delay"),
            (cache.connect_timeout, "the time to connect"),
            (cache.timeout, "the time for an answer"),
        ] {
            if time.is_zero() {
                return Err(ProviderSettingsError::Time { name: name(), what });
            }
        }
        if cache.lifetime_bounds.is_empty() || cache.retry_delays.is_empty() {
            return Err(ProviderSettingsError::Time { name: name(), what: "the longest life of the keys, or delay," });
        }
        Ok(())
    }
}

/// Whether an address is on this very machine, so that nobody can listen.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("an address")
    }

    #[test]
    fn all_follows_from_neons_base() {
        for base in ["https://ep-x.c-3.neon.tech/neondb/auth", "https://EP-x.c-3.neon.tech:443/neondb/auth/?a=b#c"] {
            let settings = ProviderSettings::neon(&url(base)).expect("settings");
            assert_eq!(settings.jwks_url.as_str(), "https://ep-x.c-3.neon.tech/neondb/auth/.well-known/jwks.json");
            assert_eq!(settings.issuer, "https://ep-x.c-3.neon.tech");
            assert_eq!(settings.audiences, ["https://ep-x.c-3.neon.tech"]);
            assert!(settings.check().is_ok());
        }
        let settings = ProviderSettings::neon(&url("http://127.0.0.1:4455/neondb/auth")).expect("settings");
        assert_eq!(settings.issuer, "http://127.0.0.1:4455");
        assert!(matches!(ProviderSettings::neon(&url("data:x")), Err(ProviderSettingsError::Base)));
    }

    #[test]
    fn keys_come_over_https_or_from_this_machine() {
        let name = ProviderName::parse("x").expect("a name");
        let check = |text: &str| ProviderSettings::new(name.clone(), url(text), "i", "a").check();
        for good in ["https://example.com/jwks", "http://localhost:1/", "http://127.9.9.9/", "http://[::1]:3/"] {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in [
            "http://example.com/jwks",
            "http://localhost.example.com/",
            "http://10.0.0.1/",
            "http://0.0.0.0/",
            "ftp://localhost/",
            "file:///etc/passwd",
            "https://user@example.com/",
            "https://:secret@example.com/",
        ] {
            assert!(matches!(check(bad), Err(ProviderSettingsError::Address { .. })), "{bad}");
        }
    }

    #[test]
    fn nothing_may_be_missing() {
        let good = ProviderSettings::neon(&url("https://example.com")).expect("settings");
        let none = Duration::ZERO;
        let bad = [
            ProviderSettings { issuer: String::new(), ..good.clone() },
            ProviderSettings { audiences: vec![], ..good.clone() },
            ProviderSettings { audiences: vec!["a".to_owned(), String::new()], ..good.clone() },
            ProviderSettings { algorithms: vec![], ..good.clone() },
            ProviderSettings { required_role: Some(String::new()), ..good.clone() },
            ProviderSettings { max_lifetime: none, ..good.clone() },
            ProviderSettings { cache: KeyCacheSettings { timeout: none, ..good.cache.clone() }, ..good.clone() },
            ProviderSettings { cache: KeyCacheSettings { lifetime: none, ..good.cache.clone() }, ..good.clone() },
        ];
        for bad in bad {
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }
}
