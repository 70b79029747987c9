//! Random secrets and their digests.

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use lyceum_domain::sessions::{Secret, SecretHash, Secrets};

/// Secrets of 256 random bits as 43 characters of base64url without padding (RFC 4648, section 5), kept as the
/// SHA-256 of that text in lower-case hexadecimal, 64 characters.
///
/// A fast digest is enough: unlike a password, 256 random bits cannot be found by trying.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sha256Secrets;

impl Secrets for Sha256Secrets {
    #[expect(
        clippy::expect_used,
        reason = "without a source of randomness nothing may be handed out, and no caller could mend it"
    )]
    fn generate(&self) -> Secret {
        let mut bytes = [0; 32];
        rand::fill(&mut bytes).expect("the operating system has a source of randomness");
        Secret::new(URL_SAFE_NO_PAD.encode(bytes))
    }

    fn hash(&self, secret: &str) -> SecretHash {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let hex = digest(&SHA256, secret.as_bytes())
            .as_ref()
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 0xf])
            .map(|nibble| char::from(DIGITS[usize::from(nibble)]))
            .collect();
        SecretHash::new(hex)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_secret_is_43_characters_that_need_no_escape_in_a_url() {
        let secret = Sha256Secrets.generate();
        assert_eq!(secret.expose().len(), 43);
        assert!(secret.expose().bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)));
    }

    #[test]
    fn no_two_are_alike() {
        let all: HashSet<_> = (0..1000).map(|_| Sha256Secrets.generate().expose().to_owned()).collect();
        assert_eq!(all.len(), 1000);
    }

    #[test]
    fn the_hash_is_sha_256_in_hexadecimal() {
        // FIPS 180-2, appendix B.1.
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Sha256Secrets.hash("abc").as_str(), expected);
    }
}
