//! An answer as a stream of chunks in OpenAI's format.

use actix_web::{HttpRequest, HttpResponse};
use actix_web_lab::sse;
use futures_util::stream;
use lyceum_application::mentor::{Reader, TurnEvent};
use serde::Serialize;

use super::{CompletionUsageBody, MODEL, errors::ErrorBody, finish_reason};
use crate::{
    app::App,
    http::{
        edge::RequestId,
        event_stream::{self, Next, Reading},
        problem::Problem,
    },
};

#[derive(Serialize)]
struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: i64,
    model: &'static str,
    choices: Vec<Choice<'a>>,
    #[serde(skip_serializing_if = "Usage::is_absent")]
    usage: Usage,
}

/// There only if it was asked for; then `null` in all chunks but the last.
#[derive(Serialize)]
#[serde(untagged)]
enum Usage {
    Absent,
    Null,
    Known(CompletionUsageBody),
}

impl Usage {
    const fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    delta: Delta<'a>,
    logprobs: Option<()>,
    finish_reason: Option<&'static str>,
}

#[derive(Default, Serialize)]
struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
}

/// What all chunks of an answer share.
struct Frame {
    id: String,
    created: i64,
    includes_usage: bool,
    request: RequestId,
}

impl Frame {
    fn chunk(&self, delta: Delta<'_>, finish_reason: Option<&'static str>) -> sse::Event {
        self.event(vec![Choice { index: 0, delta, logprobs: None, finish_reason }], None)
    }

    fn event(&self, choices: Vec<Choice<'_>>, usage: Option<CompletionUsageBody>) -> sse::Event {
        data(&Chunk {
            id: &self.id,
            object: "chat.completion.chunk",
            created: self.created,
            model: MODEL,
            choices,
            usage: match usage {
                _ if !self.includes_usage => Usage::Absent,
                None => Usage::Null,
                Some(usage) => Usage::Known(usage),
            },
        })
    }

    fn events(&self, event: TurnEvent) -> Vec<sse::Event> {
        match event {
            TurnEvent::Started(_) => {
                vec![self.chunk(Delta { role: Some("assistant"), content: Some("") }, None)]
            }
            TurnEvent::Piece { text, .. } => {
                vec![self.chunk(Delta { role: None, content: Some(&text) }, None)]
            }
            TurnEvent::Ended(Ok(answer)) => {
                let answer = answer.message;
                let mut events = vec![self.chunk(Delta::default(), Some(finish_reason(&answer)))];
                if self.includes_usage {
                    events.push(self.event(Vec::new(), Some(answer.usage.unwrap_or_default().into())));
                }
                events.push(sse::Event::Data(sse::Data::new("[DONE]")));
                events
            }
            // Without [DONE]: what breaks off never looks whole.
            TurnEvent::Ended(Err(error)) => vec![data(&ErrorBody::of(&Problem::from(error), &self.request.0))],
        }
    }
}

fn data(body: &impl Serialize) -> sse::Event {
    sse::Event::Data(sse::Data::new(serde_json::to_string(body).unwrap_or_default()))
}

/// The chunks of an answer. Until the model has begun an error is still a status.
pub(super) async fn respond(
    app: &App,
    request: &HttpRequest,
    reader: Reader,
    includes_usage: bool,
    id: RequestId,
) -> Result<HttpResponse, Problem> {
    let (answer, created) = (reader.answer(), reader.began_at());
    let mut reader = Reading::new(app, reader);
    let first = reader.first().await?;
    let frame =
        Frame { id: format!("chatcmpl-{answer}"), created: created.as_unix_seconds(), includes_usage, request: id };
    let mut waiting = frame.events(first);
    waiting.reverse();
    let events = stream::unfold((reader, frame, waiting), |(mut reader, frame, mut waiting)| async move {
        if let Some(event) = waiting.pop() {
            return Some((event, (reader, frame, waiting)));
        }
        match reader.next().await? {
            Next::Silence(comment) => Some((comment, (reader, frame, waiting))),
            Next::Event(event) => {
                waiting = frame.events(event);
                waiting.reverse();
                let event = waiting.pop()?;
                Some((event, (reader, frame, waiting)))
            }
        }
    });
    Ok(event_stream::respond(request, sse::Sse::from_infallible_stream(events)))
}
