//! Who answers, what it costs, and what is kept of it.

use secrecy::ExposeSecret as _;

use super::{Check, is_plain_http, quoted};
use crate::settings::{LlmProvider, SecondProvider};

impl Check<'_> {
    pub(super) fn model(&mut self) {
        let llm = &self.settings.llm;
        let total = llm.total_timeout_seconds;
        for (path, value) in [
            ("llm.connect_timeout_seconds", llm.connect_timeout_seconds),
            ("llm.first_byte_timeout_seconds", llm.first_byte_timeout_seconds),
            ("llm.read_timeout_seconds", llm.read_timeout_seconds),
            ("llm.retry_budget_seconds", llm.retry_budget_seconds),
        ] {
            if value > total {
                self.fault(path, value.to_string(), format!("at most llm.total_timeout_seconds, {total}"));
            }
        }
        let is_used = llm.provider == LlmProvider::Qubrid;
        self.base_url("llm.qubrid", &llm.qubrid.base_url, "QUBRID_API_KEY", is_used);
        if llm.qubrid.model.trim().is_empty() {
            self.fault("llm.qubrid.model", "nothing", "a model's name");
        }
        let key = llm.qubrid.api_key.expose_secret();
        self.api_key("llm.qubrid", key);
        if key.is_empty() && is_used {
            self.fault("llm.qubrid.api_key", "nothing", "the key, since llm.provider is qubrid");
        }
        self.second_model();
        let (open, longest) = (llm.breaker.open_seconds, llm.breaker.longest_open_seconds);
        if longest < open {
            let allowed = format!("at least llm.breaker.open_seconds, {open}");
            self.fault("llm.breaker.longest_open_seconds", longest.to_string(), allowed);
        }
    }

    fn second_model(&mut self) {
        let llm = &self.settings.llm;
        let second = &llm.second;
        let is_used = second.provider == SecondProvider::Qubrid;
        if second.provider != SecondProvider::None && llm.provider == LlmProvider::Offline {
            let name = self.name("llm.second.provider");
            self.report.warn(format!("{name}: never asked, since llm.provider is offline, which is never out"));
        }
        for (path, value) in [("llm.second.base_url", &second.base_url), ("llm.second.model", &second.model)] {
            if is_used && value.trim().is_empty() && !self.report.is_untaken(path) {
                self.fault(path, "nothing", "all that a second provider needs, since llm.second.provider is qubrid");
            }
        }
        if !second.base_url.is_empty() {
            self.base_url("llm.second", &second.base_url, "LYCEUM__LLM__SECOND__API_KEY", is_used);
        }
        self.api_key("llm.second", second.api_key.expose_secret());
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if !(1..=32).contains(&second.name.len()) || !second.name.chars().all(is_part) {
            self.fault("llm.second.name", quoted(&second.name), "1 to 32 letters, digits, dots, _ and -");
        } else if ["offline", "qubrid"].contains(&second.name.as_str()) {
            self.fault("llm.second.name", quoted(&second.name), "a name that no other provider has");
        }
    }

    fn base_url(&mut self, group: &str, url: &str, key: &str, is_used: bool) {
        let path = format!("{group}.base_url");
        if !is_plain_http(url) {
            let found = "no such URL, or one with a user name or password (not shown)";
            self.fault(&path, found, format!("an http:// or https:// URL; the key goes into {key}"));
        } else if url.starts_with("http:") && is_used {
            self.warn_deployed(&path, "is not https://, so the key travels in clear");
        }
    }

    fn api_key(&mut self, group: &str, key: &str) {
        if !key.chars().all(|c| c.is_ascii_graphic()) {
            let found = "white space or odd characters (not shown)";
            self.fault(&format!("{group}.api_key"), found, "visible ASCII characters");
        }
    }

    pub(super) fn mentor(&mut self) {
        let currency = &self.settings.mentor.currency;
        if currency.len() != 3 || !currency.bytes().all(|b| b.is_ascii_uppercase()) {
            self.fault("mentor.currency", quoted(currency), "three capital letters such as EUR (ISO 4217)");
        }
    }

    /// Whether the list has the form of one. What its keys are worth is the business of whoever seals.
    pub(super) fn encryption(&mut self) {
        let keys = self.settings.encryption.keys.expose_secret();
        let mut names = Vec::new();
        let parts = keys.split(',').map(str::trim).zip(1..).filter(|(part, _)| !part.is_empty());
        for (part, number) in parts {
            let found = match part.split_once(':').map(|(name, key)| (name.trim(), key.trim())) {
                None => "without a name",
                Some((name, _)) if !is_key_name(name) => "with a name that cannot be one",
                Some((name, _)) if names.contains(&name) => "with the name of one before it",
                Some((_, key)) if !is_key(key) => "which is not the base64 of 32 bytes",
                Some((name, _)) => {
                    names.push(name);
                    continue;
                }
            };
            let allowed = "NAME:BASE64 with commas between; a name of 1 to 32 letters, digits, dots, _ and -, and what \
                           `openssl rand -base64 32` prints";
            self.fault("encryption.keys", format!("key {number} of the list {found} (not shown)"), allowed);
        }
    }
}

/// Whether a key of messages may be called so.
fn is_key_name(name: &str) -> bool {
    let is_part = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    (1..=32).contains(&name.len()) && name.bytes().all(is_part)
}

/// Whether a text is base64 of 32 bytes: 43 digits and what fills them up.
fn is_key(text: &str) -> bool {
    let is_digit = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
    text.strip_suffix('=').is_some_and(|digits| digits.len() == 43 && digits.bytes().all(is_digit))
}
