//! Identity providers whose tokens are verified with the keys that they publish (RFC 7517), as Neon Auth's are.

mod claims;
mod fetch;
mod key_cache;
mod settings;

use std::{collections::HashSet, sync::Arc};

use async_trait::async_trait;
use lyceum_domain::{
    sessions::{ExternalClaims, IdentityProviders, TokenError},
    time::Timestamp,
};
use serde::Deserialize;

use crate::jws::{Compact, Header, SignatureAlgorithm, Text};
use key_cache::KeyCache;

pub use settings::{KeyCacheSettings, ProviderSettings, ProviderSettingsError, Subject, TraceHeaders};

/// Verifies the tokens of identity providers. Make one and share it: all who share it share the keys.
///
/// A token is looked at if its `iss` is that of a provider, byte for byte. It is good if
///
/// * it has at most 8 KiB and three parts in base64url without padding, each written in the one canonical way;
/// * its header is an object without a `crit`, names no other type than `JWT`, one of the algorithms that are set, and a
///   key (`kid`) of this provider which is of that very algorithm; keys that the token itself brings or points to are
///   passed over (RFC 8725, section 3);
/// * the signature is right;
/// * no claim is there twice; `exp`, `iat`, `iss`, `aud` and `sub` are there; `aud` is or holds one that is set; times are
///   numbers, and neither `iat` nor `nbf` lies in the future beyond the leeway, nor `exp` in the past;
/// * it does not live longer than is set, has the role that is demanded, and is not that of somebody who is banned,
///   restricted or anonymous.
///
/// The keys are fetched once and kept; see [`KeyCacheSettings`] for when they are fetched again. A token whose key cannot
/// be had is [`TokenError::Unavailable`]: nobody knows whether it is good.
pub struct JwksProviders {
    providers: Vec<Provider>,
}

/// One provider, with its own keys.
struct Provider {
    settings: ProviderSettings,
    keys: Arc<KeyCache>,
}

impl JwksProviders {
    /// Checks the settings and makes the clients; asks nobody yet.
    pub fn new(all: Vec<ProviderSettings>) -> Result<Self, ProviderSettingsError> {
        let (mut names, mut issuers) = (HashSet::new(), HashSet::new());
        let mut providers = Vec::with_capacity(all.len());
        for settings in all {
            settings.check()?;
            if !names.insert(settings.name.clone()) || !issuers.insert(settings.issuer.clone()) {
                return Err(ProviderSettingsError::Twice { name: settings.name });
            }
            providers.push(Provider { keys: Arc::new(KeyCache::new(&settings)?), settings });
        }
        Ok(Self { providers })
    }

    /// Fetches the keys of all providers, so that the first token need not wait. Ends when each has answered or its
    /// time-out has passed; a provider that is away is no failure, and nobody has to wait for this.
    pub async fn warm(&self) {
        let flights: Vec<_> = self.providers.iter().filter_map(|provider| provider.keys.warm()).collect();
        for mut flight in flights {
            // An error says that the flight has landed.
            let _ = flight.changed().await;
        }
    }

    /// The provider that the token says it is from. Nothing of the token is trusted yet.
    fn named(&self, token: &Compact<'_>) -> Option<&Provider> {
        #[derive(Deserialize)]
        struct Issued<'a> {
            #[serde(borrow)]
            iss: Option<Text<'a>>,
        }
        let payload = token.decode_payload().ok()?;
        let issuer = serde_json::from_slice::<Issued>(&payload).ok()?.iss?;
        self.providers.iter().find(|provider| provider.settings.issuer == issuer.0)
    }
}

#[async_trait]
impl IdentityProviders for JwksProviders {
    async fn verify(&self, token: &str, now: Timestamp) -> Result<Option<ExternalClaims>, TokenError> {
        if self.providers.is_empty() {
            return Ok(None);
        }
        // What is no token is nobody's, so it is not refused here.
        let Ok(token) = Compact::parse(token) else { return Ok(None) };
        match self.named(&token) {
            Some(provider) => provider.verify(&token, now).await.map(Some),
            None => Ok(None),
        }
    }
}

impl Provider {
    async fn verify(&self, token: &Compact<'_>, now: Timestamp) -> Result<ExternalClaims, TokenError> {
        let invalid = |reason: &str| TokenError::Invalid(reason.to_owned());
        let header = token.decode_header().map_err(invalid)?;
        let header = Header::read(&header).map_err(invalid)?;
        if !header.is_of(&["JWT"]) {
            // Webhooks are signed with the same keys, and say `JWS`.
            return Err(invalid("the header names another type of token"));
        }
        // Before the keys are asked for: no fetch for what no key could make good.
        if !SignatureAlgorithm::named(&header.alg).is_some_and(|named| self.settings.algorithms.contains(&named)) {
            return Err(invalid("the header names an algorithm that is not allowed"));
        }
        let kid = header.kid().ok_or_else(|| invalid("the header names no key"))?;
        self.keys.get(kid).await?.check(&header, token).map_err(invalid)?;
        let payload = token.decode_payload().map_err(invalid)?;
        claims::accept(&payload, &self.settings, now)
    }
}
