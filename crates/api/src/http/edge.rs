//! What happens to every request and response: a request id, one line in the log, headers, and problems for all errors,
//! the framework's own included.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actix_web::{
    Error, HttpMessage,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        ConnectionType, Method, StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
    middleware::Next,
    web,
};
use lyceum_domain::ids::IdGenerator;
use tracing::Instrument;

use crate::{
    ambient::UuidV7Ids,
    app::App,
    http::{panics, problem::Problem},
    metrics::http::HttpMetrics,
    routes::openai::errors,
    traces,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// What clients of OpenAI's API go by when they think of trying again.
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");
/// The longest path in the log and in traces, in bytes.
const SHOWN: usize = 256;

/// Names a request in the log, in problems and in the `X-Request-Id` header.
#[derive(Debug, Clone)]
pub struct RequestId(pub Arc<str>);

/// What the edge needs to know.
#[derive(Debug, Clone, Copy)]
pub struct EdgeRules {
    /// Tell browsers to come by HTTPS only.
    pub hsts: bool,
}

/// The outermost middleware.
pub async fn edge(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    if request.method() == Method::HEAD {
        // What GET would answer; the connection leaves the body out (RFC 9110, 9.3.2).
        request.head_mut().method = Method::GET;
    }
    let id = request_id(&request);
    request.extensions_mut().insert(RequestId(Arc::clone(&id)));
    let rules = request.app_data::<EdgeRules>().copied();
    let (method, metrics) = (request.method().clone(), request.app_data::<Arc<HttpMetrics>>().cloned());
    let watch = metrics.as_ref().map(|metrics| metrics.begin(&method));
    let (recorded, trace) = traces::begin(&method, shown(request.path()), request.headers());
    // At the level of errors: whatever is logged at all is logged with it.
    let span = tracing::error_span!("request", request_id = &*id, trace_id = trace.trace_id());
    let ending = recorded.clone();
    let answer = async move {
        // Those of handlers were caught further inside.
        let mut response = with_problem(panics::caught(request, next).await?, &id, metrics.as_deref());
        set_headers(&mut response, &id, rules.is_some_and(|rules| rules.hsts));
        if is_leaving(&response) {
            // The next request of this client finds another server.
            response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
        }
        log(&response, started.elapsed());
        let route = panics::route(&response);
        traces::end(&ending, &method, route.as_deref(), response.status().as_u16());
        Ok(match watch {
            Some(watch) => watch.end(response, route.as_deref(), started.elapsed()),
            None => response,
        })
    };
    traces::within(trace, answer.instrument(recorded).instrument(span)).await
}

/// As much as the log and traces hold of what a client wrote, who may write as much as the head of a request takes.
fn shown(text: &str) -> &str {
    &text[..text.floor_char_boundary(SHOWN)]
}

/// The client's own id if it is a sane token, else a new one.
fn request_id(request: &ServiceRequest) -> Arc<str> {
    let sane = |text: &&str| {
        (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b))
    };
    match request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok()).filter(sane) {
        Some(text) => text.into(),
        None => UuidV7Ids.next().to_string().into(),
    }
}

/// Whether the server is about to stop.
fn is_leaving(response: &ServiceResponse<BoxBody>) -> bool {
    response.request().app_data::<web::Data<App>>().is_some_and(|app| app.leaving.is_cancelled())
}

/// Writes the problem that the response stands for; also where the framework answered with a status alone.
fn with_problem(
    response: ServiceResponse<BoxBody>,
    id: &str,
    metrics: Option<&HttpMetrics>,
) -> ServiceResponse<BoxBody> {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let ours = response.response().error().and_then(|error| error.as_error::<Problem>());
    if ours.is_none() && is_written(&response) {
        return response;
    }
    let written;
    let problem = if let Some(problem) = ours {
        problem
    } else {
        written = Problem::of_status(status);
        &written
    };
    if let Some(metrics) = metrics {
        metrics.problem(problem.code);
    }
    if status.is_server_error() && !is_expected(problem) {
        let cause = problem.cause.as_deref().map(chain).unwrap_or_default();
        tracing::error!(code = problem.code, cause, "{}", problem.detail);
    }
    let (kind, body) = if errors::speaks_openai(response.request().path()) {
        ("application/json", serde_json::to_vec(&errors::ErrorBody::of(problem, id)))
    } else {
        ("application/problem+json", serde_json::to_vec(&problem.body(id)))
    };
    let (body, is_final) = (body.unwrap_or_default(), errors::is_final(problem));
    response.map_body(|head, _| {
        head.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        // The compressor was here before, and packed another body.
        head.headers.remove(header::CONTENT_ENCODING);
        if is_final {
            head.headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
        }
        BoxBody::new(body)
    })
}

/// Whether it says no more than that the server is starting or stopping, as whoever looks at its readiness hears.
fn is_expected(problem: &Problem) -> bool {
    ["starting", "shutting_down"].contains(&problem.code)
}

/// Error bodies in another agreed form: OAuth2 and health answers.
fn is_written(response: &ServiceResponse<BoxBody>) -> bool {
    let content_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type
        .is_some_and(|kind| kind.starts_with("application/problem+json") || kind.starts_with("application/json"))
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

fn set_headers(response: &mut ServiceResponse<BoxBody>, id: &str, hsts: bool) {
    let is_personal = ["/api/", "/openai/"].iter().any(|prefix| response.request().path().starts_with(prefix));
    let is_docs = response.request().path().starts_with("/docs");
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    // It only kept the compressor from what must stay as it is.
    if headers.get(header::CONTENT_ENCODING).is_some_and(|coding| coding == "identity") {
        headers.remove(header::CONTENT_ENCODING);
    }
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        headers.insert(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(if is_docs {
                // The page's own style sheet sets inline styles.
                "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"
            } else {
                "default-src 'none'; frame-ancestors 'none'"
            }),
        );
    }
    if is_personal && !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if hsts {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
}

fn log(response: &ServiceResponse<BoxBody>, took: Duration) {
    let request = response.request();
    let status = response.status();
    // Never the query: it may hold a token.
    let (method, path) = (shown(request.method().as_str()), shown(request.path()));
    let milliseconds = took.as_secs_f64() * 1000.0;
    if status.is_success() && matches!(path, "/health/live" | "/health/ready") {
        // Orchestrators ask every few seconds.
        tracing::debug!(method, path, status = status.as_u16(), milliseconds, "answered");
    } else if status == StatusCode::INTERNAL_SERVER_ERROR {
        tracing::error!(method, path, status = status.as_u16(), milliseconds, "answered");
    } else {
        tracing::info!(method, path, status = status.as_u16(), milliseconds, "answered");
    }
}

#[cfg(test)]
mod tests;
