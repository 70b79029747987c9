//! Whose tokens are taken besides our own.

use std::collections::BTreeMap;

use url::Url;

use super::{Check, is_this_machine, quoted};
use crate::settings::{AuthMode, Origin, ProviderSettings};

impl Check<'_> {
    pub(super) fn providers(&mut self) {
        let auth = &self.settings.auth;
        match auth.mode {
            AuthMode::External if auth.providers.is_empty() => {
                let allowed = "both or local, unless there is a provider (NEON_AUTH_URL, LYCEUM__AUTH__PROVIDERS__…)";
                self.fault("auth.mode", "external, but no identity provider", allowed);
            }
            AuthMode::Local if !auth.providers.is_empty() => {
                let name = self.name("auth.mode");
                let providers = auth.providers.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
                self.report.warn(format!("{name}: local, so the identity providers are not used: {providers}"));
            }
            _ => {}
        }
        for (name, provider) in &auth.providers {
            self.provider(name, provider);
        }
        self.issuers();
    }

    fn provider(&mut self, name: &str, provider: &ProviderSettings) {
        let path = |key: &str| format!("auth.providers.{name}.{key}");
        let allowed = "an https:// URL without user and fragment; http:// for this machine only";
        if !provider.url.is_empty() && (!is_safe(&provider.url) || provider.url.contains('?')) {
            self.fault(&path("url"), "no such URL (not shown)", format!("{allowed}; without query"));
        }
        let is_derived = matches!(self.origins.get(&path("jwks_url")), Origin::Derived { .. });
        if !provider.jwks_url.is_empty() && !is_derived && !is_safe(&provider.jwks_url) {
            self.fault(&path("jwks_url"), "no such URL (not shown)", allowed);
        }
        if provider.issuer.trim() != provider.issuer {
            self.fault(&path("issuer"), "white space at an end", "the text that tokens have as `iss`");
        }
        if provider.audience.iter().any(|audience| audience.trim().is_empty()) {
            self.fault(&path("audience"), "an empty text", "texts that tokens have as `aud`");
        }
        let parts = [
            ("jwks_url", provider.jwks_url.is_empty()),
            ("issuer", provider.issuer.is_empty()),
            ("audience", provider.audience.is_empty()),
        ];
        let missing: Vec<&str> = parts.iter().filter(|(_, is_missing)| *is_missing).map(|(key, _)| *key).collect();
        let is_untaken = ["url", "jwks_url", "issuer", "audience"].iter().any(|key| self.report.is_untaken(&path(key)));
        if provider.url.is_empty() && !missing.is_empty() && !is_untaken {
            let found = format!("nothing, and no {} either", missing.join(", "));
            self.fault(&path("url"), found, "the provider's URL, or all of jwks_url, issuer and audience");
        }
    }

    /// A token says by its issuer whose it is: no two may have the same.
    fn issuers(&mut self) {
        let auth = &self.settings.auth;
        let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
        for (name, provider) in auth.providers.iter().filter(|(_, provider)| !provider.issuer.is_empty()) {
            let path = format!("auth.providers.{name}.issuer");
            if provider.issuer == auth.jwt_issuer {
                let found = format!("{}, the issuer of our own tokens", quoted(&provider.issuer));
                self.fault(&path, found, "the provider's own, or another JWT_ISSUER");
            }
            if let Some(other) = seen.insert(&provider.issuer, name) {
                let found = format!("{}, the issuer of provider {other}", quoted(&provider.issuer));
                self.fault(&path, found, "one provider for each issuer");
            }
        }
    }
}

/// Whether keys that come from a URL are the provider's: over TLS, or from this machine.
fn is_safe(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let is_scheme = url.scheme() == "https" || (url.scheme() == "http" && is_this_machine(&url));
    is_scheme && url.username().is_empty() && url.password().is_none() && url.fragment().is_none()
}
