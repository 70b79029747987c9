//! Requests.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use actix_web::{
    body::{BodySize, BoxBody, MessageBody},
    dev::ServiceResponse,
    http::{Method, header},
};
use bytes::Bytes;
use prometheus::{HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Registry, Result};

use super::{counters, registered};

/// What requests that no route took are counted under, and those that were broken off before it was known.
const UNMATCHED: &str = "unmatched";
/// The status of a request whose client left before there was one, as other servers write it.
const LEFT: &str = "499";
const BUCKETS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];

/// What is known of requests.
pub struct HttpMetrics {
    requests: IntCounterVec,
    duration: HistogramVec,
    bytes: IntCounterVec,
    in_flight: IntGauge,
    streams: IntGauge,
    problems: IntCounterVec,
}

impl HttpMetrics {
    pub(super) fn new(registry: &Registry) -> Result<Self> {
        let labels = ["method", "route", "status"];
        Ok(Self {
            requests: registered(registry, counters("http_requests_total", "Requests that were answered.", &labels)?)?,
            duration: registered(
                registry,
                HistogramVec::new(
                    HistogramOpts::new("http_request_duration_seconds", "From a request's head to its answer's.")
                        .buckets(BUCKETS.to_vec()),
                    &labels,
                )?,
            )?,
            bytes: registered(
                registry,
                counters("http_response_bytes_total", "Bytes of the bodies of answers.", &["method", "route"])?,
            )?,
            in_flight: registered(
                registry,
                IntGauge::new("http_requests_in_flight", "Requests that are being answered.")?,
            )?,
            streams: registered(registry, IntGauge::new("lyceum_streams_open", "Event streams that somebody reads.")?)?,
            problems: registered(
                registry,
                counters("lyceum_problems_total", "Refusals and failures by their code.", &["code"])?,
            )?,
        })
    }

    /// A request began; to be told how it ended.
    pub fn begin(self: &Arc<Self>, method: &Method) -> Watch {
        self.in_flight.inc();
        Watch { metrics: Arc::clone(self), method: known(method), is_ended: false }
    }

    /// An answer is a problem.
    pub fn problem(&self, code: &str) {
        self.problems.with_label_values(&[code]).inc();
    }

    fn count(&self, method: &str, route: &str, status: &str, took: Duration) {
        let labels = [method, route, status];
        self.requests.with_label_values(&labels).inc();
        self.duration.with_label_values(&labels).observe(took.as_secs_f64());
    }

    #[cfg(test)]
    pub(super) fn touch(&self) {
        self.count("GET", UNMATCHED, "404", Duration::ZERO);
        self.bytes.with_label_values(&["GET", UNMATCHED]);
        self.problem("not_found");
    }
}

/// A request under way. One that is dropped was left by its client.
pub struct Watch {
    metrics: Arc<HttpMetrics>,
    method: &'static str,
    is_ended: bool,
}

impl Watch {
    /// The request was answered. What is still to come of the body is counted when it does.
    pub fn end(
        mut self,
        response: ServiceResponse<BoxBody>,
        route: Option<&str>,
        took: Duration,
    ) -> ServiceResponse<BoxBody> {
        self.is_ended = true;
        let route = route.unwrap_or(UNMATCHED);
        self.metrics.count(self.method, route, response.status().as_str(), took);
        let bytes = self.metrics.bytes.with_label_values(&[self.method, route]);
        match response.response().body().size() {
            BodySize::None => return response,
            BodySize::Sized(size) => {
                bytes.inc_by(size);
                return response;
            }
            BodySize::Stream => {}
        }
        let kind = response.headers().get(header::CONTENT_TYPE).map(header::HeaderValue::as_bytes);
        let is_events = kind.is_some_and(|kind| kind.starts_with(b"text/event-stream"));
        let open = is_events.then(|| Open::new(&self.metrics.streams));
        response.map_body(|_, body| BoxBody::new(Counted { body, bytes, _open: open }))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.metrics.in_flight.dec();
        if !self.is_ended {
            self.metrics.requests.with_label_values(&[self.method, UNMATCHED, LEFT]).inc();
        }
    }
}

/// The methods that there are; a client may make up others.
pub fn known(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

struct Open(IntGauge);

impl Open {
    fn new(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// A body whose length nobody knows before its end.
struct Counted {
    body: BoxBody,
    bytes: IntCounter,
    _open: Option<Open>,
}

impl MessageBody for Counted {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Bytes, Self::Error>>> {
        let piece = Pin::new(&mut self.body).poll_next(cx);
        if let Poll::Ready(Some(Ok(piece))) = &piece {
            self.bytes.inc_by(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        }
        piece
    }
}
