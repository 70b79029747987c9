//! Asking the mentor: as JSON, or as an event stream.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, Responder, http::header, post, web};
use actix_web_lab::sse;
use futures_util::{StreamExt, stream};
use lyceum_application::{
    Error,
    mentor::{Answer, Question, TurnEvent, TurnStarted},
};
use lyceum_domain::{
    conversations::Prompt,
    ids::{ConversationId, CourseId, LessonId},
    invalid::{Invalid, Violations},
    mentor::{Delivery, Source, TokenUsage},
};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::Receiver;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    app::App,
    http::{body::Json, caller::Caller, edge::RequestId, problem::Problem},
    pump,
};

/// After so much silence the stream says that it is still there.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// A question.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChatBody {
    /// 1 to 1000 characters.
    #[schema(min_length = 1, max_length = 1000, example = "What is ownership?")]
    pub prompt: String,
    /// The conversation it goes on with; left out, a new one begins.
    #[schema(value_type = Option<Uuid>)]
    pub conversation_id: Option<String>,
    /// The course it is about.
    #[schema(value_type = Option<Uuid>)]
    pub course_id: Option<String>,
    /// The lesson it is about.
    #[schema(value_type = Option<Uuid>)]
    pub lesson_id: Option<String>,
}

impl ChatBody {
    fn parse(self, delivery: Delivery) -> Result<Question, Violations> {
        let mut violations = Violations::new();
        let prompt = violations.take("/prompt", Prompt::parse(&self.prompt));
        let conversation = id::<ConversationId>(&mut violations, "/conversation_id", self.conversation_id);
        let course = id::<CourseId>(&mut violations, "/course_id", self.course_id);
        let lesson = id::<LessonId>(&mut violations, "/lesson_id", self.lesson_id);
        match prompt {
            Some(prompt) => {
                violations.into_result().map(|()| Question { prompt, conversation, course, lesson, delivery })
            }
            None => Err(violations),
        }
    }
}

fn id<T: std::str::FromStr<Err = Invalid>>(
    violations: &mut Violations,
    pointer: &'static str,
    raw: Option<String>,
) -> Option<T> {
    raw.and_then(|raw| violations.take(pointer, raw.parse()))
}

/// A whole answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatAnswer)]
pub struct AnswerBody {
    /// The answer, Markdown.
    pub response: String,
    /// The conversation.
    pub conversation_id: Uuid,
    /// The answer's message.
    pub message_id: Uuid,
    /// What the answer rests on.
    pub sources: Vec<SourceBody>,
    /// What it cost.
    pub usage: UsageBody,
    /// What answered.
    pub model: String,
}

/// Where something in an answer comes from.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Source)]
pub struct SourceBody {
    /// The lesson.
    pub lesson_id: Uuid,
    /// Its course.
    pub course_id: Uuid,
    /// The lesson's title.
    pub title: String,
    /// The lesson's number.
    #[schema(example = "4.1")]
    pub number: Option<String>,
    /// A few lines of it.
    pub excerpt: String,
}

impl From<Source> for SourceBody {
    fn from(source: Source) -> Self {
        Self {
            lesson_id: source.lesson.as_uuid(),
            course_id: source.course.as_uuid(),
            title: source.title,
            number: source.number,
            excerpt: source.excerpt,
        }
    }
}

/// Tokens of a call.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = Usage)]
pub struct UsageBody {
    /// What the model was sent.
    pub prompt_tokens: u32,
    /// What it answered.
    pub completion_tokens: u32,
}

impl From<TokenUsage> for UsageBody {
    fn from(usage: TokenUsage) -> Self {
        Self { prompt_tokens: usage.prompt_tokens, completion_tokens: usage.completion_tokens }
    }
}

/// Data of the event `start`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StreamStart)]
pub struct StartBody {
    /// The conversation.
    pub conversation_id: Uuid,
    /// The question's message.
    pub user_message_id: Uuid,
    /// The answer's message.
    pub message_id: Uuid,
    /// What the answer rests on.
    pub sources: Vec<SourceBody>,
}

/// Data of the event `delta`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StreamDelta)]
pub struct DeltaBody {
    /// The next piece of the answer.
    pub text: String,
}

/// Data of the event `done`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StreamDone)]
pub struct DoneBody {
    /// The answer's message.
    pub message_id: Uuid,
    /// `stop`, `length` or `content_filter`.
    #[schema(pattern = "^(stop|length|content_filter)$")]
    pub finish_reason: &'static str,
    /// What it cost.
    pub usage: UsageBody,
    /// What answered.
    pub model: String,
}

impl From<Answer> for AnswerBody {
    fn from(answer: Answer) -> Self {
        let message = answer.message;
        Self {
            response: message.content,
            conversation_id: message.conversation.as_uuid(),
            message_id: message.id.as_uuid(),
            sources: message.sources.into_iter().map(Into::into).collect(),
            usage: message.usage.map(Into::into).unwrap_or_default(),
            model: message.model.unwrap_or_default(),
        }
    }
}

impl From<TurnStarted> for StartBody {
    fn from(started: TurnStarted) -> Self {
        Self {
            conversation_id: started.conversation.as_uuid(),
            user_message_id: started.question.as_uuid(),
            message_id: started.answer.as_uuid(),
            sources: started.sources.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<Answer> for DoneBody {
    fn from(answer: Answer) -> Self {
        let message = answer.message;
        Self {
            message_id: message.id.as_uuid(),
            finish_reason: message.finish_reason.map_or("stop", lyceum_domain::mentor::FinishReason::as_str),
            usage: message.usage.map(Into::into).unwrap_or_default(),
            model: message.model.unwrap_or_default(),
        }
    }
}

/// Asks the mentor.
///
/// With `Accept: text/event-stream` the answer comes as events: one `start` (`StreamStart`), many `delta`
/// (`StreamDelta`), then one `done` (`StreamDone`) or `error` (`Problem`). Errors before the first piece of the answer
/// are statuses. Closing the connection stops the answer; what was said until then is kept.
#[utoipa::path(tag = "mentor", security(("bearer" = []), ("cookie" = [])),
    responses((status = 200, content((AnswerBody = "application/json"), (String = "text/event-stream")))))]
#[post("/ai/chat")]
pub async fn chat(
    app: web::Data<App>,
    caller: Caller,
    request: HttpRequest,
    id: web::ReqData<RequestId>,
    Json(body): Json<ChatBody>,
) -> Result<HttpResponse, Problem> {
    let delivery = if wants_events(&request) { Delivery::Pieces } else { Delivery::Whole };
    let events = pump::start(app, caller.0, body.parse(delivery)?);
    match delivery {
        Delivery::Pieces => answer_in_events(&request, events, id.into_inner()).await,
        Delivery::Whole => answer_whole(events).await,
    }
}

fn wants_events(request: &HttpRequest) -> bool {
    let accepted = request.headers().get_all(header::ACCEPT).filter_map(|value| value.to_str().ok());
    accepted
        .flat_map(|text| text.split(','))
        .any(|kind| kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("text/event-stream")))
}

async fn answer_whole(mut events: Receiver<TurnEvent>) -> Result<HttpResponse, Problem> {
    while let Some(event) = events.recv().await {
        if let TurnEvent::Ended(ended) = event {
            return Ok(HttpResponse::Ok().json(AnswerBody::from(*ended?)));
        }
    }
    Err(Error::Abandoned.into())
}

async fn answer_in_events(
    request: &HttpRequest,
    mut events: Receiver<TurnEvent>,
    id: RequestId,
) -> Result<HttpResponse, Problem> {
    // The status is not sent before the model has begun: until then an error is still a status.
    let started = match events.recv().await {
        Some(TurnEvent::Started(started)) => started,
        Some(TurnEvent::Ended(Err(error))) => return Err(error.into()),
        _ => return Err(Error::Abandoned.into()),
    };
    let first = event_of("start", &StartBody::from(started));
    let rest = stream::unfold(events, move |mut events| {
        let id = id.clone();
        async move {
            let Ok(event) = tokio::time::timeout(HEARTBEAT, events.recv()).await else {
                return Some((sse::Event::Comment("still there".into()), events));
            };
            let event = match event? {
                TurnEvent::Started(started) => event_of("start", &StartBody::from(started)),
                TurnEvent::Piece(text) => event_of("delta", &DeltaBody { text }),
                TurnEvent::Ended(Ok(answer)) => event_of("done", &DoneBody::from(*answer)),
                TurnEvent::Ended(Err(error)) => event_of("error", &Problem::from(error).body(&id.0)),
            };
            Some((event, events))
        }
    });
    let all = stream::once(async { first }).chain(rest);
    let mut response = sse::Sse::from_infallible_stream(all).respond_to(request).map_into_boxed_body();
    // Buffering proxies would hold the events back.
    response
        .headers_mut()
        .insert(header::HeaderName::from_static("x-accel-buffering"), header::HeaderValue::from_static("no"));
    response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    Ok(response)
}

fn event_of(name: &'static str, data: &impl Serialize) -> sse::Event {
    let data = serde_json::to_string(data).unwrap_or_default();
    sse::Event::Data(sse::Data::new(data).event(name))
}
