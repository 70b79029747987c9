//! What values must be together, and what production refuses.

mod mentor;
mod providers;
mod signing;
mod storage;

use std::path::Path;

use secrecy::ExposeSecret as _;
use url::{Host, Url};

use super::{
    DatabaseKind, LogSettings, MailTransport, SameSite, Settings,
    faults::{Report, quoted},
    parts,
    sources::Origins,
};

/// Looks at all settings together; files that they name are looked for from the working directory.
pub(super) fn check(settings: &Settings, origins: &Origins, working_dir: &Path, report: &mut Report) {
    let mut check = Check { settings, origins, working_dir, report };
    check.server();
    check.database();
    check.signing();
    check.cookies();
    check.tokens();
    check.lockout();
    check.providers();
    check.origins();
    check.model();
    check.mentor();
    check.encryption();
    check.mail();
    check.storage();
    check.log();
    check.telemetry();
    check.redis();
}

struct Check<'a> {
    settings: &'a Settings,
    origins: &'a Origins,
    working_dir: &'a Path,
    report: &'a mut Report,
}

impl Check<'_> {
    fn name(&self, path: &str) -> String {
        self.origins.get(path).name(path)
    }

    fn fault(&mut self, path: &str, found: impl Into<String>, allowed: impl Into<String>) {
        let name = self.name(path);
        self.report.fault(name, found, allowed);
    }

    /// A fault in production, elsewhere a warning where one is deployed, else nothing.
    fn deployed(&mut self, path: &str, found: &str, allowed: &str) {
        if self.settings.environment.is_production() {
            self.fault(path, found, format!("{allowed} (production)"));
        } else if self.settings.environment.is_deployed() {
            let name = self.name(path);
            self.report.warn(format!("{name}: {found}; production refuses this"));
        }
    }

    /// A warning where one is deployed.
    fn warn_deployed(&mut self, path: &str, what: &str) {
        if self.settings.environment.is_deployed() {
            let name = self.name(path);
            self.report.warn(format!("{name}: {what}"));
        }
    }

    fn server(&mut self) {
        let server = &self.settings.server;
        if self.settings.data_dir.trim().is_empty() {
            self.fault("data_dir", "nothing", "a folder");
        }
        if self.settings.seed_demo {
            self.warn_deployed("seed_demo", "makes demo accounts whose passwords anybody can know");
        }
        let is_address = server.host.parse::<std::net::IpAddr>().is_ok();
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
        if !is_address && (server.host.is_empty() || !server.host.chars().all(is_name)) {
            self.fault("server.host", quoted(&server.host), "an IP address or host name, without a port");
        }
        if server.public_url.is_empty() {
            self.warn_deployed("server.public_url", "not set, so links in mails lead to this machine only");
        } else if !is_plain_http(&server.public_url) {
            self.fault("server.public_url", quoted(&server.public_url), "an http:// or https:// URL without query");
        } else if server.public_url.starts_with("http:") {
            self.warn_deployed("server.public_url", "is not https://");
        }
        if server.trusted_proxies.is_empty() {
            self.warn_deployed("server.trusted_proxies", "not set, so behind a proxy all clients count as one");
        } else if server.trusted_proxies.iter().any(|network| network.prefix_len() == 0) {
            self.warn_deployed("server.trusted_proxies", "trusts everybody, so clients can say that they are others");
        }
        if !self.settings.rate_limit.enabled {
            self.deployed("rate_limit.enabled", "false", "true");
        }
    }

    fn database(&mut self) {
        let database = &self.settings.database;
        match database.kind() {
            Some(DatabaseKind::Sqlite) if !database.allow_sqlite_in_production => self.deployed(
                "database.url",
                "SQLite",
                "postgres://…, or SQLite with LYCEUM__DATABASE__ALLOW_SQLITE_IN_PRODUCTION=true",
            ),
            Some(DatabaseKind::Postgres) if !is_address(database.url_text()) => {
                self.fault(
                    "database.url",
                    "a URL that cannot be read (not shown)",
                    format!(
                        "postgres://user:password@host:port/name, special characters percent-encoded; or {} and so on",
                        parts::DATABASE.parts[0]
                    ),
                );
            }
            Some(_) => {}
            None => {
                let scheme = database.url_text().split_once("://").map(|(scheme, _)| scheme.to_owned());
                let found = scheme.map_or_else(|| "no URL (not shown)".to_owned(), |it| format!("{}…", quoted(&it)));
                self.fault("database.url", found, "sqlite://…, postgres://… or postgresql://…");
            }
        }
        if database.max_connections > 0 && database.min_connections > database.max_connections {
            let (found, most) = (database.min_connections.to_string(), database.max_connections);
            self.fault("database.min_connections", found, format!("at most database.max_connections, {most}"));
        }
    }

    fn cookies(&mut self) {
        let auth = &self.settings.auth;
        if auth.cookie_secure {
            // Nothing to say.
        } else if auth.cookie_same_site == SameSite::None {
            self.fault("auth.cookie_same_site", "none", "lax or strict, unless COOKIE_SECURE is true");
        } else {
            self.deployed("auth.cookie_secure", "false", "true");
        }
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
        if !auth.cookie_domain.chars().all(is_part) {
            self.fault("auth.cookie_domain", quoted(&auth.cookie_domain), "a domain such as example.org");
        }
    }

    fn tokens(&mut self) {
        let auth = &self.settings.auth;
        for (path, value) in [("auth.jwt_issuer", &auth.jwt_issuer), ("auth.jwt_audience", &auth.jwt_audience)] {
            if value.trim().is_empty() {
                self.fault(path, "nothing", "text");
            }
        }
        if auth.refresh_ttl_seconds <= auth.access_ttl_seconds {
            let access = auth.access_ttl_seconds;
            let allowed = format!("more than the life of an access token, {access}");
            self.fault("auth.refresh_ttl_seconds", auth.refresh_ttl_seconds.to_string(), allowed);
        }
        if auth.bcrypt_cost < 10 && self.settings.environment != super::Environment::Test {
            self.fault("auth.bcrypt_cost", auth.bcrypt_cost.to_string(), "10 to 16; less in test only");
        }
    }

    fn lockout(&mut self) {
        let lockout = &self.settings.auth.lockout;
        for (path, value, least_path, least) in [
            ("longest_seconds", lockout.longest_seconds, "first_seconds", lockout.first_seconds),
            ("overall_after", lockout.overall_after.into(), "after", lockout.after.into()),
            ("forget_after_seconds", lockout.forget_after_seconds, "longest_seconds", lockout.longest_seconds),
            ("forget_after_seconds", lockout.forget_after_seconds, "overall_seconds", lockout.overall_seconds),
        ] {
            if value < least {
                let allowed = format!("at least auth.lockout.{least_path}, {least}");
                self.fault(&format!("auth.lockout.{path}"), value.to_string(), allowed);
            }
        }
    }

    fn origins(&mut self) {
        for origin in self.settings.cors.origins.iter().filter(|origin| *origin != "*") {
            let is_origin = Url::parse(origin).is_ok_and(|url| {
                matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == *origin
            });
            if !is_origin {
                self.fault("cors.origins", quoted(origin), "scheme, host and port as in https://example.org, no path");
            }
        }
        if !self.settings.cors.any_origin() {
            return;
        }
        self.deployed("cors.origins", "`*`", "the origins by name");
        if !self.settings.environment.is_deployed() {
            let name = self.name("cors.origins");
            self.report.warn(format!("{name}: `*` lets every site call with the user's cookies"));
        }
    }

    fn mail(&mut self) {
        let mail = &self.settings.mail;
        let url = mail.smtp_url.expose_secret();
        if url.is_empty() {
            if mail.transport == MailTransport::Smtp && !self.report.is_untaken("mail.transport") {
                let allowed = "smtp://… or smtps://…, or LYCEUM__MAIL__TRANSPORT=folder";
                self.fault("mail.smtp_url", "nothing, but mail.transport is smtp", allowed);
            }
        } else if !Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "smtp" | "smtps") && url.has_host()) {
            self.fault("mail.smtp_url", "another text (not shown)", "smtp://user:password@host:port or smtps://…");
        }
        let address = mail.from.rsplit_once('<').map_or(mail.from.as_str(), |(_, rest)| rest.trim_end_matches('>'));
        let is_address = address.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty() && !domain.is_empty() && !domain.contains('@') && !address.contains(char::is_whitespace)
        });
        if !is_address || mail.from.chars().any(char::is_control) {
            self.fault("mail.from", quoted(&mail.from), "an address, or a name with <address>");
        } else if mail.transport == MailTransport::Smtp && address.ends_with("@localhost") {
            self.warn_deployed("mail.from", "no other mail server takes mail from localhost");
        }
        if mail.templates_dir().is_some_and(|dir| !self.working_dir.join(dir).is_dir()) {
            self.fault("mail.templates_dir", quoted(&mail.templates_dir), "a folder that exists, or nothing");
        }
        if mail.site_name.trim().is_empty() || mail.site_name.chars().any(char::is_control) {
            self.fault("mail.site_name", quoted(&mail.site_name), "a name in one line");
        }
    }

    fn telemetry(&mut self) {
        let telemetry = &self.settings.telemetry;
        if !telemetry.otlp_endpoint.is_empty() && !is_plain_http(&telemetry.otlp_endpoint) {
            let found = quoted(&telemetry.otlp_endpoint);
            self.fault("telemetry.otlp_endpoint", found, "an http:// or https:// URL without query, or nothing");
        }
        if telemetry.service_name.trim().is_empty() || telemetry.service_name.chars().any(char::is_control) {
            self.fault("telemetry.service_name", quoted(&telemetry.service_name), "a name in one line");
        }
        if telemetry.metrics_address().is_some_and(|address| !address.ip().is_loopback()) {
            self.warn_deployed("telemetry.metrics_bind", "not loopback: whoever reaches the port can read the metrics");
        }
    }

    fn redis(&mut self) {
        let redis = &self.settings.redis;
        let url = redis.url.expose_secret();
        if !url.is_empty()
            && !Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "redis" | "rediss") && url.has_host())
        {
            self.fault("redis.url", "another text (not shown)", "redis://user:password@host:port/0 or rediss://…");
        }
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
        if redis.key_prefix.is_empty() || !redis.key_prefix.chars().all(is_plain) {
            self.fault("redis.key_prefix", quoted(&redis.key_prefix), "letters, digits and - _ . :");
        }
    }

    fn log(&mut self) {
        let level = &self.settings.log.level;
        if !self.settings.log.is_filter() {
            self.fault("log.level", quoted(level), LogSettings::LEVELS);
        }
    }
}

/// Whether a text is a URL with `//`; a socket's has no host.
fn is_address(text: &str) -> bool {
    text.contains("://") && Url::parse(text).is_ok()
}

/// Whether a text is an `http` or `https` URL of a host, without user, query and fragment.
fn is_plain_http(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    })
}

/// Whether a URL leads to this machine.
fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
