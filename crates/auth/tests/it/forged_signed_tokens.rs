//! Forgeries by somebody who knows the public keys, in all that a token says.

use lyceum_auth::SignatureAlgorithm;
use lyceum_domain::sessions::AccessTokens;
use serde_json::json;

use crate::{
    doors::{Door, houses},
    forge::{self, NOW, at, encode},
    key_server::{KeyServer, Reply},
    provider,
};

#[test]
fn a_token_that_nobody_spoilt_is_good() {
    for house in houses() {
        assert!(house.accepts(&house.good()));
        assert!(house.accepts(&house.with_member("typ", json!("JWT"))));
        assert!(house.accepts(&house.with_member("typ", json!("jwt"))));
        let at_jwt = house.with_member("typ", json!("at+jwt"));
        assert_eq!(house.accepts(&at_jwt), !matches!(house.door, Door::Provider(..)));
        // The newer name of the same algorithm (RFC 9864).
        let renamed = house.with_member("alg", json!("Ed25519"));
        assert_eq!(house.accepts(&renamed), house.pair.algorithm == SignatureAlgorithm::EdDsa);
    }
}

#[test]
fn a_kid_is_a_name_and_nothing_else() {
    for house in houses() {
        for kid in [
            json!(null),
            json!(""),
            json!(0),
            json!(7),
            json!(true),
            json!([house.pair.kid()]),
            json!({"kid": house.pair.kid()}),
            json!("../../../../dev/null"),
            json!("/proc/sys/kernel/randomize_va_space"),
            json!("x' UNION SELECT 'AA'; --"),
            json!("key.pem|whoami"),
            json!("https://attacker.example/jwks.json"),
            json!(format!("{} ", house.pair.kid())),
            json!(format!("{}\0", house.pair.kid())),
            json!(house.pair.kid().to_lowercase()),
            json!("k".repeat(257)),
            json!("k".repeat(4000)),
            json!("*"),
            json!("é"),
        ] {
            house.refuses(&house.with_member("kid", kid));
        }
        house.refuses(&house.with_header(&json!({"alg": house.pair.name()})));
        // The first token fetched the keys, the first unknown name asked once more, and the others were too many.
        if let Door::Provider(_, _, server) = &house.door {
            assert_eq!(server.requests(), 2);
        }
    }
}

#[test]
fn no_header_says_anything_twice_or_asks_for_more_than_we_know() {
    for house in houses() {
        let (alg, kid) = (house.pair.name(), house.pair.kid());
        for header in [
            format!(r#"{{"alg":"{alg}","kid":"{kid}","kid":"{kid}"}}"#),
            format!(r#"{{"alg":"{alg}","kid":"other","kid":"{kid}"}}"#),
            format!(r#"{{"alg":"{alg}","alg":"{alg}","kid":"{kid}"}}"#),
            format!(r#"{{"alg":"none","alg":"{alg}","kid":"{kid}"}}"#),
            format!(r#"{{"alg":"{alg}","\u0061lg":"none","kid":"{kid}"}}"#),
            format!(r#"{{"alg":"{alg}","kid":"{kid}","x":1,"x":1}}"#),
            format!(r#"["{alg}","{kid}"]"#),
            format!(r#"{{"alg":"{alg}","kid":"{kid}"}}{{}}"#),
            format!(r#"{{"alg":"{alg}","kid":"{kid}""#),
            String::from("\u{feff}") + &house.pair.header().to_string(),
        ] {
            house.refuses(&house.with_header_text(&header));
        }
        for crit in [json!(["exp"]), json!(["b64"]), json!([]), json!(null), json!("exp"), json!(["alg"])] {
            house.refuses(&house.with_member("crit", crit));
        }
        let header = json!({"alg": alg, "kid": kid, "b64": false, "crit": ["b64"]}).to_string();
        house.refuses(&house.with_header_text(&header));
        // Signed over the payload as it is (RFC 7797).
        let message = format!("{}.{}", encode(&header), house.payload);
        house.refuses(&format!("{message}.{}", house.pair.signature(&message)));
        for typ in ["JWS", "logout+jwt", "dpop+jwt", "JOSE", "", " JWT", "rt+jwt"] {
            house.refuses(&house.with_member("typ", json!(typ)));
        }
    }
}

#[test]
fn no_token_brings_its_key_or_says_where_it_is() {
    for house in houses() {
        let attacker = house.pair.other();
        let listener = KeyServer::start(Reply::keys(&[attacker.jwk()]));
        let mut renamed = attacker.jwk();
        renamed["kid"] = json!(house.pair.kid());
        let certificate = encode("certificate");
        for (name, value) in [
            ("jwk", attacker.jwk()),
            ("jwk", renamed),
            ("jku", json!(listener.url())),
            ("x5u", json!(listener.url())),
            ("x5c", json!([certificate])),
            ("kid", json!(listener.url())),
            ("iss", json!(listener.url())),
        ] {
            for kid in [attacker.kid(), house.pair.kid()] {
                let mut header = json!({"alg": attacker.name(), "kid": kid});
                header[name] = value.clone();
                house.refuses(&attacker.sign(&header.to_string(), &house.payload.to_string()));
            }
            // With the right key it does no harm, and nobody follows it.
            if !["kid", "iss"].contains(&name) {
                assert!(house.accepts(&house.with_member(name, value)));
            }
        }
        assert_eq!(listener.requests(), 0);
    }
}

#[test]
fn no_foreign_or_missing_party() {
    for house in houses() {
        let (iss, aud) = (house.payload["iss"].clone(), house.payload["aud"].clone());
        let iss = iss.as_str().expect("a text");
        for name in ["iss", "aud", "sub", "exp", "iat"] {
            let mut payload = house.payload.clone();
            payload.as_object_mut().expect("an object").remove(name);
            house.refuses(&house.with_payload(&payload.to_string()));
            house.refuses(&house.with_claim(name, json!(null)));
        }
        for value in [
            json!(format!("{iss}/")),
            json!(format!("{iss}/auth")),
            json!(format!("{iss}/.well-known/jwks.json")),
            json!(iss.to_uppercase()),
            json!(format!("{iss}:443")),
            json!(format!("{iss}.attacker.example")),
            json!(iss.replace("ep-x", "ep-branch").replace("lyceum", "lyceum-branch")),
            json!(format!(" {iss}")),
            json!(""),
            json!([iss]),
            json!([iss, "https://attacker.example"]),
            json!(7),
            json!({"iss": iss}),
        ] {
            house.refuses(&house.with_claim("iss", value));
        }
        let aud = aud.as_str().expect("a text");
        for value in [
            json!([]),
            json!(7),
            json!(""),
            json!(&aud[..aud.len() - 1]),
            json!(format!("{aud}2")),
            json!(aud.to_uppercase()),
            json!(["other"]),
            json!([[aud]]),
            json!([aud, 7]),
            json!({aud: true}),
            json!(format!("other {aud}")),
        ] {
            house.refuses(&house.with_claim("aud", value));
        }
        assert!(house.accepts(&house.with_claim("aud", json!(["other", aud]))));
        for value in [json!(""), json!(7), json!([house.payload["sub"]]), json!("1 OR 1=1"), json!("a".repeat(256))] {
            house.refuses(&house.with_claim("sub", value));
        }
    }
}

#[test]
fn no_time_that_is_not_one() {
    for house in houses() {
        for name in ["exp", "iat", "nbf"] {
            for number in [
                "\"1800000900\"",
                "\"\"",
                "-1",
                "-1e9",
                "1e308",
                "1e400",
                "9223372036854775807",
                "18446744073709551616",
                "true",
                "[1800000900]",
                "{}",
                "NaN",
                "Infinity",
            ] {
                let mut payload = house.payload.clone();
                payload[name] = json!("HERE");
                house.refuses(&house.with_payload(&payload.to_string().replace("\"HERE\"", number)));
            }
        }
        for (name, ahead) in [("iat", 301), ("nbf", 31)] {
            house.refuses(&house.with_claim(name, json!(NOW + ahead)));
            house.refuses(&house.with_claim(name, json!(NOW + 3600)));
        }
        let text = house.payload.to_string();
        let inner = text.trim_matches(['{', '}']);
        for twice in [
            "\"exp\":1900000000",
            "\"sub\":\"x\"",
            "\"role\":\"admin\"",
            "\"\\u0073ub\":\"x\"",
            "\"x\":{\"a\":1,\"a\":1}",
        ] {
            house.refuses(&house.with_payload(&format!("{{{inner},{twice}}}")));
        }
    }
}

#[test]
fn a_token_for_another_purpose_is_none() {
    let house_of =
        |is_own: bool| houses().into_iter().filter(move |house| matches!(house.door, Door::Provider(..)) != is_own);
    for house in house_of(true) {
        for kind in [json!("refresh"), json!("id"), json!(null), json!(["access"])] {
            house.refuses(&house.with_claim("type", kind));
        }
        // The same key, another instance.
        house.refuses(&house.with_claim("iss", json!("lyceum-staging")));
        // A provider's claims under our key.
        house.refuses(&house.with_payload(&provider::payload().to_string()));
    }
    for house in house_of(false) {
        // Our claims under the provider's key are ours to judge, and we do not have that key.
        house.refuses(&house.with_payload(&forge::payload().to_string()));
        let secret = forge::tokens();
        assert!(secret.verify(&house.with_payload(&forge::payload().to_string()), at(NOW)).is_err());
        // A webhook's signature, its payload put in.
        house.refuses(&house.with_member("typ", json!("JWS")));
        house.refuses(&format!("{}..{}", encode(&house.pair.header().to_string()), encode("x")));
    }
}

#[test]
fn no_other_form() {
    for house in houses() {
        let good = house.good();
        let parts: Vec<_> = good.split('.').collect();
        let [header, payload, signature] = parts[..] else { panic!("three parts") };
        let json = json!({"payload": payload, "signatures": [{"protected": header, "signature": signature}]});
        let flat = json!({"payload": payload, "protected": header, "signature": signature});
        for bad in [
            String::new(),
            "..".into(),
            format!("{header}.{payload}.{signature}."),
            format!("{header}.{payload}.{signature}.{signature}.{signature}"),
            format!("{header}.{payload}.{signature}.{signature}"),
            format!("{header}..{signature}"),
            format!("{header}.{payload}.{signature}="),
            format!("{header}.{payload}.{signature}=="),
            format!("{header}=.{payload}.{signature}"),
            format!("{header}.{payload}.{signature}A"),
            format!("{header}.{payload}.{signature}AAAA"),
            format!("{header}.{payload}.{}", &signature[1..]),
            format!("{header}.{payload}\n.{signature}"),
            format!("{header}.{payload}.{signature}\n"),
            format!(" {good}"),
            format!("{header}?.{payload}.{signature}"),
            format!("{header}.{payload}?.{signature}"),
            json.to_string(),
            flat.to_string(),
            encode(&good),
        ] {
            house.refuses(&bad);
        }
        // A token in a token.
        house.refuses(&house.pair.sign(&house.pair.header().to_string(), &good));
        let mut nested = house.pair.header();
        nested["cty"] = json!("JWT");
        house.refuses(&house.pair.sign(&nested.to_string(), &good));
        // A huge one, though well signed, and one just below.
        assert!(house.accepts(&house.with_claim("fill", json!("x".repeat(5_000)))));
        house.refuses(&house.with_claim("fill", json!("x".repeat(7_000))));
        house.refuses(&"a.".repeat(500_000));
        let deep = format!("{{\"x\":{}", "[".repeat(3000));
        house.refuses(&house.with_payload(&deep));
        house.refuses(&house.with_header_text(&deep));
    }
}
