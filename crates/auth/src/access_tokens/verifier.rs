//! Verifying, which needs no more than the key.

use std::{fmt, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use lyceum_domain::{
    sessions::{AccessClaims, TokenError},
    time::Timestamp,
};
use secrecy::ExposeSecret;

use super::{
    claims::Read,
    header,
    settings::{AccessTokenSettings, AccessTokenSettingsError, SigningKey},
};

/// Verifies access tokens, in Lyceum or in another service that trusts it. Make one and share it.
///
/// A token is good if
///
/// * it has at most 8 KiB and three parts in base64url without padding, each written in the one canonical way;
/// * its header names the algorithm of the key, no other type than `JWT` or `at+jwt`, and no `crit` (RFC 8725);
/// * the signature is right;
/// * `iss`, `aud`, `sub`, `type`, `iat` and `exp` are there, once and of the right JSON type, times in whole seconds;
///   `aud` may be a list;
/// * `iss` and `type` are ours, and `aud` is or holds ours; `sub` is a UUID, and so is `sid` if it is there;
/// * `iat`, and `nbf` if it is there, do not lie in the future by more than the leeway;
/// * `exp` lies in the future. A token that fails by this alone is [`TokenError::Expired`].
///
/// An unknown `role` is the least one; claims that are not named here are passed over.
pub struct AccessTokenVerifier {
    key: DecodingKey,
    algorithm: Algorithm,
    algorithm_name: &'static str,
    own_header: String,
    issuer: String,
    audience: String,
    leeway: Duration,
}

impl AccessTokenVerifier {
    /// The largest token that is looked at, in bytes. Ours have some 400.
    pub const MAX_BYTES: usize = 8 * 1024;

    /// Prepares the key.
    pub fn new(settings: &AccessTokenSettings) -> Result<Self, AccessTokenSettingsError> {
        settings.check()?;
        let (key, algorithm, algorithm_name) = match &settings.key {
            SigningKey::Hs256(secret) => {
                (DecodingKey::from_secret(secret.expose_secret().as_bytes()), Algorithm::HS256, "HS256")
            }
        };
        Ok(Self {
            key,
            algorithm,
            algorithm_name,
            own_header: header::own(algorithm_name),
            issuer: settings.issuer.clone(),
            audience: settings.audience.clone(),
            leeway: settings.leeway,
        })
    }

    /// What the token says, if it is good at `now`. Times come back in whole seconds.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<AccessClaims, TokenError> {
        let invalid = |reason: &str| TokenError::Invalid(reason.to_owned());
        if token.len() > Self::MAX_BYTES {
            return Err(invalid("it is too long"));
        }
        let parts = token.rsplit_once('.').and_then(|(message, signature)| {
            let (header, payload) = message.split_once('.')?;
            (!payload.contains('.')).then_some((message, header, payload, signature))
        });
        let (message, header, payload, signature) = parts.ok_or_else(|| invalid("it has not three parts"))?;

        // Our own header needs no reading.
        if header != self.own_header {
            header::check(header, self.algorithm_name).map_err(invalid)?;
        }
        match crypto::verify(signature, message.as_bytes(), &self.key, self.algorithm) {
            Ok(true) => {}
            Ok(false) => return Err(invalid("the signature is wrong")),
            Err(_) => return Err(invalid("the signature is not base64url")),
        }
        let payload = URL_SAFE_NO_PAD.decode(payload).map_err(|_| invalid("the claims are not base64url"))?;
        let accepted = Read::accept(&payload, &self.issuer, &self.audience).map_err(TokenError::Invalid)?;

        let claims = accepted.claims;
        let soon = now.plus(self.leeway);
        if claims.issued_at > soon {
            return Err(invalid("`iat` lies in the future"));
        }
        if accepted.not_before.is_some_and(|at| at > soon) {
            return Err(invalid("`nbf` lies in the future"));
        }
        // Last: what has expired was good once.
        if claims.expires_at <= now { Err(TokenError::Expired) } else { Ok(claims) }
    }

    pub(super) fn own_header(&self) -> &str {
        &self.own_header
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
            .field("algorithm", &self.algorithm_name)
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .field("leeway", &self.leeway)
            .finish_non_exhaustive()
    }
}
