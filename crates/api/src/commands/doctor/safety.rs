//! Secrets, passwords, addresses and limits: what works and is not well all the same.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use lyceum_application::Ports;
use lyceum_domain::users::Password;
use secrecy::ExposeSecret as _;
use url::Url;

use super::Report;
use crate::{
    machine,
    settings::{Environment, JwtAlgorithm, SameSite, Settings},
    wiring::KEPT_SECRET,
};

/// A sign-in that takes longer is felt, and a core is busy for as long.
const SLOW_HASH: Duration = Duration::from_secs(1);
/// So many hashes are tried, and the fastest counts: a machine that is busy with something else is not a slow one.
const HASH_TRIES: usize = 4;
/// A hash that is made faster is tried faster by whoever steals it.
const QUICK_HASH: Duration = Duration::from_millis(50);
/// Fewer bits than this can be tried out.
const ENOUGH_BITS: f64 = 128.0;

/// Whether links, cookies and pages of other origins fit together.
pub(super) fn addresses(settings: &Settings, report: &mut Report) {
    let before = report.doubts();
    let base = settings.server.base_url(settings.server.port);
    let Ok(url) = Url::parse(&base) else { return };
    let host = url.host_str().unwrap_or_default().to_owned();
    let is_here = is_loopback(&host);
    if settings.environment.is_deployed() && settings.server.public_url.is_empty() {
        report.doubtful(
            "addresses",
            format_args!("links in mails lead to {base}"),
            "set LYCEUM__SERVER__PUBLIC_URL to where users reach the server",
        );
    }
    if settings.auth.cookie_secure && url.scheme() == "http" && !is_here {
        report.doubtful(
            "addresses",
            format_args!("{base} is not encrypted, and browsers send our cookies over HTTPS only"),
            "set LYCEUM__SERVER__PUBLIC_URL to the https:// address, or COOKIE_SECURE=false for a trial",
        );
    }
    if !settings.auth.cookie_secure && url.scheme() == "https" {
        report.doubtful("addresses", "cookies would also go over HTTP", "set COOKIE_SECURE=true");
    }
    // We speak no TLS, so somebody before us does.
    if settings.environment.is_deployed() && url.scheme() == "https" && settings.server.trusted_proxies.is_empty() {
        report.doubtful(
            "addresses",
            "all clients count as one: the proxy that they come through is not known",
            "set LYCEUM__SERVER__TRUSTED_PROXIES to its network",
        );
    }
    if let Some(domain) = settings.auth.cookie_domain() {
        let domain = domain.trim_start_matches('.');
        if host != domain && !host.ends_with(&format!(".{domain}")) {
            report.doubtful(
                "addresses",
                format_args!("cookies for {domain} are refused by browsers at {host}"),
                "set COOKIE_DOMAIN to the domain of the public address, or to nothing",
            );
        }
    }
    let elsewhere = settings.cors.origins.iter().find(|origin| !is_same_site(&host, origin));
    if let Some(origin) = elsewhere.filter(|_| settings.auth.cookie_same_site != SameSite::None) {
        report.doubtful(
            "addresses",
            format_args!(
                "pages of {origin} may call, but browsers send them no cookies: it is another site than {host}"
            ),
            "serve both below one domain, or set LYCEUM__AUTH__COOKIE_SAME_SITE=none",
        );
    }
    if report.doubts() == before {
        report.good("addresses", format_args!("{base}, cookies and origins fit together"));
    }
}

fn is_loopback(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}

/// Roughly: whether the last two labels are the same, and for addresses all of it. Browsers have a list of suffixes.
fn is_same_site(host: &str, origin: &str) -> bool {
    let Some(other) = Url::parse(origin).ok().and_then(|url| url.host_str().map(str::to_owned)) else { return true };
    let is_name = |host: &str| host.contains(|c: char| c.is_ascii_alphabetic()) && !host.starts_with('[');
    let site = |host: &str| {
        let labels: Vec<&str> = host.rsplit('.').take(2).collect();
        labels.join(".")
    };
    if is_name(host) && is_name(&other) {
        return site(host) == site(&other);
    }
    // One's own browser may call this machine by either name.
    host == other || (is_loopback(host) && is_loopback(&other))
}

/// Whether others of this machine can read secrets.
pub(super) fn files(settings: &Settings, report: &mut Report) {
    let auth = &settings.auth;
    let keys = auth.jwt_private_key_file().into_iter().chain(auth.jwt_previous_key_files.iter().map(Path::new));
    let mut secrets: Vec<PathBuf> = keys.map(Path::to_owned).collect();
    secrets.extend([Path::new(&settings.data_dir).join(KEPT_SECRET), PathBuf::from(".env")]);
    secrets.retain(|file| file.is_file());
    let mut open = secrets.iter().filter(|file| is_open_to_others(file)).peekable();
    if open.peek().is_none() {
        return report.good("secrets", format_args!("{} files, none of which others can read", secrets.len()));
    }
    for file in open {
        let told = format!("{} can be read by others", file.display());
        report.doubtful("secrets", told, "take their rights away: chmod 600");
    }
}

#[cfg(unix)]
fn is_open_to_others(file: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(file).is_ok_and(|about| is_open(about.mode(), about.uid() == 0))
}

/// Whether a file with these rights is open to more than the server. What root owns reaches a server without rights
/// through its group, so that it can read its secrets and not change them.
#[cfg(unix)]
fn is_open(mode: u32, is_roots: bool) -> bool {
    let (of_group, of_others) = (mode & 0o070, mode & 0o007);
    of_others != 0 || (of_group != 0 && !(is_roots && of_group == 0o040))
}

#[cfg(not(unix))]
fn is_open_to_others(_: &Path) -> bool {
    false
}

/// Whether the system lets this server have all the connections that its settings allow.
pub(super) fn open_files(settings: &Settings, report: &mut Report) {
    let Some(allowed) = machine::open_files() else { return };
    let server = &settings.server;
    let workers = server.worker_threads();
    // Files, database, mail, model.
    let needed = (workers as u64).saturating_mul(server.max_connections as u64).saturating_add(256);
    if allowed >= needed {
        return report.good("limits", format_args!("{allowed} open files are allowed, {needed} are the most needed"));
    }
    let told = format!("{allowed} open files are allowed, and {needed} may be needed for server.max_connections");
    if settings.environment.is_deployed() {
        report.doubtful("limits", told, "raise LimitNOFILE (systemd) or ulimit -n, or lower server.max_connections");
    } else {
        report.good("limits", told);
    }
}

/// How strong what signs is.
pub(super) fn secret(settings: &Settings, report: &mut Report) {
    let auth = &settings.auth;
    if auth.jwt_alg != JwtAlgorithm::Hs256 {
        // Whoever signs refuses keys that are too short.
        return report.good("key", format_args!("{}, as strong as it is allowed", auth.jwt_alg.as_str()));
    }
    let secret = auth.jwt_secret.expose_secret();
    if secret.is_empty() {
        return report.good("key", "made by the server, and kept in the data folder");
    }
    let bits = entropy(secret);
    if bits < ENOUGH_BITS {
        report.doubtful(
            "key",
            format_args!("JWT_SECRET looks as if it had about {bits:.0} bits"),
            "use a random one: openssl rand -base64 48",
        );
    } else {
        report.good("key", format_args!("JWT_SECRET has about {bits:.0} bits"));
    }
}

/// The most bits that a text can have whose characters come this often (Shannon), for a text that repeats none of its
/// parts.
fn entropy(text: &str) -> f64 {
    let mut counts = std::collections::BTreeMap::new();
    for character in text.chars() {
        *counts.entry(character).or_insert(0_u32) += 1;
    }
    let all: f64 = counts.values().map(|count| f64::from(*count)).sum();
    counts.values().map(|count| f64::from(*count) * (all / f64::from(*count)).log2()).sum()
}

/// How long a password takes on this machine.
pub(super) async fn passwords(settings: &Settings, ports: &Ports, report: &mut Report) {
    let cost = settings.auth.bcrypt_cost;
    let Ok(password) = Password::parse("doctor-look-1847", &[]) else { return };
    let mut took = Duration::MAX;
    for _ in 0..HASH_TRIES {
        let begun = Instant::now();
        if let Err(error) = ports.passwords.hash(&password).await {
            return report.bad("passwords", error, "see auth.bcrypt_cost and auth.hash_workers");
        }
        took = took.min(begun.elapsed());
        if took <= SLOW_HASH {
            break;
        }
    }
    let told = format!("bcrypt with cost {cost} takes {} ms here", took.as_millis());
    if settings.environment == Environment::Test {
        report.good("passwords", told);
    } else if took > SLOW_HASH {
        report.doubtful("passwords", told, "sign-ins are slow: lower LYCEUM__AUTH__BCRYPT_COST by one or two");
    } else if took < QUICK_HASH {
        report.doubtful("passwords", told, "this machine can do more: raise LYCEUM__AUTH__BCRYPT_COST by one or two");
    } else {
        report.good("passwords", told);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(change: impl FnOnce(&mut Settings)) -> Vec<&'static str> {
        let mut settings = Settings::built_in(Environment::Production);
        "https://learn.example.org".clone_into(&mut settings.server.public_url);
        settings.server.trusted_proxies = vec!["10.0.0.0/8".parse().expect("a network")];
        change(&mut settings);
        let mut report = Report::new(true);
        addresses(&settings, &mut report);
        report.levels()
    }

    #[test]
    fn addresses_that_do_not_fit_are_told() {
        assert_eq!(told(|_| ()), ["ok"]);
        assert_eq!(told(|settings| settings.server.public_url.clear()), ["warn"]);
        assert_eq!(told(|settings| "http://learn.example.org".clone_into(&mut settings.server.public_url)), ["warn"]);
        assert_eq!(told(|settings| settings.server.trusted_proxies.clear()), ["warn"]);
        assert_eq!(told(|settings| settings.auth.cookie_secure = false), ["warn"]);
        let cookies_for = |domain: &str| told(|settings| domain.clone_into(&mut settings.auth.cookie_domain));
        assert_eq!(cookies_for("example.org"), ["ok"]);
        assert_eq!(cookies_for("ample.org"), ["warn"]);
        let called_from = |origin: &str| told(|settings| settings.cors.origins = vec![origin.to_owned()]);
        assert_eq!(called_from("https://app.example.org"), ["ok"]);
        assert_eq!(called_from("https://example.net"), ["warn"]);
        assert!(is_same_site("127.0.0.1", "http://localhost:5173") && !is_same_site("10.0.0.7", "http://10.0.0.8"));
        let open = told(|settings| {
            settings.cors.origins = vec!["https://example.net".to_owned()];
            settings.auth.cookie_same_site = SameSite::None;
        });
        assert_eq!(open, ["ok"]);
    }

    #[test]
    fn a_secret_that_repeats_itself_is_weak() {
        assert!(entropy("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa") < 1.0);
        assert!(entropy("abababababababababababababababababab") < 40.0);
        assert!(entropy("q0Zt5N4uE1xkqW9yq7Yb3J2m8vRc6sLdA0pHfGiK") > ENOUGH_BITS);
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_can_read_is_told() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join(KEPT_SECRET);
        std::fs::write(&file, "secret").expect("written");
        let data_dir = folder.path().display().to_string();
        let settings = Settings { data_dir, ..Settings::built_in(Environment::Test) };
        for (mode, level) in [(0o600, "ok"), (0o660, "warn"), (0o604, "warn")] {
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).expect("set");
            let mut report = Report::new(true);
            files(&settings, &mut report);
            assert_eq!(report.levels(), [level], "{mode:o}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn root_may_lend_secrets_to_the_group_of_the_server() {
        for (mode, is_roots, expected) in [
            (0o100_600, false, false),
            (0o100_400, true, false),
            (0o100_640, true, false),
            (0o100_640, false, true),
            (0o100_660, true, true),
            (0o100_604, true, true),
        ] {
            assert_eq!(is_open(mode, is_roots), expected, "{mode:o}, root's: {is_roots}");
        }
    }
}
