//! What the server counts and measures of itself, as Prometheus text on a listener of its own.
//!
//! No label holds anything that grows with users, courses or addresses: routes are patterns, models those of the settings.
//! What others know better (pools, lanes, the process) is asked when somebody fetches the text; what only the database
//! knows, and how the parts are, is looked up by a chore, at most every few seconds, so that nothing here waits for it for
//! long.
//!
//! | module | what it measures |
//! | --- | --- |
//! | [`http`] | requests |
//! | [`model`] | calls of the model, and the span of each |
//! | `house` | answers, lanes, passwords, connections, breakers |
//! | [`backlog`] | mails, blobs and texts that wait |
//! | [`limits`] | what the limiter let through and turned away |
//! | `process` | memory, files, processor time |
//! | [`listener`] | where all of it is fetched |

pub mod backlog;
mod house;
pub mod http;
pub mod limits;
pub mod listener;
pub mod model;
mod process;

use std::{sync::Arc, time::Duration};

use prometheus::{
    Encoder as _, Histogram, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, Result, TextEncoder,
    core::Collector,
};

use self::{
    backlog::BacklogMetrics, house::HouseMetrics, http::HttpMetrics, limits::LimitMetrics, model::ModelMetrics,
    process::ProcessMetrics,
};
use crate::{health, logs};

pub use self::house::{Hashing, Pool};

/// Everything that is counted and measured.
pub struct Metrics {
    registry: Registry,
    /// Requests.
    pub http: Arc<HttpMetrics>,
    /// Calls of the model.
    pub models: Arc<ModelMetrics>,
    /// What waits to be done.
    pub backlog: BacklogMetrics,
    /// What was limited.
    pub limits: LimitMetrics,
    pub(crate) house: HouseMetrics,
    statements: IntCounterVec,
    statement_duration: Histogram,
    slow_statements: IntCounter,
    slow_connections: IntCounter,
    log_lines: IntCounterVec,
    components: IntGaugeVec,
    room: IntGaugeVec,
    process: ProcessMetrics,
}

impl Metrics {
    /// Everything at zero.
    ///
    /// # Errors
    /// If two metrics have one name: a fault of ours.
    pub fn new() -> Result<Self> {
        let registry = Registry::new();
        let build = registered(
            &registry,
            IntGaugeVec::new(
                Opts::new("lyceum_build_info", "Always 1; its labels say what runs."),
                &["version", "commit"],
            )?,
        )?;
        // Whoever builds an image names the commit; nothing here asks git.
        let commit = option_env!("LYCEUM_COMMIT").unwrap_or("unknown");
        build.with_label_values(&[env!("CARGO_PKG_VERSION"), commit]).set(1);
        Ok(Self {
            http: Arc::new(HttpMetrics::new(&registry)?),
            models: Arc::new(ModelMetrics::new(&registry)?),
            backlog: BacklogMetrics::new(&registry)?,
            limits: LimitMetrics::new(&registry)?,
            house: HouseMetrics::new(&registry)?,
            statements: registered(
                &registry,
                counters("lyceum_database_statements_total", "Statements sent to the database.", &["outcome"])?,
            )?,
            statement_duration: registered(
                &registry,
                Histogram::with_opts(
                    prometheus::HistogramOpts::new(
                        "lyceum_database_statement_duration_seconds",
                        "How long statements took, without waiting for a connection.",
                    )
                    .buckets(vec![0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0]),
                )?,
            )?,
            slow_statements: registered(
                &registry,
                IntCounter::new(
                    "lyceum_database_slow_statements_total",
                    "Statements that took longer than database.slow_query_milliseconds.",
                )?,
            )?,
            slow_connections: registered(
                &registry,
                IntCounter::new(
                    "lyceum_database_slow_connections_total",
                    "Connections that were waited for longer than two seconds.",
                )?,
            )?,
            log_lines: registered(
                &registry,
                counters("lyceum_log_lines_total", "Lines of the log, whatever the log level.", &["level"])?,
            )?,
            components: registered(
                &registry,
                gauges(
                    "lyceum_component_status",
                    "The parts as the last look at them found them: 0 not in use, 1 well, 2 degraded, 3 down.",
                    &["component"],
                )?,
            )?,
            room: registered(
                &registry,
                gauges(
                    "lyceum_disk_free_bytes",
                    "Room left where this folder is, as the last look found it.",
                    &["folder"],
                )?,
            )?,
            process: ProcessMetrics::new(&registry)?,
            registry,
        })
    }

    /// A statement was answered.
    pub fn statement(&self, took: Duration, is_well: bool) {
        self.statements.with_label_values(&[if is_well { "ok" } else { "failed" }]).inc();
        self.statement_duration.observe(took.as_secs_f64());
    }

    /// The parts were looked at.
    pub fn component(&self, name: &str, status: health::Status) {
        let status = match status {
            health::Status::Disabled => 0,
            health::Status::Ok => 1,
            health::Status::Degraded => 2,
            health::Status::Down => 3,
        };
        self.components.with_label_values(&[name]).set(status);
    }

    /// So much room is left for the data folder.
    pub fn room(&self, free: u64) {
        show(&self.room.with_label_values(&["data"]), free);
    }

    /// All of it as Prometheus text (version 0.0.4). Asks nobody who could make it wait.
    ///
    /// # Errors
    /// If a metric cannot be written: a fault of ours.
    pub fn text(&self) -> Result<Vec<u8>> {
        self.house.look();
        self.limits.look();
        self.process.look();
        if let Some(counts) = logs::counts() {
            mirror(&self.slow_statements, counts.slow_statements());
            mirror(&self.slow_connections, counts.slow_connections());
            mirror(&self.log_lines.with_label_values(&["error"]), counts.errors());
            mirror(&self.log_lines.with_label_values(&["warn"]), counts.warnings());
        }
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }

    /// The names and kinds of everything that can stand in the text, whether or not it happened yet.
    #[cfg(test)]
    pub(crate) fn names(&self) -> std::collections::BTreeSet<String> {
        // One of each, so that what has labels is there.
        self.statement(Duration::ZERO, true);
        self.component("database", health::Status::Ok);
        self.room(0);
        self.log_lines.with_label_values(&["warn"]);
        self.http.touch();
        self.models.touch();
        self.limits.touch();
        self.backlog.touch();
        self.house.touch();
        let text = String::from_utf8(self.text().expect("text")).expect("UTF-8");
        let name = |line: &str| line.strip_prefix("# TYPE ")?.split(' ').next().map(str::to_owned);
        text.lines().filter_map(name).collect()
    }
}

/// Puts a metric into the registry.
fn registered<C: Collector + Clone + 'static>(registry: &Registry, metric: C) -> Result<C> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

fn counters(name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec> {
    IntCounterVec::new(Opts::new(name, help), labels)
}

fn gauges(name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec> {
    IntGaugeVec::new(Opts::new(name, help), labels)
}

/// Brings a counter up to what somebody else counted.
fn mirror(counter: &IntCounter, so_far: u64) {
    counter.inc_by(so_far.saturating_sub(counter.get()));
}

/// Sets a gauge to a count.
fn show(gauge: &IntGauge, count: impl TryInto<i64>) {
    gauge.set(count.try_into().unwrap_or(i64::MAX));
}

#[cfg(test)]
mod tests;
