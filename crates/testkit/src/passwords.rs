//! A password hasher that is quick and hides nothing.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use lyceum_domain::users::{Password, PasswordError, PasswordHash, PasswordHasher};

/// "Hashes" to `plain$<version>$<salt>$<password>`. Its clones share its switches.
#[derive(Debug, Clone, Default)]
pub struct PlainHasher {
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    salt: AtomicU64,
    version: AtomicU64,
    is_busy: AtomicBool,
    verified: AtomicU64,
}

impl PlainHasher {
    /// A hasher of version 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on hashes that were made before are outdated.
    pub fn raise_cost(&self) {
        self.state.version.fetch_add(1, Ordering::SeqCst);
    }

    /// Whether it refuses all work from now on because too many wait.
    pub fn set_busy(&self, is_busy: bool) {
        self.state.is_busy.store(is_busy, Ordering::SeqCst);
    }

    /// How many passwords it has verified, with or without a hash: to see that an unknown account costs as much time
    /// as a known one.
    pub fn verified(&self) -> u64 {
        self.state.verified.load(Ordering::SeqCst)
    }

    fn version(&self) -> u64 {
        self.state.version.load(Ordering::SeqCst)
    }

    fn enter(&self) -> Result<(), PasswordError> {
        if self.state.is_busy.load(Ordering::SeqCst) {
            return Err(PasswordError::Busy { retry_after: Duration::from_secs(1) });
        }
        Ok(())
    }
}

#[async_trait]
impl PasswordHasher for PlainHasher {
    async fn hash(&self, password: &Password) -> Result<PasswordHash, PasswordError> {
        self.enter()?;
        let salt = self.state.salt.fetch_add(1, Ordering::SeqCst);
        Ok(PasswordHash::new(format!("plain${}${salt}${}", self.version(), password.expose())))
    }

    async fn verify(&self, attempt: &str, hash: Option<&PasswordHash>) -> Result<bool, PasswordError> {
        self.enter()?;
        self.state.verified.fetch_add(1, Ordering::SeqCst);
        let password = hash.and_then(|hash| hash.expose().strip_prefix("plain$")?.splitn(3, '$').nth(2));
        Ok(password == Some(attempt))
    }

    fn is_outdated(&self, hash: &PasswordHash) -> bool {
        !hash.expose().starts_with(&format!("plain${}$", self.version()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::password_contract!(PlainHasher::new);

    #[tokio::test]
    async fn a_hasher_is_busy_and_outdated_as_it_is_told() {
        let hasher = PlainHasher::new();
        let password = Password::parse("correct horse 7", &[]).unwrap();
        let hash = hasher.hash(&password).await.unwrap();
        hasher.raise_cost();
        assert!(hasher.is_outdated(&hash));
        assert!(hasher.verify("correct horse 7", Some(&hash)).await.unwrap());
        hasher.set_busy(true);
        assert!(matches!(hasher.verify("correct horse 7", Some(&hash)).await, Err(PasswordError::Busy { .. })));
        assert_eq!(hasher.verified(), 1);
    }
}
