//! The keys that verify our own tokens. Keys of identity providers never come here.

use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::ExposeSecret;
use serde_json::json;

use super::{
    key_file::{PrivateKey, read_public},
    settings::{AccessTokenSettings, AccessTokenSettingsError, SigningKey},
};
use crate::jws::{Compact, Found, Header, KeySet, KeySetError, PublicKey, SignatureAlgorithm};

/// What `typ` may say. RFC 9068 marks access tokens with the latter two.
const TYPES: [&str; 3] = ["JWT", "at+jwt", "application/at+jwt"];

/// All keys that verify our tokens.
pub(super) struct OwnKeys {
    /// Header and key of the tokens that we sign now: nearly all that come. Another service that was given a key set
    /// does not know which that is.
    current: Option<(String, Key)>,
    /// Those with a name, the current one among them.
    named: KeySet,
    /// As they are published.
    published: String,
}

#[expect(clippy::large_enum_variant, reason = "there is one, as long as the process lives")]
enum Key {
    Secret(hmac::Key),
    Public(Arc<PublicKey>),
}

impl Key {
    /// Whether the signature is the key's; the header was looked at before.
    fn verify(&self, token: &Compact<'_>) -> Result<(), &'static str> {
        let is_good = match self {
            Self::Secret(key) => {
                token.with_signature(|signature| hmac::verify(key, token.message.as_bytes(), signature).is_ok())?
            }
            Self::Public(key) => key.verify(token)?,
        };
        if is_good { Ok(()) } else { Err("the signature is wrong") }
    }
}

impl OwnKeys {
    pub(super) fn new(settings: &AccessTokenSettings) -> Result<Self, AccessTokenSettingsError> {
        let mut named = KeySet::default();
        let mut published = Vec::new();
        // A key that was left among the previous ones is not another.
        let mut name = |key: PublicKey| {
            let (kid, key) = (key.thumbprint(), Arc::new(key));
            if let Found::None = named.get(&kid) {
                published.push(key.to_jwk(&kid));
                named.add(kid.clone(), Arc::clone(&key));
            }
            (kid, key)
        };
        let current = match &settings.key {
            SigningKey::Hs256(secret) => {
                // Many other libraries write the same.
                let header = r#"{"alg":"HS256","typ":"JWT"}"#.to_owned();
                (header, Key::Secret(hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes())))
            }
            SigningKey::Pem { algorithm, pem } => {
                let key = PrivateKey::read(pem, *algorithm)?.public();
                let (kid, key) = name(key.map_err(super::KeyFileError::from)?);
                // A thumbprint needs no escapes.
                (format!(r#"{{"alg":"{algorithm}","kid":"{kid}","typ":"JWT"}}"#), Key::Public(key))
            }
        };
        for (pem, number) in settings.previous_keys.iter().zip(1..) {
            let key = read_public(pem);
            name(key.map_err(|problem| AccessTokenSettingsError::PreviousKey { number, problem })?);
        }
        let (header, key) = current;
        Ok(Self {
            current: Some((URL_SAFE_NO_PAD.encode(header), key)),
            named,
            published: json!({ "keys": published }).to_string(),
        })
    }

    /// Those that another instance of the house publishes.
    pub(super) fn from_key_set(json: &str) -> Result<Self, KeySetError> {
        let named = KeySet::parse(json.as_bytes(), &SignatureAlgorithm::ALL)?;
        Ok(Self { current: None, named, published: String::new() })
    }

    /// Whether the token has a signature of one of these keys. `Err` says why not, with nothing in it that came from
    /// the token: it is not known who wrote it.
    pub(super) fn verify(&self, token: &Compact<'_>) -> Result<(), &'static str> {
        match &self.current {
            // Our own header needs no reading.
            Some((header, key)) if header == token.header => key.verify(token),
            _ => self.verify_foreign(token),
        }
    }

    /// With the key that the token's header names, if it names the key's algorithm.
    fn verify_foreign(&self, token: &Compact<'_>) -> Result<(), &'static str> {
        let header = token.decode_header()?;
        let header = Header::read(&header)?;
        if !header.is_of(&TYPES) {
            return Err("the header names another type of token");
        }
        if header.alg == "HS256" {
            return match &self.current {
                // There is one secret; a name for it is passed over.
                Some((_, key @ Key::Secret(_))) => key.verify(token),
                _ => Err("the header names another algorithm"),
            };
        }
        match self.named.get(header.kid().ok_or("the header names no key")?) {
            Found::One(key) => key.check(&header, token),
            Found::Several => Err("the header names two keys"),
            Found::None => Err("the header names an unknown key"),
        }
    }

    /// The header of the tokens that we sign, encoded.
    pub(super) fn header(&self) -> &str {
        self.current.as_ref().map_or("", |(header, _)| header)
    }

    /// A JWK Set in JSON.
    pub(super) fn published(&self) -> &str {
        &self.published
    }

    /// For a look: what signs.
    pub(super) fn algorithm(&self) -> Option<&'static str> {
        self.current.as_ref().map(|(_, key)| match key {
            Key::Secret(_) => "HS256",
            Key::Public(key) => key.algorithm().as_str(),
        })
    }
}
