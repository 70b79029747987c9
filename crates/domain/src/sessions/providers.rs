//! The port to identity providers.

use async_trait::async_trait;

use crate::{
    sessions::TokenError,
    time::Timestamp,
    users::{Email, ProviderName},
};

/// What a provider's token says about its user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalClaims {
    /// Which provider.
    pub provider: ProviderName,
    /// `sub`: the user's id there, 1 to 255 characters.
    pub subject: String,
    /// The user's e-mail, if the token names one that could be mailed to.
    pub email: Option<Email>,
    /// Whether the provider says that the e-mail is verified.
    pub is_email_verified: bool,
    /// What the user is called there.
    pub name: Option<String>,
    /// `iat`.
    pub issued_at: Timestamp,
    /// `exp`.
    pub expires_at: Timestamp,
}

/// Verifies the tokens of identity providers against the keys that they publish.
#[async_trait]
pub trait IdentityProviders: Send + Sync {
    /// What a token of a provider says, if it is good at `now`. `Ok(None)` if it names no provider as its issuer: it
    /// may be one of ours. [`TokenError::Unavailable`] if the provider's keys cannot be had, so that nobody knows
    /// whether it is good.
    async fn verify(&self, token: &str, now: Timestamp) -> Result<Option<ExternalClaims>, TokenError>;
}

/// No providers: all tokens are ours.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProviders;

#[async_trait]
impl IdentityProviders for NoProviders {
    async fn verify(&self, _: &str, _: Timestamp) -> Result<Option<ExternalClaims>, TokenError> {
        Ok(None)
    }
}
