//! JSON Web Signatures in the compact form (RFC 7515), read as strictly as RFC 8725 asks for.
//!
//! Both worlds stand on this: our own tokens and those of identity providers. What they share is how a token is taken
//! apart, how a key is read and that a key verifies with its one algorithm; each has keys and rules of its own.

mod algorithm;
mod compact;
mod header;
mod key_set;
mod members;
mod public_key;
mod weak;
#[cfg(test)]
mod wycheproof;

pub use algorithm::{SignatureAlgorithm, UnknownAlgorithm};
pub(crate) use compact::Compact;
pub(crate) use header::Header;
pub use key_set::KeySetError;
pub(crate) use key_set::{Found, KeySet};
pub(crate) use members::{Audience, Text, check_object};
pub(crate) use public_key::PublicKey;
pub use public_key::UnfitKey;

/// The largest token that is looked at, in bytes.
pub(crate) const MAX_BYTES: usize = 8 * 1024;
