//! Keys in PEM files (RFC 7468).

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair};
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use thiserror::Error;

use super::der::{BIT_STRING, INTEGER, OBJECT_IDENTIFIER, Reader};
use crate::jws::{PublicKey, SignatureAlgorithm, UnfitKey};

/// What is wrong with a key's PEM. Nothing of the key is in it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// No block of PEM, or a broken one.
    #[error("it is not PEM: one block from -----BEGIN to -----END is needed")]
    NotPem,
    /// More than one key, and nobody said which.
    #[error("it holds more than one key")]
    Several,
    /// The private key needs a password.
    #[error("it is encrypted; take the password off first (openssl pkey -in key.pem -out plain.pem)")]
    Encrypted,
    /// A public key cannot sign.
    #[error("it is a public key, but a private one is needed to sign")]
    Public,
    /// A certificate, an OpenSSH key, a request…
    #[error("its block is neither a PRIVATE KEY (PKCS #8), an EC PRIVATE KEY, an RSA PRIVATE KEY, nor a PUBLIC KEY")]
    Label,
    /// The key is for another algorithm than the one that was set.
    #[error("it is for {found}, but {expected} was set")]
    Algorithm {
        /// What was set.
        expected: SignatureAlgorithm,
        /// What the key is for.
        found: SignatureAlgorithm,
    },
    /// The key itself.
    #[error("{0}")]
    Key(#[from] UnfitKey),
}

/// A private key, and its public half.
#[derive(Debug)]
pub(super) enum PrivateKey {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

impl PrivateKey {
    /// The key that is to sign with `algorithm`.
    pub(super) fn read(pem: &SecretString, algorithm: SignatureAlgorithm) -> Result<Self, KeyFileError> {
        let (label, der) = block(pem)?;
        let key = Self::from_der(&label, der.expose_secret())?.ok_or(KeyFileError::Public)?;
        let found = key.public()?.algorithm();
        if found == algorithm { Ok(key) } else { Err(KeyFileError::Algorithm { expected: algorithm, found }) }
    }

    /// `None` if it is a public key.
    fn from_der(label: &str, der: &[u8]) -> Result<Option<Self>, KeyFileError> {
        let kind = match label {
            "PUBLIC KEY" | "RSA PUBLIC KEY" => return Ok(None),
            "PRIVATE KEY" => kind_of_private(der)?,
            "EC PRIVATE KEY" => Kind::P256,
            "RSA PRIVATE KEY" => Kind::Rsa,
            "ENCRYPTED PRIVATE KEY" => return Err(KeyFileError::Encrypted),
            _ => return Err(KeyFileError::Label),
        };
        let malformed = |_| UnfitKey::Malformed;
        let is_bare = label != "PRIVATE KEY";
        let key = match kind {
            Kind::Ed25519 => Self::Ed25519(Ed25519KeyPair::from_pkcs8(der).map_err(malformed)?),
            Kind::P256 if is_bare => {
                // aws-lc says of another curve only that it does not fit.
                let pair = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, der);
                Self::P256(pair.map_err(|_| UnfitKey::Kind)?)
            }
            Kind::P256 => {
                Self::P256(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).map_err(malformed)?)
            }
            Kind::Rsa => {
                let pair = if is_bare { RsaKeyPair::from_der(der) } else { RsaKeyPair::from_pkcs8(der) };
                Self::Rsa(pair.map_err(|_| bits_of_rsa_private(der, is_bare).map_or(UnfitKey::Malformed, too_small))?)
            }
        };
        Ok(Some(key))
    }

    /// Its public half.
    pub(super) fn public(&self) -> Result<PublicKey, UnfitKey> {
        match self {
            Self::Ed25519(pair) => PublicKey::ed25519(pair.public_key().as_ref()),
            Self::P256(pair) => p256_point(pair.public_key().as_ref()),
            Self::Rsa(pair) => rsa_components(pair.public_key().as_ref()),
        }
    }
}

/// A key that verifies: a public one, or the public half of a private one.
pub(super) fn read_public(pem: &SecretString) -> Result<PublicKey, KeyFileError> {
    let (label, der) = block(pem)?;
    let der = der.expose_secret();
    if let Some(private) = PrivateKey::from_der(&label, der)? {
        return Ok(private.public()?);
    }
    let key = if label == "RSA PUBLIC KEY" { rsa_components(der) } else { subject_public_key(der) };
    Ok(key?)
}

/// The one block that matters. What `openssl ecparam` writes before a key is passed over.
fn block(pem: &SecretString) -> Result<(String, SecretSlice<u8>), KeyFileError> {
    let blocks = pem::parse_many(pem.expose_secret()).map_err(|_| KeyFileError::NotPem)?;
    let mut keys = blocks.into_iter().filter(|block| block.tag() != "EC PARAMETERS");
    let key = keys.next().ok_or(KeyFileError::NotPem)?;
    if keys.next().is_some() {
        return Err(KeyFileError::Several);
    }
    // The old way to say that a key is encrypted (RFC 1421, section 4.6.1.1).
    if key.headers().get("Proc-Type").is_some() {
        return Err(KeyFileError::Encrypted);
    }
    Ok((key.tag().to_owned(), SecretSlice::from(key.into_contents())))
}

#[derive(Clone, Copy)]
enum Kind {
    Ed25519,
    P256,
    Rsa,
}

/// The kind that an `AlgorithmIdentifier` names (RFC 8410, RFC 5480, RFC 8017).
fn kind(mut identifier: Reader<'_>) -> Option<Kind> {
    const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
    const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
    const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
    const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
    match identifier.next(OBJECT_IDENTIFIER)? {
        ED25519 => Some(Kind::Ed25519),
        RSA => Some(Kind::Rsa),
        EC => (identifier.next(OBJECT_IDENTIFIER)? == P256).then_some(Kind::P256),
        _ => None,
    }
}

/// PKCS #8 (RFC 5958).
fn kind_of_private(der: &[u8]) -> Result<Kind, UnfitKey> {
    let mut info = Reader::new(der).sequence().ok_or(UnfitKey::Malformed)?;
    info.next(INTEGER).ok_or(UnfitKey::Malformed)?;
    kind(info.sequence().ok_or(UnfitKey::Malformed)?).ok_or(UnfitKey::Kind)
}

/// How many bits the modulus of a private key has, to say why it is refused.
fn bits_of_rsa_private(der: &[u8], is_bare: bool) -> Option<usize> {
    const OCTET_STRING: u8 = 0x04;
    let mut der = der;
    if !is_bare {
        let mut info = Reader::new(der).sequence()?;
        info.next(INTEGER)?;
        info.sequence()?;
        der = info.next(OCTET_STRING)?;
    }
    let mut key = Reader::new(der).sequence()?;
    key.next(INTEGER)?;
    let modulus = key.positive()?;
    Some(modulus.len() * 8 - modulus.first()?.leading_zeros() as usize)
}

fn too_small(bits: usize) -> UnfitKey {
    if (2048..=8192).contains(&bits) { UnfitKey::Malformed } else { UnfitKey::Size { bits } }
}

/// `SubjectPublicKeyInfo` (RFC 5280, section 4.1).
fn subject_public_key(der: &[u8]) -> Result<PublicKey, UnfitKey> {
    let mut outer = Reader::new(der);
    let mut info = outer.sequence().filter(|_| outer.is_empty()).ok_or(UnfitKey::Malformed)?;
    let kind = kind(info.sequence().ok_or(UnfitKey::Malformed)?).ok_or(UnfitKey::Kind)?;
    // A string of bits, of which none are unused.
    let Some([0, key @ ..]) = info.next(BIT_STRING).filter(|_| info.is_empty()) else {
        return Err(UnfitKey::Malformed);
    };
    match kind {
        Kind::Ed25519 => PublicKey::ed25519(key),
        Kind::P256 => p256_point(key),
        Kind::Rsa => rsa_components(key),
    }
}

/// An uncompressed point (SEC 1, section 2.3.3).
fn p256_point(point: &[u8]) -> Result<PublicKey, UnfitKey> {
    match point {
        [4, coordinates @ ..] if coordinates.len() == 64 => PublicKey::p256(&coordinates[..32], &coordinates[32..]),
        _ => Err(UnfitKey::Malformed),
    }
}

/// `RSAPublicKey` (RFC 8017, appendix A.1.1).
fn rsa_components(der: &[u8]) -> Result<PublicKey, UnfitKey> {
    let mut outer = Reader::new(der);
    let mut key = outer.sequence().filter(|_| outer.is_empty()).ok_or(UnfitKey::Malformed)?;
    let (n, e) = key.positive().zip(key.positive()).ok_or(UnfitKey::Malformed)?;
    if key.is_empty() { PublicKey::rsa(n, e) } else { Err(UnfitKey::Malformed) }
}
