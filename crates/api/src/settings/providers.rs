//! Identity providers whose tokens are taken.

use serde::{Deserialize, Serialize};
use url::Url;

/// One identity provider, under the name that the operator gave it: 1 to 32 lower-case letters, digits, `_` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct ProviderSettings {
    /// Where the provider is, as Neon Auth gives it (`https://…/auth`), without a slash at its end; the next three
    /// follow from it. Default empty: then they must be set.
    pub url: String,
    /// Where its keys are (RFC 7517). Default `{url}/.well-known/jwks.json`.
    pub jwks_url: String,
    /// `iss` of its tokens: this text and no other. Default the origin of `url`.
    pub issuer: String,
    /// `aud` of its tokens: one of these. Default the origin of `url`.
    pub audience: Vec<String>,
    /// The algorithms that its keys may have, at least one. Default `EdDSA`.
    pub algorithms: Vec<ProviderAlgorithm>,
    /// What the claim `role` must be; `none` in a file or variable for anything. Default `authenticated`, which Neon
    /// gives to all users and to nobody else.
    pub required_role: Option<String>,
    /// How far the provider's clock may differ, in seconds. Default 30.
    pub leeway_seconds: u64,
    /// Whether `sub` must be a UUID. Default `true`.
    pub subject_is_uuid: bool,
}

/// An algorithm of a provider's keys (RFC 7518, section 3.1; RFC 8037). None of them has a shared secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
pub enum ProviderAlgorithm {
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// RSA (PKCS #1 v1.5) with SHA-256.
    #[serde(rename = "RS256")]
    Rs256,
}

impl Default for ProviderSettings {
    fn default() -> Self {
        Self {
            url: String::new(),
            jwks_url: String::new(),
            issuer: String::new(),
            audience: Vec::new(),
            algorithms: vec![ProviderAlgorithm::EdDsa],
            required_role: Some("authenticated".to_owned()),
            leeway_seconds: 30,
            subject_is_uuid: true,
        }
    }
}

impl ProviderSettings {
    /// Fills in what follows from the URL, and says which keys those are. The path of the URL counts for the key set
    /// and not for the issuer.
    pub(super) fn derive(&mut self) -> Vec<&'static str> {
        while self.url.ends_with('/') {
            self.url.pop();
        }
        let mut derived = Vec::new();
        let Some(origin) = Url::parse(&self.url).ok().map(|url| url.origin()).filter(url::Origin::is_tuple) else {
            return derived;
        };
        if self.jwks_url.is_empty() {
            self.jwks_url = format!("{}/.well-known/jwks.json", self.url);
            derived.push("jwks_url");
        }
        if self.issuer.is_empty() {
            self.issuer = origin.ascii_serialization();
            derived.push("issuer");
        }
        if self.audience.is_empty() {
            self.audience = vec![origin.ascii_serialization()];
            derived.push("audience");
        }
        derived
    }
}
