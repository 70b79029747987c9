//! Verifying, which needs no more than the key.

use std::{fmt, time::Duration};

use lyceum_domain::{
    sessions::{AccessClaims, TokenError},
    time::Timestamp,
};

use super::{
    claims::Read,
    keys::OwnKeys,
    settings::{AccessTokenSettings, AccessTokenSettingsError},
};
use crate::jws::{self, Compact};

/// How far the clock that signed a token may have been set back since, where a session says what the token is worth.
const SET_BACK: Duration = Duration::from_mins(5);

/// Verifies access tokens, in Lyceum or in another service that trusts it. Make one and share it.
///
/// A token is good if
///
/// * it has at most 8 KiB and three parts in base64url without padding, each written in the one canonical way;
/// * its header names a key that is ours (`kid`; the one secret needs no name) with that key's algorithm, no other type
///   than `JWT` or `at+jwt`, and no `crit` (RFC 8725);
/// * the signature is right;
/// * `iss`, `aud`, `sub`, `type`, `iat` and `exp` are there, once and of the right JSON type, times in whole seconds;
///   `aud` may be a list; no other claim is there twice either;
/// * `iss` and `type` are ours, and `aud` is or holds ours; `sub` is a UUID, and so is `sid` if it is there;
/// * `iat`, and `nbf` if it is there, do not lie in the future by more than the leeway; `iat` of a token that names a session
///   by more than five minutes, so that a clock that is set back does not sign everybody out: the session is looked up, and
///   says what the token is worth;
/// * `exp` lies in the future. A token that fails by this alone is [`TokenError::Expired`].
///
/// An unknown `role` is the least one; claims that are not named here are passed over.
pub struct AccessTokenVerifier {
    keys: OwnKeys,
    issuer: String,
    audience: String,
    leeway: Duration,
}

impl AccessTokenVerifier {
    /// The largest token that is looked at, in bytes. Ours have some 400 to 800.
    pub const MAX_BYTES: usize = jws::MAX_BYTES;

    /// Prepares the keys.
    pub fn new(settings: &AccessTokenSettings) -> Result<Self, AccessTokenSettingsError> {
        settings.check()?;
        Ok(Self {
            keys: OwnKeys::new(settings)?,
            issuer: settings.issuer.clone(),
            audience: settings.audience.clone(),
            leeway: settings.leeway,
        })
    }

    /// For another service: verifies with the public keys that Lyceum publishes under `/.well-known/jwks.json`, a JWK Set
    /// in JSON (RFC 7517, section 5). When a token names a key that is not among them, fetch the set again, though not
    /// for each such token: keys are changed now and then. The leeway is that of [`AccessTokenSettings::new`].
    pub fn from_key_set(
        json: &str,
        issuer: impl Into<String>,
        audience: impl Into<String>,
    ) -> Result<Self, AccessTokenSettingsError> {
        let keys = OwnKeys::from_key_set(json)?;
        let (issuer, audience) = (issuer.into(), audience.into());
        AccessTokenSettings::check_parties(&issuer, &audience)?;
        Ok(Self { keys, issuer, audience, leeway: AccessTokenSettings::LEEWAY })
    }

    /// What the token says, if it is good at `now`. Times come back in whole seconds.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<AccessClaims, TokenError> {
        let invalid = |reason: &str| TokenError::Invalid(reason.to_owned());
        let token = Compact::parse(token).map_err(invalid)?;
        self.keys.verify(&token).map_err(invalid)?;
        let payload = token.decode_payload().map_err(invalid)?;
        let accepted = Read::accept(&payload, &self.issuer, &self.audience).map_err(TokenError::Invalid)?;

        let claims = accepted.claims;
        let soon = now.plus(self.leeway);
        let latest = if claims.session.is_some() { now.plus(self.leeway.max(SET_BACK)) } else { soon };
        if claims.issued_at > latest {
            return Err(invalid("`iat` lies in the future"));
        }
        if accepted.not_before.is_some_and(|at| at > soon) {
            return Err(invalid("`nbf` lies in the future"));
        }
        // Last: what has expired was good once.
        if claims.expires_at <= now { Err(TokenError::Expired) } else { Ok(claims) }
    }

    pub(super) fn keys(&self) -> &OwnKeys {
        &self.keys
    }

    pub(super) fn issuer(&self) -> &str {
        &self.issuer
    }

    pub(super) fn audience(&self) -> &str {
        &self.audience
    }
}

impl fmt::Debug for AccessTokenVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessTokenVerifier")
            .field("algorithm", &self.keys.algorithm())
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .field("leeway", &self.leeway)
            .finish_non_exhaustive()
    }
}
