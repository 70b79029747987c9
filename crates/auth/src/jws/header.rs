//! The header of a token (RFC 7515, section 4).

use std::borrow::Cow;

use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny},
};

use super::members::{Text, check_object};

/// The longest name of a key, in bytes.
const MAX_KID: usize = 256;

/// What is looked at. Members that would bring a key or say where one is (`jwk`, `jku`, `x5u`, `x5c`) are not: keys
/// come from the settings alone (RFC 8725, section 3.10).
#[derive(Debug, Deserialize)]
pub(crate) struct Header<'a> {
    /// The algorithm's name, as it was sent.
    #[serde(borrow)]
    pub(crate) alg: Cow<'a, str>,
    #[serde(borrow, default)]
    kid: Option<Text<'a>>,
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

impl<'a> Header<'a> {
    /// Reads it. `Err` says why it is none, with nothing in it that came from the token.
    pub(crate) fn read(json: &'a [u8]) -> Result<Self, &'static str> {
        check_object(json).map_err(|_| "the header is not a JSON object, or has a member twice")?;
        let header: Self =
            serde_json::from_slice(json).map_err(|_| "the header has a `crit`, or a member of another type")?;
        if header.kid.as_ref().is_some_and(|kid| kid.0.is_empty() || kid.0.len() > MAX_KID) {
            return Err("the `kid` is empty or too long");
        }
        Ok(header)
    }

    /// The key's name. It is compared with the names of the keys that there are, and used for nothing else.
    pub(crate) fn kid(&self) -> Option<&str> {
        self.kid.as_ref().map(|kid| &*kid.0)
    }

    /// Whether it says nothing of its type, or one of `types`: media types, so in either case (RFC 7515, section
    /// 4.1.9).
    pub(crate) fn is_of(&self, types: &[&str]) -> bool {
        self.typ.as_ref().is_none_or(|typ| types.iter().any(|good| typ.0.eq_ignore_ascii_case(good)))
    }
}
