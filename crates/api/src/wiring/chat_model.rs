//! From settings to the model that answers: one, guarded, or two of which the second takes over.

use std::{sync::Arc, time::Duration};

use lyceum_domain::mentor::ChatModel;
use lyceum_llm_offline::OfflineModel;
use lyceum_llm_qubrid::{QubridModel, QubridSettings};
use lyceum_llm_resilience::{Breaker, BreakerSettings, BreakerStatus, FirstOf, Guarded};

use crate::{
    metrics::{
        Metrics,
        model::{Measured, ModelMetrics},
    },
    settings::{LlmProvider, LlmSettings, SecondProvider, Settings},
    traces,
};

/// The models that settings name. What is known about a provider, its breaker too, is shared by all threads; its
/// connections are each thread's own.
pub(super) struct Models {
    first: Model,
    second: Option<Model>,
    metrics: Arc<ModelMetrics>,
}

enum Model {
    Offline,
    Remote { model: Arc<QubridModel>, breaker: Arc<Breaker> },
}

impl Models {
    pub(super) fn new(settings: &Settings, metrics: &Metrics) -> anyhow::Result<Self> {
        let llm = &settings.llm;
        let first = match llm.provider {
            LlmProvider::Offline => Model::Offline,
            LlmProvider::Qubrid => Model::remote(
                metrics,
                llm,
                QubridSettings {
                    base_url: llm.qubrid.base_url.clone(),
                    api_key: llm.qubrid.api_key.clone(),
                    model: llm.qubrid.model.clone(),
                    stream_usage: llm.qubrid.stream_usage,
                    ..limits(llm)
                },
            )?,
        };
        let second = match llm.second.provider {
            SecondProvider::None => None,
            SecondProvider::Offline => Some(Model::Offline),
            SecondProvider::Qubrid => Some(Model::remote(
                metrics,
                llm,
                QubridSettings {
                    provider: llm.second.name.clone(),
                    base_url: llm.second.base_url.clone(),
                    api_key: llm.second.api_key.clone(),
                    model: llm.second.model.clone(),
                    stream_usage: llm.second.stream_usage,
                    ..limits(llm)
                },
            )?),
        };
        Ok(Self { first, second, metrics: Arc::clone(&metrics.models) })
    }

    /// The model for one thread.
    pub(super) fn siblings(&self) -> anyhow::Result<Arc<dyn ChatModel>> {
        let first = self.first.sibling(&self.metrics)?;
        Ok(match &self.second {
            None => first,
            Some(second) => Arc::new(FirstOf::new(first, second.sibling(&self.metrics)?)),
        })
    }
}

impl Model {
    fn remote(metrics: &Metrics, llm: &LlmSettings, settings: QubridSettings) -> anyhow::Result<Self> {
        let breaker = BreakerSettings {
            failures: llm.breaker.failures,
            open_for: Duration::from_secs(llm.breaker.open_seconds),
            longest: Duration::from_secs(llm.breaker.longest_open_seconds),
            ..BreakerSettings::default()
        };
        let breaker = Arc::new(Breaker::new(&settings.provider, breaker));
        let model = Arc::new(QubridModel::new(settings)?);
        let (asked, watched) = (Arc::clone(&model), Arc::clone(&breaker));
        metrics.house.watch_provider(breaker.name(), move || {
            let state = match watched.status() {
                BreakerStatus::Closed => 0,
                BreakerStatus::HalfOpen => 1,
                BreakerStatus::Open => 2,
            };
            (state, asked.retries())
        });
        Ok(Self::Remote { model, breaker })
    }

    /// Measured within its breaker: what the breaker turns away was no call.
    fn sibling(&self, metrics: &Arc<ModelMetrics>) -> anyhow::Result<Arc<dyn ChatModel>> {
        let measured = |model| Arc::new(Measured::new(model, Arc::clone(metrics)));
        Ok(match self {
            Self::Offline => measured(Arc::new(OfflineModel)),
            Self::Remote { model, breaker } => {
                Arc::new(Guarded::new(measured(Arc::new(model.sibling()?)), Arc::clone(breaker)))
            }
        })
    }
}

/// How long and how often a provider is waited for.
fn limits(llm: &LlmSettings) -> QubridSettings {
    QubridSettings {
        connect_timeout: Duration::from_secs(llm.connect_timeout_seconds),
        first_byte_timeout: Duration::from_secs(llm.first_byte_timeout_seconds),
        read_timeout: Duration::from_secs(llm.read_timeout_seconds),
        total_timeout: Duration::from_secs(llm.total_timeout_seconds),
        max_retries: llm.max_retries,
        retry_delay: Duration::from_millis(llm.retry_delay_milliseconds),
        retry_budget: Duration::from_secs(llm.retry_budget_seconds),
        max_response_bytes: llm.max_response_bytes,
        max_tokens: Some(llm.max_tokens).filter(|tokens| *tokens > 0),
        temperature: llm.temperature,
        trace: Some(traces::headers),
        ..QubridSettings::default()
    }
}
