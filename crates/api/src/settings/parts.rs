//! Addresses given by parts: `DATABASE_HOST`, `DATABASE_NAME` and so on make the URL of the database, `REDIS_HOST` and
//! so on that of Redis.

use figment::value::Value;

use super::{
    faults::{Report, quoted},
    known,
    sources::Assignment,
    variables::Layer,
};

/// An address that can be given by parts.
pub(super) struct Address {
    /// What is there.
    pub(super) what: &'static str,
    /// The setting that is its URL, and the plain variable of that.
    path: &'static str,
    pub(super) url: &'static str,
    /// The parts; the first is the host.
    pub(super) parts: &'static [&'static str],
    /// Those that have to be there if any is. Where it is none, parts without a host are somebody else's.
    needed: &'static [&'static str],
    make: fn(&Given<'_>, &mut Report) -> String,
}

/// A PostgreSQL database.
pub(super) const DATABASE: Address = Address {
    what: "a PostgreSQL database",
    path: "database.url",
    url: "DATABASE_URL",
    parts: &[
        "DATABASE_HOST",
        "DATABASE_PORT",
        "DATABASE_NAME",
        "DATABASE_USER",
        "DATABASE_PASSWORD",
        "DATABASE_SSLMODE",
    ],
    needed: &["DATABASE_HOST", "DATABASE_NAME", "DATABASE_USER"],
    make: database,
};

/// Redis. A password alone is often there for its server, and Kubernetes sets `REDIS_PORT` by itself to something else,
/// so nothing is made without a host, and that is no fault.
pub(super) const REDIS: Address = Address {
    what: "Redis",
    path: "redis.url",
    url: "REDIS_URL",
    parts: &["REDIS_HOST", "REDIS_PORT", "REDIS_USER", "REDIS_PASSWORD", "REDIS_DB", "REDIS_TLS"],
    needed: &[],
    make: redis,
};

/// All of them.
pub(super) const ADDRESSES: [Address; 2] = [DATABASE, REDIS];

const SSL_MODES: [&str; 6] = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

/// The names of all parts.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    ADDRESSES.iter().flat_map(|address| address.parts).copied()
}

/// Makes a URL of the parts of each address, if there are any.
pub(super) fn read(dotenv: &Layer, environment: &Layer, assignments: &mut Vec<Assignment>, report: &mut Report) {
    for address in &ADDRESSES {
        address.read(&Given { dotenv, environment }, assignments, report);
    }
}

/// The parts of both layers.
struct Given<'a> {
    dotenv: &'a Layer,
    environment: &'a Layer,
}

impl<'a> Given<'a> {
    /// A part of the environment wins over one of `.env`.
    fn value(&self, name: &str) -> Option<&'a str> {
        self.environment.value(name).or_else(|| self.dotenv.value(name))
    }

    fn text(&self, name: &str) -> &'a str {
        self.value(name).unwrap_or_default()
    }

    fn port(&self, name: &str, usual: &'static str, report: &mut Report) -> &'a str {
        let port = self.value(name).unwrap_or(usual).trim();
        if !port.parse::<u16>().is_ok_and(|port| port > 0) {
            report.fault(name, quoted(port), "a whole number from 1 to 65535");
        }
        port
    }
}

impl Address {
    /// A URL wins over parts of its own layer and of lower ones.
    fn read(&self, given: &Given<'_>, assignments: &mut Vec<Assignment>, report: &mut Report) {
        let Given { dotenv, environment } = *given;
        let host = self.parts[0];
        let set_in = |layer: &Layer| self.parts.iter().copied().find(|name| layer.value(name).is_some());
        let (layer, first) = match (set_in(environment), set_in(dotenv)) {
            (Some(name), _) => (environment, name),
            (None, Some(name)) => (dotenv, name),
            (None, None) => return,
        };
        let origin = layer.origin(if layer.value(host).is_some() { host } else { first });
        let url_in =
            |layer: &Layer| assignments.iter().any(|other| other.path == self.path && layer.owns(&other.origin));
        let is_beaten = url_in(environment) || (std::ptr::eq(layer, dotenv) && url_in(dotenv));
        let has_host = given.value(host).is_some();
        if is_beaten || (!has_host && url_in(dotenv)) {
            report
                .warn(format!("{first} and other parts of the address of {} are not used: there is a URL", self.what));
            return;
        }
        if !has_host && self.needed.is_empty() {
            report.warn(format!("{first} is not used: there is no {host}"));
            return;
        }
        let faults = report.faults.len();
        for name in self.needed {
            if given.value(name).is_none() {
                let allowed = format!("text, or {} instead of all parts", self.url);
                report.fault(*name, format!("nothing, but {first} is set"), allowed);
            }
        }
        let url = (self.make)(given, report);
        if report.faults.len() == faults {
            assignments.push(Assignment { path: self.path.to_owned(), value: Value::from(url), origin });
        }
    }
}

/// A host that begins with a slash is the folder of a socket.
fn database(given: &Given<'_>, report: &mut Report) -> String {
    let port = given.port("DATABASE_PORT", "5432", report);
    let ssl_mode = given.value("DATABASE_SSLMODE").map(str::trim);
    if let Some(mode) = ssl_mode.filter(|mode| !SSL_MODES.contains(mode)) {
        report.fault("DATABASE_SSLMODE", quoted(mode), SSL_MODES.join(" or "));
    }
    let mut query = Vec::new();
    let host = given.text("DATABASE_HOST").trim();
    let host = if host.starts_with('/') {
        query.push(format!("host={}", encoded(host)));
        "localhost".to_owned()
    } else {
        authority(host)
    };
    query.extend(ssl_mode.map(|mode| format!("sslmode={mode}")));
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    let user = encoded(given.text("DATABASE_USER"));
    let password = password(given.value("DATABASE_PASSWORD"));
    format!("postgres://{user}{password}@{host}:{port}/{}{query}", encoded(given.text("DATABASE_NAME")))
}

/// A password without a user is that of the user whom Redis calls `default`.
fn redis(given: &Given<'_>, report: &mut Report) -> String {
    let port = given.port("REDIS_PORT", "6379", report);
    let number = given.value("REDIS_DB").unwrap_or("0").trim();
    if number.parse::<u16>().is_err() {
        report.fault("REDIS_DB", quoted(number), "a whole number from 0 to 65535");
    }
    let tls = given.value("REDIS_TLS").unwrap_or("false").trim();
    let tls = known::flag(tls).unwrap_or_else(|| {
        report.fault("REDIS_TLS", quoted(tls), "true or false");
        false
    });
    let scheme = if tls { "rediss" } else { "redis" };
    let host = authority(given.text("REDIS_HOST").trim());
    let user = match (given.value("REDIS_USER"), given.value("REDIS_PASSWORD")) {
        (None, None) => String::new(),
        (user, secret) => format!("{}{}@", encoded(user.unwrap_or("default")), password(secret)),
    };
    format!("{scheme}://{user}{host}:{port}/{number}")
}

/// A host as it stands in a URL.
fn authority(host: &str) -> String {
    if host.starts_with('[') {
        host.to_owned()
    } else if host.contains(':') {
        format!("[{host}]")
    } else {
        encoded(host)
    }
}

fn password(password: Option<&str>) -> String {
    password.map(|password| format!(":{}", encoded(password))).unwrap_or_default()
}

/// Percent-encodes everything but letters, digits and `-._~`, the percent sign included.
pub(super) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
            out.push('%');
            out.push(char::from(DIGITS[usize::from(byte >> 4)]));
            out.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
    out
}
