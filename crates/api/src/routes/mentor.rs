//! Asking the mentor: as JSON, or as an event stream; reading along, stopping, answering again.

pub mod context;
pub mod events;
pub mod usage;

use actix_web::{HttpRequest, HttpResponse, get, http::StatusCode, http::header, post, web};
use lyceum_application::{
    idempotency::{self, Done},
    mentor::{Answer, Question, Reader, TurnStarted},
};
use lyceum_domain::{
    conversations::{Message, MessageStatus, Prompt},
    ids::{ConversationId, CourseId, LessonId, MessageId},
    invalid::{Invalid, Violations},
    mentor::{Delivery, FinishReason, Source, TokenUsage},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use self::events::{LastEvent, Place};
use crate::{
    app::App,
    http::{
        body::Json,
        caller::Caller,
        edge::RequestId,
        event_stream::{self, Reading},
        idempotency::{Idempotency, kept, replayed},
        page::Query,
        path::Id,
        problem::Problem,
    },
    pump,
};

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
    /// The number that the answer cites it by: `[1]`.
    pub citation: u32,
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
            citation: source.citation,
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
    /// What the answer may rest on; what it does, `done` says.
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
    /// `stop`, `length` or `content_filter`; `stopped` if its reader had it stopped.
    #[schema(pattern = "^(stop|length|content_filter|stopped)$")]
    pub finish_reason: &'static str,
    /// What the answer rests on: the passages that it cites.
    pub sources: Vec<SourceBody>,
    /// What it cost.
    pub usage: UsageBody,
    /// What answered.
    pub model: String,
}

impl From<Message> for AnswerBody {
    fn from(message: Message) -> Self {
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
            finish_reason: match message.status {
                MessageStatus::Stopped => "stopped",
                _ => message.finish_reason.map_or("stop", FinishReason::as_str),
            },
            sources: message.sources.into_iter().map(Into::into).collect(),
            usage: message.usage.map(Into::into).unwrap_or_default(),
            model: message.model.unwrap_or_default(),
        }
    }
}

/// Asks the mentor.
///
/// With `Accept: text/event-stream` the answer comes as events: one `start` (`StreamStart`), many `delta`
/// (`StreamDelta`), then one `done` (`StreamDone`) or `error` (`Problem`). Errors before the first piece of the answer
/// are statuses. Each event has an id; sent back as `Last-Event-ID`, here or to `GET /ai/messages/{id}/stream`, it reads
/// on from there and asks nothing anew. An answer that nobody reads is stopped within a second, unless its request has
/// an `Idempotency-Key`: then it is carried on, and the same request gets it later. What was said is kept.
#[utoipa::path(tag = "mentor", security(("bearer" = []), ("cookie" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "a name for the request, so that it is done once"),
        ("Last-Event-ID" = Option<String>, Header, description = "the id of the last event that came")),
    responses((status = 404), (status = 502), (status = 504), (status = 200, content((AnswerBody = "application/json"), (String = "text/event-stream")), headers(
        ("Idempotency-Replayed" = String, description = "`true` if it had been answered before")))))]
#[post("/ai/chat")]
pub async fn chat(
    app: web::Data<App>,
    caller: Caller,
    request: HttpRequest,
    id: web::ReqData<RequestId>,
    idempotency: Idempotency,
    last: LastEvent,
    Json(body): Json<ChatBody>,
) -> Result<HttpResponse, Problem> {
    let delivery = delivery(&request);
    if let (Delivery::Pieces, Some(place)) = (delivery, last.of_any()?) {
        let follower = app.lyceum.follow(&caller.0, place.answer, Some(place.at)).await?;
        return events::respond(&request, place, Reading::new(&app, follower), id.into_inner()).await;
    }
    let question = body.parse(delivery)?;
    let once = idempotency.once(named);
    let asker = caller.0.clone();
    let done = pump::start(app.clone(), move |app| async move { app.lyceum.ask_once(&asker, question, once).await });
    respond(&app, &caller, &request, id.into_inner(), done.await?).await
}

/// Has a question answered once more; the earlier answer stays beside the new one. Answers as `POST /ai/chat` does.
#[utoipa::path(tag = "mentor", security(("bearer" = []), ("cookie" = [])),
    params(("id" = Uuid, Path, description = "an answer"),
        ("Idempotency-Key" = Option<String>, Header, description = "a name for the request, so that it is done once")),
    responses((status = 502), (status = 504), (status = 200, content((AnswerBody = "application/json"), (String = "text/event-stream")), headers(
        ("Idempotency-Replayed" = String, description = "`true` if it had been answered before")))))]
#[post("/ai/messages/{id}/regenerate")]
pub async fn regenerate(
    app: web::Data<App>,
    caller: Caller,
    request: HttpRequest,
    request_id: web::ReqData<RequestId>,
    idempotency: Idempotency,
    id: Id<MessageId>,
) -> Result<HttpResponse, Problem> {
    let (delivery, once, asker) = (delivery(&request), idempotency.once(named), caller.0.clone());
    let done =
        pump::start(app.clone(), move |app| async move { app.lyceum.ask_again(&asker, id.0, delivery, once).await });
    respond(&app, &caller, &request, request_id.into_inner(), done.await?).await
}

/// Where to read on, for those who cannot set headers.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct StreamQuery {
    /// As the header `Last-Event-ID`, which wins.
    pub last_event_id: Option<String>,
}

/// Reads an answer as events: along while it is given, from wherever, or again when it has ended. As `POST /ai/chat`
/// sends them; an answer that broke off ends with an `error` of the code `answer_interrupted` or `answer_failed`.
#[utoipa::path(tag = "mentor", security(("bearer" = []), ("cookie" = [])),
    params(("id" = Uuid, Path, description = "an answer"), StreamQuery,
        ("Last-Event-ID" = Option<String>, Header, description = "the id of the last event that came")),
    responses((status = 200, body = String, content_type = "text/event-stream"), (status = 502), (status = 504)))]
#[get("/ai/messages/{id}/stream")]
pub async fn follow(
    app: web::Data<App>,
    caller: Caller,
    request: HttpRequest,
    request_id: web::ReqData<RequestId>,
    id: Id<MessageId>,
    last: LastEvent,
    Query(query): Query<StreamQuery>,
) -> Result<HttpResponse, Problem> {
    let from = last.or(query.last_event_id).of(id.0)?;
    let follower = app.lyceum.follow(&caller.0, id.0, from).await?;
    let place = Place { answer: id.0, at: from.unwrap_or(0) };
    events::respond(&request, place, Reading::new(&app, follower), request_id.into_inner()).await
}

/// Stops an answer, for all who read it. What was said is kept; one that has ended stays as it is.
#[utoipa::path(tag = "mentor", security(("bearer" = []), ("cookie" = [])),
    params(("id" = Uuid, Path, description = "an answer")), responses((status = 202)))]
#[post("/ai/messages/{id}/stop")]
pub async fn stop(app: web::Data<App>, caller: Caller, id: Id<MessageId>) -> Result<HttpResponse, Problem> {
    app.lyceum.stop_answer(&caller.0, id.0).await?;
    Ok(HttpResponse::Accepted().finish())
}

/// What is kept of an answer under the name of its request: which it is. It can be read again as long as it is there.
#[derive(Serialize, Deserialize)]
struct Named {
    message_id: Uuid,
}

fn named(answer: &Answer) -> idempotency::Answer {
    kept(StatusCode::OK, &Named { message_id: answer.message.id.as_uuid() })
}

fn delivery(request: &HttpRequest) -> Delivery {
    let accepted = request.headers().get_all(header::ACCEPT).filter_map(|value| value.to_str().ok());
    let wants_events = accepted.flat_map(|text| text.split(',')).any(|kind| {
        kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(event_stream::MEDIA_TYPE))
    });
    if wants_events { Delivery::Pieces } else { Delivery::Whole }
}

async fn respond(
    app: &App,
    caller: &Caller,
    request: &HttpRequest,
    id: RequestId,
    done: Done<Reader>,
) -> Result<HttpResponse, Problem> {
    match done {
        Done::Now(reader) => match delivery(request) {
            Delivery::Pieces => {
                let place = Place::beginning(reader.answer());
                events::respond(request, place, Reading::new(app, reader), id).await
            }
            Delivery::Whole => answer_whole(Reading::new(app, reader)).await,
        },
        Done::Before(before) => {
            let named: Named = serde_json::from_str(&before.body).map_err(|_| Problem::not_found())?;
            let answer = MessageId::from_uuid(named.message_id);
            let reader = Reading::new(app, app.lyceum.follow(&caller.0, answer, None).await?);
            let response = match delivery(request) {
                Delivery::Pieces => events::respond(request, Place::beginning(answer), reader, id).await,
                Delivery::Whole => answer_whole(reader).await,
            };
            response.map(replayed)
        }
    }
}

async fn answer_whole(reader: Reading) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(AnswerBody::from(reader.to_the_end().await?.message)))
}
