//! A provider of identities, and its tokens.

use lyceum_auth::{JwksProviders, ProviderSettings, Subject};
use lyceum_domain::{
    sessions::{ExternalClaims, IdentityProviders, TokenError},
    users::ProviderName,
};
use serde_json::{Value, json};

use crate::{
    forge::{NOW, at},
    key_server::KeyServer,
    keys::Pair,
};

/// As Neon's: an origin without a path.
pub const ISSUER: &str = "https://ep-x.neonauth.example";
pub const SUBJECT: &str = "ef6c0720-ad04-48a9-b6e1-cc28b3a1a6f4";

pub fn settings(server: &KeyServer, pair: Pair) -> ProviderSettings {
    let name = ProviderName::parse("neon").expect("a name");
    ProviderSettings {
        algorithms: vec![pair.algorithm],
        required_role: Some("authenticated".to_owned()),
        subject: Subject::Uuid,
        ..ProviderSettings::new(name, server.url().parse().expect("an address"), ISSUER, ISSUER)
    }
}

pub fn providers(settings: ProviderSettings) -> JwksProviders {
    JwksProviders::new(vec![settings]).expect("good settings")
}

/// The claims of a good token, to be spoilt.
pub fn payload() -> Value {
    json!({
        "iat": NOW, "name": "Ada", "email": "ada@example.com", "emailVerified": true, "role": "authenticated",
        "createdAt": "2026-11-20T09:15:34.043Z", "banned": false, "banReason": null, "id": SUBJECT, "sub": SUBJECT,
        "exp": NOW + 900, "iss": ISSUER, "aud": ISSUER,
    })
}

/// A good token of this key.
pub fn token(pair: Pair) -> String {
    pair.sign(&pair.header().to_string(), &payload().to_string())
}

/// A token with that `kid`.
pub fn token_with_kid(pair: Pair, kid: &str) -> String {
    pair.sign(&json!({"alg": pair.name(), "kid": kid}).to_string(), &payload().to_string())
}

pub async fn verify(providers: &JwksProviders, token: &str) -> Result<Option<ExternalClaims>, TokenError> {
    providers.verify(token, at(NOW)).await
}

#[track_caller]
pub fn assert_good(verified: &Result<Option<ExternalClaims>, TokenError>) {
    assert!(matches!(verified, Ok(Some(claims)) if claims.subject == SUBJECT), "{verified:?}");
}

#[track_caller]
pub fn assert_invalid(verified: &Result<Option<ExternalClaims>, TokenError>) {
    assert!(matches!(verified, Err(TokenError::Invalid(_))), "{verified:?}");
}

#[track_caller]
pub fn assert_unavailable(verified: &Result<Option<ExternalClaims>, TokenError>) {
    let is_so = matches!(verified, Err(TokenError::Unavailable { retry_after }) if retry_after.as_secs() >= 1);
    assert!(is_so, "{verified:?}");
}
