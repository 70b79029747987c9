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

    /// Whether the level is one.
    pub fn is_filter(&self) -> bool {
        let text = self.level.as_str();
        let is_level = |word: &str| {
            ["off", "error", "warn", "info", "debug", "trace"]
                .iter()
                .any(|level| word.trim().eq_ignore_ascii_case(level))
        };
        let has_spans = text.contains('[');
        let is_directive =
            |word: &str| is_level(word.rsplit_once('=').map_or(word, |(_, level)| level)) && !word.starts_with('=');
        !text.trim().is_empty()
            && (has_spans || text.split(',').all(is_directive))
            && tracing_subscriber::EnvFilter::builder().parse(text).is_ok()
    }
}
