//! Accounts, tokens, cookies and passwords.

use std::{collections::BTreeMap, path::Path};

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{LockoutSettings, ProviderSettings, masking};

/// Accounts, tokens, cookies and passwords. `Debug` and `Serialize` hide the secret.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct AuthSettings {
    /// Whose accounts are taken. Default `both`.
    pub mode: AuthMode,
    /// How access tokens are signed. Default `HS256`.
    pub jwt_alg: JwtAlgorithm,
    /// The HS256 secret, at least 32 characters. Default empty: development and test make one, staging and production
    /// refuse to start, unless another algorithm signs.
    #[serde(serialize_with = "masking::secret")]
    pub jwt_secret: SecretString,
    /// The PEM file of the private key that signs, for algorithms other than HS256; from the working directory. Default
    /// empty. Use [`jwt_private_key_file`](Self::jwt_private_key_file).
    pub jwt_private_key_file: String,
    /// The PEM files of keys that signed before, and whose tokens are still good. Default none.
    pub jwt_previous_key_files: Vec<String>,
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
    /// Life of a token that resets a password, in seconds. Default 3600 (one hour).
    pub reset_ttl_seconds: u64,
    /// How long a refresh token that was used stays good for tabs that used it at the same time, in seconds. Default 10.
    pub refresh_grace_seconds: u64,
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
    /// API keys that one account may have. Default 20.
    pub max_api_keys: u32,
    /// How long a deleted account can be had back before it is erased, in days. Default 30.
    pub deletion_grace_days: u32,
    /// When failed sign-ins lock.
    pub lockout: LockoutSettings,
    /// Identity providers by name. Default none.
    #[serde(default)]
    pub providers: BTreeMap<String, ProviderSettings>,
}

/// Whose accounts are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthMode {
    /// Our own with their passwords, and those of identity providers.
    Both,
    /// Our own alone.
    Local,
    /// Those of identity providers alone.
    External,
}

/// How access tokens are signed (RFC 7518, section 3.1; RFC 8037).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
pub enum JwtAlgorithm {
    /// HMAC with SHA-256: who can verify can sign as well.
    #[serde(rename = "HS256")]
    Hs256,
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

impl JwtAlgorithm {
    /// Its name in a token's header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }

    /// Whether it signs with a private key, not with a shared secret.
    pub const fn is_asymmetric(self) -> bool {
        !matches!(self, Self::Hs256)
    }
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
            mode: AuthMode::Both,
            jwt_alg: JwtAlgorithm::Hs256,
            jwt_secret: SecretString::default(),
            jwt_private_key_file: String::new(),
            jwt_previous_key_files: Vec::new(),
            jwt_issuer: "lyceum".to_owned(),
            jwt_audience: "lyceum-api".to_owned(),
            access_ttl_seconds: 900,
            refresh_ttl_seconds: 1_209_600,
            verification_ttl_seconds: 86_400,
            reset_ttl_seconds: 3600,
            refresh_grace_seconds: 10,
            clock_skew_seconds: 5,
            bcrypt_cost: 12,
            hash_workers: 0,
            hash_queue: 32,
            hash_queue_timeout_seconds: 5,
            cookie_secure: true,
            cookie_domain: String::new(),
            cookie_same_site: SameSite::Lax,
            max_api_keys: 20,
            deletion_grace_days: 30,
            lockout: LockoutSettings::default(),
            providers: BTreeMap::new(),
        }
    }
}

impl AuthSettings {
    /// The file of the private key that signs, if there is one.
    pub fn jwt_private_key_file(&self) -> Option<&Path> {
        Some(Path::new(&self.jwt_private_key_file)).filter(|file| !file.as_os_str().is_empty())
    }

    /// `Domain` of cookies, if there is one.
    pub fn cookie_domain(&self) -> Option<&str> {
        Some(self.cookie_domain.as_str()).filter(|domain| !domain.is_empty())
    }
}
