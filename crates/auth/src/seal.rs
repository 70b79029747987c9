//! Texts that only whoever has the keys can read.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::{DecodeSliceError, Engine, engine::general_purpose::STANDARD};
use lyceum_domain::conversations::{Seal, SealError, Sealed};
use secrecy::{ExposeSecret, ExposeSecretMut, SecretBox, SecretString};
use thiserror::Error;

/// Bytes of a key.
const KEY_LEN: usize = 32;
/// The longest name of a key. Shorter than any key in base64, so that none is taken for a name.
const NAME_LEN: usize = 32;

/// AES-256-GCM (NIST SP 800-38D) with a random nonce of 96 bits for each text. `Debug` shows the names of the keys and
/// nothing else.
///
/// A sealed text is the base64 of nonce, ciphertext and tag (12 bytes, as many as the text has, 16 bytes), with the place
/// as associated data.
///
/// # Bounds
/// With random nonces one key may seal no more than 2³² texts (SP 800-38D, section 8.3): two of them having one nonce,
/// which would give both away, then stays less likely than one in four thousand million. Whoever writes more than four
/// thousand million messages, or wants to be far from that, puts a new key before the old one from time to time.
pub struct Aes256GcmSeal {
    /// Those that open; the first seals. Never empty.
    keys: Vec<(String, RandomizedNonceKey)>,
}

/// What is wrong with a list of keys. No message holds a part of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SealKeysError {
    /// There is none.
    #[error("there is no key")]
    Empty,
    /// It has no colon.
    #[error("key {number} of the list has no name: NAME:BASE64")]
    Unnamed {
        /// Which one, from 1.
        number: usize,
    },
    /// Its name cannot be one.
    #[error("the name of key {number} of the list is not 1 to 32 letters, digits, dots, _ and -")]
    Name {
        /// Which one, from 1.
        number: usize,
    },
    /// Another one has its name.
    #[error("key {number} of the list has the name of one before it")]
    SameName {
        /// Which one, from 1.
        number: usize,
    },
    /// It is no base64.
    #[error("key {number} of the list is not base64")]
    Base64 {
        /// Which one, from 1.
        number: usize,
    },
    /// It is too short or too long.
    #[error("key {number} of the list is not the base64 of 32 bytes")]
    Length {
        /// Which one, from 1.
        number: usize,
    },
    /// It is one byte over and over: somebody's placeholder.
    #[error("key {number} of the list is no random key")]
    Weak {
        /// Which one, from 1.
        number: usize,
    },
}

impl Aes256GcmSeal {
    /// Reads `name:base64,name:base64,…`: standard base64 of 32 random bytes each, as `openssl rand -base64 32` makes
    /// them. The first key seals, all open. White space around keys is dropped.
    ///
    /// # Errors
    /// The first fault.
    pub fn from_keys(list: &SecretString) -> Result<Self, SealKeysError> {
        let mut keys: Vec<(String, RandomizedNonceKey)> = Vec::new();
        let parts = list.expose_secret().split(',').map(str::trim).zip(1..);
        for (part, number) in parts.filter(|(part, _)| !part.is_empty()) {
            let (name, encoded) = part.split_once(':').ok_or(SealKeysError::Unnamed { number })?;
            let (name, encoded) = (name.trim(), encoded.trim());
            let is_fit = |c: u8| c.is_ascii_alphanumeric() || b".-_".contains(&c);
            if name.is_empty() || name.len() > NAME_LEN || !name.bytes().all(is_fit) {
                return Err(SealKeysError::Name { number });
            }
            if keys.iter().any(|(other, _)| other == name) {
                return Err(SealKeysError::SameName { number });
            }
            keys.push((name.to_owned(), read_key(encoded, number)?));
        }
        if keys.is_empty() { Err(SealKeysError::Empty) } else { Ok(Self { keys }) }
    }

    /// What was sealed, as bytes.
    fn open_bytes(&self, place: &[u8], sealed: &Sealed) -> Result<Vec<u8>, SealError> {
        let key = self.keys.iter().find(|(name, _)| *name == sealed.key);
        let (_, key) = key.ok_or_else(|| SealError::UnknownKey(sealed.key.clone()))?;
        let mut bytes = STANDARD.decode(&sealed.text).map_err(|_| SealError::Damaged)?;
        let Some((nonce, _)) = bytes.split_first_chunk::<NONCE_LEN>() else { return Err(SealError::Damaged) };
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let text = &mut bytes[NONCE_LEN..];
        let length = key.open_in_place(nonce, Aad::from(place), text).map_err(|_| SealError::Damaged)?.len();
        bytes.copy_within(NONCE_LEN..NONCE_LEN + length, 0);
        bytes.truncate(length);
        Ok(bytes)
    }
}

/// Reads one key; what was decoded is wiped.
fn read_key(encoded: &str, number: usize) -> Result<RandomizedNonceKey, SealKeysError> {
    let mut bytes = SecretBox::new(Box::new([0_u8; KEY_LEN]));
    match STANDARD.decode_slice(encoded, bytes.expose_secret_mut()) {
        Ok(KEY_LEN) => {}
        Ok(_) | Err(DecodeSliceError::OutputSliceTooSmall) => return Err(SealKeysError::Length { number }),
        Err(DecodeSliceError::DecodeError(_)) => return Err(SealKeysError::Base64 { number }),
    }
    let bytes = bytes.expose_secret();
    if bytes.iter().all(|byte| *byte == bytes[0]) {
        return Err(SealKeysError::Weak { number });
    }
    RandomizedNonceKey::new(&AES_256_GCM, bytes).map_err(|_| SealKeysError::Length { number })
}

impl Seal for Aes256GcmSeal {
    fn seal(&self, place: &[u8], text: &str) -> Result<Sealed, SealError> {
        let (name, key) = self.keys.first().ok_or(SealError::Failed)?;
        let mut sealed = Vec::with_capacity(text.len() + AES_256_GCM.tag_len());
        sealed.extend_from_slice(text.as_bytes());
        let nonce = key.seal_in_place_append_tag(Aad::from(place), &mut sealed).map_err(|_| SealError::Failed)?;
        sealed.splice(..0, *nonce.as_ref());
        Ok(Sealed { key: name.clone(), text: STANDARD.encode(sealed) })
    }

    fn open(&self, place: &[u8], sealed: &Sealed) -> Result<String, SealError> {
        String::from_utf8(self.open_bytes(place, sealed)?).map_err(|_| SealError::Damaged)
    }

    fn key(&self) -> &str {
        self.keys.first().map_or("", |(name, _)| name)
    }
}

impl fmt::Debug for Aes256GcmSeal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.keys.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Aes256GcmSeal").field("keys", &names).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
