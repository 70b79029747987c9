//! Good tokens, and tokens that were good.

use std::{sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use lyceum_auth::{AccessTokenSettings, AccessTokenSettingsError, AccessTokenVerifier, SigningKey};
use lyceum_domain::{
    sessions::{AccessClaims, AccessTokens, TokenError},
    users::Role,
};
use serde_json::{Value, json};

use crate::forge::*;

#[test]
fn what_is_issued_is_verified() {
    for claims in [claims(), AccessClaims { session: None, role: Role::Admin, ..claims() }] {
        let token = tokens().issue(&claims).expect("issued");
        assert_eq!(verify(&token).expect("good"), claims);
    }
}

#[test]
fn a_token_has_the_documented_shape() {
    let token = tokens().issue(&claims()).expect("issued");
    let parts: Vec<Value> = token
        .split('.')
        .take(2)
        .map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON"))
        .collect();
    assert_eq!(parts, [json!({"alg": "HS256", "typ": "JWT"}), payload()]);
    assert!(token.len() < 512, "{}", token.len());

    let token = tokens().issue(&AccessClaims { session: None, ..claims() }).expect("issued");
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).expect("claims")).expect("base64url");
    assert_eq!(serde_json::from_slice::<Value>(&payload).expect("JSON").get("sid"), None);
}

#[test]
fn our_own_token_is_that_of_another_library() {
    // The same members in the order that other libraries write, so another signature.
    assert_eq!(verify(&with_payload(&payload().to_string())).expect("good"), claims());
}

#[test]
fn a_service_with_the_key_signs_as_it_likes() {
    let mut bare = payload();
    for name in ["sid", "role", "jti"] {
        bare.as_object_mut().expect("an object").remove(name);
    }
    let expected = AccessClaims { session: None, role: Role::Learner, ..claims() };
    assert_eq!(verify(&with_payload(&bare.to_string())).expect("good"), expected);
    bare["sid"] = Value::Null;
    assert_eq!(verify(&with_payload(&bare.to_string())).expect("good"), expected);

    for good in [
        with_claim("aud", json!(["other", "lyceum-api"])),
        with_claim("nbf", json!(NOW)),
        with_claim("tenant", json!({"a": [1, 2, {"b": null}]})),
        with_claim("sub", json!(USER.to_uppercase())),
        with_payload(&format!(" {} ", payload())),
        with_payload(&payload().to_string().replace("\"lyceum\"", "\"lyc\\u0065um\"")),
    ] {
        assert_eq!(verify(&good).expect("good"), claims());
    }
}

#[test]
fn headers_may_differ_where_it_does_not_matter() {
    for header in [
        r#"{"typ":"JWT","alg":"HS256"}"#,
        r#"{"alg":"HS256"}"#,
        r#"{"alg":"HS256","typ":"jwt"}"#,
        r#"{"alg":"HS256","typ":"at+jwt"}"#,
        r#"{"alg":"HS256","typ":"application/at+jwt"}"#,
        r#"{"alg":"HS256","kid":"2026-11"}"#,
        r#"{"alg":"HS256","kid":"7","jku":"https://example.com/keys","jwk":{"kty":"oct","k":"AAAA"}}"#,
        r#"{ "alg" : "HS256" }"#,
    ] {
        assert_eq!(verify(&with_header(header)).expect(header), claims());
    }
}

#[test]
fn an_unknown_role_is_the_least() {
    for (role, expected) in [
        (json!("admin"), Role::Admin),
        (json!("teacher"), Role::Mentor),
        (json!("root"), Role::Learner),
        (json!(null), Role::Learner),
        (json!(["admin"]), Role::Learner),
        (json!({"name": "admin"}), Role::Learner),
        (json!(7), Role::Learner),
    ] {
        assert_eq!(verify(&with_claim("role", role)).expect("good").role, expected);
    }
}

#[test]
fn a_token_ends_on_the_second() {
    let token = tokens().issue(&claims()).expect("issued");
    let end = claims().expires_at;
    let before = lyceum_domain::time::Timestamp::from_micros(end.as_micros() - 1).expect("in the calendar");
    assert!(tokens().verify(&token, before).is_ok());
    for late in [end, end.plus(Duration::from_secs(1)), end.plus(Duration::from_secs(1_000_000_000))] {
        assert!(matches!(tokens().verify(&token, late), Err(TokenError::Expired)));
    }
    assert!(matches!(verify(&with_claim("exp", json!(0))), Err(TokenError::Expired)));
}

#[test]
fn expired_is_only_what_was_good() {
    let late = at(NOW + 900);
    for bad in [with_claim("aud", json!("other")), with_claim("type", json!("refresh")), without_claim("sub")] {
        assert!(matches!(tokens().verify(&bad, late), Err(TokenError::Invalid(_))));
    }
}

#[test]
fn another_clock_may_be_ahead_a_little() {
    // The clock that signed may have been set back since: the session says what the token is worth.
    for (name, seconds) in [("iat", 300), ("nbf", 5)] {
        assert!(verify(&with_claim(name, json!(NOW + seconds))).is_ok());
        assert!(assert_invalid(&with_claim(name, json!(NOW + seconds + 1))).contains("future"));
    }
    let without_session = |iat: i64| {
        let mut payload = payload();
        payload["iat"] = json!(iat);
        payload.as_object_mut().expect("an object").remove("sid").expect("it was there");
        with_payload(&payload.to_string())
    };
    assert!(verify(&without_session(NOW + 5)).is_ok());
    assert!(assert_invalid(&without_session(NOW + 6)).contains("future"));
    let strict = AccessTokenSettings { leeway: Duration::ZERO, ..settings(SECRET) };
    let strict = AccessTokenVerifier::new(&strict).expect("good settings");
    assert!(strict.verify(&without_session(NOW + 1), at(NOW)).is_err());
}

#[test]
fn settings_that_are_not_safe_are_refused() {
    let refused = |settings: AccessTokenSettings| AccessTokenVerifier::new(&settings).map(|_| ());
    assert_eq!(refused(settings(&SECRET[1..])), Err(AccessTokenSettingsError::SecretTooShort { length: 31 }));
    let key = || SigningKey::Hs256(SECRET.into());
    assert_eq!(refused(AccessTokenSettings::new(key(), "", "a")), Err(AccessTokenSettingsError::NoIssuer));
    assert_eq!(refused(AccessTokenSettings::new(key(), "i", "")), Err(AccessTokenSettingsError::NoAudience));
}

#[test]
fn nothing_prints_the_key() {
    let tokens = Arc::new(tokens());
    let printed = format!("{tokens:?} {:?}", settings(SECRET));
    assert!(!printed.contains(SECRET) && printed.contains("lyceum-api"), "{printed}");
}
