//! A database given by parts: `DATABASE_HOST`, `DATABASE_NAME` and so on make a URL.

use figment::value::Value;

use super::{
    faults::{Report, quoted},
    sources::Assignment,
    variables::Layer,
};

/// The parts.
pub(super) const NAMES: [&str; 6] =
    ["DATABASE_HOST", "DATABASE_PORT", "DATABASE_NAME", "DATABASE_USER", "DATABASE_PASSWORD", "DATABASE_SSLMODE"];

const SSL_MODES: [&str; 6] = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

/// Makes a URL of the parts, if there are any. A part of the environment wins over one of `.env`; a URL wins over
/// parts of its own layer and of lower ones.
pub(super) fn read(dotenv: &Layer, environment: &Layer, assignments: &mut Vec<Assignment>, report: &mut Report) {
    let given = |name: &str| environment.value(name).or_else(|| dotenv.value(name));
    let set_in = |layer: &Layer| NAMES.iter().copied().find(|name| layer.value(name).is_some());
    let (layer, first) = match (set_in(environment), set_in(dotenv)) {
        (Some(name), _) => (environment, name),
        (None, Some(name)) => (dotenv, name),
        (None, None) => return,
    };
    let origin = layer.origin(if layer.value("DATABASE_HOST").is_some() { "DATABASE_HOST" } else { first });
    let url_in =
        |layer: &Layer| assignments.iter().any(|other| other.path == "database.url" && layer.owns(&other.origin));
    let is_beaten = url_in(environment) || (std::ptr::eq(layer, dotenv) && url_in(dotenv));
    let has_host = given("DATABASE_HOST").is_some();
    if is_beaten || (!has_host && url_in(dotenv)) {
        report.warn(format!("{first} and other parts of the database's address are not used: there is a URL"));
        return;
    }
    let faults = report.faults.len();
    for name in ["DATABASE_HOST", "DATABASE_NAME", "DATABASE_USER"] {
        if given(name).is_none() {
            report.fault(name, format!("nothing, but {first} is set"), "text, or DATABASE_URL instead of all parts");
        }
    }
    let port = given("DATABASE_PORT").unwrap_or("5432").trim();
    if !port.parse::<u16>().is_ok_and(|port| port > 0) {
        report.fault("DATABASE_PORT", quoted(port), "a whole number from 1 to 65535");
    }
    let ssl_mode = given("DATABASE_SSLMODE").map(str::trim);
    if let Some(mode) = ssl_mode.filter(|mode| !SSL_MODES.contains(mode)) {
        report.fault("DATABASE_SSLMODE", quoted(mode), SSL_MODES.join(" or "));
    }
    let text = |name: &str| given(name).unwrap_or_default();
    if report.faults.len() == faults {
        let url = url(
            text("DATABASE_HOST").trim(),
            port,
            text("DATABASE_NAME"),
            text("DATABASE_USER"),
            given("DATABASE_PASSWORD"),
            ssl_mode,
        );
        assignments.push(Assignment { path: "database.url".to_owned(), value: Value::from(url), origin });
    }
}

/// The URL of the parts. A host that begins with a slash is the folder of a socket.
fn url(host: &str, port: &str, name: &str, user: &str, password: Option<&str>, ssl_mode: Option<&str>) -> String {
    let mut query = Vec::new();
    let authority = if host.starts_with('/') {
        query.push(format!("host={}", encoded(host)));
        "localhost".to_owned()
    } else if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]")
    } else if host.starts_with('[') {
        host.to_owned()
    } else {
        encoded(host)
    };
    query.extend(ssl_mode.map(|mode| format!("sslmode={mode}")));
    let password = password.map(|password| format!(":{}", encoded(password))).unwrap_or_default();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    format!("postgres://{}{password}@{authority}:{port}/{}{query}", encoded(user), encoded(name))
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
