//! Where the server runs.

use std::{fmt, str::FromStr};

/// Where the server runs; it decides defaults and what is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Environment {
    /// A developer's machine.
    #[default]
    Development,
    /// Automatic tests; `.env` is not read.
    Test,
    /// A rehearsal of production.
    Staging,
    /// The real thing: unsafe settings are refused.
    Production,
}

impl Environment {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Development, Self::Test, Self::Staging, Self::Production];

    /// Its name in `LYCEUM_ENV`, and that of its file in the config folder.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Test => "test",
            Self::Staging => "staging",
            Self::Production => "production",
        }
    }

    /// Whether others can reach it: staging and production.
    pub const fn is_deployed(self) -> bool {
        matches!(self, Self::Staging | Self::Production)
    }

    /// Whether it is production.
    pub const fn is_production(self) -> bool {
        matches!(self, Self::Production)
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// No environment has that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("development, test, staging or production")]
pub struct UnknownEnvironment;

impl FromStr for Environment {
    type Err = UnknownEnvironment;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        Self::ALL.into_iter().find(|known| known.as_str() == text).ok_or(UnknownEnvironment)
    }
}
