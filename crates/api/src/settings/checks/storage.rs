//! Where files are kept.

use secrecy::ExposeSecret as _;
use url::Url;

use super::{Check, is_plain_http, is_this_machine, quoted};

impl Check<'_> {
    pub(super) fn storage(&mut self) {
        let storage = &self.settings.storage;
        let secret = storage.s3_secret_access_key.expose_secret();
        let pair =
            [("storage.s3_access_key_id", storage.s3_access_key_id.as_str()), ("storage.s3_secret_access_key", secret)];
        if storage.is_s3() {
            for (path, value) in [("storage.s3_region", storage.s3_region.as_str())].into_iter().chain(pair) {
                if value.is_empty() && !self.report.is_untaken(path) {
                    self.fault(path, "nothing, but storage.s3_bucket is set", "all that a bucket needs");
                }
            }
        } else if !self.report.is_untaken("storage.s3_bucket") {
            let set = [("storage.s3_endpoint", storage.s3_endpoint.as_str())].into_iter().chain(pair);
            if let Some((path, _)) = set.into_iter().find(|(_, value)| !value.is_empty()) {
                let found = format!("nothing, but {} is set", self.name(path));
                self.fault("storage.s3_bucket", found, "the name of a bucket, or none of the settings of one");
            }
        }
        for (path, value) in pair {
            if !value.chars().all(|c| c.is_ascii_graphic()) {
                self.fault(path, "white space or odd characters (not shown)", "visible ASCII characters");
            }
        }
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        if !storage.s3_bucket.chars().all(is_name) {
            self.fault("storage.s3_bucket", quoted(&storage.s3_bucket), "letters, digits, dots and hyphens");
        }
        let endpoint = storage.s3_endpoint.as_str();
        if endpoint.is_empty() {
            return;
        }
        if !is_plain_http(endpoint) {
            let found = "no such URL, or one with a user name or password (not shown)";
            self.fault("storage.s3_endpoint", found, "an https:// URL; the key pair has settings of its own");
        } else if endpoint.starts_with("http:") && !Url::parse(endpoint).is_ok_and(|url| is_this_machine(&url)) {
            self.deployed("storage.s3_endpoint", "http://, so files travel in clear", "https://, or this machine");
        }
    }
}
