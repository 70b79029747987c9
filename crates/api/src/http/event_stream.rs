//! Answers as server-sent events (WHATWG HTML, section 9.2), whatever is in them.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, Responder, http::header};
use actix_web_lab::sse;
use futures_util::Stream;
use lyceum_application::{
    Error,
    mentor::{Answer, Follower, TurnEvent},
};
use tokio_util::sync::CancellationToken;

use crate::{app::App, http::problem::Problem};

/// What event streams are called.
pub const MEDIA_TYPE: &str = "text/event-stream";
/// After so much silence a stream says that it is still there.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a reader waits, when running turns are told to end, for its own to do so. One that is given elsewhere goes on
/// there, and its reader with it, at another server.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Somebody who reads an answer at this server, at most until the server is gone.
pub struct Reading {
    follower: Follower,
    stop_turns: CancellationToken,
    has_ended: bool,
}

/// What a stream has to say next.
pub enum Next {
    /// This happened in the answer.
    Event(TurnEvent),
    /// Nothing did for long.
    Silence(sse::Event),
}

impl Reading {
    /// Reads on behalf of a request.
    pub fn new(app: &App, follower: impl Into<Follower>) -> Self {
        Self { follower: follower.into(), stop_turns: app.stop_turns.clone(), has_ended: false }
    }

    /// As [`Follower::is_fresh`].
    pub fn is_fresh(&self) -> bool {
        self.follower.is_fresh()
    }

    /// The first event of an answer. The status is not sent before the model has begun: until then an error is a status.
    pub async fn first(&mut self) -> Result<TurnEvent, Problem> {
        match self.event().await {
            Some(TurnEvent::Ended(Err(error))) => Err(error.into()),
            Some(event) => Ok(event),
            None => Err(Error::Abandoned.into()),
        }
    }

    /// What comes next; `None` after the end.
    pub async fn next(&mut self) -> Option<Next> {
        match tokio::time::timeout(HEARTBEAT, self.event()).await {
            Ok(event) => event.map(Next::Event),
            Err(_) => Some(Next::Silence(sse::Event::Comment("still there".into()))),
        }
    }

    /// Waits for the whole answer.
    pub async fn to_the_end(mut self) -> Result<Box<Answer>, Error> {
        while let Some(event) = self.event().await {
            if let TurnEvent::Ended(ended) = event {
                return ended;
            }
        }
        Err(Error::Abandoned)
    }

    async fn event(&mut self) -> Option<TurnEvent> {
        if self.has_ended {
            return None;
        }
        let stop_turns = self.stop_turns.clone();
        let last_words_said = async {
            stop_turns.cancelled().await;
            tokio::time::sleep(LAST_WORDS).await;
        };
        let event = tokio::select! {
            biased;
            event = self.follower.next() => event,
            () = last_words_said => Some(TurnEvent::Ended(Err(Error::ShuttingDown))),
        };
        self.has_ended = matches!(event, None | Some(TurnEvent::Ended(_)));
        event
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
