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
