//! What the parts of the house say when they are asked.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lyceum_application::mentor::{Lanes, LiveAnswers};
use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry, Result};
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

use super::{counters, gauges, mirror, registered, show};

/// How busy a pool of connections is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// What it is for.
    pub name: &'static str,
    /// Open connections.
    pub size: u32,
    /// Those of them that nobody uses.
    pub idle: u32,
    /// How many it may open.
    pub max: u32,
}

/// How busy the threads are that hash passwords.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hashing {
    /// Passwords that are being hashed.
    pub working: usize,
    /// Callers that wait.
    pub waiting: usize,
}

/// Tells how busy the pools of a store are; `None` once the store is gone.
type AskPools = Box<dyn Fn() -> Option<Vec<Pool>> + Send>;
/// Tells how a provider's breaker stands (0 closed, 1 half-open, 2 open), and how often it was asked again.
type AskProvider = Box<dyn Fn() -> (i64, u64) + Send>;

/// Whom to ask.
#[derive(Default)]
struct Sources {
    pools: Vec<AskPools>,
    providers: Vec<(String, AskProvider)>,
    hashing: Option<Box<dyn Fn() -> Hashing + Send>>,
    mentor: Option<(Arc<Lanes>, Arc<LiveAnswers>)>,
    tasks: Option<TaskTracker>,
    runtime: Option<Handle>,
}

/// What is asked when the text is fetched.
pub(crate) struct HouseMetrics {
    sources: Mutex<Sources>,
    connections: IntGaugeVec,
    connections_max: IntGaugeVec,
    breaker: IntGaugeVec,
    retries: IntCounterVec,
    hashing: IntGauge,
    hashing_waiting: IntGauge,
    answers: IntGauge,
    lanes: IntGauge,
    lanes_taken: IntGauge,
    lanes_waiting: IntGauge,
    lanes_refused: IntCounter,
    dropped_citations: IntCounter,
    tasks: IntGauge,
    runtime_workers: IntGauge,
    runtime_tasks: IntGauge,
}

impl HouseMetrics {
    pub(super) fn new(registry: &Registry) -> Result<Self> {
        let gauge = |name: &str, help: &str| registered(registry, IntGauge::new(name, help)?);
        let counter = |name: &str, help: &str| registered(registry, IntCounter::new(name, help)?);
        Ok(Self {
            sources: Mutex::default(),
            connections: registered(
                registry,
                gauges("lyceum_database_connections", "Open connections, in_use or idle.", &["pool", "state"])?,
            )?,
            connections_max: registered(
                registry,
                gauges("lyceum_database_connections_max", "Connections that may be open.", &["pool"])?,
            )?,
            breaker: registered(
                registry,
                gauges(
                    "lyceum_model_breaker_state",
                    "Whether a provider is asked: 0 it is, 1 it is tried, 2 it has a rest.",
                    &["provider"],
                )?,
            )?,
            retries: registered(
                registry,
                counters("lyceum_model_retries_total", "How often a provider was asked again.", &["provider"])?,
            )?,
            hashing: gauge("lyceum_password_hashing", "Passwords that are being hashed.")?,
            hashing_waiting: gauge("lyceum_password_hashing_waiting", "Callers that wait for a password's hash.")?,
            answers: gauge("lyceum_answers_under_way", "Answers of the mentor that are being given.")?,
            lanes: gauge("lyceum_lanes", "Calls of the model that may run at once.")?,
            lanes_taken: gauge("lyceum_lanes_taken", "Calls of the model that run.")?,
            lanes_waiting: gauge("lyceum_lanes_waiting", "Calls of the model that wait for others to end.")?,
            lanes_refused: counter("lyceum_lanes_refused_total", "Calls of the model that found no place.")?,
            dropped_citations: counter(
                "lyceum_dropped_citations_total",
                "Numbers in answers that named no passage, and were dropped.",
            )?,
            tasks: gauge("lyceum_tasks", "Turns and uploads that the end of the server waits for.")?,
            runtime_workers: gauge("lyceum_runtime_workers", "Threads of the runtime beside the requests.")?,
            runtime_tasks: gauge("lyceum_runtime_tasks", "Tasks of the runtime beside the requests.")?,
        })
    }

    pub(crate) fn watch_pools(&self, ask: impl Fn() -> Option<Vec<Pool>> + Send + 'static) {
        self.sources().pools.push(Box::new(ask));
    }

    pub(crate) fn watch_provider(&self, name: &str, ask: impl Fn() -> (i64, u64) + Send + 'static) {
        self.sources().providers.push((name.to_owned(), Box::new(ask)));
    }

    pub(crate) fn watch_hashing(&self, ask: impl Fn() -> Hashing + Send + 'static) {
        self.sources().hashing = Some(Box::new(ask));
    }

    pub(crate) fn watch_mentor(&self, lanes: Arc<Lanes>, answers: Arc<LiveAnswers>) {
        self.sources().mentor = Some((lanes, answers));
    }

    pub(crate) fn watch_tasks(&self, tasks: &TaskTracker, runtime: Handle) {
        let mut sources = self.sources();
        sources.tasks = Some(tasks.clone());
        sources.runtime = Some(runtime);
    }

    pub(super) fn look(&self) {
        let mut sources = self.sources();
        self.look_at_pools(&mut sources.pools);
        for (name, ask) in &sources.providers {
            let (state, retries) = ask();
            self.breaker.with_label_values(&[name]).set(state);
            mirror(&self.retries.with_label_values(&[name]), retries);
        }
        if let Some(ask) = &sources.hashing {
            let hashing = ask();
            show(&self.hashing, hashing.working);
            show(&self.hashing_waiting, hashing.waiting);
        }
        if let Some((lanes, answers)) = &sources.mentor {
            let lanes = lanes.status();
            show(&self.lanes, lanes.at_once);
            show(&self.lanes_taken, lanes.taken);
            show(&self.lanes_waiting, lanes.waiting);
            mirror(&self.lanes_refused, lanes.refused);
            show(&self.answers, answers.count());
            mirror(&self.dropped_citations, answers.dropped_citations());
        }
        if let Some(tasks) = &sources.tasks {
            show(&self.tasks, tasks.len());
        }
        if let Some(runtime) = &sources.runtime {
            let runtime = runtime.metrics();
            show(&self.runtime_workers, runtime.num_workers());
            show(&self.runtime_tasks, runtime.num_alive_tasks());
        }
    }

    /// Each runtime has a store of its own; pools of one name are one.
    fn look_at_pools(&self, stores: &mut Vec<AskPools>) {
        let mut pools = Vec::new();
        stores.retain(|ask| ask().map(|some| pools.extend(some)).is_some());
        self.connections.reset();
        self.connections_max.reset();
        for pool in pools {
            let add = |gauge: IntGauge, count: u32| gauge.add(i64::from(count));
            add(self.connections.with_label_values(&[pool.name, "idle"]), pool.idle);
            add(self.connections.with_label_values(&[pool.name, "in_use"]), pool.size.saturating_sub(pool.idle));
            add(self.connections_max.with_label_values(&[pool.name]), pool.max);
        }
    }

    /// Whoever is asked here locks nothing of ours, and a panic leaves the lists whole.
    fn sources(&self) -> MutexGuard<'_, Sources> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn touch(&self) {
        self.watch_pools(|| Some(vec![Pool { name: "all", size: 1, idle: 1, max: 1 }]));
        self.watch_provider("qubrid", || (0, 0));
    }
}
