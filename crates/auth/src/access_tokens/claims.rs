//! The claims of a token, as they are written and as they are read.

use std::{borrow::Cow, fmt::Display};

use lyceum_domain::{
    ids::{SessionId, UserId},
    sessions::AccessClaims,
    time::Timestamp,
    users::Role,
};
use serde::{Deserialize, Serialize, Serializer, de::IgnoredAny};

use crate::jws::{Audience, Text, check_object};

/// The only `type`.
const ACCESS: &str = "access";

/// What we sign.
#[derive(Serialize)]
pub(super) struct Written<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: Spelt<UserId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<Spelt<SessionId>>,
    role: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    iat: i64,
    exp: i64,
    jti: Spelt<&'a dyn Display>,
}

impl<'a> Written<'a> {
    pub(super) fn new(claims: &AccessClaims, issuer: &'a str, audience: &'a str, jti: &'a dyn Display) -> Self {
        Self {
            iss: issuer,
            aud: audience,
            sub: Spelt(claims.user),
            sid: claims.session.map(Spelt),
            role: claims.role.as_str(),
            kind: ACCESS,
            iat: claims.issued_at.as_unix_seconds(),
            exp: claims.expires_at.as_unix_seconds(),
            jti: Spelt(jti),
        }
    }
}

/// Written as it is displayed.
struct Spelt<T>(T);

impl<T: Display> Serialize for Spelt<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// What was signed, by us or by another holder of the key. All may be missing, so that it can be said which is. A
/// claim of the wrong type is refused by serde; claims we do not know are passed over.
#[derive(Deserialize)]
pub(super) struct Read<'a> {
    #[serde(borrow)]
    iss: Option<Text<'a>>,
    #[serde(borrow)]
    aud: Option<Audience<'a>>,
    #[serde(borrow)]
    sub: Option<Text<'a>>,
    #[serde(borrow)]
    sid: Option<Text<'a>>,
    #[serde(borrow)]
    role: Option<Lenient<'a>>,
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    iat: Option<u64>,
    exp: Option<u64>,
    nbf: Option<u64>,
}

/// A word, or whatever another service put there.
#[derive(Deserialize)]
#[serde(untagged)]
enum Lenient<'a> {
    #[serde(borrow)]
    Word(Cow<'a, str>),
    Else(IgnoredAny),
}

/// What the claims of a good token come to.
pub(super) struct Accepted {
    pub(super) claims: AccessClaims,
    /// From when on.
    pub(super) not_before: Option<Timestamp>,
}

impl Read<'_> {
    /// Checks all but the times. `Err` says what is wrong, by name and not by value.
    pub(super) fn accept(json: &[u8], issuer: &str, audience: &str) -> Result<Accepted, String> {
        check_object(json).map_err(|error| {
            format!("the claims are no JSON object, or one before byte {} is doubled", error.column)
        })?;
        let claims: Read = serde_json::from_slice(json)
            .map_err(|error| format!("a claim before byte {} is of another type", error.column()))?;
        let missing = |name| move || format!("`{name}` is missing");
        let foreign = |name| Err(format!("`{name}` is another"));

        if claims.iss.ok_or_else(missing("iss"))?.0 != issuer {
            return foreign("iss");
        }
        if !claims.aud.ok_or_else(missing("aud"))?.names(audience) {
            return foreign("aud");
        }
        if claims.kind.ok_or_else(missing("type"))?.0 != ACCESS {
            return foreign("type");
        }
        let user = claims.sub.ok_or_else(missing("sub"))?.0.parse().map_err(|_| "`sub` is not a UUID")?;
        let session = claims.sid.map(|sid| sid.0.parse()).transpose().map_err(|_| "`sid` is not a UUID")?;
        let role = match &claims.role {
            Some(Lenient::Word(word)) => Role::lenient(Some(word)),
            Some(Lenient::Else(_)) | None => Role::lenient(None),
        };
        Ok(Accepted {
            claims: AccessClaims {
                user,
                session,
                role,
                issued_at: at("iat", claims.iat.ok_or_else(missing("iat"))?)?,
                expires_at: at("exp", claims.exp.ok_or_else(missing("exp"))?)?,
            },
            not_before: claims.nbf.map(|seconds| at("nbf", seconds)).transpose()?,
        })
    }
}

fn at(name: &str, seconds: u64) -> Result<Timestamp, String> {
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| seconds.checked_mul(1_000_000))
        .and_then(Timestamp::from_micros)
        .ok_or_else(|| format!("`{name}` is past the calendar"))
}
