//! Calls of the model: how long they take, what they cost, how they end; and the span of each.

use std::{
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use async_trait::async_trait;
use futures_util::Stream;
use lyceum_domain::mentor::{ChatError, ChatEvent, ChatModel, ChatRequest, ChatStream, Completion};
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Registry, Result};
use tracing::{Instrument as _, Span, field::Empty};

use super::{counters, registered};
use crate::traces;

const BUCKETS: [f64; 12] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0];

/// What is known of calls of the model.
pub struct ModelMetrics {
    calls: IntCounterVec,
    duration: HistogramVec,
    first_piece: HistogramVec,
    tokens: IntCounterVec,
}

impl ModelMetrics {
    pub(super) fn new(registry: &Registry) -> Result<Self> {
        let labels = ["provider", "model"];
        let times = |name: &str, help: &str| {
            registered(registry, HistogramVec::new(HistogramOpts::new(name, help).buckets(BUCKETS.to_vec()), &labels)?)
        };
        Ok(Self {
            calls: registered(
                registry,
                counters(
                    "lyceum_model_calls_total",
                    "Calls of the model by how they ended: complete, left (nobody wanted more), or an error's code.",
                    &["provider", "model", "outcome"],
                )?,
            )?,
            duration: times("lyceum_model_call_duration_seconds", "From the question to the end of the answer.")?,
            first_piece: times("lyceum_model_first_piece_seconds", "From the question to the first words.")?,
            tokens: registered(
                registry,
                counters(
                    "lyceum_model_tokens_total",
                    "Tokens that providers counted; kind is prompt or completion.",
                    &["provider", "model", "kind"],
                )?,
            )?,
        })
    }

    #[cfg(test)]
    pub(super) fn touch(&self) {
        self.calls.with_label_values(&["offline", "offline", "complete"]);
        self.duration.with_label_values(&["offline", "offline"]);
        self.first_piece.with_label_values(&["offline", "offline"]);
        self.tokens.with_label_values(&["offline", "offline", "prompt"]);
    }
}

/// A model whose calls are measured.
pub struct Measured {
    model: Arc<dyn ChatModel>,
    metrics: Arc<ModelMetrics>,
}

impl Measured {
    /// Measures a model.
    pub fn new(model: Arc<dyn ChatModel>, metrics: Arc<ModelMetrics>) -> Self {
        Self { model, metrics }
    }
}

#[async_trait]
impl ChatModel for Measured {
    fn provider(&self) -> &str {
        self.model.provider()
    }

    fn model(&self) -> &str {
        self.model.model()
    }

    async fn stream(&self, request: ChatRequest) -> std::result::Result<ChatStream, ChatError> {
        let span = tracing::info_span!(
            target: traces::TARGET,
            "chat",
            otel.name = format!("chat {}", self.model()),
            otel.kind = "client",
            otel.status_code = Empty,
            "error.type" = Empty,
            gen_ai.operation.name = "chat",
            gen_ai.provider.name = self.provider(),
            gen_ai.request.model = self.model(),
            gen_ai.request.max_tokens = request.max_tokens,
            gen_ai.response.model = Empty,
            gen_ai.usage.input_tokens = Empty,
            gen_ai.usage.output_tokens = Empty,
        );
        let mut call = Call {
            metrics: Arc::clone(&self.metrics),
            provider: self.provider().to_owned(),
            model: self.model().to_owned(),
            began: Instant::now(),
            span,
            has_begun: false,
            is_ended: false,
        };
        match self.model.stream(request).instrument(call.span.clone()).await {
            Ok(mut stream) => {
                let (provider, model) = (mem::take(&mut stream.provider), mem::take(&mut stream.model));
                Ok(ChatStream::new(provider, model, Heard { stream, call }))
            }
            Err(error) => {
                call.failed(&error);
                Err(error)
            }
        }
    }

    fn temperature(&self) -> Option<f32> {
        self.model.temperature()
    }

    async fn check(&self) -> std::result::Result<(), ChatError> {
        self.model.check().await
    }
}

/// A call under way. One that is dropped was not wanted any more.
struct Call {
    metrics: Arc<ModelMetrics>,
    provider: String,
    model: String,
    began: Instant,
    span: Span,
    has_begun: bool,
    is_ended: bool,
}

impl Call {
    fn seconds(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    fn piece(&mut self) {
        if !self.has_begun {
            self.has_begun = true;
            self.metrics.first_piece.with_label_values(&[&self.provider, &self.model]).observe(self.seconds());
        }
    }

    fn complete(&mut self, completion: &Completion) {
        self.end("complete");
        self.span.record("gen_ai.response.model", &*completion.model);
        if let Some(usage) = completion.usage {
            let kinds = [("prompt", usage.prompt_tokens), ("completion", usage.completion_tokens)];
            for (kind, tokens) in kinds {
                let counter = self.metrics.tokens.with_label_values(&[&*self.provider, &*self.model, kind]);
                counter.inc_by(tokens.into());
            }
            self.span.record("gen_ai.usage.input_tokens", usage.prompt_tokens);
            self.span.record("gen_ai.usage.output_tokens", usage.completion_tokens);
        }
    }

    fn failed(&mut self, error: &ChatError) {
        self.span.record("otel.status_code", "ERROR");
        self.span.record("error.type", error.code());
        self.end(error.code());
    }

    fn end(&mut self, outcome: &str) {
        if !self.is_ended {
            self.is_ended = true;
            self.metrics.calls.with_label_values(&[&*self.provider, &*self.model, outcome]).inc();
            self.metrics.duration.with_label_values(&[&self.provider, &self.model]).observe(self.seconds());
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.end("left");
    }
}

/// An answer that is listened to.
struct Heard {
    stream: ChatStream,
    call: Call,
}

impl Stream for Heard {
    type Item = std::result::Result<ChatEvent, ChatError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let event = {
            let _within = this.call.span.enter();
            Pin::new(&mut this.stream).poll_next(cx)
        };
        match &event {
            Poll::Ready(Some(Ok(ChatEvent::Delta(_)))) => this.call.piece(),
            Poll::Ready(Some(Ok(ChatEvent::Done(completion)))) => this.call.complete(completion),
            Poll::Ready(Some(Err(error))) => this.call.failed(error),
            Poll::Ready(None) => this.call.end("bad_response"),
            Poll::Pending => {}
        }
        event
    }
}
