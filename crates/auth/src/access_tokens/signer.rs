//! Signing, which needs the private key.

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    signature::{EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use lyceum_domain::sessions::TokenError;
use secrecy::ExposeSecret;

use super::{
    key_file::PrivateKey,
    settings::{AccessTokenSettingsError, SigningKey},
};

/// The key that signs.
#[expect(clippy::large_enum_variant, reason = "there is one, as long as the process lives")]
pub(super) enum Signer {
    Hs256(hmac::Key),
    EdDsa(Ed25519KeyPair),
    Es256(EcdsaKeyPair),
    Rs256(RsaKeyPair),
}

impl Signer {
    pub(super) fn new(key: &SigningKey) -> Result<Self, AccessTokenSettingsError> {
        Ok(match key {
            SigningKey::Hs256(secret) => {
                Self::Hs256(hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes()))
            }
            SigningKey::Pem { algorithm, pem } => match PrivateKey::read(pem, *algorithm)? {
                PrivateKey::Ed25519(pair) => Self::EdDsa(pair),
                PrivateKey::P256(pair) => Self::Es256(pair),
                PrivateKey::Rsa(pair) => Self::Rs256(pair),
            },
        })
    }

    /// Puts the signature of `token` behind it.
    pub(super) fn sign(&self, token: &mut String) -> Result<(), TokenError> {
        let message = token.as_bytes();
        let refused = |_| TokenError::Signing("the key does not sign".into());
        match self {
            Self::Hs256(key) => append(token, hmac::sign(key, message).as_ref()),
            Self::EdDsa(pair) => append(token, pair.try_sign(message).map_err(refused)?.as_ref()),
            Self::Es256(pair) => append(token, pair.sign(&SystemRandom::new(), message).map_err(refused)?.as_ref()),
            Self::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).map_err(refused)?;
                append(token, &signature);
            }
        }
        Ok(())
    }
}

fn append(token: &mut String, signature: impl AsRef<[u8]>) {
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, token);
}
