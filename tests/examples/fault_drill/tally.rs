//! What was asked and what came back, and whether that may be.

use std::{
    collections::BTreeMap,
    sync::Mutex,
    time::{Duration, Instant},
};

use lyceum_e2e::answer::Answer;

/// How soon after a part is back everything has to go as before.
pub const RECOVERY: Duration = Duration::from_secs(5);
/// The longest that anybody may have to wait for any answer: for a connection (5 s), and for a database that says nothing
/// to the first statement (the drill sets 5 s, and 2 are added).
const PATIENCE: Duration = Duration::from_secs(14);

/// How a request ended.
#[derive(Debug, Clone)]
pub enum Ended {
    /// With an answer of this status and, if it is a problem, code; and whether it says when to come back.
    Answered(u16, String, bool),
    /// Without a whole answer.
    Broken(String),
}

/// A request that has ended.
#[derive(Debug, Clone)]
struct Seen {
    asked: &'static str,
    began: Instant,
    ended: Instant,
    how: Ended,
}

/// A span of time in which a part was away.
#[derive(Debug, Clone, Copy)]
pub struct Away {
    /// When it went.
    pub from: Instant,
    /// From when on it may have been back.
    pub returning: Instant,
    /// When it surely was.
    pub until: Instant,
}

impl Away {
    /// From `from` until now; it was let come back at `returning`.
    pub fn until_now(from: Instant, returning: Instant) -> Self {
        Self { from, returning, until: Instant::now() }
    }
}

/// What is acceptable.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// When something was away. Without an entry nothing may fail at any time.
    pub away: Vec<Away>,
    /// The statuses and codes that may be answered then.
    pub refusals: Vec<(u16, &'static str)>,
    /// Whether connections to the server may break then.
    pub breaks: bool,
}

/// Everything that was asked.
#[derive(Debug, Default)]
pub struct Tally(Mutex<Vec<Seen>>);

/// What is to be said of many requests.
#[derive(Debug, Default)]
pub struct Verdict {
    /// How many there were.
    pub requests: usize,
    /// How many of them did what was asked.
    pub done: usize,
    /// How the others ended, and how often.
    pub refused: BTreeMap<String, usize>,
    /// The longest wait for an answer.
    pub slowest: Duration,
    /// How long after the last part was back the last request failed.
    pub recovery: Duration,
    /// What may not be.
    pub offences: Vec<String>,
}

impl Tally {
    /// Notes an answer, or that there was none.
    pub fn note(&self, asked: &'static str, began: Instant, answer: &Result<Answer, reqwest::Error>) {
        let how = match answer {
            Ok(answer) => {
                let code = answer.body["code"].as_str().or_else(|| answer.body["error"].as_str()).unwrap_or_default();
                Ended::Answered(answer.status, code.to_owned(), answer.header("retry-after").is_some())
            }
            Err(error) => Ended::Broken(causes(error)),
        };
        self.0.lock().expect("no panic").push(Seen { asked, began, ended: Instant::now(), how });
    }

    /// Judges all so far.
    pub fn judge(&self, rules: &Rules) -> Verdict {
        let mut verdict = Verdict::default();
        for seen in &*self.0.lock().expect("no panic") {
            verdict.requests += 1;
            verdict.slowest = verdict.slowest.max(seen.ended - seen.began);
            if seen.ended - seen.began > PATIENCE {
                verdict.offences.push(format!("{} took {:?}", seen.asked, seen.ended - seen.began));
            }
            if matches!(seen.how, Ended::Answered(200..=299, ..)) {
                verdict.done += 1;
                continue;
            }
            *verdict.refused.entry(seen.how.name()).or_default() += 1;
            // The last that had begun when it ended.
            let away = rules.away.iter().rev().find(|away| away.from <= seen.ended);
            let late = away.map(|away| seen.ended.saturating_duration_since(away.until));
            let may_be = match &seen.how {
                Ended::Answered(status, code, says_when) => {
                    // Of these the contract has no time to come back.
                    let is_whole = *says_when || matches!(status, 502 | 504 | 409);
                    is_whole && rules.refusals.iter().any(|(known, of)| known == status && of == code)
                }
                Ended::Broken(_) => rules.breaks,
            };
            match late {
                Some(late) if may_be && late <= RECOVERY => verdict.recovery = verdict.recovery.max(late),
                Some(late) if late > RECOVERY => {
                    verdict.recovery = verdict.recovery.max(late);
                    verdict.offences.push(format!("{}: {} long after the part was back", seen.asked, seen.how.name()));
                }
                Some(_) => verdict.offences.push(format!("{}: {} while a part was away", seen.asked, seen.how.name())),
                None => verdict.offences.push(format!("{}: {} while all was well", seen.asked, seen.how.name())),
            }
        }
        verdict
    }
}

impl Ended {
    fn name(&self) -> String {
        match self {
            Self::Answered(status, code, true) => format!("{status} {code}"),
            Self::Answered(status, code, false) => format!("{status} {code} without Retry-After"),
            Self::Broken(cause) => format!("broken off ({cause})"),
        }
    }
}

/// The last of the causes, which says most.
fn causes(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
