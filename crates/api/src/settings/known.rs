//! The table of all settings: name, plain name, what is allowed.

use figment::value::{Empty, Tag, Value};

/// One setting.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    /// Group and name, dotted.
    pub path: &'static str,
    /// The name that platforms use, if there is one.
    pub plain: Option<&'static str>,
    /// What is allowed.
    pub kind: Kind,
}

/// What a value must be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// Any text.
    Text,
    /// A text that is never shown.
    Secret,
    /// Yes or no.
    Flag,
    /// A whole number in a range.
    Whole(u64, u64),
    /// A number in a range, or `none`.
    NumberOrNone(f64, f64),
    /// Texts; in a variable with commas between.
    List,
    /// One of some words.
    OneOf(&'static [&'static str]),
}

use Kind::{Flag, List, NumberOrNone, OneOf, Secret, Text, Whole};

const DAY: u64 = 86_400;

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
    nested("server.shutdown_timeout_seconds", Whole(0, 600)),
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
    plain("auth.jwt_secret", "JWT_SECRET", Secret),
    plain("auth.jwt_issuer", "JWT_ISSUER", Text),
    plain("auth.jwt_audience", "JWT_AUDIENCE", Text),
    plain("auth.access_ttl_seconds", "JWT_ACCESS_TTL_SECONDS", Whole(1, DAY)),
    plain("auth.refresh_ttl_seconds", "JWT_REFRESH_TTL_SECONDS", Whole(1, 366 * DAY)),
    nested("auth.verification_ttl_seconds", Whole(1, 30 * DAY)),
    nested("auth.clock_skew_seconds", Whole(0, 300)),
    nested("auth.bcrypt_cost", Whole(4, 16)),
    nested("auth.hash_workers", Whole(0, 256)),
    nested("auth.hash_queue", Whole(1, 10_000)),
    nested("auth.hash_queue_timeout_seconds", Whole(1, 60)),
    plain("auth.cookie_secure", "COOKIE_SECURE", Flag),
    plain("auth.cookie_domain", "COOKIE_DOMAIN", Text),
    nested("auth.cookie_same_site", OneOf(&["lax", "strict", "none"])),
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
    nested("mail.transport", OneOf(&["folder", "smtp"])),
    plain("mail.smtp_url", "SMTP_URL", Secret),
    nested("mail.from", Text),
    nested("mail.timeout_seconds", Whole(1, 300)),
    plain("log.level", "LOG_LEVEL", Text),
    plain("log.format", "LOG_FORMAT", OneOf(&["pretty", "json"])),
    nested("rate_limit.enabled", Flag),
];

/// The setting at a dotted path.
pub(super) fn at(path: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.path == path)
}

/// The setting that a plain variable sets.
pub(super) fn of_plain(variable: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.plain == Some(variable))
}

/// Whether a path is that of a group.
pub(super) fn is_group(path: &str) -> bool {
    KNOWN.iter().any(|known| known.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')))
}

/// `LYCEUM__GROUP__NAME` of a path.
pub(super) fn nested_name(path: &str) -> String {
    format!("LYCEUM__{}", path.replace('.', "__").to_uppercase())
}

/// The setting somebody may have meant.
pub(super) fn nearest(path: &str) -> Option<&'static str> {
    let last = |path: &str| path.rsplit('.').next().map(str::to_owned);
    let near = KNOWN.iter().map(|known| (distance(path, known.path), known.path)).min()?;
    if near.0 <= 3 && near.0 * 3 < path.chars().count() {
        return Some(near.1);
    }
    KNOWN.iter().map(|known| known.path).find(|known| last(known) == last(path))
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
    /// What to call it if nobody has set it.
    pub(super) fn name(&self) -> String {
        self.plain.map_or_else(|| nested_name(self.path), str::to_owned)
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
            NumberOrNone(min, max) => format!("a number from {min} to {max}, or none"),
            List => "a list of texts".to_owned(),
            OneOf(words) => words.join(" or "),
        }
    }

    /// The value that the text of a variable means. Texts are taken as they are: nothing is guessed.
    pub(super) fn read_text(&self, text: &str) -> Option<Value> {
        let trimmed = text.trim();
        let value = match self.kind {
            Text | Secret => Value::from(text),
            OneOf(_) => Value::from(trimmed.to_ascii_lowercase()),
            Flag => match trimmed.to_ascii_lowercase().as_str() {
                "true" | "1" | "yes" | "on" => Value::from(true),
                "false" | "0" | "no" | "off" => Value::from(false),
                _ => return None,
            },
            Whole(..) => Value::from(trimmed.parse::<u64>().ok()?),
            NumberOrNone(..) if trimmed == "none" => Value::from(trimmed),
            NumberOrNone(..) => Value::from(trimmed.parse::<f64>().ok()?),
            List => trimmed.split(',').map(str::trim).filter(|item| !item.is_empty()).collect::<Vec<_>>().into(),
        };
        self.read_value(value)
    }

    /// The value, if it is allowed.
    pub(super) fn read_value(&self, value: Value) -> Option<Value> {
        let is_allowed = match (self.kind, &value) {
            (Text | Secret, Value::String(..)) | (Flag, Value::Bool(..)) => true,
            (Whole(min, max), Value::Num(_, number)) => {
                whole(number).is_some_and(|number| (i128::from(min)..=i128::from(max)).contains(&number))
            }
            (NumberOrNone(..), Value::String(_, text)) if text == "none" => {
                return Some(Value::Empty(Tag::Default, Empty::None));
            }
            (NumberOrNone(min, max), Value::Num(_, number)) => {
                let number = number.to_f64().or_else(|| i32::try_from(whole(number)?).ok().map(f64::from));
                number.is_some_and(|number| (min..=max).contains(&number))
            }
            (List, Value::Array(_, items)) => items.iter().all(|item| item.as_str().is_some()),
            (OneOf(words), Value::String(_, text)) => words.contains(&text.as_str()),
            _ => false,
        };
        is_allowed.then_some(value)
    }
}

/// The number, if it is a whole one by type: 8080.0 is none.
fn whole(number: &figment::value::Num) -> Option<i128> {
    number.to_i128().or_else(|| i128::try_from(number.to_u128()?).ok())
}
