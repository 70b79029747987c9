//! What an operator chooses.

use std::time::Duration;

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;
use url::Url;

/// The settings of a [`QubridModel`](crate::QubridModel). `Debug` shows no key.
#[derive(Debug, Clone)]
pub struct QubridSettings {
    /// The provider's name in usage records: `qubrid`, or another for another OpenAI-compatible server.
    pub provider: String,
    /// Where the API begins, before `/chat/completions`; `http` or `https`. Slashes at its end are dropped, and a URL
    /// that already ends in `/chat/completions` is taken as it is. A query is kept.
    pub base_url: String,
    /// The bearer token; empty for a server that asks for none.
    pub api_key: SecretString,
    /// The model's name at the provider: `owner/name`.
    pub model: String,
    /// The longest time to connect, name resolution and TLS included.
    pub connect_timeout: Duration,
    /// The longest time from sending a request for pieces to the first text, be it reasoning. A whole answer is sent
    /// when it is complete, so only `total_timeout` limits it.
    pub first_byte_timeout: Duration,
    /// The longest silence after that between two pieces, be they reasoning.
    pub read_timeout: Duration,
    /// The longest time for everything together, retries included.
    pub total_timeout: Duration,
    /// How often to ask again after 429, 502, 503, 504 and connections that failed; 0 for never.
    pub max_retries: u32,
    /// The wait before the first retry; each further one waits twice as long as the one before (at most 8 s), with
    /// jitter. A `Retry-After` of the provider takes its place.
    pub retry_delay: Duration,
    /// The longest time spent waiting for retries, together. If the provider asks for more, the call fails at once.
    pub retry_budget: Duration,
    /// The longest answer in bytes as they come over the wire, JSON or stream. One event of a stream may have this
    /// many too, but never more than 256 KiB.
    pub max_response_bytes: usize,
    /// The longest answer in tokens, if a request allows more or does not say; the model's own limit if `None`.
    pub max_tokens: Option<u32>,
    /// How free the answers are, from 0 to 2; the provider's default if `None`.
    pub temperature: Option<f32>,
    /// Whether to ask for the token counts of streams (`stream_options.include_usage`). Off by default: it is not known
    /// that Qubrid honours it, and some models refuse fields they do not know. Counts that come unasked are read
    /// either way.
    pub stream_usage: bool,
    /// Says of which trace a request is part, where it is asked; none if `None`.
    pub trace: Option<TraceHeaders>,
}

/// Names and values of headers that say of which trace the caller is part (W3C Trace Context); empty for none.
pub type TraceHeaders = fn() -> Vec<(&'static str, String)>;

impl Default for QubridSettings {
    fn default() -> Self {
        Self {
            provider: "qubrid".to_owned(),
            base_url: "https://platform.qubrid.com/v1".to_owned(),
            api_key: SecretString::default(),
            model: "openai/gpt-oss-120b".to_owned(),
            connect_timeout: Duration::from_secs(5),
            first_byte_timeout: Duration::from_secs(30),
            read_timeout: Duration::from_secs(20),
            total_timeout: Duration::from_mins(2),
            max_retries: 2,
            retry_delay: Duration::from_millis(500),
            retry_budget: Duration::from_secs(10),
            max_response_bytes: 4 << 20,
            max_tokens: Some(1024),
            temperature: Some(0.3),
            stream_usage: false,
            trace: None,
        }
    }
}

/// Why settings cannot be used. No message holds the key.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The address cannot be used.
    #[error("the base URL {reason}")]
    BaseUrl {
        /// Why not.
        reason: &'static str,
    },
    /// The key has characters that fit into no header.
    #[error("the API key has characters that a header cannot hold")]
    ApiKey,
    /// Something that must not be empty or zero is.
    #[error("{name} must not be empty or zero")]
    Empty {
        /// The setting.
        name: &'static str,
    },
    /// The temperature is no number from 0 to 2.
    #[error("the temperature must be from 0 to 2")]
    Temperature,
    /// The HTTP client could not be made.
    #[error("the HTTP client cannot be made")]
    Client(#[source] reqwest::Error),
}

impl QubridSettings {
    /// Checks what can be checked without asking anybody.
    pub(crate) fn check(&self) -> Result<(), SettingsError> {
        let needed = [
            ("provider", self.provider.trim().is_empty()),
            ("model", self.model.trim().is_empty()),
            ("connect_timeout", self.connect_timeout.is_zero()),
            ("first_byte_timeout", self.first_byte_timeout.is_zero()),
            ("read_timeout", self.read_timeout.is_zero()),
            ("total_timeout", self.total_timeout.is_zero()),
            ("max_response_bytes", self.max_response_bytes == 0),
            ("max_tokens", self.max_tokens == Some(0)),
        ];
        if let Some((name, _)) = needed.into_iter().find(|(_, is_missing)| *is_missing) {
            return Err(SettingsError::Empty { name });
        }
        match self.temperature {
            Some(temperature) if !(0.0..=2.0).contains(&temperature) => Err(SettingsError::Temperature),
            _ => Ok(()),
        }
    }

    /// The address that questions go to.
    pub(crate) fn endpoint(&self) -> Result<Url, SettingsError> {
        let wrong = |reason| SettingsError::BaseUrl { reason };
        let mut url = Url::parse(self.base_url.trim()).map_err(|_| wrong("is no URL"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("must begin with http:// or https://"));
        }
        // Credentials in an address end up in logs; the key has a setting of its own.
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("must not hold a user name or password"));
        }
        if url.fragment().is_some() {
            return Err(wrong("must not have a fragment"));
        }
        let path = url.path().trim_end_matches('/');
        let path = match path.strip_suffix("/chat/completions") {
            Some(_) => path.to_owned(),
            None => format!("{path}/chat/completions"),
        };
        url.set_path(&path);
        Ok(url)
    }

    /// The value of the `Authorization` header, if there is a key.
    pub(crate) fn authorization(&self) -> Result<Option<HeaderValue>, SettingsError> {
        let key = self.api_key.expose_secret().trim();
        if key.is_empty() {
            return Ok(None);
        }
        let mut value = HeaderValue::try_from(format!("Bearer {key}")).map_err(|_| SettingsError::ApiKey)?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(base_url: &str) -> Option<String> {
        let settings = QubridSettings { base_url: base_url.to_owned(), ..QubridSettings::default() };
        settings.endpoint().ok().map(String::from)
    }

    #[test]
    fn the_path_is_joined_once() {
        let there = Some("https://a.example/v1/chat/completions".to_owned());
        for base in ["https://a.example/v1", "https://a.example/v1///", " https://a.example/v1/chat/completions/ "] {
            assert_eq!(endpoint(base), there, "{base}");
        }
        assert_eq!(endpoint("http://a.example:1/"), Some("http://a.example:1/chat/completions".to_owned()));
        assert_eq!(endpoint("http://a.example/x?v=1"), Some("http://a.example/x/chat/completions?v=1".to_owned()));
    }

    #[test]
    fn an_address_that_cannot_be_asked_is_refused() {
        for base in ["", "a.example/v1", "ftp://a.example", "https://me:secret@a.example/v1", "https://a.example/#x"] {
            assert_eq!(endpoint(base), None, "{base}");
        }
    }

    #[test]
    fn the_defaults_are_good_and_nonsense_is_not() {
        assert!(QubridSettings::default().check().is_ok());
        assert!(QubridSettings { temperature: Some(f32::NAN), ..QubridSettings::default() }.check().is_err());
        assert!(QubridSettings { model: " ".to_owned(), ..QubridSettings::default() }.check().is_err());
        assert!(QubridSettings { read_timeout: Duration::ZERO, ..QubridSettings::default() }.check().is_err());
    }

    #[test]
    fn the_key_shows_nowhere() {
        let settings = QubridSettings { api_key: "qb_secret\n1".into(), ..QubridSettings::default() };
        let refused = settings.authorization().expect_err("a newline fits into no header");
        assert!(!format!("{settings:?} {refused:?} {refused}").contains("qb_secret"));
        let settings = QubridSettings { api_key: "qb_secret".into(), ..QubridSettings::default() };
        assert!(!format!("{:?}", settings.authorization()).contains("qb_secret"));
    }
}
