//! Passwords, tokens, secrets and seals: the adapters behind the domain's ports [`PasswordHasher`], [`Secrets`],
//! [`AccessTokens`] and [`Seal`]. Neither a web framework nor a database is needed to use them.
//!
//! [`BcryptHasher`] hashes on a few threads of its own, of low priority, with a short queue before them, and says no
//! in the same time whatever the reason; `cargo run --release -p lyceum-auth --example password_timing` measures that.
//!
//! Another service that holds the key verifies Lyceum's access tokens so:
//!
//! ```
//! use lyceum_auth::{AccessTokenSettings, AccessTokenVerifier, SigningKey};
//! use lyceum_domain::{sessions::TokenError, time::Timestamp};
//! # use lyceum_auth::JwtAccessTokens;
//! # use lyceum_domain::{ids::{IdGenerator, SessionId, UserId}, sessions::{AccessClaims, AccessTokens}, users::Role};
//! # struct Ids;
//! # impl IdGenerator for Ids {
//! #     fn next(&self) -> uuid::Uuid { uuid::Uuid::from_u128(7) }
//! # }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Secret, issuer and audience as in Lyceum's own settings.
//! let secret = "0123456789abcdef0123456789abcdef";
//! let settings = AccessTokenSettings::new(SigningKey::Hs256(secret.into()), "lyceum", "lyceum");
//! let verifier = AccessTokenVerifier::new(&settings)?; // Once; it is shared by all requests.
//!
//! # let now = Timestamp::from_micros(1_800_000_000_000_000).ok_or("no time")?;
//! # let token = JwtAccessTokens::new(&settings, std::sync::Arc::new(Ids))?.issue(&AccessClaims {
//! #     user: UserId::new(&Ids), session: Some(SessionId::new(&Ids)), role: Role::Mentor,
//! #     issued_at: now, expires_at: now.plus(std::time::Duration::from_mins(15)),
//! # })?;
//! // `token`: what follows `Authorization: Bearer `; `now`: the service's clock.
//! let claims = verifier.verify(&token, now)?;
//! assert_eq!(claims.role, Role::Mentor);
//!
//! // A quarter of an hour later the client has to get itself a new one.
//! let late = now.plus(std::time::Duration::from_mins(15));
//! assert!(matches!(verifier.verify(&token, late), Err(TokenError::Expired)));
//! # Ok(())
//! # }
//! ```
//!
//! With a secret, whoever can verify can sign as well. Where Lyceum signs with a private key, the public ones are enough:
//!
//! ```
//! use lyceum_auth::AccessTokenVerifier;
//! # use lyceum_auth::{AccessTokenSettings, JwtAccessTokens, SignatureAlgorithm, SigningKey};
//! # use lyceum_domain::{
//! #     ids::{IdGenerator, UserId}, sessions::{AccessClaims, AccessTokens}, time::Timestamp, users::Role,
//! # };
//! # struct Ids;
//! # impl IdGenerator for Ids {
//! #     fn next(&self) -> uuid::Uuid { uuid::Uuid::from_u128(7) }
//! # }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let pem = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/keys/ed25519.pem"));
//! # let key = SigningKey::Pem { algorithm: SignatureAlgorithm::EdDsa, pem: pem.into() };
//! # let settings = AccessTokenSettings::new(key, "lyceum", "lyceum");
//! # let lyceum = JwtAccessTokens::new(&settings, std::sync::Arc::new(Ids))?;
//! # let now = Timestamp::from_micros(1_800_000_000_000_000).ok_or("no time")?;
//! # let claims = AccessClaims {
//! #     user: UserId::new(&Ids), session: None, role: Role::Learner,
//! #     issued_at: now, expires_at: now.plus(std::time::Duration::from_mins(15)),
//! # };
//! # let token = lyceum.issue(&claims)?;
//! # let body = lyceum.key_set();
//! // `body`: what `GET /.well-known/jwks.json` answers. Nothing else is asked of Lyceum.
//! let verifier = AccessTokenVerifier::from_key_set(&body, "lyceum", "lyceum")?;
//! assert_eq!(verifier.verify(&token, now)?, claims);
//! # Ok(())
//! # }
//! ```
//!
//! [`AccessTokens`]: lyceum_domain::sessions::AccessTokens
//! [`PasswordHasher`]: lyceum_domain::users::PasswordHasher
//! [`Seal`]: lyceum_domain::conversations::Seal
//! [`Secrets`]: lyceum_domain::sessions::Secrets

mod access_tokens;
mod jws;
mod passwords;
mod providers;
mod seal;
mod secrets;

pub use access_tokens::{
    AccessTokenSettings, AccessTokenSettingsError, AccessTokenVerifier, JwtAccessTokens, KeyFileError, SigningKey,
};
pub use jws::{KeySetError, SignatureAlgorithm, UnfitKey, UnknownAlgorithm};
pub use passwords::{BcryptHasher, BcryptSettings, BcryptSettingsError, HashingStatus};
pub use providers::{JwksProviders, KeyCacheSettings, ProviderSettings, ProviderSettingsError, Subject, TraceHeaders};
pub use seal::{Aes256GcmSeal, SealKeysError};
pub use secrets::Sha256Secrets;
