//! Tokens, cookies and passwords.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::masking;

/// Tokens, cookies and passwords. `Debug` and `Serialize` hide the secret.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct AuthSettings {
    /// The HS256 secret, at least 32 characters in production. Default empty: development and test make one, staging
    /// and production refuse to start.
    #[serde(serialize_with = "masking::secret")]
    pub jwt_secret: SecretString,
    /// `iss` of access tokens. Default `lyceum`.
    pub jwt_issuer: String,
    /// `aud` of access tokens. Default `lyceum-api`.
    pub jwt_audience: String,
    /// Life of an access token, in seconds. Default 900 (15 minutes).
    pub access_ttl_seconds: u64,
    /// Life of a refresh token, in seconds. Default `1_209_600` (14 days).
    pub refresh_ttl_seconds: u64,
    /// Life of an e-mail verification token, in seconds. Default `86_400` (one day).
    pub verification_ttl_seconds: u64,
    /// How far clocks may differ when tokens are checked, in seconds. Default 5.
    pub clock_skew_seconds: u64,
    /// bcrypt cost, a power of two; below 10 only in test. Default 12, in test 4.
    pub bcrypt_cost: u32,
    /// Passwords hashed at the same time; 0 for a number that fits the cores. Default 0.
    pub hash_workers: usize,
    /// Passwords that may wait to be hashed. Default 32.
    pub hash_queue: usize,
    /// The longest wait of a password to be hashed, in seconds. Default 5.
    pub hash_queue_timeout_seconds: u64,
    /// Whether cookies are sent over HTTPS only. Default `true`, in development and test `false`.
    pub cookie_secure: bool,
    /// `Domain` of cookies; empty for this host only. Default empty. Use [`cookie_domain`](Self::cookie_domain).
    pub cookie_domain: String,
    /// `SameSite` of cookies. Default `lax`.
    pub cookie_same_site: SameSite,
}

/// When a browser sends cookies along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SameSite {
    /// From this site, and when a link leads here.
    Lax,
    /// From this site only.
    Strict,
    /// From everywhere; needs secure cookies.
    None,
}

impl Default for AuthSettings {
    fn default() -> Self {
        Self {
            jwt_secret: SecretString::default(),
            jwt_issuer: "lyceum".to_owned(),
            jwt_audience: "lyceum-api".to_owned(),
            access_ttl_seconds: 900,
            refresh_ttl_seconds: 1_209_600,
            verification_ttl_seconds: 86_400,
            clock_skew_seconds: 5,
            bcrypt_cost: 12,
            hash_workers: 0,
            hash_queue: 32,
            hash_queue_timeout_seconds: 5,
            cookie_secure: true,
            cookie_domain: String::new(),
            cookie_same_site: SameSite::Lax,
        }
    }
}

impl AuthSettings {
    /// `Domain` of cookies, if there is one.
    pub fn cookie_domain(&self) -> Option<&str> {
        Some(self.cookie_domain.as_str()).filter(|domain| !domain.is_empty())
    }
}
