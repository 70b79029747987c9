//! The mentor behind the wire format of OpenAI's chat completions, so that any client of that API speaks with it. See the
//! [reference](https://platform.openai.com/docs/api-reference/chat). What such clients send and this mentor has no use
//! for (tools, seeds, temperatures) is passed over, as other servers of this format do.

mod chunks;
pub mod errors;
mod messages;

use actix_web::{HttpRequest, HttpResponse, get, http::StatusCode, post, web};
use lyceum_application::{Error, idempotency::Done, mentor::Chat};
use lyceum_domain::{
    conversations::{Message, MessageStatus},
    mentor::{Delivery, FinishReason, TokenUsage},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::messages::SentMessage;
use crate::{
    app::App,
    http::{
        body::{LongJson, whole},
        caller::Caller,
        edge::RequestId,
        event_stream::Reading,
        problem::Problem,
    },
    pump,
    routes::mentor::SourceBody,
};

/// What the mentor is called.
pub const MODEL: &str = "lyceum-mentor";
/// When it was made, in Unix seconds: clients want a number, and it says nothing.
const MODEL_CREATED: i64 = 1_793_491_200;

/// What is asked. Other members of OpenAI's format are passed over.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = CompletionRequest)]
pub struct CompletionBody {
    /// `lyceum-mentor`.
    #[schema(example = "lyceum-mentor")]
    pub model: String,
    /// What was said, oldest first. The last one is the question, of the role `user`.
    #[schema(min_items = 1, max_items = 2000)]
    pub messages: Vec<SentMessage>,
    /// Whether the answer is wanted piece by piece.
    #[serde(default)]
    pub stream: Option<bool>,
    /// What streams hold beside the answer.
    #[serde(default)]
    pub stream_options: Option<StreamOptions>,
    /// The longest answer, in tokens.
    #[serde(default, deserialize_with = "whole")]
    #[schema(maximum = 4_294_967_295_u32)]
    pub max_tokens: Option<u32>,
    /// The newer name of `max_tokens`.
    #[serde(default, deserialize_with = "whole")]
    #[schema(maximum = 4_294_967_295_u32)]
    pub max_completion_tokens: Option<u32>,
    /// How many answers: one.
    #[serde(default, deserialize_with = "whole")]
    #[schema(minimum = 1, maximum = 1)]
    pub n: Option<u32>,
}

/// What streams hold beside the answer.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = CompletionStreamOptions)]
pub struct StreamOptions {
    /// Whether the last piece says what it cost.
    #[serde(default)]
    pub include_usage: Option<bool>,
}

/// A whole answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatCompletion)]
pub struct CompletedBody {
    /// Names the answer.
    pub id: String,
    /// `chat.completion`.
    pub object: &'static str,
    /// Unix seconds.
    pub created: i64,
    /// `lyceum-mentor`.
    pub model: &'static str,
    /// The one answer.
    pub choices: [ChoiceBody; 1],
    /// What it cost.
    pub usage: CompletionUsageBody,
    /// What the format has no member for.
    pub lyceum: ExtrasBody,
}

/// The answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CompletionChoice)]
pub struct ChoiceBody {
    /// 0.
    pub index: u32,
    /// The answer.
    pub message: SaidBody,
    /// Nothing.
    #[schema(value_type = Option<Object>)]
    pub logprobs: Option<()>,
    /// `stop`, `length` or `content_filter`.
    pub finish_reason: &'static str,
}

/// What the mentor says.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CompletionMessage)]
pub struct SaidBody {
    /// `assistant`.
    pub role: &'static str,
    /// The answer, Markdown.
    pub content: String,
    /// Nothing.
    #[schema(value_type = Option<String>)]
    pub refusal: Option<()>,
}

/// What an answer cost.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = CompletionUsage)]
pub struct CompletionUsageBody {
    /// What the model was sent.
    pub prompt_tokens: u32,
    /// What it answered.
    pub completion_tokens: u32,
    /// Both.
    pub total_tokens: u32,
}

/// What the format has no member for.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CompletionExtras)]
pub struct ExtrasBody {
    /// What the answer rests on: the passages that it cites.
    pub sources: Vec<SourceBody>,
    /// The model that answered for the mentor.
    pub answered_by: Option<String>,
}

/// A model.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Model)]
pub struct ModelBody {
    /// Its name.
    pub id: &'static str,
    /// `model`.
    pub object: &'static str,
    /// Unix seconds.
    pub created: i64,
    /// Whose it is.
    pub owned_by: &'static str,
}

/// All models.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ModelList)]
pub struct ModelsBody {
    /// `list`.
    pub object: &'static str,
    /// The one there is.
    pub data: [ModelBody; 1],
}

const fn model() -> ModelBody {
    ModelBody { id: MODEL, object: "model", created: MODEL_CREATED, owned_by: "lyceum" }
}

impl From<TokenUsage> for CompletionUsageBody {
    fn from(usage: TokenUsage) -> Self {
        let TokenUsage { prompt_tokens, completion_tokens } = usage;
        let total_tokens = prompt_tokens.saturating_add(completion_tokens);
        Self { prompt_tokens, completion_tokens, total_tokens }
    }
}

impl From<Message> for CompletedBody {
    fn from(answer: Message) -> Self {
        Self {
            id: completion_id(&answer),
            object: "chat.completion",
            created: answer.created_at.as_unix_seconds(),
            model: MODEL,
            usage: answer.usage.unwrap_or_default().into(),
            choices: [ChoiceBody {
                index: 0,
                finish_reason: finish_reason(&answer),
                message: SaidBody { role: "assistant", content: answer.content, refusal: None },
                logprobs: None,
            }],
            lyceum: ExtrasBody {
                sources: answer.sources.into_iter().map(Into::into).collect(),
                answered_by: answer.model,
            },
        }
    }
}

fn completion_id(answer: &Message) -> String {
    format!("chatcmpl-{}", answer.id)
}

fn finish_reason(answer: &Message) -> &'static str {
    match answer.status {
        MessageStatus::Complete => answer.finish_reason.map_or("stop", FinishReason::as_str),
        _ => "stop",
    }
}

/// The models that can be asked: the mentor.
#[utoipa::path(tag = "mentor", security(("bearer" = []), ("cookie" = [])),
    responses((status = 200, body = ModelsBody)))]
#[get("/openai/v1/models")]
pub async fn list_models(app: web::Data<App>, caller: Caller) -> Result<HttpResponse, Problem> {
    app.lyceum.may_ask(&caller.0)?;
    Ok(HttpResponse::Ok().json(ModelsBody { object: "list", data: [model()] }))
}

/// A model.
#[utoipa::path(tag = "mentor", security(("bearer" = []), ("cookie" = [])), params(("model" = String, Path)),
    responses((status = 200, body = ModelBody)))]
#[get("/openai/v1/models/{model}")]
pub async fn read_model(app: web::Data<App>, caller: Caller, name: web::Path<String>) -> Result<HttpResponse, Problem> {
    app.lyceum.may_ask(&caller.0)?;
    if *name == MODEL { Ok(HttpResponse::Ok().json(model())) } else { Err(errors::no_such_model(&name)) }
}

/// Asks the mentor in OpenAI's format; nothing is stored but what it cost. With `stream` the answer comes as chunks, with
/// `[DONE]` after the last.
#[utoipa::path(tag = "mentor", security(("bearer" = []), ("cookie" = [])), request_body = CompletionBody,
    responses((status = 404), (status = 502), (status = 504), (status = 200, content((CompletedBody = "application/json"), (String = "text/event-stream")))))]
#[post("/openai/v1/chat/completions")]
pub async fn create_completion(
    app: web::Data<App>,
    caller: Caller,
    request: HttpRequest,
    id: web::ReqData<RequestId>,
    LongJson(body): LongJson<CompletionBody>,
) -> Result<HttpResponse, Problem> {
    if body.model != MODEL {
        return Err(errors::no_such_model(&body.model));
    }
    if body.n.is_some_and(|n| n != 1) {
        let detail = "`n` must be 1: the mentor gives one answer.";
        return Err(Problem::new(StatusCode::BAD_REQUEST, "unsupported_value", detail));
    }
    let is_streamed = body.stream == Some(true);
    let includes_usage = body.stream_options.is_some_and(|options| options.include_usage == Some(true));
    let chat = Chat {
        messages: messages::read(body.messages)?,
        max_tokens: body.max_completion_tokens.or(body.max_tokens),
        delivery: if is_streamed { Delivery::Pieces } else { Delivery::Whole },
    };
    let asker = caller.0;
    let done =
        pump::start(app.clone(), move |app| async move { app.lyceum.complete(&asker, chat).await.map(Done::Now) });
    let Done::Now(reader) = done.await? else { return Err(Error::Abandoned.into()) };
    if is_streamed {
        return chunks::respond(&app, &request, reader, includes_usage, id.into_inner()).await;
    }
    let answer = Reading::new(&app, reader).to_the_end().await?;
    Ok(HttpResponse::Ok().json(CompletedBody::from(answer.message)))
}
