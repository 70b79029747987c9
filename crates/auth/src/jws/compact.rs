//! The compact form (RFC 7515, section 7.1).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::MAX_BYTES;

/// The longest signature: RSA with 8192 bits. A little more, since the decoder wants room for whole groups.
const MAX_SIGNATURE: usize = 8192 / 8 + 8;

/// A token in its three parts, still encoded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Compact<'a> {
    /// What was signed: header, dot and payload.
    pub(crate) message: &'a str,
    pub(crate) header: &'a str,
    pub(crate) payload: &'a str,
    pub(crate) signature: &'a str,
}

impl<'a> Compact<'a> {
    /// A token that may be a JWT: three parts, none empty. `Err` says why not, with nothing in it that came from the
    /// token, as everywhere below: it is not known yet who wrote it.
    pub(crate) fn parse(token: &'a str) -> Result<Self, &'static str> {
        let parts = Self::split(token)?;
        if [parts.header, parts.payload, parts.signature].iter().any(|part| part.is_empty()) {
            // Among them a detached payload, as in the signatures of webhooks (RFC 7515, appendix F).
            return Err("one of its three parts is empty");
        }
        Ok(parts)
    }

    /// Any JWS of at most 8 KiB; its payload may be empty.
    pub(super) fn split(token: &'a str) -> Result<Self, &'static str> {
        if token.len() > MAX_BYTES {
            return Err("it is too long");
        }
        let parts = token.rsplit_once('.').and_then(|(message, signature)| {
            let (header, payload) = message.split_once('.')?;
            (!payload.contains('.')).then_some(Self { message, header, payload, signature })
        });
        parts.ok_or("it has not three parts")
    }

    /// The header's bytes.
    pub(crate) fn decode_header(&self) -> Result<Vec<u8>, &'static str> {
        decode(self.header).ok_or("the header is not base64url")
    }

    /// The payload's bytes.
    pub(crate) fn decode_payload(&self) -> Result<Vec<u8>, &'static str> {
        decode(self.payload).ok_or("the claims are not base64url")
    }

    /// The signature's bytes, given to `read`.
    pub(crate) fn with_signature<T>(&self, read: impl FnOnce(&[u8]) -> T) -> Result<T, &'static str> {
        let mut buffer = [0; MAX_SIGNATURE];
        let length = URL_SAFE_NO_PAD
            .decode_slice(self.signature, &mut buffer)
            .map_err(|_| "the signature is not base64url, or too long")?;
        Ok(read(&buffer[..length]))
    }
}

/// Strictly: no padding, no other characters, the bits that mean nothing are zero (RFC 4648, section 3.5).
fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}
