//! Of which trace a request is part (W3C Trace Context), in and out, and where spans go.
//!
//! A request that says of which trace it is part stays part of it; any other begins one. Without a collector this server
//! records nothing, so what it asks others is said to come from the span it was asked by itself. With one
//! (`telemetry.otlp_endpoint`, feature `otel`) there are spans of requests, statements and calls of the model.

mod context;
#[cfg(feature = "otel")]
mod otlp;

use actix_web::http::{Method, header::HeaderMap};
use tracing::Span;
use tracing_subscriber::{Layer, Registry};

pub use self::context::TraceContext;
use crate::{metrics::http::known, settings::Settings};

/// The target of spans that are for collectors and not for the log.
pub const TARGET: &str = "lyceum_traces";

tokio::task_local! {
    static CURRENT: TraceContext;
}

/// What hands spans to a collector, if there is one. To be called outside of any runtime.
pub fn layer(settings: &Settings) -> Option<Box<dyn Layer<Registry> + Send + Sync>> {
    if settings.telemetry.otlp_endpoint.is_empty() {
        return None;
    }
    #[cfg(feature = "otel")]
    return otlp::layer(&settings.telemetry);
    #[cfg(not(feature = "otel"))]
    None
}

/// Sends what was recorded last, and waits for it a little. To be called outside of any runtime.
pub fn finish() {
    #[cfg(feature = "otel")]
    otlp::finish();
}

/// The span of a request, and the trace that it is part of.
pub fn begin(method: &Method, path: &str, headers: &HeaderMap) -> (Span, TraceContext) {
    let parent = TraceContext::of(headers);
    let method = known(method);
    let span = tracing::info_span!(
        target: TARGET,
        "request",
        otel.name = method,
        otel.kind = "server",
        otel.status_code = tracing::field::Empty,
        http.request.method = method,
        // Never the query: it may hold a token.
        url.path = path,
        http.route = tracing::field::Empty,
        http.response.status_code = tracing::field::Empty,
    );
    #[cfg(feature = "otel")]
    if let Some(recorded) = otlp::adopt(&span, parent.as_ref()) {
        return (span, recorded);
    }
    (span, parent.unwrap_or_else(TraceContext::fresh))
}

/// How the request of a span ended.
#[cfg_attr(not(feature = "otel"), expect(unused_variables, reason = "only collectors see what spans are called"))]
pub fn end(span: &Span, method: &Method, route: Option<&str>, status: u16) {
    if span.is_disabled() {
        return;
    }
    if let Some(route) = route {
        #[cfg(feature = "otel")]
        otlp::rename(span, format!("{} {route}", known(method)));
        span.record("http.route", route);
    }
    span.record("http.response.status_code", status);
    if status >= 500 {
        span.record("otel.status_code", "ERROR");
    }
}

/// Does something as part of a trace.
pub async fn within<F: Future>(trace: TraceContext, work: F) -> F::Output {
    CURRENT.scope(trace, work).await
}

/// Goes on in another task with the trace and the span of this one.
pub fn carried<F: Future>(work: F) -> impl Future<Output = F::Output> {
    use tracing::Instrument as _;
    let (trace, work) = (CURRENT.try_get().ok(), work.instrument(Span::current()));
    async move {
        match trace {
            Some(trace) => within(trace, work).await,
            None => work.await,
        }
    }
}

/// What others are told of the trace that they are asked in.
pub fn headers() -> Vec<(&'static str, String)> {
    #[cfg(feature = "otel")]
    let recorded = otlp::current();
    #[cfg(not(feature = "otel"))]
    let recorded: Option<TraceContext> = None;
    recorded.or_else(|| CURRENT.try_get().ok()).map(|trace| trace.headers()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn incoming() -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in [("traceparent", PARENT), ("tracestate", "vendor=1")] {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers
    }

    #[actix_web::test]
    async fn what_a_request_asks_of_others_is_part_of_its_trace_in_other_tasks_too() {
        assert_eq!(headers(), []);
        let (_, trace) = begin(&Method::GET, "/", &incoming());
        within(trace, async {
            let expected = [("traceparent", PARENT.to_owned()), ("tracestate", "vendor=1".to_owned())];
            assert_eq!(headers(), expected);
            let elsewhere = actix_web::rt::spawn(carried(async { headers() })).await.expect("no panic");
            assert_eq!(elsewhere, expected);
            assert_eq!(actix_web::rt::spawn(async { headers() }).await.expect("no panic"), []);
        })
        .await;
    }

    #[actix_web::test]
    async fn a_request_that_is_part_of_no_trace_begins_one() {
        let (_, one) = begin(&Method::GET, "/", &HeaderMap::new());
        let (_, two) = begin(&Method::GET, "/", &HeaderMap::new());
        assert_ne!(one.trace_id(), two.trace_id());
        assert_eq!(one.trace_id().len(), 32);
        let (name, parent) = one.headers().remove(0);
        assert_eq!((name, &parent[..36]), ("traceparent", &*format!("00-{}-", one.trace_id())));
        assert!(parent.ends_with("-00"), "nobody records it: {parent}");
    }
}
