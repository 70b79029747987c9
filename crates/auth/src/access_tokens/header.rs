//! The header of a token (RFC 7515, section 4).

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny},
};

use super::claims::Text;

/// The header of our own tokens, encoded. Many other libraries write the same.
pub(super) fn own(algorithm: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"{algorithm}","typ":"JWT"}}"#))
}

/// What is looked at. Members that would bring or name a key (`jwk`, `jku`, `x5u`, `kid`) are not: there is one key.
#[derive(Deserialize)]
struct Header<'a> {
    #[serde(borrow)]
    alg: Cow<'a, str>,
    #[serde(borrow, default)]
    typ: Option<Text<'a>>,
    #[serde(default, rename = "crit", deserialize_with = "refuse")]
    _crit: (),
}

/// Extensions that must be understood: we understand none (RFC 7515, section 4.1.11).
fn refuse<'de, D: Deserializer<'de>>(member: D) -> Result<(), D::Error> {
    IgnoredAny::deserialize(member)?;
    Err(D::Error::custom("unknown extension"))
}

/// Whether the header names `algorithm` and a kind of token that ours are. `Err` says why not, with nothing in it
/// that came from the token: it is not known yet who wrote it.
pub(super) fn check(encoded: &str, algorithm: &str) -> Result<(), &'static str> {
    let json = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| "the header is not base64url")?;
    // serde would take an array for a struct, too.
    if !json.trim_ascii_start().starts_with(b"{") {
        return Err("the header is not a JSON object");
    }
    let header: Header = serde_json::from_slice(&json).map_err(|_| "the header is malformed or has a `crit`")?;
    if header.alg != algorithm {
        return Err("the header names another algorithm");
    }
    match header.typ {
        None => Ok(()),
        // A media type, so in either case (RFC 7515, section 4.1.9). RFC 9068 marks access tokens with the latter.
        Some(typ) if ["JWT", "at+jwt", "application/at+jwt"].iter().any(|good| typ.0.eq_ignore_ascii_case(good)) => {
            Ok(())
        }
        Some(_) => Err("the header names another type of token"),
    }
}
