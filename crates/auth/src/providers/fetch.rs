//! Fetching a provider's keys.

use std::time::Duration;

use reqwest::{
    Client, StatusCode,
    header::{ACCEPT, CACHE_CONTROL, HeaderMap},
    redirect::Policy,
};
use thiserror::Error;
use url::Url;

use super::settings::{KeyCacheSettings, ProviderSettingsError, is_loopback};
use crate::jws::{KeySet, KeySetError, SignatureAlgorithm};

/// The largest answer, in bytes. A set of two keys has some 800.
const MAX_BODY: usize = 256 * 1024;

/// Where keys come from.
pub(super) struct KeySource {
    client: Client,
    url: Url,
    algorithms: Vec<SignatureAlgorithm>,
}

/// What came.
pub(super) struct Fetched {
    pub(super) keys: KeySet,
    /// How long the answer says that it is good.
    pub(super) max_age: Option<Duration>,
}

/// Why nothing came. The address is not in it: the log has the provider's name.
#[derive(Debug, Error)]
pub(super) enum FetchError {
    #[error("no answer: {0}")]
    Http(#[source] reqwest::Error),
    #[error("the answer's status is {0}")]
    Status(StatusCode),
    #[error("the answer has more than {MAX_BODY} bytes")]
    TooLarge,
    #[error("the answer is of no use: {0}")]
    KeySet(#[from] KeySetError),
}

impl KeySource {
    pub(super) fn new(
        url: Url,
        algorithms: Vec<SignatureAlgorithm>,
        settings: &KeyCacheSettings,
    ) -> Result<Self, ProviderSettingsError> {
        let client = Client::builder()
            .user_agent(concat!("lyceum/", env!("CARGO_PKG_VERSION")))
            .https_only(!is_loopback(&url))
            // Keys come from where the operator said, and from nowhere else; a proxy is for browsers.
            .redirect(Policy::none())
            .no_proxy()
            // Trying again is the cache's business.
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(settings.connect_timeout)
            .timeout(settings.timeout)
            // The next fetch is minutes away, and a connection belongs to the runtime that opened it.
            .pool_max_idle_per_host(0)
            .build()
            .map_err(ProviderSettingsError::Client)?;
        Ok(Self { client, url, algorithms })
    }

    pub(super) async fn fetch(&self, trace: Vec<(&'static str, String)>) -> Result<Fetched, FetchError> {
        let http = |error: reqwest::Error| FetchError::Http(error.without_url());
        let mut request =
            self.client.get(self.url.clone()).header(ACCEPT, "application/json, application/jwk-set+json");
        for (name, value) in trace {
            request = request.header(name, value);
        }
        let mut reply = request.send().await.map_err(http)?;
        if reply.status() != StatusCode::OK {
            return Err(FetchError::Status(reply.status()));
        }
        let mut body = Vec::new();
        while let Some(piece) = reply.chunk().await.map_err(http)? {
            if body.len() + piece.len() > MAX_BODY {
                return Err(FetchError::TooLarge);
            }
            body.extend_from_slice(&piece);
        }
        Ok(Fetched { keys: KeySet::parse(&body, &self.algorithms)?, max_age: max_age(reply.headers()) })
    }
}

/// `max-age` (RFC 9111, section 5.2.2.1). What must not be kept is good for no time.
fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let values = headers.get_all(CACHE_CONTROL).into_iter().filter_map(|value| value.to_str().ok());
    let directives: Vec<String> =
        values.flat_map(|value| value.split(',')).map(|d| d.trim().to_ascii_lowercase()).collect();
    if directives.iter().any(|directive| directive == "no-store" || directive == "no-cache") {
        return Some(Duration::ZERO);
    }
    let seconds = directives.iter().find_map(|directive| directive.strip_prefix("max-age="))?;
    seconds.trim_matches('"').parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    #[test]
    fn an_answer_may_say_how_long_it_is_good() {
        let read = |text: &'static str| {
            max_age(&HeaderMap::from_iter([(CACHE_CONTROL, HeaderValue::from_static(text))])).map(|age| age.as_secs())
        };
        assert_eq!(read("public, max-age=3600"), Some(3600));
        assert_eq!(read("Max-Age=\"60\""), Some(60));
        assert_eq!(read("max-age=60, no-store"), Some(0));
        for silent in ["", "public", "max-age=", "max-age=-1", "max-age=1.5", "s-maxage=9"] {
            assert_eq!(read(silent), None, "{silent}");
        }
        assert_eq!(max_age(&HeaderMap::new()), None);
    }
}
