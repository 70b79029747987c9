//! The table of all settings: name, plain name, what is allowed.

mod prices;

use std::net::{IpAddr, SocketAddr};

use figment::value::{Empty, Tag, Value};
use ipnet::IpNet;

/// One setting.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    /// Group and name, dotted. A `*` stands for the name of an identity provider: there is one such setting for each.
    pub path: &'static str,
    /// The name that platforms use, if there is one; where the path has a `*`, for the provider [`OF_PLAIN`].
    pub plain: Option<&'static str>,
    /// What is allowed.
    pub kind: Kind,
}

/// What a value must be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// Any text.
    Text,
    /// Any text, or `none`; an empty one is none as well.
    TextOrNone,
    /// A text that is never shown.
    Secret,
    /// Yes or no.
    Flag,
    /// A whole number in a range.
    Whole(u64, u64),
    /// A whole number in a range, or `none`.
    WholeOrNone(u64, u64),
    /// A number in a range, or `none`.
    NumberOrNone(f64, f64),
    /// What the tokens of each model cost, in whole numbers up to this.
    Prices(u64),
    /// Texts; in a variable with commas between.
    List,
    /// Networks in CIDR form, or single addresses; in a variable with commas between.
    Networks,
    /// An address with a port, or `off`.
    AddressOrOff,
    /// One of some words, in any case.
    OneOf(&'static [&'static str]),
    /// At least one of some words, in any case.
    SomeOf(&'static [&'static str]),
}

use Kind::{
    AddressOrOff, Flag, List, Networks, NumberOrNone, OneOf, Prices, Secret, SomeOf, Text, TextOrNone, Whole,
    WholeOrNone,
};

const DAY: u64 = 86_400;

/// The most answers that can be allowed.
const REQUESTS: u64 = u32::MAX as u64;

/// The most requests a minute.
const MILLION: u64 = 1_000_000;

/// The most tokens that can be allowed, and the highest price.
const TRILLION: u64 = 1_000_000_000_000;

/// No value.
const NONE: Value = Value::Empty(Tag::Default, Empty::None);

/// The identity provider that the plain names are of.
pub(super) const OF_PLAIN: &str = "neon";

const fn nested(path: &'static str, kind: Kind) -> Known {
    Known { path, plain: None, kind }
}

const fn plain(path: &'static str, plain: &'static str, kind: Kind) -> Known {
    Known { path, plain: Some(plain), kind }
}

/// All settings, group by group in the order they are shown.
pub(super) const KNOWN: &[Known] = &[
    nested("data_dir", Text),
    nested("seed_demo", Flag),
    plain("server.host", "HOST", Text),
    plain("server.port", "PORT", Whole(0, 65_535)),
    nested("server.public_url", Text),
    nested("server.workers", Whole(0, 1024)),
    nested("server.max_blocking_threads", Whole(0, 4096)),
    nested("server.max_connections", Whole(1, 1_000_000)),
    nested("server.backlog", Whole(1, 65_535)),
    nested("server.max_json_bytes", Whole(1024, 16 << 20)),
    nested("server.keep_alive_seconds", Whole(0, 3600)),
    nested("server.client_request_timeout_seconds", Whole(1, 300)),
    nested("server.shutdown_delay_seconds", Whole(0, 600)),
    nested("server.shutdown_timeout_seconds", Whole(0, 600)),
    nested("server.trusted_proxies", Networks),
    nested("server.hsts", Flag),
    plain("database.url", "DATABASE_URL", Secret),
    nested("database.min_connections", Whole(0, 1000)),
    nested("database.max_connections", Whole(0, 1000)),
    nested("database.acquire_timeout_seconds", Whole(1, 300)),
    nested("database.idle_timeout_seconds", Whole(0, DAY)),
    nested("database.max_lifetime_seconds", Whole(0, DAY)),
    nested("database.statement_timeout_seconds", Whole(0, 3600)),
    nested("database.statement_cache", Whole(0, 10_000)),
    nested("database.slow_query_milliseconds", Whole(0, 600_000)),
    nested("database.migrate_on_start", Flag),
    nested("database.allow_sqlite_in_production", Flag),
    nested("auth.mode", OneOf(&["both", "local", "external"])),
    plain("auth.jwt_alg", "JWT_ALG", OneOf(&["HS256", "EdDSA", "ES256", "RS256"])),
    plain("auth.jwt_secret", "JWT_SECRET", Secret),
    plain("auth.jwt_private_key_file", "JWT_PRIVATE_KEY_FILE", Text),
    plain("auth.jwt_previous_key_files", "JWT_PREVIOUS_KEY_FILES", List),
    plain("auth.jwt_issuer", "JWT_ISSUER", Text),
    plain("auth.jwt_audience", "JWT_AUDIENCE", Text),
    plain("auth.access_ttl_seconds", "JWT_ACCESS_TTL_SECONDS", Whole(1, DAY)),
    plain("auth.refresh_ttl_seconds", "JWT_REFRESH_TTL_SECONDS", Whole(1, 366 * DAY)),
    nested("auth.verification_ttl_seconds", Whole(1, 30 * DAY)),
    nested("auth.reset_ttl_seconds", Whole(60, 7 * DAY)),
    nested("auth.refresh_grace_seconds", Whole(0, 60)),
    nested("auth.clock_skew_seconds", Whole(0, 300)),
    nested("auth.bcrypt_cost", Whole(4, 16)),
    nested("auth.hash_workers", Whole(0, 256)),
    nested("auth.hash_queue", Whole(1, 10_000)),
    nested("auth.hash_queue_timeout_seconds", Whole(1, 60)),
    plain("auth.cookie_secure", "COOKIE_SECURE", Flag),
    plain("auth.cookie_domain", "COOKIE_DOMAIN", Text),
    nested("auth.cookie_same_site", OneOf(&["lax", "strict", "none"])),
    nested("auth.max_api_keys", Whole(1, 1000)),
    nested("auth.deletion_grace_days", Whole(0, 365)),
    nested("auth.lockout.after", Whole(1, 1000)),
    nested("auth.lockout.first_seconds", Whole(1, 3600)),
    nested("auth.lockout.longest_seconds", Whole(1, DAY)),
    nested("auth.lockout.overall_after", Whole(1, 1_000_000)),
    nested("auth.lockout.overall_seconds", Whole(1, DAY)),
    nested("auth.lockout.forget_after_seconds", Whole(1, 30 * DAY)),
    plain("auth.providers.*.url", "NEON_AUTH_URL", Text),
    nested("auth.providers.*.jwks_url", Text),
    plain("auth.providers.*.issuer", "NEON_AUTH_ISSUER", Text),
    plain("auth.providers.*.audience", "NEON_AUTH_AUDIENCE", List),
    nested("auth.providers.*.algorithms", SomeOf(&["EdDSA", "ES256", "RS256"])),
    nested("auth.providers.*.required_role", TextOrNone),
    nested("auth.providers.*.leeway_seconds", Whole(0, 300)),
    nested("auth.providers.*.subject_is_uuid", Flag),
    plain("cors.origins", "CORS_ORIGINS", List),
    nested("cors.max_age_seconds", Whole(0, DAY)),
    nested("llm.provider", OneOf(&["offline", "qubrid"])),
    nested("llm.connect_timeout_seconds", Whole(1, 300)),
    nested("llm.first_byte_timeout_seconds", Whole(1, 600)),
    nested("llm.read_timeout_seconds", Whole(1, 600)),
    nested("llm.total_timeout_seconds", Whole(1, 3600)),
    nested("llm.max_retries", Whole(0, 10)),
    nested("llm.retry_delay_milliseconds", Whole(1, 60_000)),
    nested("llm.retry_budget_seconds", Whole(0, 600)),
    nested("llm.max_response_bytes", Whole(1024, 64 << 20)),
    nested("llm.max_tokens", Whole(0, 1_000_000)),
    nested("llm.temperature", NumberOrNone(0.0, 2.0)),
    plain("llm.qubrid.base_url", "QUBRID_BASE_URL", Text),
    plain("llm.qubrid.api_key", "QUBRID_API_KEY", Secret),
    plain("llm.qubrid.model", "QUBRID_MODEL", Text),
    nested("llm.qubrid.stream_usage", Flag),
    nested("llm.second.provider", OneOf(&["none", "offline", "qubrid"])),
    nested("llm.second.name", Text),
    nested("llm.second.base_url", Text),
    nested("llm.second.api_key", Secret),
    nested("llm.second.model", Text),
    nested("llm.second.stream_usage", Flag),
    nested("llm.breaker.failures", Whole(1, 1000)),
    nested("llm.breaker.open_seconds", Whole(1, 3600)),
    nested("llm.breaker.longest_open_seconds", Whole(1, DAY)),
    nested("mentor.currency", Text),
    nested("mentor.prices", Prices(TRILLION)),
    nested("mentor.max_concurrent", Whole(1, 1_000_000)),
    nested("mentor.max_waiting", Whole(0, 1_000_000)),
    nested("mentor.max_waiting_per_user", Whole(0, 1_000_000)),
    nested("mentor.queue_timeout_seconds", Whole(1, 600)),
    nested("mentor.linger_milliseconds", Whole(0, 600_000)),
    nested("mentor.history_tokens", Whole(0, 1_000_000)),
    nested("quota.free.requests_per_day", WholeOrNone(0, REQUESTS)),
    nested("quota.free.tokens_per_day", WholeOrNone(0, TRILLION)),
    nested("quota.free.requests_per_month", WholeOrNone(0, REQUESTS)),
    nested("quota.free.tokens_per_month", WholeOrNone(0, TRILLION)),
    nested("quota.premium.requests_per_day", WholeOrNone(0, REQUESTS)),
    nested("quota.premium.tokens_per_day", WholeOrNone(0, TRILLION)),
    nested("quota.premium.requests_per_month", WholeOrNone(0, REQUESTS)),
    nested("quota.premium.tokens_per_month", WholeOrNone(0, TRILLION)),
    nested("encryption.keys", Secret),
    nested("mail.transport", OneOf(&["folder", "smtp"])),
    plain("mail.smtp_url", "SMTP_URL", Secret),
    nested("mail.from", Text),
    nested("mail.timeout_seconds", Whole(1, 300)),
    nested("mail.templates_dir", Text),
    nested("mail.max_per_hour", Whole(1, 1000)),
    nested("mail.site_name", Text),
    plain("storage.s3_endpoint", "S3_ENDPOINT", Text),
    plain("storage.s3_bucket", "S3_BUCKET", Text),
    plain("storage.s3_region", "S3_REGION", Text),
    plain("storage.s3_access_key_id", "S3_ACCESS_KEY_ID", Text),
    plain("storage.s3_secret_access_key", "S3_SECRET_ACCESS_KEY", Secret),
    nested("storage.s3_timeout_seconds", Whole(1, 300)),
    nested("storage.max_document_bytes", Whole(1024, 1 << 30)),
    nested("storage.max_picture_bytes", Whole(1024, 64 << 20)),
    nested("storage.max_import_bytes", Whole(1024, 1 << 30)),
    nested("storage.max_image_pixels", Whole(250_000, 400_000_000)),
    nested("storage.max_documents", Whole(1, 1_000_000)),
    nested("storage.max_subjects", Whole(1, 10_000)),
    nested("storage.upload_silence_seconds", Whole(1, 600)),
    nested("storage.upload_timeout_seconds", Whole(10, 3000)),
    nested("storage.text_timeout_seconds", Whole(1, 300)),
    nested("retention.audit_days", Whole(1, 3650)),
    nested("retention.sessions_days", Whole(1, 3650)),
    nested("retention.mails_days", Whole(1, 3650)),
    nested("retention.dead_mails_days", Whole(1, 3650)),
    // The month that is under way is counted from them.
    nested("retention.usage_days", Whole(62, 36500)),
    plain("log.level", "LOG_LEVEL", Text),
    plain("log.format", "LOG_FORMAT", OneOf(&["pretty", "json"])),
    nested("telemetry.metrics_bind", AddressOrOff),
    plain("telemetry.otlp_endpoint", "OTEL_EXPORTER_OTLP_ENDPOINT", Text),
    nested("telemetry.trace_percent", Whole(0, 100)),
    plain("telemetry.service_name", "OTEL_SERVICE_NAME", Text),
    nested("rate_limit.enabled", Flag),
    nested("rate_limit.auth.network_per_minute", Whole(1, MILLION)),
    nested("rate_limit.auth.user_per_minute", Whole(1, MILLION)),
    nested("rate_limit.chat.network_per_minute", Whole(1, MILLION)),
    nested("rate_limit.chat.user_per_minute", Whole(1, MILLION)),
    nested("rate_limit.uploads.network_per_minute", Whole(1, MILLION)),
    nested("rate_limit.uploads.user_per_minute", Whole(1, MILLION)),
    nested("rate_limit.writes.network_per_minute", Whole(1, MILLION)),
    nested("rate_limit.writes.user_per_minute", Whole(1, MILLION)),
    nested("rate_limit.reads.network_per_minute", Whole(1, MILLION)),
    nested("rate_limit.reads.user_per_minute", Whole(1, MILLION)),
    plain("redis.url", "REDIS_URL", Secret),
    nested("redis.key_prefix", Text),
    nested("redis.connect_timeout_milliseconds", Whole(10, 60_000)),
    nested("redis.response_timeout_milliseconds", Whole(10, 60_000)),
];

/// The setting at a dotted path.
pub(super) fn at(path: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.is_at(path))
}

/// What the text of a variable means that is true or false.
pub(super) fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// The setting that a plain variable sets.
pub(super) fn of_plain(variable: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.plain == Some(variable))
}

/// Whether a path is that of a group.
pub(super) fn is_group(path: &str) -> bool {
    let depth = path.split('.').count();
    KNOWN.iter().any(|known| {
        let start: Vec<&str> = known.path.split('.').take(depth).collect();
        start.len() < known.path.split('.').count() && fits(&start.join("."), path)
    })
}

/// The paths of all settings in the order they are shown, those with a `*` once for each provider.
pub(super) fn paths(providers: &[&str]) -> Vec<String> {
    let mut paths = Vec::new();
    for group in KNOWN.chunk_by(|one, next| one.has_star() && next.has_star()) {
        if group.iter().any(Known::has_star) {
            let of = |name: &&str| group.iter().map(|known| known.path.replace('*', name)).collect::<Vec<_>>();
            paths.extend(providers.iter().flat_map(of));
        } else {
            paths.extend(group.iter().map(|known| known.path.to_owned()));
        }
    }
    paths
}

/// Whether a path is of that pattern.
fn fits(pattern: &str, path: &str) -> bool {
    let (mut patterns, mut parts) = (pattern.split('.'), path.split('.'));
    loop {
        match (patterns.next(), parts.next()) {
            (None, None) => return true,
            (Some("*"), Some(part)) if is_provider_name(part) => {}
            (Some(pattern), Some(part)) if pattern == part => {}
            _ => return false,
        }
    }
}

/// What a provider may be called: it is part of variables' names and of rows.
fn is_provider_name(text: &str) -> bool {
    let is_allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-');
    (1..=32).contains(&text.len()) && text.bytes().all(is_allowed)
}

/// The name of the provider that a path is about, if no provider may be called so.
pub(super) fn misnamed(path: &str) -> Option<&str> {
    let (before, _) = KNOWN.iter().find_map(|known| known.path.split_once('*'))?;
    path.strip_prefix(before)?.split('.').next().filter(|name| !is_provider_name(name))
}

/// `LYCEUM__GROUP__NAME` of a path.
pub(super) fn nested_name(path: &str) -> String {
    format!("LYCEUM__{}", path.replace('.', "__").to_uppercase())
}

/// The setting somebody may have meant.
pub(super) fn nearest(path: &str) -> Option<String> {
    let last = |path: &str| path.rsplit('.').next().map(str::to_owned);
    // Where a provider is named, it is the one that is meant.
    let paths = paths(path.split('.').nth(2).filter(|name| is_provider_name(name)).as_slice());
    let near = paths.iter().map(|known| (distance(path, known), known)).min()?;
    if near.0 <= 3 && near.0 * 3 < path.chars().count() {
        return Some(near.1.clone());
    }
    paths.iter().find(|known| last(known) == last(path)).cloned()
}

/// How many letters to change, add or drop to make one text of the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in to.iter().enumerate() {
            let changed = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

impl Known {
    /// Whether a path is that of this setting.
    pub(super) fn is_at(&self, path: &str) -> bool {
        fits(self.path, path)
    }

    /// Whether there is one for each provider.
    pub(super) fn has_star(&self) -> bool {
        self.path.contains('*')
    }

    /// The path that the plain name is of.
    pub(super) fn path_of_plain(&self) -> String {
        self.path.replace('*', OF_PLAIN)
    }

    /// What to call the one at a path if nobody has set it.
    pub(super) fn name(&self, path: &str) -> String {
        let plain = self.plain.filter(|_| self.path_of_plain() == path);
        plain.map_or_else(|| nested_name(path), str::to_owned)
    }

    /// Whether its value must not be shown.
    pub(super) fn is_secret(&self) -> bool {
        matches!(self.kind, Secret)
    }

    /// What is allowed, for people.
    pub(super) fn allowed(&self) -> String {
        match self.kind {
            Text | Secret => "text".to_owned(),
            Flag => "true or false".to_owned(),
            Whole(min, max) => format!("a whole number from {min} to {max}"),
            WholeOrNone(min, max) => format!("a whole number from {min} to {max}, or none"),
            NumberOrNone(min, max) => format!("a number from {min} to {max}, or none"),
            Prices(max) => format!(
                "{{ prompt = …, completion = … }} for each model and for \"*\", whole numbers up to {max}; in a variable \
                 MODEL=PROMPT:COMPLETION with commas between"
            ),
            List => "a list of texts".to_owned(),
            Networks => "a list of networks such as 10.0.0.0/8 or fd00::/8, or of addresses".to_owned(),
            AddressOrOff => "an address with a port such as 127.0.0.1:9464, or off".to_owned(),
            TextOrNone => "text, or none".to_owned(),
            OneOf(words) => words.join(" or "),
            SomeOf(words) => format!("a list of one or more of {}", words.join(", ")),
        }
    }

    /// The value that the text of a variable means. Texts are taken as they are: nothing is guessed.
    pub(super) fn read_text(&self, text: &str) -> Option<Value> {
        let trimmed = text.trim();
        let value = match self.kind {
            Text | TextOrNone | Secret => Value::from(text),
            OneOf(_) | AddressOrOff => Value::from(trimmed),
            Flag => Value::from(flag(trimmed)?),
            WholeOrNone(..) | NumberOrNone(..) if trimmed == "none" => Value::from(trimmed),
            Whole(..) | WholeOrNone(..) => Value::from(trimmed.parse::<u64>().ok()?),
            NumberOrNone(..) => Value::from(trimmed.parse::<f64>().ok()?),
            Prices(_) => prices::of_text(trimmed)?.into(),
            List | Networks | SomeOf(_) => {
                trimmed.split(',').map(str::trim).filter(|item| !item.is_empty()).collect::<Vec<_>>().into()
            }
        };
        self.read_value(value)
    }

    /// The value, if it is allowed; words as the table writes them.
    pub(super) fn read_value(&self, value: Value) -> Option<Value> {
        let known = |words: &[&'static str], text: &str| words.iter().copied().find(|it| it.eq_ignore_ascii_case(text));
        let is_allowed = match (self.kind, &value) {
            (WholeOrNone(..) | NumberOrNone(..), Value::String(_, text)) if text == "none" => return Some(NONE),
            (WholeOrNone(..), Value::Empty(..)) => return Some(NONE),
            (Prices(max), Value::Dict(_, models)) => return prices::of_table(models, max),
            (TextOrNone, Value::String(_, text)) if text.trim().is_empty() || text.trim() == "none" => {
                return Some(NONE);
            }
            (OneOf(words), Value::String(_, text)) => return known(words, text).map(Value::from),
            (SomeOf(words), Value::Array(_, items)) if !items.is_empty() => {
                let items = items.iter().map(|item| known(words, item.as_str()?));
                return items.collect::<Option<Vec<_>>>().map(Value::from);
            }
            (Networks, Value::Array(_, items)) => {
                return items.iter().map(|item| network(item.as_str()?)).collect::<Option<Vec<_>>>().map(Value::from);
            }
            (AddressOrOff, Value::String(_, text)) if text.eq_ignore_ascii_case("off") => {
                return Some(Value::from("off"));
            }
            (AddressOrOff, Value::String(_, text)) => text.parse::<SocketAddr>().is_ok(),
            (Text | TextOrNone | Secret, Value::String(..)) | (Flag, Value::Bool(..)) => true,
            (Whole(min, max) | WholeOrNone(min, max), Value::Num(_, number)) => {
                whole(number).is_some_and(|number| (i128::from(min)..=i128::from(max)).contains(&number))
            }
            (NumberOrNone(min, max), Value::Num(_, number)) => {
                let number = number.to_f64().or_else(|| i32::try_from(whole(number)?).ok().map(f64::from));
                number.is_some_and(|number| (min..=max).contains(&number))
            }
            (List, Value::Array(_, items)) => items.iter().all(|item| item.as_str().is_some()),
            _ => false,
        };
        is_allowed.then_some(value)
    }
}

/// The network of a text; that of an address alone is the address.
fn network(text: &str) -> Option<Value> {
    let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).ok()?;
    Some(Value::from(network.trunc().to_string()))
}

/// The number, if it is a whole one by type: 8080.0 is none.
fn whole(number: &figment::value::Num) -> Option<i128> {
    number.to_i128().or_else(|| i128::try_from(number.to_u128()?).ok())
}
