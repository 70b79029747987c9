//! Where a drill is held: a house on its database, a model, and a crew at work.

use std::time::Duration;

use lyceum_e2e::{database::Database, house::House, server::Server, upstream::Upstream};
use tokio::time::sleep;

use crate::{
    crew::{Crew, Working},
    drills::{Report, Size},
    leaks::{self, Held},
    postgres::Postgres,
    processes::free_port,
    tally::Rules,
};

/// What the server keeps its things in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    Sqlite,
    /// A server of our own.
    Postgres,
}

impl Kind {
    /// As it is written on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

/// All that a drill needs. The server goes before what it stands on.
pub struct Site {
    /// The installation.
    pub house: House,
    /// Its database server, unless it has a file.
    pub postgres: Option<Postgres>,
    /// What its mentor asks.
    pub upstream: Upstream,
}

impl Site {
    /// An empty one; why it cannot be had, if it cannot.
    pub async fn prepare(kind: Kind) -> Result<Self, String> {
        let postgres = match kind {
            Kind::Sqlite => None,
            Kind::Postgres => Some(Postgres::start().await.ok_or("PostgreSQL is not installed")?),
        };
        let database = match &postgres {
            Some(postgres) => Database::on(&postgres.url()).await,
            None => Database::Sqlite,
        };
        let upstream = Upstream::start().await;
        // At the same place whenever it is started again.
        let house = House::new(database)
            .with_mentor(&upstream)
            .with("PORT", free_port())
            .with("LYCEUM__TELEMETRY__METRICS_BIND", format!("127.0.0.1:{}", free_port()))
            .with("LOG_LEVEL", "warn")
            .with("LYCEUM__STORAGE__MAX_SUBJECTS", 10_000)
            .with("LYCEUM__STORAGE__MAX_DOCUMENTS", 10_000);
        Ok(Self { house, postgres, upstream })
    }

    /// With another setting.
    #[must_use]
    pub fn with(self, name: &str, value: impl std::fmt::Display) -> Self {
        Self { house: self.house.with(name, value), ..self }
    }

    /// Starts the server, lets a crew work for a moment so that everything has been opened once, and notes what it holds.
    pub async fn open(&self, size: Size) -> Opened {
        let server = self.house.start().await;
        let crew = Crew::hire(&self.house, &server, size.hands).await;
        let working = crew.work();
        sleep(Duration::from_millis(2500)).await;
        let held = Held::by(&self.house, &server).await;
        Opened { server, working, held }
    }

    /// Sends the crew home and judges.
    pub async fn close(&self, opened: Opened, rules: Rules, what: &str) -> (Report, Server) {
        let Opened { server, working, held } = opened;
        let crew = working.stop().await;
        let mut report = self.judge(&crew, rules, what).await;
        let leaks = leaks::check(&self.house, &server, self.postgres.as_ref(), held).await;
        report.add(if leaks.is_empty() { "nothing leaked".to_owned() } else { "leaks".to_owned() });
        report.offences.extend(leaks);
        if lyceum_e2e::variable("FAULT_DRILL_LOG").is_some() {
            println!("{}", server.log());
        }
        (report, server)
    }

    /// Judges what a crew was answered, and looks for what it was told was done.
    pub async fn judge(&self, crew: &Crew, rules: Rules, what: &str) -> Report {
        let verdict = crew.tally.judge(&rules);
        let mut report = Report { line: what.to_owned(), offences: verdict.offences };
        report.add(format!("{} requests, {} done", verdict.requests, verdict.done));
        for (name, count) in verdict.refused {
            report.add(format!("{count} x {name}"));
        }
        report.add(format!("slowest {:.1} s", verdict.slowest.as_secs_f64()));
        if !rules.away.is_empty() {
            report.add(format!("recovered within {:.1} s", verdict.recovery.as_secs_f64()));
        }
        let missing = crew.missing().await;
        report.add(format!("{} acknowledged writes, {} lost", crew.acknowledged(), missing.len()));
        report.offences.extend(missing);
        report
    }
}

/// A server with a crew at work.
pub struct Opened {
    /// The server.
    pub server: Server,
    /// The crew.
    pub working: Working,
    /// What the server held when it was warm.
    pub held: Held,
}
