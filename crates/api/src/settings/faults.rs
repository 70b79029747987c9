//! What is wrong, all of it at once.

use std::{error::Error, fmt};

use figment::value::Value;

use super::{
    known::{self, Known},
    sources::{Origin, Origins},
};

/// One thing that is wrong. No secret is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The setting as the operator wrote it: the variable, or key and file.
    pub setting: String,
    /// What was found.
    pub found: String,
    /// What is allowed.
    pub allowed: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: found {}; allowed: {}", self.setting, self.found, self.allowed)
    }
}

/// Everything that is wrong. `Display` gives each fault a line of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsErrors {
    /// What must be put right; never empty.
    pub faults: Vec<Fault>,
    /// What one should know besides.
    pub warnings: Vec<String>,
}

impl fmt::Display for SettingsErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            let line_end = if index + 1 < self.faults.len() { "\n" } else { "" };
            write!(f, "{fault}{line_end}")?;
        }
        Ok(())
    }
}

impl Error for SettingsErrors {}

/// What has come to light so far.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// What must be put right.
    pub faults: Vec<Fault>,
    /// What one should know.
    pub warnings: Vec<String>,
    /// The settings whose values were not taken, so that what follows from their absence is not reported as well.
    untaken: Vec<String>,
}

impl Report {
    /// Adds a fault.
    pub(super) fn fault(&mut self, setting: impl Into<String>, found: impl Into<String>, allowed: impl Into<String>) {
        self.faults.push(Fault { setting: setting.into(), found: found.into(), allowed: allowed.into() });
    }

    /// Adds a warning.
    pub(super) fn warn(&mut self, warning: impl Into<String>) {
        self.warnings.push(warning.into());
    }

    /// A value that its setting cannot have.
    pub(super) fn not_allowed(&mut self, path: &str, known: &Known, origin: &Origin, value: &Value) {
        let found = if known.is_secret() { "another type (not shown)".to_owned() } else { shown(value) };
        self.fault(origin.name(path), found, known.allowed());
        self.untaken.push(path.to_owned());
    }

    /// A name that no setting has.
    pub(super) fn unknown(&mut self, path: &str, origin: &Origin) {
        let (setting, is_variable) = (origin.name(path), origin.is_variable());
        if later(path) {
            return self.fault(setting, "a setting of a later version", "nothing: this version does not support it");
        }
        if known::is_group(path) {
            return self.fault(setting, "one value", "a group of settings");
        }
        if let Some(name) = known::misnamed(path) {
            let allowed = "1 to 32 lower-case letters, digits, _ and -";
            return self.fault(setting, format!("{} as the name of a provider", quoted(name)), allowed);
        }
        let allowed = match known::nearest(path) {
            Some(near) if is_variable => format!("only known settings; did you mean {}?", known::nested_name(&near)),
            Some(near) => format!("only known settings; did you mean {near}?"),
            None => "only known settings, see config/default.toml".to_owned(),
        };
        self.fault(setting, "no setting of that name", allowed);
    }

    /// Whether a value of that setting was not taken.
    pub(super) fn is_untaken(&self, path: &str) -> bool {
        self.untaken.iter().any(|untaken| untaken == path)
    }

    /// What is left if the table lets through what the structs do not take.
    pub(super) fn not_extracted(&mut self, errors: figment::Error, origins: &Origins) {
        for error in errors {
            let path = error.path.join(".");
            let allowed = known::at(&path).map_or_else(|| "another value".to_owned(), Known::allowed);
            self.fault(origins.get(&path).name(&path), "a value that does not fit", allowed);
        }
    }

    /// The end of loading.
    pub(super) fn into_errors(self) -> SettingsErrors {
        SettingsErrors { faults: self.faults, warnings: self.warnings }
    }
}

/// Whether a path belongs to what a later version brings.
fn later(path: &str) -> bool {
    const LATER: [&str; 3] = ["telemetry", "redis", "server.trusted_proxies"];
    LATER.iter().any(|group| path.strip_prefix(group).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
}

/// A value for people, not too long.
fn shown(value: &Value) -> String {
    match value {
        Value::String(_, text) => quoted(text),
        Value::Bool(_, value) => value.to_string(),
        Value::Num(_, number) => number
            .to_i128()
            .map(|number| number.to_string())
            .or_else(|| number.to_u128().map(|number| number.to_string()))
            .or_else(|| number.to_f64().map(|number| number.to_string()))
            .unwrap_or_else(|| "a number".to_owned()),
        Value::Array(..) => "a list".to_owned(),
        Value::Dict(..) => "a group".to_owned(),
        Value::Char(..) | Value::Empty(..) => "something else".to_owned(),
    }
}

/// Text in quotes, at most 60 characters of it, without control characters.
pub(super) fn quoted(text: &str) -> String {
    let short: String = text.chars().take(60).collect();
    let ellipsis = if short.len() < text.len() { "…" } else { "" };
    format!("`{}{ellipsis}`", short.escape_debug())
}
