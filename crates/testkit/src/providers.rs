//! Identity providers whose tokens can be read.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use lyceum_domain::{
    sessions::{ExternalClaims, IdentityProviders, TokenError},
    time::Timestamp,
};
use std::time::Duration;

/// Providers that know each token they have issued. Its clones share what they know.
#[derive(Debug, Clone, Default)]
pub struct PlainProviders {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    issued: Vec<ExternalClaims>,
    is_away: bool,
}

impl PlainProviders {
    /// Providers that have issued nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// A token that says this: `provider:0`, `provider:1` and so on.
    pub fn issue(&self, claims: ExternalClaims) -> String {
        let mut state = self.state();
        state.issued.push(claims);
        format!("provider:{}", state.issued.len() - 1)
    }

    /// Whether their keys cannot be had from now on.
    pub fn set_away(&self, is_away: bool) {
        self.state().is_away = is_away;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl IdentityProviders for PlainProviders {
    async fn verify(&self, token: &str, now: Timestamp) -> Result<Option<ExternalClaims>, TokenError> {
        let Some(number) = token.strip_prefix("provider:") else { return Ok(None) };
        let state = self.state();
        if state.is_away {
            return Err(TokenError::Unavailable { retry_after: Duration::from_secs(30) });
        }
        let issued = number.parse().ok().and_then(|number: usize| state.issued.get(number));
        let claims = issued.ok_or_else(|| TokenError::Invalid("it was never issued".to_owned()))?;
        if claims.expires_at <= now { Err(TokenError::Expired) } else { Ok(Some(claims.clone())) }
    }
}
