//! Which other origins may call.

use serde::{Deserialize, Serialize};

/// Which other origins may call from a browser.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct CorsSettings {
    /// Origins (`https://learn.example.org`); `*` for any, refused in production. Default none, in development
    /// `http://localhost:5173`.
    pub origins: Vec<String>,
    /// How long a browser may keep the answer to a preflight, in seconds. Default 3600.
    pub max_age_seconds: u32,
}

impl Default for CorsSettings {
    fn default() -> Self {
        Self { origins: Vec::new(), max_age_seconds: 3600 }
    }
}

impl CorsSettings {
    /// Whether every origin may call.
    pub fn any_origin(&self) -> bool {
        self.origins.iter().any(|origin| origin == "*")
    }
}
