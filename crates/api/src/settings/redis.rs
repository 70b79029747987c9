//! What several servers share beside the database.

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::masking;

/// Redis, where several servers count requests together; without it each counts for itself. `Debug` and `Serialize` hide
/// the password.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct RedisSettings {
    /// `redis://user:password@host:port/0`, or `rediss://…` for TLS; empty for none. Default empty.
    #[serde(serialize_with = "masking::url")]
    pub url: SecretString,
    /// What the names of all keys begin with. Default `lyceum`.
    pub key_prefix: String,
    /// The longest time for a connection to come up, in milliseconds. Default 1000.
    pub connect_timeout_milliseconds: u64,
    /// The longest time for one answer, in milliseconds. Default 250.
    pub response_timeout_milliseconds: u64,
}

impl Default for RedisSettings {
    fn default() -> Self {
        Self {
            url: SecretString::default(),
            key_prefix: "lyceum".to_owned(),
            connect_timeout_milliseconds: 1000,
            response_timeout_milliseconds: 250,
        }
    }
}

impl RedisSettings {
    /// Whether there is one.
    pub fn is_set(&self) -> bool {
        !self.url.expose_secret().is_empty()
    }
}
