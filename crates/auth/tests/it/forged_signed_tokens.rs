//! Forgeries by somebody who knows the public keys, against all that verify with one: Lyceum itself, another service
//! with Lyceum's key set, and Lyceum with the keys of a provider.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::Algorithm;
use lyceum_auth::{AccessTokenVerifier, JwksProviders, SignatureAlgorithm};
use lyceum_domain::sessions::{AccessTokens, TokenError};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::{
    forge::{self, NOW, at, encode},
    key_server::{KeyServer, Reply},
    keys::{self, Pair},
    provider,
};

enum Door {
    Own(Box<dyn AccessTokens>),
    Elsewhere(Box<AccessTokenVerifier>),
    Provider(Box<JwksProviders>, Runtime, KeyServer),
}

/// Who verifies, with which key, and the claims of a good token.
struct House {
    door: Door,
    pair: Pair,
    payload: Value,
}

fn houses() -> Vec<House> {
    let mut houses = Vec::new();
    for pair in keys::ALL {
        let tokens = pair.tokens();
        let set = tokens.key_set();
        let elsewhere = AccessTokenVerifier::from_key_set(&set, "lyceum", "lyceum-api").expect("a key set");
        let server = KeyServer::start(Reply::ok(set));
        let providers = provider::providers(provider::settings(&server, pair));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        houses.push(House { door: Door::Own(Box::new(tokens)), pair, payload: forge::payload() });
        houses.push(House { door: Door::Elsewhere(Box::new(elsewhere)), pair, payload: forge::payload() });
        let door = Door::Provider(Box::new(providers), runtime, server);
        houses.push(House { door, pair, payload: provider::payload() });
    }
    houses
}

impl House {
    /// Whether the token gets in. Fails if it is refused for another reason than itself.
    #[track_caller]
    fn accepts(&self, token: &str) -> bool {
        let verified = match &self.door {
            Door::Own(tokens) => tokens.verify(token, at(NOW)).map(|_| true),
            Door::Elsewhere(verifier) => verifier.verify(token, at(NOW)).map(|_| true),
            // Nobody's, so it goes to Lyceum's own keys.
            Door::Provider(providers, runtime, _) => {
                runtime.block_on(provider::verify(providers, token)).map(|claims| claims.is_some())
            }
        };
        match verified {
            Ok(is_accepted) => is_accepted,
            Err(TokenError::Invalid(_)) => false,
            Err(other) => panic!("{token:?}: {other:?}"),
        }
    }

    #[track_caller]
    fn refuses(&self, token: &str) {
        assert!(!self.accepts(token), "{}: {token}", self.pair.name());
    }

    fn good(&self) -> String {
        self.with_header(&self.pair.header())
    }

    fn with_header(&self, header: &Value) -> String {
        self.with_header_text(&header.to_string())
    }

    fn with_header_text(&self, header: &str) -> String {
        self.pair.sign(header, &self.payload.to_string())
    }

    fn with_payload(&self, payload: &str) -> String {
        self.pair.sign(&self.pair.header().to_string(), payload)
    }

    /// A good header but for one member.
    fn with_member(&self, name: &str, value: Value) -> String {
        let mut header = self.pair.header();
        header[name] = value;
        self.with_header(&header)
    }

    fn with_claim(&self, name: &str, value: Value) -> String {
        let mut payload = self.payload.clone();
        payload[name] = value;
        self.with_payload(&payload.to_string())
    }

    /// What was signed, of a good token.
    fn message(&self) -> String {
        let good = self.good();
        good.rsplit_once('.').expect("three parts").0.to_owned()
    }
}

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
fn no_token_without_a_signature() {
    for house in houses() {
        let payload = encode(&house.payload.to_string());
        for alg in ["none", "None", "NONE", "nOnE", "", house.pair.name()] {
            for header in [json!({"alg": alg}), json!({"alg": alg, "kid": house.pair.kid()})] {
                let header = encode(&header.to_string());
                house.refuses(&format!("{header}.{payload}."));
                house.refuses(&format!("{header}.{payload}"));
                house.refuses(&format!("{header}.{payload}.AA"));
                house.refuses(&format!("{header}.{payload}.{}", encode("none")));
            }
            if alg != house.pair.name() {
                house.refuses(&house.with_member("alg", json!(alg)));
            }
        }
    }
}

#[test]
fn a_public_key_is_no_secret() {
    for house in houses() {
        let jwk = house.pair.jwk();
        let bytes = |name: &str| jwk[name].as_str().map(|text| URL_SAFE_NO_PAD.decode(text).expect("base64url"));
        let der = pem::parse(house.pair.public).expect("PEM").into_contents();
        let mut secrets: Vec<Vec<u8>> = vec![
            house.pair.public.into(),
            house.pair.public.trim_end().into(),
            house.pair.public.replace('\n', "\r\n").into(),
            der,
            jwk.to_string().into(),
            json!({"keys": [jwk]}).to_string().into(),
            house.pair.kid().into(),
            vec![],
            vec![0; 32],
        ];
        secrets.extend(["x", "y", "n", "e"].iter().filter_map(|name| bytes(name)));
        secrets.extend(["x", "n"].iter().filter_map(|name| jwk[name].as_str().map(|text| text.as_bytes().to_vec())));
        for secret in secrets {
            for (name, algorithm) in
                [("HS256", Algorithm::HS256), ("HS384", Algorithm::HS384), ("HS512", Algorithm::HS512)]
            {
                // As it is, without a name for the key, and named as what it is not.
                for header in [json!({"alg": name, "kid": house.pair.kid()}), json!({"alg": name}), house.pair.header()]
                {
                    let message = format!("{}.{}", encode(&header.to_string()), encode(&house.payload.to_string()));
                    let key = jsonwebtoken::EncodingKey::from_secret(&secret);
                    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, algorithm).expect("signed");
                    house.refuses(&format!("{message}.{signature}"));
                }
            }
        }
    }
}

#[test]
fn a_key_verifies_with_its_algorithm_alone() {
    let names = ["HS256", "RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "ES512", "EdDSA", "Ed448", "dir"];
    for house in houses() {
        for name in names.iter().filter(|name| **name != house.pair.name()) {
            house.refuses(&house.with_member("alg", json!(name)));
        }
        for strange in [json!(house.pair.name().to_lowercase()), json!([house.pair.name()]), json!(null), json!(7)] {
            if strange != json!(house.pair.name()) {
                house.refuses(&house.with_member("alg", strange));
            }
        }
        // Another kind of key signs in this one's name, saying either algorithm.
        for pair in keys::ALL.iter().filter(|pair| pair.algorithm != house.pair.algorithm) {
            for alg in [house.pair.name(), pair.name()] {
                let header = json!({"alg": alg, "kid": house.pair.kid()});
                house.refuses(&pair.sign(&header.to_string(), &house.payload.to_string()));
            }
        }
    }
}

#[test]
fn no_other_key_signs() {
    for house in houses() {
        let other = house.pair.other();
        house.refuses(&other.sign(&house.pair.header().to_string(), &house.payload.to_string()));
        house.refuses(&other.sign(&other.header().to_string(), &house.payload.to_string()));
        let of_another = other.sign(&house.pair.header().to_string(), &house.payload.to_string());
        let signature = of_another.rsplit_once('.').expect("three parts").1;
        house.refuses(&format!("{}.{signature}", house.message()));
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
        for name in ["iat", "nbf"] {
            house.refuses(&house.with_claim(name, json!(NOW + 31)));
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

#[test]
fn no_second_way_to_write_the_same_signature() {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for house in houses() {
        // 64 and 256 bytes: the last character has four bits that mean nothing and have to be zero.
        let good = house.good();
        let (rest, last) = good.split_at(good.len() - 1);
        let index = ALPHABET.find(last).expect("base64url");
        assert_eq!(index % 16, 0);
        for other in 1..16 {
            house.refuses(&format!("{rest}{}", &ALPHABET[index + other..=index + other]));
        }
        let swapped = good.replace('-', "+").replace('_', "/");
        if swapped != good {
            house.refuses(&swapped);
        }
        let (message, signature) = good.rsplit_once('.').expect("three parts");
        let bytes = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
        let mut turned = bytes.clone();
        turned.reverse();
        let longer = [&[0][..], &bytes].concat();
        for bytes in [vec![0; bytes.len()], vec![0xff; bytes.len()], bytes[1..].to_vec(), longer, turned, vec![0; 2000]]
        {
            house.refuses(&format!("{message}.{}", URL_SAFE_NO_PAD.encode(bytes)));
        }
    }
}

#[test]
fn no_signature_on_p256_that_anybody_can_make() {
    // The order of the group.
    let order = hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
    let (zero, mut one) = (vec![0; 32], vec![0; 32]);
    one[31] = 1;
    for house in houses().into_iter().filter(|house| house.pair.algorithm == SignatureAlgorithm::Es256) {
        let message = house.message();
        let refuses = |bytes: &[u8]| house.refuses(&format!("{message}.{}", URL_SAFE_NO_PAD.encode(bytes)));
        for r in [&zero, &one, &order] {
            for s in [&zero, &one, &order] {
                refuses(&[&r[..], s].concat());
            }
        }
        let good = house.good();
        let signature = good.rsplit_once('.').expect("three parts").1;
        let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
        assert!(house.accepts(&format!(
            "{}.{}",
            good.rsplit_once('.').expect("three parts").0,
            URL_SAFE_NO_PAD.encode(&signature)
        )));
        // The same numbers in DER.
        let integer = |number: &[u8]| [&[2, 33, 0][..], number].concat();
        let body = [integer(&signature[..32]), integer(&signature[32..])].concat();
        let der = [&[0x30, u8::try_from(body.len()).expect("short")][..], &body].concat();
        house.refuses(&format!("{}.{}", good.rsplit_once('.').expect("three parts").0, URL_SAFE_NO_PAD.encode(der)));
    }
}

#[test]
fn no_second_signature_on_ed25519() {
    let order = hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    for house in houses().into_iter().filter(|house| house.pair.algorithm == SignatureAlgorithm::EdDsa) {
        let good = house.good();
        let (message, signature) = good.rsplit_once('.').expect("three parts");
        let mut bytes = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
        // S + L, little-endian: the same number modulo the order.
        let mut carry = 0;
        for (byte, addend) in bytes[32..].iter_mut().zip(&order) {
            let sum = u16::from(*byte) + u16::from(*addend) + carry;
            (*byte, carry) = ((sum & 0xff) as u8, sum >> 8);
        }
        assert_eq!(carry, 0);
        house.refuses(&format!("{message}.{}", URL_SAFE_NO_PAD.encode(bytes)));
    }
}

#[test]
fn keys_that_are_weak_or_for_something_else_verify_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    // Beside a good key, so that there is a set.
    let good = |pair: Pair| {
        let mut jwk = pair.other().jwk();
        jwk["kid"] = json!("good");
        jwk
    };
    for pair in keys::ALL {
        for (name, value) in [
            ("use", json!("enc")),
            ("use", json!("SIG")),
            ("key_ops", json!(["sign"])),
            ("key_ops", json!(["encrypt", "wrapKey"])),
            ("alg", json!("HS256")),
            ("alg", json!("none")),
            ("alg", json!("PS256")),
            ("d", json!("AAAA")),
            ("kty", json!("oct")),
        ] {
            let mut jwk = pair.jwk();
            jwk[name] = value;
            jwk["k"] = json!(encode(forge::SECRET));
            let server = KeyServer::start(Reply::keys(&[jwk.clone(), good(pair)]));
            let providers = provider::providers(provider::settings(&server, pair));
            provider::assert_invalid(&runtime.block_on(provider::verify(&providers, &provider::token(pair))));
            let set = json!({"keys": [jwk, good(pair)]}).to_string();
            let elsewhere = AccessTokenVerifier::from_key_set(&set, "lyceum", "lyceum-api").expect("a key set");
            let token = pair.sign(&pair.header().to_string(), &forge::payload().to_string());
            assert!(matches!(elsewhere.verify(&token, at(NOW)), Err(TokenError::Invalid(_))), "{set}");
        }
    }
    // Signed with 1024 bits by `openssl dgst -sha256 -sign`, its claims as `forge::payload` has them.
    let (jwk, token) = (include_str!("keys/rsa1024.jwk.json"), include_str!("keys/rsa1024.token").trim_end());
    let jwk: Value = serde_json::from_str(jwk).expect("JSON");
    let set = json!({"keys": [jwk, good(keys::RSA)]}).to_string();
    let elsewhere = AccessTokenVerifier::from_key_set(&set, "lyceum", "lyceum-api").expect("a key set");
    assert!(matches!(elsewhere.verify(token, at(NOW)), Err(TokenError::Invalid(_))));
    assert!(AccessTokenVerifier::from_key_set(&json!({"keys": [jwk]}).to_string(), "lyceum", "lyceum-api").is_err());
}

#[test]
fn a_spoilt_token_is_refused_and_never_a_fault() {
    for house in houses() {
        let good = house.good();
        for at in 0..good.len() {
            let replaced = if &good[at..=at] == "A" { "B" } else { "A" };
            house.refuses(&format!("{}{replaced}{}", &good[..at], &good[at + 1..]));
            house.refuses(&good[..at]);
        }
    }
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal")).collect()
}
