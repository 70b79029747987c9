//! Access tokens that can be read, and secrets that count up.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use lyceum_domain::{
    ids::{SessionId, UserId},
    sessions::{AccessClaims, AccessTokens, Secret, SecretHash, Secrets, TokenError},
    time::Timestamp,
    users::Role,
};

/// Tokens of the form `key.user.session.role.issued.expires.check`, with times in microseconds. Who knows the form
/// can forge them: the check only notices a change.
#[derive(Debug, Clone)]
pub struct PlainTokens {
    key: String,
}

impl PlainTokens {
    /// Tokens of one key; another key's are not valid.
    pub fn new(key: &str) -> Self {
        assert!(!key.contains('.'), "a key has no dots");
        Self { key: key.to_owned() }
    }

    fn read(token: &str) -> Option<AccessClaims> {
        let mut parts = token.split('.').skip(1);
        let mut next = || parts.next();
        Some(AccessClaims {
            user: next()?.parse::<UserId>().ok()?,
            session: match next()? {
                "-" => None,
                session => Some(session.parse::<SessionId>().ok()?),
            },
            role: Role::lenient(next()),
            issued_at: Timestamp::from_micros(next()?.parse().ok()?)?,
            expires_at: Timestamp::from_micros(next()?.parse().ok()?)?,
        })
    }

    fn sign(&self, claims: &AccessClaims) -> String {
        let session = claims.session.map_or_else(|| "-".to_owned(), |session| session.to_string());
        let body = format!(
            "{}.{}.{session}.{}.{}.{}",
            self.key,
            claims.user,
            claims.role,
            claims.issued_at.as_micros(),
            claims.expires_at.as_micros()
        );
        let check = fingerprint(&body);
        format!("{body}.{check:016x}")
    }
}

impl AccessTokens for PlainTokens {
    fn issue(&self, claims: &AccessClaims) -> Result<String, TokenError> {
        Ok(self.sign(claims))
    }

    fn verify(&self, token: &str, now: Timestamp) -> Result<AccessClaims, TokenError> {
        let claims = Self::read(token)
            .filter(|claims| self.sign(claims) == token)
            .ok_or_else(|| TokenError::Invalid("it is none of this key's".to_owned()))?;
        if claims.expires_at <= now {
            return Err(TokenError::Expired);
        }
        Ok(claims)
    }

    fn key_set(&self) -> String {
        r#"{"keys":[]}"#.to_owned()
    }
}

/// FNV-1a.
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Secrets of the right length and form that count up: `secret-0000…0001`. Its clones count together.
#[derive(Debug, Clone, Default)]
pub struct SequentialSecrets {
    last: Arc<AtomicU64>,
}

impl SequentialSecrets {
    /// Counts from 1.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Secrets for SequentialSecrets {
    fn generate(&self) -> Secret {
        let n = self.last.fetch_add(1, Ordering::SeqCst) + 1;
        Secret::new(format!("secret-{n:036}"))
    }

    fn hash(&self, secret: &str) -> SecretHash {
        // Not the secret itself: a test has to see whether the secret or its hash is where it should be.
        SecretHash::new(format!("hash-{:016x}-{}", fingerprint(secret), secret.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::access_token_contract!(PlainTokens::new);
    crate::secret_contract!(SequentialSecrets::new);
}
