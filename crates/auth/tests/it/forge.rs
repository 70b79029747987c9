//! Makes tokens that Lyceum would not.

use std::{sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use lyceum_auth::{AccessTokenSettings, JwtAccessTokens, SigningKey};
use lyceum_domain::{
    ids::IdGenerator,
    sessions::{AccessClaims, AccessTokens, TokenError},
    time::Timestamp,
    users::Role,
};
use serde_json::{Value, json};
use uuid::Uuid;

pub const SECRET: &str = "0123456789abcdef0123456789abcdef";
pub const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;
pub const USER: &str = "01990000-0000-7000-8000-000000000001";
pub const SESSION: &str = "01990000-0000-7000-8000-000000000002";
/// In seconds since 1970.
pub const NOW: i64 = 1_800_000_000;

pub struct OneId;

impl IdGenerator for OneId {
    fn next(&self) -> Uuid {
        Uuid::from_u128(7)
    }
}

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000).expect("in the calendar")
}

pub fn settings(secret: &str) -> AccessTokenSettings {
    AccessTokenSettings::new(SigningKey::Hs256(secret.into()), "lyceum", "lyceum-api")
}

pub fn tokens() -> JwtAccessTokens {
    tokens_of(SECRET)
}

pub fn tokens_of(secret: &str) -> JwtAccessTokens {
    JwtAccessTokens::new(&settings(secret), Arc::new(OneId)).expect("good settings")
}

pub fn claims() -> AccessClaims {
    AccessClaims {
        user: USER.parse().expect("a UUID"),
        session: Some(SESSION.parse().expect("a UUID")),
        role: Role::Mentor,
        issued_at: at(NOW),
        expires_at: at(NOW).plus(Duration::from_mins(15)),
    }
}

/// The claims of a good token, to be spoilt.
pub fn payload() -> Value {
    json!({
        "iss": "lyceum", "aud": "lyceum-api", "sub": USER, "sid": SESSION, "role": "mentor", "type": "access",
        "iat": NOW, "exp": NOW + 900, "jti": "00000000-0000-0000-0000-000000000007",
    })
}

pub fn encode(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// Signs whatever is given.
pub fn sign(header: &str, payload: &str, secret: &str, algorithm: Algorithm) -> String {
    let message = format!("{}.{}", encode(header), encode(payload));
    let key = EncodingKey::from_secret(secret.as_bytes());
    let signature = crypto::sign(message.as_bytes(), &key, algorithm).expect("signed");
    format!("{message}.{signature}")
}

pub fn with_payload(payload: &str) -> String {
    sign(HEADER, payload, SECRET, Algorithm::HS256)
}

pub fn with_header(header: &str) -> String {
    sign(header, &payload().to_string(), SECRET, Algorithm::HS256)
}

/// A good token but for one claim.
pub fn with_claim(name: &str, value: Value) -> String {
    let mut payload = payload();
    payload[name] = value;
    with_payload(&payload.to_string())
}

pub fn without_claim(name: &str) -> String {
    let mut payload = payload();
    payload.as_object_mut().expect("an object").remove(name).expect("it was there");
    with_payload(&payload.to_string())
}

pub fn verify(token: &str) -> Result<AccessClaims, TokenError> {
    tokens().verify(token, at(NOW))
}

#[track_caller]
pub fn assert_invalid(token: &str) -> String {
    match verify(token) {
        Err(TokenError::Invalid(reason)) => reason,
        other => panic!("{token:?}: {other:?}"),
    }
}
