//! Settings go out without their secrets.

use secrecy::{ExposeSecret as _, SecretString};
use serde::Serializer;
use url::Url;

/// What stands for a secret.
pub(super) const MASK: &str = "***";

/// Serializes a secret: empty stays empty, so that one sees whether it is set.
pub(super) fn secret<S: Serializer>(value: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(if value.expose_secret().is_empty() { "" } else { MASK })
}

/// Serializes a URL without its password.
pub(super) fn url<S: Serializer>(value: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&masked_url(value.expose_secret()))
}

/// Serializes 0.3 as 0.3, not as the nearest number of twice its size.
#[expect(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
pub(super) fn short_number<S: Serializer>(value: &Option<f32>, serializer: S) -> Result<S::Ok, S::Error> {
    match value.and_then(|number| number.to_string().parse::<f64>().ok()) {
        Some(number) => serializer.serialize_some(&number),
        None => serializer.serialize_none(),
    }
}

/// The URL without its password, be it before the host or in the query.
pub(super) fn masked_url(text: &str) -> String {
    if text.is_empty() || text.starts_with("sqlite:") {
        return text.to_owned();
    }
    let Ok(mut url) = Url::parse(text) else { return MASK.to_owned() };
    if url.password().is_some() && url.set_password(Some(MASK)).is_err() {
        return MASK.to_owned();
    }
    let is_secret = |name: &str| ["password", "secret", "token", "key"].iter().any(|word| name.contains(word));
    if url.query_pairs().any(|(name, _)| is_secret(&name.to_lowercase())) {
        let pairs: Vec<(String, String)> = url
            .query_pairs()
            .map(|(name, value)| {
                let value = if is_secret(&name.to_lowercase()) { MASK.to_owned() } else { value.into_owned() };
                (name.into_owned(), value)
            })
            .collect();
        url.query_pairs_mut().clear().extend_pairs(pairs);
    }
    url.to_string()
}
