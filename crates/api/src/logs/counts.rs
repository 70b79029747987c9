//! What is counted of the log: warnings and errors, and what the database's driver warns of.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::{Layer, layer::Context};

/// How often something was logged since the start.
#[derive(Debug, Clone, Default)]
pub struct Counts(Arc<Numbers>);

#[derive(Debug, Default)]
struct Numbers {
    errors: AtomicU64,
    warnings: AtomicU64,
    slow_statements: AtomicU64,
    slow_connections: AtomicU64,
}

impl Counts {
    /// Lines at the level `error`.
    pub fn errors(&self) -> u64 {
        self.0.errors.load(Ordering::Relaxed)
    }

    /// Lines at the level `warn`.
    pub fn warnings(&self) -> u64 {
        self.0.warnings.load(Ordering::Relaxed)
    }

    /// Statements that took longer than the operator finds right.
    pub fn slow_statements(&self) -> u64 {
        self.0.slow_statements.load(Ordering::Relaxed)
    }

    /// Connections to the database that were waited for longer than two seconds.
    pub fn slow_connections(&self) -> u64 {
        self.0.slow_connections.load(Ordering::Relaxed)
    }

    /// What counts. To be filtered to warnings and errors.
    pub(super) fn layer<S: Subscriber>(&self) -> impl Layer<S> + Send + Sync + use<S> {
        self.clone()
    }
}

impl<S: Subscriber> Layer<S> for Counts {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        let numbers = &self.0;
        let add = |number: &AtomicU64| number.fetch_add(1, Ordering::Relaxed);
        match *metadata.level() {
            Level::ERROR => add(&numbers.errors),
            _ => add(&numbers.warnings),
        };
        match metadata.target() {
            "sqlx::query" => drop(add(&numbers.slow_statements)),
            "sqlx::pool::acquire" => drop(add(&numbers.slow_connections)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing::level_filters::LevelFilter;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[test]
    fn warnings_errors_and_slow_statements_are_counted_and_nothing_else() {
        let counts = Counts::default();
        let subscriber = tracing_subscriber::registry().with(counts.layer().with_filter(LevelFilter::WARN));
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!("fine");
            tracing::warn!("hm");
            tracing::warn!(target: "sqlx::query", "slow");
            tracing::warn!(target: "sqlx::pool::acquire", "slow");
            tracing::info!(target: "sqlx::query", "not slow");
            tracing::error!("no");
        });
        assert_eq!((counts.errors(), counts.warnings()), (1, 3));
        assert_eq!((counts.slow_statements(), counts.slow_connections()), (1, 1));
    }
}
