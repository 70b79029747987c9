//! Forgeries by somebody who knows the public keys, in what a token is signed with.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::Algorithm;
use lyceum_auth::{AccessTokenVerifier, SignatureAlgorithm};
use lyceum_domain::sessions::TokenError;
use serde_json::{Value, json};

use crate::{
    doors::houses,
    forge::{self, NOW, at, encode},
    key_server::{KeyServer, Reply},
    keys::{self, Pair},
    provider,
};

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
