//! Access tokens as signed JSON Web Tokens (RFC 7519, RFC 7515).

mod claims;
mod der;
mod key_file;
mod keys;
mod settings;
mod signer;
mod verifier;

use std::{fmt, sync::Arc};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use lyceum_domain::{
    ids::IdGenerator,
    sessions::{AccessClaims, AccessTokens, TokenError},
    time::Timestamp,
};

use signer::Signer;

pub use key_file::KeyFileError;
pub use settings::{AccessTokenSettings, AccessTokenSettingsError, SigningKey};
pub use verifier::AccessTokenVerifier;

/// Signs and verifies access tokens.
///
/// A token's header is `{"alg":"HS256","typ":"JWT"}`; signed with a private key it names the key, too:
/// `{"alg":"EdDSA","kid":"…","typ":"JWT"}`. Its claims:
///
/// | claim | |
/// |---|---|
/// | `iss`, `aud` | issuer and audience, as set |
/// | `sub` | the user's id, a UUID |
/// | `sid` | the session's id, a UUID; left out if there is no session |
/// | `role` | `learner`, `mentor` or `admin`, at the time of issue |
/// | `type` | `access`: no token of another kind, signed with the same key, can stand in for one |
/// | `iat`, `exp` | whole seconds since 1970; fractions are cut |
/// | `jti` | a UUID of its own |
///
/// What is accepted: see [`AccessTokenVerifier`].
pub struct JwtAccessTokens {
    signer: Signer,
    verifier: AccessTokenVerifier,
    ids: Arc<dyn IdGenerator>,
}

impl JwtAccessTokens {
    /// Prepares the keys. `ids` makes each token's `jti`.
    pub fn new(settings: &AccessTokenSettings, ids: Arc<dyn IdGenerator>) -> Result<Self, AccessTokenSettingsError> {
        let verifier = AccessTokenVerifier::new(settings)?;
        Ok(Self { signer: Signer::new(&settings.key)?, verifier, ids })
    }
}

impl AccessTokens for JwtAccessTokens {
    fn issue(&self, claims: &AccessClaims) -> Result<String, TokenError> {
        let jti = self.ids.next();
        let payload = claims::Written::new(claims, self.verifier.issuer(), self.verifier.audience(), &jti);
        let payload = serde_json::to_vec(&payload).map_err(|error| TokenError::Signing(error.into()))?;
        let header = self.verifier.keys().header();
        // In base64, four characters for three bytes; the signature comes on top.
        let mut token = String::with_capacity(header.len() + payload.len().div_ceil(3) * 4 + 96);
        token.push_str(header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(&payload, &mut token);
        self.signer.sign(&mut token)?;
        Ok(token)
    }

    fn verify(&self, token: &str, now: Timestamp) -> Result<AccessClaims, TokenError> {
        self.verifier.verify(token, now)
    }

    fn key_set(&self) -> String {
        self.verifier.keys().published().to_owned()
    }
}

impl fmt::Debug for JwtAccessTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtAccessTokens").field("verifier", &self.verifier).finish_non_exhaustive()
    }
}
