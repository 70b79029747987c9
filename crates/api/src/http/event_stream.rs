//! Answers as server-sent events (WHATWG HTML, section 9.2), whatever is in them.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, Responder, http::header};
use actix_web_lab::sse;
use futures_util::Stream;
use lyceum_application::{
    Error,
    mentor::{Follower, TurnEvent},
};

use crate::http::problem::Problem;

/// What event streams are called.
pub const MEDIA_TYPE: &str = "text/event-stream";
/// After so much silence a stream says that it is still there.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// The first event of an answer. The status is not sent before the model has begun: until then an error is a status.
pub async fn first(reader: &mut Follower) -> Result<TurnEvent, Problem> {
    match reader.next().await {
        Some(TurnEvent::Ended(Err(error))) => Err(error.into()),
        Some(event) => Ok(event),
        None => Err(Error::Abandoned.into()),
    }
}

/// What a stream has to say next.
pub enum Next {
    /// This happened in the answer.
    Event(TurnEvent),
    /// Nothing did for long.
    Silence(sse::Event),
}

/// What comes next; `None` after the end.
pub async fn next(reader: &mut Follower) -> Option<Next> {
    match tokio::time::timeout(HEARTBEAT, reader.next()).await {
        Ok(event) => event.map(Next::Event),
        Err(_) => Some(Next::Silence(sse::Event::Comment("still there".into()))),
    }
}

/// The response. Buffering proxies would hold the events back, so they are told not to.
pub fn respond<S>(request: &HttpRequest, events: sse::Sse<S>) -> HttpResponse
where
    S: Stream<Item = Result<sse::Event, std::convert::Infallible>> + 'static,
{
    let mut response = events.respond_to(request).map_into_boxed_body();
    let headers = response.headers_mut();
    headers.insert(header::HeaderName::from_static("x-accel-buffering"), header::HeaderValue::from_static("no"));
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    response
}
