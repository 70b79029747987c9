//! Messages at rest.

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::masking;

/// The keys that messages are kept under. `Debug` and `Serialize` hide them.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
pub struct EncryptionSettings {
    /// `NAME:BASE64,NAME:BASE64,…`, the base64 of 32 bytes each: the first seals, all open. Default empty: messages are
    /// kept in clear. Use [`is_on`](Self::is_on).
    #[serde(serialize_with = "masking::secret")]
    pub keys: SecretString,
}

impl EncryptionSettings {
    /// Whether messages are sealed.
    pub fn is_on(&self) -> bool {
        !self.keys.expose_secret().trim().is_empty()
    }
}
