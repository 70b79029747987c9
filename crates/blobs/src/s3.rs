//! An S3-compatible store.

use std::time::Duration;

use lyceum_domain::mentor::Cause;
use object_store::{
    BackoffConfig, ClientOptions, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder},
};
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;

/// How long a connection may take to open.
const CONNECT: Duration = Duration::from_secs(5);

/// Which bucket, with which key pair, and how long.
#[derive(Debug, Clone)]
pub struct S3Settings {
    /// `https://host[:port]` of a store that is not Amazon's; the bucket is then the first part of the path. `None` is
    /// Amazon's own, where it is part of the host's name.
    pub endpoint: Option<String>,
    /// The bucket, which must be there.
    pub bucket: String,
    /// The region, which is part of each signature. Many other stores take `us-east-1` or `auto`.
    pub region: String,
    /// The name of the key pair.
    pub access_key_id: String,
    /// Its secret, which signs requests and is never sent.
    pub secret_access_key: SecretString,
    /// Whether an `http://` endpoint will do: the contents are then read by whoever sits between.
    pub allow_http: bool,
    /// How long the store may take to answer one request, the sending of a part included, and to bring the next bytes
    /// of what is read; also how long a check may take in all. A request that fails for a reason that may pass is tried
    /// again while this time has not passed since its first attempt, so that it fails after twice that at most.
    pub timeout: Duration,
    /// How often a request is tried again.
    pub max_retries: usize,
}

/// Settings that no store can be reached with.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum S3SettingsError {
    /// No URL, or another scheme than there are.
    #[error("the endpoint of the blob store has to be `https://host`, or `http://host` where that is allowed")]
    Endpoint,
    /// Nothing where something must be.
    #[error("the blob store needs a {0}")]
    Empty(&'static str),
    /// What `object_store` does not take.
    #[error("the settings of the blob store are refused")]
    Refused(#[source] Cause),
}

pub(crate) fn open(settings: &S3Settings) -> Result<AmazonS3, S3SettingsError> {
    let secret = settings.secret_access_key.expose_secret();
    for (name, value) in [
        ("bucket", settings.bucket.as_str()),
        ("region", &settings.region),
        ("access key id", &settings.access_key_id),
        ("secret access key", secret),
    ] {
        if value.is_empty() {
            return Err(S3SettingsError::Empty(name));
        }
    }
    // No time-out of a whole exchange: that would end whoever reads a large blob slowly.
    let client = ClientOptions::new()
        .with_allow_http(settings.allow_http)
        .with_connect_timeout(CONNECT.min(settings.timeout))
        .with_read_timeout(settings.timeout)
        .with_timeout_disabled();
    let retry = RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(2),
            base: 2.0,
        },
        max_retries: settings.max_retries,
        retry_timeout: settings.timeout,
    };
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(&settings.bucket)
        .with_region(&settings.region)
        .with_access_key_id(&settings.access_key_id)
        .with_secret_access_key(secret)
        .with_virtual_hosted_style_request(settings.endpoint.is_none())
        // One blob goes at a time, and not every store knows the request that deletes many.
        .with_disable_bulk_delete(true)
        .with_client_options(client)
        .with_retry(retry);
    if let Some(endpoint) = &settings.endpoint {
        let host = endpoint.strip_prefix("https://");
        let host = host.or_else(|| settings.allow_http.then(|| endpoint.strip_prefix("http://")).flatten());
        if host.is_none_or(str::is_empty) {
            return Err(S3SettingsError::Endpoint);
        }
        builder = builder.with_endpoint(endpoint.trim_end_matches('/'));
    }
    builder.build().map_err(|error| S3SettingsError::Refused(error.into()))
}
