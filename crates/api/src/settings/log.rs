//! Logging.

use serde::{Deserialize, Serialize};

/// What is logged, and how it looks.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct LogSettings {
    /// `off`, `error`, `warn`, `info`, `debug`, `trace`, also by target: `info,sqlx=warn`. Default `info`.
    pub level: String,
    /// How a line looks. Default `json`, in development and test `pretty`.
    pub format: LogFormat,
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// For machines, one object per line.
    Json,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Json }
    }
}

impl LogSettings {
    /// What a level may be, as the end of "must be …".
    pub const LEVELS: &'static str = "off, error, warn, info, debug or trace, and target=level after commas";
    /// The longest level that is taken, in bytes: far more than anybody needs.
    pub const MAX_LEVEL: usize = 500;

    /// Whether the level is one. Directives for spans are none: they may hold patterns, which cost whatever their writer
    /// likes.
    pub fn is_filter(&self) -> bool {
        self.level.len() <= Self::MAX_LEVEL
            && self.level.split(',').all(is_directive)
            && tracing_subscriber::EnvFilter::builder().with_regex(false).parse(&self.level).is_ok()
    }
}

/// A level, or a target's.
fn is_directive(text: &str) -> bool {
    let (target, level) = text.rsplit_once('=').map_or((None, text), |(target, level)| (Some(target), level));
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_:-./".contains(c);
    ["off", "error", "warn", "info", "debug", "trace"].iter().any(|known| level.eq_ignore_ascii_case(known))
        && target.is_none_or(|target| !target.is_empty() && target.chars().all(is_part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_filter(level: &str) -> bool {
        LogSettings { level: level.to_owned(), ..LogSettings::default() }.is_filter()
    }

    #[test]
    fn a_level_is_one_for_all_and_others_by_target() {
        for level in ["info", "OFF", "info,sqlx=debug", "warn,lyceum_api::http=trace", "sqlx::query=debug,error"] {
            assert!(is_filter(level), "{level}");
        }
        for none in ["", " ", "loud", "info,,", "=info", "lyceum=loud", "sqlx", "a=b=info"] {
            assert!(!is_filter(none), "{none}");
        }
    }

    #[test]
    fn a_level_names_no_spans_and_holds_no_pattern() {
        let costly = format!("info,[x{{y={}}}]=info", "(a|b{0,500}){0,500}");
        for none in ["[request]=debug", "info,lyceum_api[request{request_id=\"x\"}]=trace", "a{b=c}=info", &costly] {
            assert!(!is_filter(none), "{none}");
        }
    }

    #[test]
    fn a_level_has_an_end() {
        let long = |length: usize| format!("info,{}=warn", "x".repeat(length - "info,=warn".len()));
        assert!(is_filter(&long(LogSettings::MAX_LEVEL)));
        assert!(!is_filter(&long(LogSettings::MAX_LEVEL + 1)));
    }
}
