//! What was found.

use std::fmt::Display;

use serde::Serialize;

use crate::output::say;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Level {
    Ok,
    Warn,
    Fail,
}

/// One check.
#[derive(Debug, Serialize)]
struct Finding {
    part: &'static str,
    level: Level,
    detail: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    advice: &'static str,
}

/// All of them; each is printed as it is found, unless they are to be JSON.
pub(super) struct Report {
    is_json: bool,
    findings: Vec<Finding>,
}

impl Report {
    pub(super) fn new(is_json: bool) -> Self {
        Self { is_json, findings: Vec::new() }
    }

    pub(super) fn good(&mut self, part: &'static str, what: impl Display) {
        self.add(part, Level::Ok, what, "");
    }

    pub(super) fn doubtful(&mut self, part: &'static str, what: impl Display, advice: &'static str) {
        self.add(part, Level::Warn, what, advice);
    }

    pub(super) fn bad(&mut self, part: &'static str, what: impl Display, advice: &'static str) {
        self.add(part, Level::Fail, what, advice);
    }

    fn add(&mut self, part: &'static str, level: Level, what: impl Display, advice: &'static str) {
        let detail = what.to_string();
        if !self.is_json {
            let word = match level {
                Level::Ok => "ok",
                Level::Warn => "warn",
                Level::Fail => "FAIL",
            };
            say!("{word:5} {part:10} {detail}");
            if !advice.is_empty() {
                say!("                 {advice}");
            }
        }
        self.findings.push(Finding { part, level, detail, advice });
    }

    /// How many checks so far were not good.
    pub(super) fn doubts(&self) -> usize {
        self.findings.iter().filter(|finding| finding.level != Level::Ok).count()
    }

    /// How many checks failed.
    pub(super) fn finish(self) -> usize {
        let failed = self.findings.iter().filter(|finding| finding.level == Level::Fail).count();
        if self.is_json {
            say!("{}", serde_json::json!({ "ok": failed == 0, "checks": self.findings }));
        }
        failed
    }
}

#[cfg(test)]
impl Report {
    /// The level of each finding.
    pub(super) fn levels(&self) -> Vec<&'static str> {
        let word = |finding: &Finding| match finding.level {
            Level::Ok => "ok",
            Level::Warn => "warn",
            Level::Fail => "fail",
        };
        self.findings.iter().map(word).collect()
    }
}
