//! An answer as the events of our own interface, and where a reader had come to.

use std::{
    future::{Ready, ready},
    time::Duration,
};

use actix_web::{FromRequest, HttpRequest, HttpResponse, dev::Payload};
use actix_web_lab::sse;
use futures_util::{StreamExt, stream};
use lyceum_application::mentor::TurnEvent;
use lyceum_domain::{ids::MessageId, invalid::Invalid};
use serde::Serialize;

use super::{DeltaBody, DoneBody, StartBody};
use crate::http::{
    edge::RequestId,
    event_stream::{self, Next, Reading},
    problem::Problem,
};

/// How soon a browser comes back after its connection broke: sooner than an answer that nobody reads is stopped.
const RETRY: Duration = Duration::from_millis(250);

/// Where somebody had come to: the id of the last event that they got is `{answer}:{bytes}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The answer.
    pub answer: MessageId,
    /// So many bytes (UTF-8) of it.
    pub at: usize,
}

impl Place {
    /// Before the first word of an answer.
    pub const fn beginning(answer: MessageId) -> Self {
        Self { answer, at: 0 }
    }
}

/// The header `Last-Event-ID`, if it was sent.
#[derive(Debug, Clone, Default)]
pub struct LastEvent(Option<String>);

impl FromRequest for LastEvent {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let sent = request.headers().get("last-event-id");
        // An empty one means that no event has come yet.
        let text = sent.map(|value| value.to_str().unwrap_or("?").trim().to_owned()).filter(|text| !text.is_empty());
        ready(Ok(Self(text)))
    }
}

impl LastEvent {
    /// This one, or another if it was not sent.
    #[must_use]
    pub fn or(self, other: Option<String>) -> Self {
        Self(self.0.or(other.filter(|text| !text.is_empty())))
    }

    /// The place, whichever answer it is in.
    pub fn of_any(&self) -> Result<Option<Place>, Problem> {
        let Some(text) = &self.0 else { return Ok(None) };
        let place = text.split_once(':').and_then(|(answer, at)| {
            Some(Place { answer: answer.parse().ok()?, at: at.parse::<u32>().ok()? as usize })
        });
        place.map(Some).ok_or_else(malformed)
    }

    /// The place in this answer.
    pub fn of(&self, answer: MessageId) -> Result<Option<usize>, Problem> {
        match self.of_any()? {
            None => Ok(None),
            Some(place) if place.answer == answer => Ok(Some(place.at)),
            Some(_) => Err(malformed()),
        }
    }
}

fn malformed() -> Problem {
    Problem::invalid("/Last-Event-ID", Invalid::Malformed { expected: "the id of an event of this answer" })
}

/// The events of an answer, from this place on. Before the model has begun the status is not sent: until then an error is
/// a status. Who reads on need not wait for the next event to hear that they are heard.
pub async fn respond(
    request: &HttpRequest,
    place: Place,
    mut reader: Reading,
    id: RequestId,
) -> Result<HttpResponse, Problem> {
    let first = if reader.is_fresh() { Some(reader.first().await?) } else { None };
    let Place { answer, at } = place;
    let mut at = u32::try_from(at).unwrap_or(u32::MAX);
    let mut events = move |event| event_of(answer, &mut at, event, &id);
    let first = first.map(&mut events);
    let rest = stream::unfold((reader, events), |(mut reader, mut events)| async move {
        let event = match reader.next().await? {
            Next::Event(event) => events(event),
            Next::Silence(comment) => comment,
        };
        Some((event, (reader, events)))
    });
    let all = stream::iter(first).chain(rest);
    Ok(event_stream::respond(request, sse::Sse::from_infallible_stream(all).with_retry_duration(RETRY)))
}

fn event_of(answer: MessageId, at: &mut u32, event: TurnEvent, id: &RequestId) -> sse::Event {
    let (name, data) = match event {
        TurnEvent::Started(started) => ("start", written(&StartBody::from(started))),
        TurnEvent::Piece { text, end } => {
            *at = end;
            ("delta", written(&DeltaBody { text }))
        }
        TurnEvent::Ended(Ok(ended)) => {
            *at = u32::try_from(ended.message.content.len()).unwrap_or(u32::MAX);
            ("done", written(&DoneBody::from(*ended)))
        }
        TurnEvent::Ended(Err(error)) => ("error", written(&Problem::from(error).body(&id.0))),
    };
    sse::Event::Data(sse::Data::new(data).event(name).id(format!("{answer}:{at}")))
}

fn written(data: &impl Serialize) -> String {
    serde_json::to_string(data).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_an_answer_and_how_far_it_came() {
        let id = "0199d3a0-0000-7000-8000-000000000001";
        let answer: MessageId = id.parse().expect("an id");
        let last = |text: &str| LastEvent(Some(text.to_owned()));
        assert_eq!(last(&format!("{id}:17")).of(answer).ok(), Some(Some(17)));
        assert_eq!(LastEvent(None).of(answer).ok(), Some(None));
        let other = "0199d3a0-0000-7000-8000-000000000002";
        for bad in
            ["17", id, &format!("{id}:"), &format!("{id}:-1"), &format!("{other}:17"), &format!("{id}:99999999999")]
        {
            assert!(last(bad).of(answer).is_err(), "{bad}");
        }
        assert_eq!(LastEvent(None).or(Some(format!("{id}:2"))).of_any().ok().flatten(), Some(Place { answer, at: 2 }));
        // As an empty header: nothing has come yet.
        assert_eq!(LastEvent(None).or(Some(String::new())).of(answer).ok(), Some(None));
    }
}
