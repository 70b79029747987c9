//! Private keys in PEM, made for these tests with `openssl genpkey`; `keys/` holds them.

use std::sync::Arc;

use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use lyceum_auth::{AccessTokenSettings, JwtAccessTokens, SignatureAlgorithm, SigningKey};
use lyceum_domain::sessions::AccessTokens;
use serde_json::{Value, json};

use crate::forge::{OneId, encode};

macro_rules! pem {
    ($name:literal) => {
        include_str!(concat!("keys/", $name, ".pem"))
    };
}
pub(crate) use pem;

/// A pair of keys for one algorithm, and another such private key.
#[derive(Debug, Clone, Copy)]
pub struct Pair {
    pub algorithm: SignatureAlgorithm,
    pub private: &'static str,
    pub public: &'static str,
    pub other: &'static str,
}

pub const ED25519: Pair = Pair {
    algorithm: SignatureAlgorithm::EdDsa,
    private: pem!("ed25519"),
    public: pem!("ed25519.pub"),
    other: pem!("ed25519_other"),
};
pub const P256: Pair = Pair {
    algorithm: SignatureAlgorithm::Es256,
    private: pem!("p256"),
    public: pem!("p256.pub"),
    other: pem!("p256_other"),
};
pub const RSA: Pair = Pair {
    algorithm: SignatureAlgorithm::Rs256,
    private: pem!("rsa2048"),
    public: pem!("rsa2048.pub"),
    other: pem!("rsa2048_other"),
};
pub const ALL: [Pair; 3] = [ED25519, P256, RSA];

impl Pair {
    pub fn name(self) -> &'static str {
        self.algorithm.as_str()
    }

    /// The other private key of the same kind.
    pub fn other(self) -> Self {
        Self { private: self.other, ..self }
    }

    /// What signs Lyceum's own tokens with it.
    pub fn settings(self) -> AccessTokenSettings {
        let key = SigningKey::Pem { algorithm: self.algorithm, pem: self.private.into() };
        AccessTokenSettings::new(key, "lyceum", "lyceum-api")
    }

    pub fn tokens(self) -> JwtAccessTokens {
        JwtAccessTokens::new(&self.settings(), Arc::new(OneId)).expect("good settings")
    }

    /// The public key as a JWK, with its thumbprint as `kid`.
    pub fn jwk(self) -> Value {
        let set: Value = serde_json::from_str(&self.tokens().key_set()).expect("JSON");
        set["keys"][0].clone()
    }

    pub fn kid(self) -> String {
        self.jwk()["kid"].as_str().expect("a text").to_owned()
    }

    pub fn header(self) -> Value {
        json!({"alg": self.name(), "kid": self.kid()})
    }

    /// The signature of a message, by another library than ours.
    pub fn signature(self, message: &str) -> String {
        let pem = self.private.as_bytes();
        let (key, algorithm) = match self.algorithm {
            SignatureAlgorithm::EdDsa => (EncodingKey::from_ed_pem(pem), Algorithm::EdDSA),
            SignatureAlgorithm::Es256 => (EncodingKey::from_ec_pem(pem), Algorithm::ES256),
            SignatureAlgorithm::Rs256 => (EncodingKey::from_rsa_pem(pem), Algorithm::RS256),
        };
        crypto::sign(message.as_bytes(), &key.expect("a key"), algorithm).expect("signed")
    }

    /// Signs whatever is given.
    pub fn sign(self, header: &str, payload: &str) -> String {
        let message = format!("{}.{}", encode(header), encode(payload));
        let signature = self.signature(&message);
        format!("{message}.{signature}")
    }
}
