//! A public key that verifies with its one algorithm.

use aws_lc_rs::{
    digest::{SHA256, digest},
    signature::{
        ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};
use thiserror::Error;

use super::{
    algorithm::SignatureAlgorithm,
    compact::Compact,
    header::Header,
    weak::{is_roca, is_small_or_strange},
};

/// A public key (RFC 7517). It verifies signatures of one algorithm, which follows from what kind of key it is.
#[derive(Debug)]
pub(crate) struct PublicKey {
    parsed: ParsedPublicKey,
    members: Members,
}

/// What makes the key, big-endian but for Ed25519.
#[derive(Debug, PartialEq, Eq)]
enum Members {
    Ed25519 { x: [u8; 32] },
    P256 { x: [u8; 32], y: [u8; 32] },
    Rsa { n: Vec<u8>, e: Vec<u8> },
}

/// Why a key cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UnfitKey {
    /// Neither Ed25519 nor P-256 nor RSA.
    #[error("it is neither an Ed25519, nor a P-256, nor an RSA key")]
    Kind,
    /// A part is missing or not of the right length, or the point is not on the curve.
    #[error("it is malformed")]
    Malformed,
    /// RSA with a modulus of a wrong size (RFC 7518, section 3.3).
    #[error("its modulus has {bits} bits, but must have 2048 to 8192")]
    Size {
        /// Of the modulus.
        bits: usize,
    },
    /// Its form tells that it can be broken: a ROCA modulus, a point of small order, an exponent of 1.
    #[error("it is weak")]
    Weak,
    /// It is for something else: `use`, `key_ops` or `alg` say so.
    #[error("it is not meant for this")]
    Purpose,
    /// It has no name that a token could call it by.
    #[error("it has no `kid`")]
    Nameless,
    /// The private part was published, so anybody may sign.
    #[error("its private part is public")]
    Private,
}

impl PublicKey {
    /// A point of Ed25519 (RFC 8032).
    pub(crate) fn ed25519(x: &[u8]) -> Result<Self, UnfitKey> {
        let x: [u8; 32] = x.try_into().map_err(|_| UnfitKey::Malformed)?;
        if is_small_or_strange(&x) {
            return Err(UnfitKey::Weak);
        }
        let parsed = ParsedPublicKey::new(&ED25519, x).map_err(|_| UnfitKey::Malformed)?;
        Ok(Self { parsed, members: Members::Ed25519 { x } })
    }

    /// A point of P-256 by its coordinates.
    pub(crate) fn p256(x: &[u8], y: &[u8]) -> Result<Self, UnfitKey> {
        let coordinate = |bytes: &[u8]| <[u8; 32]>::try_from(bytes).map_err(|_| UnfitKey::Malformed);
        let (x, y) = (coordinate(x)?, coordinate(y)?);
        let point = [&[4][..], &x, &y].concat();
        let parsed = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).map_err(|_| UnfitKey::Malformed)?;
        Ok(Self { parsed, members: Members::P256 { x, y } })
    }

    /// An RSA key by modulus and exponent, without leading zeros (RFC 7518, section 6.3.1).
    pub(crate) fn rsa(n: &[u8], e: &[u8]) -> Result<Self, UnfitKey> {
        let (Some(first), Some(1..)) = (n.first(), e.first()) else { return Err(UnfitKey::Malformed) };
        let bits = (n.len() * 8).saturating_sub(first.leading_zeros() as usize);
        if !(2048..=8192).contains(&bits) {
            return Err(UnfitKey::Size { bits });
        }
        // Even ones and 1 are no exponents; what has more than 32 bits is a way to make us work (and aws-lc refuses).
        let is_odd = |number: &[u8]| number.last().is_some_and(|last| last & 1 == 1);
        if *first == 0 || !is_odd(n) || !is_odd(e) || e.len() > 4 {
            return Err(UnfitKey::Malformed);
        }
        if e == [1] || is_roca(n) {
            return Err(UnfitKey::Weak);
        }
        let parsed = RsaPublicKeyComponents { n, e }
            .to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)
            .map_err(|_| UnfitKey::Malformed)?;
        Ok(Self { parsed, members: Members::Rsa { n: n.to_vec(), e: e.to_vec() } })
    }

    /// One key of a key set (RFC 7517, section 4; RFC 7518, section 6; RFC 8037, section 2), meant for signatures.
    pub(crate) fn from_jwk(jwk: &Map<String, Value>) -> Result<Self, UnfitKey> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let bytes =
            |name: &str| text(name).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok()).ok_or(UnfitKey::Malformed);
        // Absent means unrestricted; what is there has to fit.
        let is_for_signatures = jwk.get("use").is_none_or(|purpose| purpose == "sig");
        let may_verify = jwk.get("key_ops").is_none_or(|operations| {
            operations.as_array().is_some_and(|operations| operations.iter().any(|operation| operation == "verify"))
        });
        if !is_for_signatures || !may_verify {
            return Err(UnfitKey::Purpose);
        }
        if jwk.contains_key("d") {
            return Err(UnfitKey::Private);
        }
        let key = match (text("kty"), text("crv")) {
            (Some("OKP"), Some("Ed25519")) => Self::ed25519(&bytes("x")?)?,
            (Some("EC"), Some("P-256")) => Self::p256(&bytes("x")?, &bytes("y")?)?,
            (Some("RSA"), _) => Self::rsa(&bytes("n")?, &bytes("e")?)?,
            _ => return Err(UnfitKey::Kind),
        };
        let fits = |name: &Value| name.as_str().and_then(SignatureAlgorithm::named) == Some(key.algorithm());
        if jwk.get("alg").is_none_or(fits) { Ok(key) } else { Err(UnfitKey::Purpose) }
    }

    /// The one algorithm that it verifies.
    pub(crate) fn algorithm(&self) -> SignatureAlgorithm {
        match self.members {
            Members::Ed25519 { .. } => SignatureAlgorithm::EdDsa,
            Members::P256 { .. } => SignatureAlgorithm::Es256,
            Members::Rsa { .. } => SignatureAlgorithm::Rs256,
        }
    }

    /// Whether the token names this key's algorithm in its header and has the key's signature. `Err` says why not, with
    /// nothing in it that came from the token.
    pub(crate) fn check(&self, header: &Header<'_>, token: &Compact<'_>) -> Result<(), &'static str> {
        if SignatureAlgorithm::named(&header.alg) != Some(self.algorithm()) {
            return Err("the header names another algorithm than the key's");
        }
        if self.verify(token)? { Ok(()) } else { Err("the signature is wrong") }
    }

    /// Whether the signature is the key's, whatever the header says: for a header that is known already.
    pub(crate) fn verify(&self, token: &Compact<'_>) -> Result<bool, &'static str> {
        token.with_signature(|signature| self.parsed.verify_sig(token.message.as_bytes(), signature).is_ok())
    }

    /// The thumbprint (RFC 7638) with SHA-256, in base64url: a name that follows from the key.
    pub(crate) fn thumbprint(&self) -> String {
        // The names stand in order, and no blanks are written: as section 3.3 wants it.
        let digest = digest(&SHA256, Value::Object(self.required()).to_string().as_bytes());
        URL_SAFE_NO_PAD.encode(digest)
    }

    /// The key as it is published.
    pub(crate) fn to_jwk(&self, kid: &str) -> Value {
        let mut jwk = self.required();
        jwk.insert("alg".to_owned(), json!(self.algorithm().as_str()));
        jwk.insert("kid".to_owned(), json!(kid));
        jwk.insert("use".to_owned(), json!("sig"));
        Value::Object(jwk)
    }

    /// What makes the key, and no more, in the order of the names (RFC 7638, section 3.2).
    fn required(&self) -> Map<String, Value> {
        let encode = |bytes: &[u8]| json!(URL_SAFE_NO_PAD.encode(bytes));
        let members = match &self.members {
            Members::Ed25519 { x } => vec![("crv", json!("Ed25519")), ("kty", json!("OKP")), ("x", encode(x))],
            Members::P256 { x, y } => {
                vec![("crv", json!("P-256")), ("kty", json!("EC")), ("x", encode(x)), ("y", encode(y))]
            }
            Members::Rsa { n, e } => vec![("e", encode(e)), ("kty", json!("RSA")), ("n", encode(n))],
        };
        members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwk(text: &str) -> Result<PublicKey, UnfitKey> {
        PublicKey::from_jwk(&serde_json::from_str(text).expect("an object"))
    }

    #[test]
    fn the_thumbprint_is_that_of_the_rfcs() {
        // RFC 8037, appendices A.2 and A.3.
        let key = jwk(r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#);
        assert_eq!(key.expect("a key").thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        // RFC 7638, section 3.1.
        let key = jwk(
            r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#,
        );
        assert_eq!(key.expect("a key").thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    #[test]
    fn a_published_key_is_read_again() {
        let text = r#"{"alg":"EdDSA","crv":"Ed25519","kid":"a","kty":"OKP","use":"sig","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
        let expected: Value = serde_json::from_str(text).expect("an object");
        assert_eq!(jwk(text).expect("a key").to_jwk("a"), expected);
    }

    #[test]
    fn what_a_key_says_of_itself_has_to_fit() {
        let good = r#""kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#;
        for (more, expected) in [
            (r#""alg":"Ed25519""#, None),
            (r#""key_ops":["sign","verify"]"#, None),
            (r#""use":"sig","x5u":"https://example.com","whatever":7"#, None),
            (r#""use":"enc""#, Some(UnfitKey::Purpose)),
            (r#""use":["sig"]"#, Some(UnfitKey::Purpose)),
            (r#""use":null"#, Some(UnfitKey::Purpose)),
            (r#""key_ops":["sign"]"#, Some(UnfitKey::Purpose)),
            (r#""key_ops":"verify""#, Some(UnfitKey::Purpose)),
            (r#""alg":"RS256""#, Some(UnfitKey::Purpose)),
            (r#""alg":"eddsa""#, Some(UnfitKey::Purpose)),
            (r#""alg":"none""#, Some(UnfitKey::Purpose)),
            (r#""alg":7"#, Some(UnfitKey::Purpose)),
            (r#""d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A""#, Some(UnfitKey::Private)),
        ] {
            assert_eq!(jwk(&format!("{{{good},{more}}}")).err(), expected, "{more}");
        }
    }

    #[test]
    fn other_keys_are_none() {
        let point =
            r#""x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0""#;
        assert!(jwk(&format!(r#"{{"kty":"EC","crv":"P-256",{point}}}"#)).is_ok());
        let off = point.replace("x_FE", "x_FF");
        for (text, expected) in [
            (format!(r#"{{"kty":"EC","crv":"P-256",{off}}}"#), UnfitKey::Malformed),
            (format!(r#"{{"kty":"EC","crv":"P-384",{point}}}"#), UnfitKey::Kind),
            (format!(r#"{{"kty":"EC","crv":"secp256k1",{point}}}"#), UnfitKey::Kind),
            (format!(r#"{{"kty":"RSA",{point}}}"#), UnfitKey::Malformed),
            (format!(r#"{{"kty":"OKP","crv":"X25519",{point}}}"#), UnfitKey::Kind),
            (r#"{"kty":"oct","k":"AAAA"}"#.to_owned(), UnfitKey::Kind),
            (r#"{"kty":"AKP"}"#.to_owned(), UnfitKey::Kind),
            (r#"{"kty":"OKP","crv":"Ed25519","x":"AQ"}"#.to_owned(), UnfitKey::Malformed),
            (format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"AQ{}"}}"#, "A".repeat(41)), UnfitKey::Weak),
            (r#"{"kty":"RSA","n":"","e":"AQAB"}"#.to_owned(), UnfitKey::Malformed),
            (r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#.to_owned(), UnfitKey::Size { bits: 17 }),
            ("{}".to_owned(), UnfitKey::Kind),
        ] {
            assert_eq!(jwk(&text).err(), Some(expected), "{text}");
        }
    }
}
