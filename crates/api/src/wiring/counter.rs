//! What counts requests: this process alone, or all servers together.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use lyceum_domain::limits::{Class, Limiter, Whose};
use lyceum_limits::{MemoryLimiter, RedisLimiter, RedisSettings, SharedLimiter, Standby, Tally};

use crate::{
    metrics::{Metrics, limits::Decided},
    settings::Settings,
};

/// What all threads of a server share of it.
pub(super) enum Counter {
    Alone(Arc<MemoryLimiter>),
    /// In Redis, and what is left without it.
    Together(RedisSettings, Arc<Standby>),
}

impl Counter {
    pub(super) fn new(settings: &Settings, metrics: &Metrics) -> Self {
        let counter = Self::of(settings);
        match &counter {
            Self::Alone(memory) => {
                let watched = Arc::clone(memory);
                metrics.limits.watch(move |class, whose| decided(watched.tally(), class, whose), || false);
            }
            Self::Together(_, standby) => {
                let (watched, asked) = (Arc::clone(standby), Arc::clone(standby));
                metrics
                    .limits
                    .watch(move |class, whose| decided(watched.tally(), class, whose), move || asked.is_alone());
            }
        }
        counter
    }

    /// One that nobody watches, for a command.
    pub(super) fn of(settings: &Settings) -> Self {
        let redis = &settings.redis;
        if !redis.is_set() {
            return Self::Alone(Arc::new(MemoryLimiter::new()));
        }
        let redis = RedisSettings {
            url: redis.url.clone(),
            key_prefix: redis.key_prefix.clone(),
            connect_timeout: Duration::from_millis(redis.connect_timeout_milliseconds),
            response_timeout: Duration::from_millis(redis.response_timeout_milliseconds),
        };
        Self::Together(redis, Arc::new(Standby::new()))
    }

    /// For one runtime: a connection to Redis belongs to the one that opened it.
    pub(super) fn limiter(&self) -> anyhow::Result<Arc<dyn Limiter>> {
        Ok(match self {
            Self::Alone(memory) => Arc::clone(memory) as _,
            Self::Together(redis, standby) => {
                let redis = RedisLimiter::new(redis).context("REDIS_URL")?;
                Arc::new(SharedLimiter::new(redis, Arc::clone(standby)))
            }
        })
    }
}

fn decided(tally: &Tally, class: Class, whose: Whose) -> Decided {
    let said = tally.of(class, whose);
    Decided { allowed: said.allowed, refused: said.refused, alone: said.alone, uncounted: said.uncounted }
}
