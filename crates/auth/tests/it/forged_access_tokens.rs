//! Tokens that were never good.

use jsonwebtoken::Algorithm;
use lyceum_auth::AccessTokenVerifier;
use lyceum_domain::sessions::AccessTokens;
use serde_json::json;

use crate::forge::*;

fn good() -> String {
    tokens().issue(&claims()).expect("issued")
}

#[test]
fn no_algorithm_but_ours() {
    let payload = encode(&payload().to_string());
    for none in ["none", "None", "NONE", "nOnE", "", "HS256 ", "hs256"] {
        let header = encode(&json!({"alg": none, "typ": "JWT"}).to_string());
        assert_invalid(&format!("{header}.{payload}."));
        assert_invalid(&with_header(&json!({"alg": none}).to_string()));
    }
    for (name, algorithm) in [("HS384", Algorithm::HS384), ("HS512", Algorithm::HS512)] {
        let header = json!({"alg": name, "typ": "JWT"}).to_string();
        assert_invalid(&sign(&header, &self::payload().to_string(), SECRET, algorithm));
        // Named as ours, signed otherwise.
        assert_invalid(&sign(HEADER, &self::payload().to_string(), SECRET, algorithm));
    }
    for name in ["RS256", "ES256", "EdDSA", "PS256", "dir", "A128KW"] {
        assert_invalid(&with_header(&json!({"alg": name}).to_string()));
    }
}

#[test]
fn no_header_that_is_not_one() {
    for header in [
        "",
        "{}",
        "null",
        "[\"HS256\"]",
        "[\"HS256\",\"JWT\"]",
        "\"HS256\"",
        r#"{"alg":["HS256"]}"#,
        r#"{"alg":null}"#,
        r#"{"typ":"JWT"}"#,
        r#"{"alg":"HS256","alg":"HS256"}"#,
        r#"{"alg":"HS256","alg":"none"}"#,
        r#"{"alg":"HS256","\u0061lg":"none"}"#,
        r#"{"alg":"HS256","typ":"JWT","typ":"JWT"}"#,
        r#"{"alg":"HS256","kid":7}"#,
        r#"{"alg":"HS256","kid":""}"#,
        r#"{"alg":"HS256","kid":["a"]}"#,
        r#"{"alg":"HS256","kid":"a","kid":"a"}"#,
        r#"{"alg":"HS256","typ":"JWS"}"#,
        r#"{"alg":"HS256","typ":"logout+jwt"}"#,
        r#"{"alg":"HS256","typ":""}"#,
        r#"{"alg":"HS256","typ":7}"#,
        r#"{"alg":"HS256","crit":["exp"],"exp":1}"#,
        r#"{"alg":"HS256","crit":["b64"],"b64":false}"#,
        r#"{"alg":"HS256","crit":[]}"#,
        r#"{"alg":"HS256","crit":null}"#,
        r#"{"alg":"HS256"} x"#,
        r#"{"alg":"HS256""#,
    ] {
        assert_invalid(&with_header(header));
    }
}

#[test]
fn no_signature_but_ours() {
    assert_invalid(&sign(HEADER, &payload().to_string(), "fedcba9876543210fedcba9876543210", Algorithm::HS256));
    assert_invalid(&sign(HEADER, &payload().to_string(), "", Algorithm::HS256));
    let good = good();
    let (message, signature) = good.rsplit_once('.').expect("three parts");
    let other = tokens().issue(&lyceum_domain::sessions::AccessClaims { session: None, ..claims() }).expect("issued");
    let (other_message, other_signature) = other.rsplit_once('.').expect("three parts");
    assert_invalid(&format!("{message}.{other_signature}"));
    assert_invalid(&format!("{other_message}.{signature}"));
    for length in 0..signature.len() {
        assert_invalid(&format!("{message}.{}", &signature[..length]));
    }
}

#[test]
fn no_missing_claim() {
    for name in ["iss", "aud", "sub", "type", "iat", "exp"] {
        assert_eq!(assert_invalid(&without_claim(name)), format!("`{name}` is missing"));
        assert_invalid(&with_claim(name, json!(null)));
    }
}

#[test]
fn no_foreign_claim() {
    for (name, value) in [
        ("iss", json!("https://example.com")),
        ("iss", json!("lyceum ")),
        ("iss", json!("Lyceum")),
        ("iss", json!("")),
        ("iss", json!(["lyceum"])),
        ("iss", json!(["lyceum", "other"])),
        ("aud", json!("other")),
        ("aud", json!("lyceum-api2")),
        ("aud", json!([])),
        ("aud", json!(["other"])),
        ("aud", json!([["lyceum-api"]])),
        ("aud", json!(["lyceum-api", 7])),
        ("aud", json!({"lyceum-api": true})),
        ("type", json!("refresh")),
        ("type", json!("ACCESS")),
        ("type", json!("")),
        ("type", json!(["access"])),
        ("type", json!(true)),
        ("sub", json!("ada@example.com")),
        ("sub", json!("")),
        ("sub", json!(7)),
        ("sub", json!(USER.replace('-', ""))),
        ("sub", json!(format!("{{{USER}}}"))),
        ("sub", json!(format!(" {USER}"))),
        ("sub", json!([USER])),
        ("sid", json!("")),
        ("sid", json!("none")),
        ("sid", json!(7)),
        ("sid", json!([SESSION])),
    ] {
        assert_invalid(&with_claim(name, value));
    }
}

#[test]
fn no_time_that_is_not_one() {
    for name in ["iat", "exp", "nbf"] {
        for value in [
            "\"1900000000\"",
            "\"\"",
            "1800000000.5",
            "1.8e9",
            "-1",
            "-9223372036854775808",
            "9223372036854775807",
            "9223372036854",
            "18446744073709551615",
            "18446744073709551616",
            "1e400",
            "true",
            "[1900000000]",
            "{}",
        ] {
            let marked = with_claim_text(name, value);
            assert_invalid(&marked);
        }
    }
}

/// As [`with_claim`], for numbers that `serde_json` cannot hold.
fn with_claim_text(name: &str, value: &str) -> String {
    let mut payload = payload();
    payload[name] = json!("HERE");
    with_payload(&payload.to_string().replace("\"HERE\"", value))
}

#[test]
fn no_time_ahead() {
    for name in ["iat", "nbf"] {
        assert_invalid(&with_claim(name, json!(NOW + 600)));
        assert_invalid(&with_claim(name, json!(NOW + 100_000_000)));
    }
}

#[test]
fn no_claim_twice() {
    for (name, value) in payload().as_object().expect("an object") {
        if name == "jti" {
            continue; // It is not read.
        }
        let text = payload().to_string();
        let inner = text.trim_matches(['{', '}']);
        assert_invalid(&with_payload(&format!("{{{inner},\"{name}\":{value}}}")));
        assert_invalid(&with_payload(&format!("{{\"{name}\":null,{inner}}}")));
        // The same name, written otherwise.
        let escaped = format!("\\u{:04x}{}", u32::from(name.as_bytes()[0]), &name[1..]);
        assert_invalid(&with_payload(&format!("{{{inner},\"{escaped}\":{value}}}")));
    }
}

#[test]
fn no_claims_that_are_not_an_object() {
    let ours = format!(r#"["lyceum","lyceum-api","{USER}",null,"admin","access",{NOW},{},null]"#, NOW + 900);
    let deep = format!("{{\"x\":{}", "[".repeat(3000));
    for payload in ["", "null", "7", "[]", "{}", "\"\"", "{", &ours, &deep, &format!("{}{{}}", payload())] {
        assert_invalid(&with_payload(payload));
    }
}

#[test]
fn no_other_form() {
    let good = good();
    let parts: Vec<_> = good.split('.').collect();
    let [header, payload, signature] = parts[..] else { panic!("three parts") };
    for bad in [
        String::new(),
        ".".into(),
        "..".into(),
        "...".into(),
        "....".into(),
        header.into(),
        format!("{header}.{payload}"),
        format!("{header}.{payload}."),
        format!("{header}..{signature}"),
        format!(".{payload}.{signature}"),
        format!("{good}."),
        format!("{good}.."),
        format!(".{good}"),
        format!("{good}.{signature}"),
        format!("{header}.{payload}.{payload}.{signature}"),
        format!("{good}="),
        format!("{good}=="),
        format!("{header}=.{payload}.{signature}"),
        format!("{header}.{payload}=.{signature}"),
        format!(" {good}"),
        format!("{good} "),
        format!("{good}\n"),
        format!("{good}\0"),
        format!("{header}. {payload}.{signature}"),
        format!("Bearer {good}"),
        format!("\"{good}\""),
        format!("{good},{good}"),
        good.replace('.', ":"),
        good.replace('.', "%2E"),
        format!("{header}.{payload}.é"),
        "é.é.é".into(),
    ] {
        assert_invalid(&bad);
    }
}

#[test]
fn no_second_way_to_write_the_same_bytes() {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    // 32 bytes in 43 characters: the last one has two bits that mean nothing and have to be zero.
    let good = good();
    let (rest, last) = good.split_at(good.len() - 1);
    let index = ALPHABET.find(last).expect("base64url");
    assert_eq!(index % 4, 0);
    for other in 1..4 {
        assert_invalid(&format!("{rest}{}", &ALPHABET[index + other..=index + other]));
    }
    // The other alphabet of RFC 4648.
    let swapped = good.replace('-', "+").replace('_', "/");
    if swapped != good {
        assert_invalid(&swapped);
    }
}

#[test]
fn no_huge_token() {
    let size = |fill: usize| with_claim("fill", json!("x".repeat(fill)));
    assert!(verify(&size(5_000)).is_ok());
    let huge = size(7_000);
    assert!(huge.len() > AccessTokenVerifier::MAX_BYTES);
    assert_eq!(assert_invalid(&huge), "it is too long");
    assert_invalid(&"a.".repeat(1_000_000));
}

#[test]
fn no_reason_quotes_the_token() {
    for token in [
        with_claim("iss", json!("my-own-words")),
        with_claim("exp", json!("my-own-words")),
        with_claim("sub", json!("my-own-words")),
        with_header(r#"{"alg":"my-own-words"}"#),
        with_header(r#"{"alg":"HS256","typ":"my-own-words"}"#),
        with_header(r#"{"alg":"HS256","crit":"my-own-words"}"#),
        "my-own-words".into(),
        "my-own-words.my-own-words.my-own-words".into(),
    ] {
        let reason = assert_invalid(&token);
        assert!(!reason.contains("my-own-words"), "{reason}");
    }
}
