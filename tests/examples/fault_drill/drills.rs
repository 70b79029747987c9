//! The drills.

mod clock;
mod database;
mod disk;
mod kills;
mod limiter;
mod stopping;
mod upstream;

use std::{pin::Pin, time::Duration};

use crate::site::Kind;

/// How large the drills are.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// How many people work.
    pub hands: usize,
    /// How long the database and others are away.
    pub outage: Duration,
    /// How often the server is killed.
    pub kills: usize,
    /// How often it is asked to stop.
    pub stops: usize,
    /// How many drills are held at once.
    pub lanes: usize,
    /// Whether each is held with every database that it is meant for, or with the first of them.
    pub every_kind: bool,
}

impl Size {
    /// As large as the drill is meant to be.
    pub const FULL: Self =
        Self { hands: 8, outage: Duration::from_secs(20), kills: 100, stops: 10, lanes: 1, every_kind: true };
    /// Enough to see that nothing has come apart.
    pub const QUICK: Self =
        Self { hands: 4, outage: Duration::from_secs(4), kills: 5, stops: 1, lanes: 2, every_kind: false };
}

/// What a drill found.
#[derive(Debug, Default)]
pub struct Report {
    /// What was done and how it went, in a line.
    pub line: String,
    /// What may not be.
    pub offences: Vec<String>,
}

impl Report {
    /// Says more.
    pub fn add(&mut self, more: impl AsRef<str>) {
        let more = more.as_ref();
        if !more.is_empty() {
            self.line.push_str(if self.line.is_empty() { "" } else { "; " });
            self.line.push_str(more);
        }
    }
}

/// What a drill comes to: a report, or why it cannot be held here.
pub type Outcome = Result<Report, String>;
type Running = Pin<Box<dyn Future<Output = Outcome>>>;

/// A drill.
pub struct Drill {
    /// As it is written on the command line.
    pub name: &'static str,
    /// The databases that it is held with.
    pub kinds: &'static [Kind],
    /// Holds it.
    pub run: fn(Kind, Size) -> Running,
}

const BOTH: &[Kind] = &[Kind::Sqlite, Kind::Postgres];
const POSTGRES_FIRST: &[Kind] = &[Kind::Postgres, Kind::Sqlite];
const SQLITE: &[Kind] = &[Kind::Sqlite];
const POSTGRES: &[Kind] = &[Kind::Postgres];

/// All drills, in their order.
pub const ALL: &[Drill] = &[
    Drill { name: "database-stopped", kinds: POSTGRES, run: |kind, size| Box::pin(database::stopped(kind, size)) },
    Drill { name: "database-frozen", kinds: POSTGRES, run: |kind, size| Box::pin(database::frozen(kind, size)) },
    Drill { name: "connections-killed", kinds: POSTGRES, run: |kind, size| Box::pin(database::cut(kind, size)) },
    Drill { name: "disk-full", kinds: SQLITE, run: |kind, size| Box::pin(disk::full(kind, size)) },
    Drill { name: "model-gone", kinds: BOTH, run: |kind, size| Box::pin(upstream::gone(kind, size)) },
    Drill { name: "redis-gone", kinds: POSTGRES, run: |kind, size| Box::pin(limiter::gone(kind, size)) },
    Drill { name: "clock-back", kinds: BOTH, run: |kind, size| Box::pin(clock::back(kind, size)) },
    Drill { name: "sigterm", kinds: POSTGRES_FIRST, run: |kind, size| Box::pin(stopping::asked(kind, size)) },
    Drill { name: "kill-9", kinds: POSTGRES_FIRST, run: |kind, size| Box::pin(kills::killed(kind, size)) },
];
