//! Spans to a collector by OTLP over HTTP.
//!
//! They are sent in batches by a thread of their own with a blocking client, from a queue that drops what it cannot hold: a
//! collector that is away costs a warning now and then, and nothing else.

use std::{
    fmt,
    sync::{Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use lyceum_domain::ids::IdGenerator as _;
use opentelemetry::{
    Context, KeyValue,
    trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState, TracerProvider as _},
};
use opentelemetry_otlp::{RetryPolicy, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider, SpanData, SpanExporter},
};
use tracing::{Metadata, Span, level_filters::LevelFilter, subscriber::Interest};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::{Layer, Registry, filter::dynamic_filter_fn, layer};

use super::{TARGET, TraceContext};
use crate::{ambient::UuidV7Ids, output::complain, settings::TelemetrySettings};

/// How long the collector may take for one batch.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a span waits for others.
const GATHER: Duration = Duration::from_secs(2);
/// How many spans wait at most.
const QUEUE: usize = 4096;
/// How long the end of the server waits for the last ones.
const LAST: Duration = Duration::from_secs(3);
/// How often a collector that is away is worth a line.
const REMIND: Duration = Duration::from_mins(1);

static PROVIDER: OnceLock<SdkTracerProvider> = OnceLock::new();

pub(super) fn layer(settings: &TelemetrySettings) -> Option<Box<dyn Layer<Registry> + Send + Sync>> {
    let provider = match provider(settings) {
        Ok(provider) => provider,
        Err(error) => {
            // Nothing logs yet.
            complain!("lyceum: traces go nowhere: {error}");
            return None;
        }
    };
    let tracer = provider.tracer("lyceum");
    let _ = PROVIDER.set(provider);
    let spans = tracing_opentelemetry::layer()
        .with_tracer(tracer)
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_context_activation(false);
    let is_ours = |metadata: &Metadata<'_>| metadata.is_span() && metadata.target() == TARGET;
    // What chores ask of the database every second is no trace of anything.
    let ours = dynamic_filter_fn(move |metadata, context: &layer::Context<'_, Registry>| {
        is_ours(metadata) && (metadata.name() != "statement" || context.lookup_current().is_some())
    })
    .with_callsite_filter(move |metadata| if is_ours(metadata) { Interest::sometimes() } else { Interest::never() })
    .with_max_level_hint(LevelFilter::INFO);
    Some(spans.with_filter(ours).boxed())
}

fn provider(settings: &TelemetrySettings) -> Result<SdkTracerProvider, opentelemetry_otlp::ExporterBuildError> {
    let base = settings.otlp_endpoint.trim_end_matches('/');
    let endpoint = if base.ends_with("/v1/traces") { base.to_owned() } else { format!("{base}/v1/traces") };
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_endpoint(endpoint)
        .with_timeout(PATIENCE)
        // What does not arrive is gone: the next batch is there already.
        .with_retry_policy(RetryPolicy::disabled())
        .build()?;
    let batches = BatchConfigBuilder::default().with_max_queue_size(QUEUE).with_scheduled_delay(GATHER).build();
    let exporter = Warning { exporter, warned: Mutex::default() };
    let processor = BatchSpanProcessor::builder(exporter).with_batch_config(batches).build();
    let part = Sampler::TraceIdRatioBased(f64::from(settings.trace_percent) / 100.0);
    let resource = Resource::builder_empty()
        .with_attributes([
            KeyValue::new("service.name", settings.service_name.clone()),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", UuidV7Ids.next().to_string()),
        ])
        .build();
    Ok(SdkTracerProvider::builder()
        .with_span_processor(processor)
        .with_sampler(Sampler::ParentBased(Box::new(part)))
        .with_resource(resource)
        .build())
}

pub(super) fn finish() {
    if let Some(provider) = PROVIDER.get()
        && let Err(error) = provider.shutdown_with_timeout(LAST)
    {
        tracing::warn!(%error, "the last spans may not have reached the collector");
    }
}

/// Makes a span part of a trace, and says where in it; `None` if spans are not recorded here.
pub(super) fn adopt(span: &Span, parent: Option<&TraceContext>) -> Option<TraceContext> {
    if span.is_disabled() {
        return None;
    }
    if let Some(parent) = parent {
        let state = parent.state.as_deref().and_then(|state| state.parse::<TraceState>().ok()).unwrap_or_default();
        let flags = if parent.is_sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
        let (trace, at) = (TraceId::from(parent.trace), SpanId::from(parent.span));
        let remote = SpanContext::new(trace, at, flags, true, state);
        // It fails only for a span that has begun.
        let _ = span.set_parent(Context::new().with_remote_span_context(remote));
    }
    place(&span.context())
}

/// Calls a span something else. A field would not do: it has begun.
pub(super) fn rename(span: &Span, name: String) {
    span.context().span().update_name(name);
}

/// Where this is, if it is within a span that is recorded here.
pub(super) fn current() -> Option<TraceContext> {
    place(&Span::current().context())
}

fn place(context: &Context) -> Option<TraceContext> {
    let span = context.span();
    let place = span.span_context();
    let state = place.trace_state().header();
    place.is_valid().then(|| TraceContext {
        trace: u128::from_be_bytes(place.trace_id().to_bytes()),
        span: u64::from_be_bytes(place.span_id().to_bytes()),
        is_sampled: place.is_sampled(),
        state: (!state.is_empty()).then(|| state.into()),
    })
}

/// An exporter whose failures are told, but not each of them.
struct Warning {
    exporter: opentelemetry_otlp::SpanExporter,
    warned: Mutex<Option<Instant>>,
}

impl SpanExporter for Warning {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let sent = self.exporter.export(batch).await;
        if let Err(error) = &sent {
            let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
            if warned.is_none_or(|at| at.elapsed() >= REMIND) {
                *warned = Some(Instant::now());
                tracing::warn!(%error, spans, "the collector of traces does not take spans; they are dropped");
            }
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

impl fmt::Debug for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Warning").finish_non_exhaustive()
    }
}
