//! Own tokens that are signed with a private key.

use std::sync::Arc;

use jsonwebtoken::{Algorithm, DecodingKey, Validation, jwk::JwkSet};
use lyceum_auth::{
    AccessTokenSettings, AccessTokenSettingsError, AccessTokenVerifier, JwtAccessTokens, KeyFileError, KeySetError,
    SignatureAlgorithm, SigningKey, UnfitKey,
};
use lyceum_domain::sessions::{AccessTokens, TokenError};
use serde_json::{Value, json};

use crate::{
    forge::*,
    keys::{self, pem},
};

fn key_set(tokens: &JwtAccessTokens) -> Value {
    serde_json::from_str(&tokens.key_set()).expect("JSON")
}

#[test]
fn what_is_signed_with_a_private_key_is_verified_with_the_published_one() {
    for pair in keys::ALL {
        let tokens = pair.tokens();
        let token = tokens.issue(&claims()).expect("issued");
        assert_eq!(tokens.verify(&token, at(NOW)).expect("good"), claims());
        let elsewhere = AccessTokenVerifier::from_key_set(&tokens.key_set(), "lyceum", "lyceum-api").expect("a set");
        assert_eq!(elsewhere.verify(&token, at(NOW)).expect("good"), claims());
        let late = elsewhere.verify(&token, claims().expires_at);
        assert!(matches!(late, Err(TokenError::Expired)), "{late:?}");
    }
}

#[test]
fn another_library_verifies_with_the_published_key() {
    for pair in keys::ALL {
        let tokens = pair.tokens();
        let set: JwkSet = serde_json::from_str(&tokens.key_set()).expect("a set");
        let token = tokens.issue(&claims()).expect("issued");
        let header = jsonwebtoken::decode_header(&token).expect("a header");
        let jwk = set.find(&header.kid.expect("a kid")).expect("the key");
        let mut validation = Validation::new(pair.name().parse::<Algorithm>().expect("an algorithm"));
        validation.set_issuer(&["lyceum"]);
        validation.set_audience(&["lyceum-api"]);
        validation.validate_exp = false; // Its clock is another.
        let key = DecodingKey::from_jwk(jwk).expect("a key");
        let read = jsonwebtoken::decode::<Value>(&token, &key, &validation).expect("good");
        assert_eq!(read.claims, payload());
    }
}

#[test]
fn a_key_is_published_with_its_public_members_alone() {
    for (pair, members) in [
        (keys::ED25519, &["alg", "crv", "kid", "kty", "use", "x"][..]),
        (keys::P256, &["alg", "crv", "kid", "kty", "use", "x", "y"]),
        (keys::RSA, &["alg", "e", "kid", "kty", "n", "use"]),
    ] {
        let set = key_set(&pair.tokens());
        let key = &set["keys"][0];
        let mut names: Vec<_> = key.as_object().expect("an object").keys().collect();
        names.sort();
        assert_eq!(names, members);
        assert_eq!((&key["alg"], &key["use"]), (&json!(pair.name()), &json!("sig")));
        assert_eq!(set["keys"].as_array().map(Vec::len), Some(1));
    }
    assert_eq!(key_set(&tokens()), json!({"keys": []}));
}

#[test]
fn previous_keys_verify_and_are_published_after_the_current_one() {
    let [old, older, newest] = keys::ALL;
    let settings = AccessTokenSettings {
        // A public one, a private one, and the current one once more.
        previous_keys: vec![old.public.into(), older.private.into(), newest.public.into()],
        ..newest.settings()
    };
    let tokens = JwtAccessTokens::new(&settings, Arc::new(OneId)).expect("good settings");
    let kids: Vec<_> =
        key_set(&tokens)["keys"].as_array().expect("keys").iter().map(|key| key["kid"].clone()).collect();
    assert_eq!(kids, [newest.kid(), old.kid(), older.kid()]);
    for pair in keys::ALL {
        let token = pair.tokens().issue(&claims()).expect("issued");
        assert_eq!(tokens.verify(&token, at(NOW)).expect("good"), claims());
    }
    let dropped = newest.tokens().verify(&old.tokens().issue(&claims()).expect("issued"), at(NOW));
    assert!(matches!(dropped, Err(TokenError::Invalid(_))), "{dropped:?}");
}

#[test]
fn a_house_that_leaves_its_secret_behind_takes_no_token_of_it() {
    let old = tokens().issue(&claims()).expect("issued");
    let settings = AccessTokenSettings { previous_keys: vec![keys::ED25519.public.into()], ..settings(SECRET) };
    let with_both = JwtAccessTokens::new(&settings, Arc::new(OneId)).expect("good settings");
    let signed = keys::ED25519.tokens().issue(&claims()).expect("issued");
    assert!(with_both.verify(&old, at(NOW)).is_ok() && with_both.verify(&signed, at(NOW)).is_ok());
    let refused = keys::ED25519.tokens().verify(&old, at(NOW));
    assert!(matches!(refused, Err(TokenError::Invalid(_))), "{refused:?}");
}

#[test]
fn private_keys_are_read_in_all_their_forms() {
    for (algorithm, pem) in [
        (SignatureAlgorithm::Es256, pem!("p256_sec1")),
        (SignatureAlgorithm::Es256, pem!("p256_with_parameters")),
        (SignatureAlgorithm::Rs256, pem!("rsa2048_pkcs1")),
    ] {
        let key = SigningKey::Pem { algorithm, pem: pem.into() };
        let tokens = JwtAccessTokens::new(&AccessTokenSettings::new(key, "i", "a"), Arc::new(OneId)).expect(pem);
        let token = tokens.issue(&claims()).expect("issued");
        assert_eq!(tokens.verify(&token, at(NOW)).expect("good"), claims());
    }
    let settings =
        AccessTokenSettings { previous_keys: vec![pem!("rsa2048_pkcs1.pub").into()], ..keys::P256.settings() };
    let tokens = JwtAccessTokens::new(&settings, Arc::new(OneId)).expect("good settings");
    assert!(tokens.verify(&keys::RSA.tokens().issue(&claims()).expect("issued"), at(NOW)).is_ok());
}

#[test]
fn keys_that_cannot_sign_are_refused_with_the_reason() {
    use SignatureAlgorithm::{EdDsa, Es256, Rs256};
    let refused = |algorithm, pem: &str| {
        let key = SigningKey::Pem { algorithm, pem: pem.into() };
        match AccessTokenVerifier::new(&AccessTokenSettings::new(key, "i", "a")) {
            Err(AccessTokenSettingsError::Key(error)) => error,
            other => panic!("{other:?}"),
        }
    };
    let twice = [keys::ED25519.private, keys::ED25519.other].concat();
    let broken = keys::ED25519.private.replace("MC4CAQAw", "MC4CAQAx");
    for (algorithm, pem, expected) in [
        (EdDsa, "", KeyFileError::NotPem),
        (EdDsa, "0123456789abcdef0123456789abcdef", KeyFileError::NotPem),
        (EdDsa, &twice, KeyFileError::Several),
        (EdDsa, &broken, KeyFileError::Key(UnfitKey::Malformed)),
        (EdDsa, pem!("ed25519_encrypted"), KeyFileError::Encrypted),
        (Rs256, pem!("rsa2048_encrypted"), KeyFileError::Encrypted),
        (EdDsa, pem!("ed25519.pub"), KeyFileError::Public),
        (Rs256, pem!("rsa2048_pkcs1.pub"), KeyFileError::Public),
        (Es256, pem!("ed25519"), KeyFileError::Algorithm { expected: Es256, found: EdDsa }),
        (EdDsa, pem!("rsa2048"), KeyFileError::Algorithm { expected: EdDsa, found: Rs256 }),
        (Es256, pem!("p384"), KeyFileError::Key(UnfitKey::Kind)),
        (Rs256, pem!("rsa1024"), KeyFileError::Key(UnfitKey::Size { bits: 1024 })),
    ] {
        assert_eq!(refused(algorithm, pem), expected);
    }
    let weak = AccessTokenSettings { previous_keys: vec![pem!("rsa1024.pub").into()], ..keys::RSA.settings() };
    assert_eq!(
        AccessTokenVerifier::new(&weak).err(),
        Some(AccessTokenSettingsError::PreviousKey {
            number: 1,
            problem: KeyFileError::Key(UnfitKey::Size { bits: 1024 })
        })
    );
}

#[test]
fn a_key_set_without_a_key_is_no_key_set() {
    let refused = |json: &str| AccessTokenVerifier::from_key_set(json, "lyceum", "lyceum-api").err();
    let none = KeySetError::NoneUsable { keys: 0, first: None };
    assert_eq!(refused(r#"{"keys":[]}"#), Some(AccessTokenSettingsError::KeySet(none)));
    assert_eq!(refused("<html>"), Some(AccessTokenSettingsError::KeySet(KeySetError::Malformed)));
    let good = keys::ED25519.tokens().key_set();
    assert!(AccessTokenVerifier::from_key_set(&good, "", "a").is_err());
    assert!(AccessTokenVerifier::from_key_set(&good, "i", "").is_err());
}

#[test]
fn nothing_prints_a_private_key() {
    for pair in keys::ALL {
        let printed = format!("{:?} {:?}", pair.settings(), pair.tokens());
        let body = pair.private.lines().nth(1).expect("a line");
        assert!(!printed.contains(body) && printed.contains(pair.name()), "{printed}");
    }
}
