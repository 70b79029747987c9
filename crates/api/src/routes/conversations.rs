//! One's conversations with the mentor.

use actix_web::{
    HttpResponse, delete, get,
    http::{StatusCode, header},
    patch, put, web,
};
use chrono::{DateTime, Utc};
use lyceum_application::conversations::ConversationChange;
use lyceum_domain::{
    conversations::{Comment, Conversation, ConversationFilter, Feedback, Message, Rating, SearchedWords},
    courses::Title,
    ids::{ConversationId, MessageId},
    invalid::{Invalid, Violations},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    app::App,
    http::{
        body::{Json, present},
        caller::Caller,
        page::{PageBody, PageQuery, Query, page_request},
        path::Id,
        problem::Problem,
        version::{IfMatch, versioned},
    },
    routes::mentor::{SourceBody, UsageBody},
};

/// A conversation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Conversation)]
pub struct ConversationBody {
    /// Its id.
    pub id: Uuid,
    /// The first words of the first question, or what its owner called it.
    pub title: String,
    /// The course it is about.
    pub course_id: Option<Uuid>,
    /// Put away.
    pub is_archived: bool,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// The last message or change.
    pub updated_at: DateTime<Utc>,
    /// For `If-Match`.
    pub version: u32,
}

impl From<&Conversation> for ConversationBody {
    fn from(conversation: &Conversation) -> Self {
        Self {
            id: conversation.id.as_uuid(),
            title: conversation.title.to_string(),
            course_id: conversation.course.map(lyceum_domain::ids::CourseId::as_uuid),
            is_archived: conversation.is_archived,
            created_at: conversation.created_at.as_datetime(),
            updated_at: conversation.updated_at.as_datetime(),
            version: conversation.version,
        }
    }
}

/// A message of a conversation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Message)]
pub struct MessageBody {
    /// Its id.
    pub id: Uuid,
    /// `user` or `assistant`.
    #[schema(pattern = "^(user|assistant)$")]
    pub role: &'static str,
    /// The question that an answer is for; several answers of one question are siblings, the latest counts.
    pub parent_id: Option<Uuid>,
    /// The text, Markdown.
    pub content: String,
    /// `complete`, `streaming`, `interrupted`, `stopped` or `failed`.
    #[schema(pattern = "^(complete|streaming|interrupted|stopped|failed)$")]
    pub status: &'static str,
    /// The lesson it is about.
    pub lesson_id: Option<Uuid>,
    /// What an answer rests on.
    pub sources: Vec<SourceBody>,
    /// What answered.
    pub model: Option<String>,
    /// Why the answer ended.
    pub finish_reason: Option<&'static str>,
    /// What it cost.
    pub usage: Option<UsageBody>,
    /// What its reader thinks of an answer.
    pub feedback: Option<FeedbackBody>,
    /// When it was begun.
    pub created_at: DateTime<Utc>,
}

impl From<Message> for MessageBody {
    fn from(message: Message) -> Self {
        Self {
            id: message.id.as_uuid(),
            role: message.author.as_str(),
            parent_id: message.parent.map(MessageId::as_uuid),
            content: message.content,
            status: message.status.as_str(),
            lesson_id: message.lesson.map(lyceum_domain::ids::LessonId::as_uuid),
            sources: message.sources.into_iter().map(Into::into).collect(),
            model: message.model,
            finish_reason: message.finish_reason.map(lyceum_domain::mentor::FinishReason::as_str),
            usage: message.usage.map(Into::into),
            feedback: message.feedback.as_ref().map(Into::into),
            created_at: message.created_at.as_datetime(),
        }
    }
}

/// What somebody thinks of an answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Feedback)]
pub struct FeedbackBody {
    /// `up` or `down`.
    #[schema(pattern = "^(up|down)$")]
    pub rating: &'static str,
    /// Why.
    pub comment: Option<String>,
}

impl From<&Feedback> for FeedbackBody {
    fn from(feedback: &Feedback) -> Self {
        let comment = feedback.comment.as_ref().map(|comment| comment.as_str().to_owned());
        Self { rating: feedback.rating.as_str(), comment }
    }
}

/// What somebody thinks of an answer.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = FeedbackChange)]
#[serde(deny_unknown_fields)]
pub struct RateBody {
    /// `up` or `down`.
    #[schema(pattern = "^(up|down)$")]
    pub rating: String,
    /// Why: 1 to 1000 characters.
    #[schema(min_length = 1, max_length = 1000)]
    pub comment: Option<String>,
}

impl RateBody {
    fn parse(self) -> Result<Feedback, Violations> {
        let mut violations = Violations::new();
        let rating = violations.take("/rating", Rating::parse(&self.rating));
        let comment = self.comment.and_then(|raw| violations.take("/comment", Comment::parse(&raw)));
        match rating {
            Some(rating) => violations.into_result().map(|()| Feedback { rating, comment }),
            None => Err(violations),
        }
    }
}

/// A conversation with all its messages.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConversationExport)]
pub struct ExportBody {
    /// The conversation.
    #[serde(flatten)]
    pub conversation: ConversationBody,
    /// Its messages, oldest first.
    pub messages: Vec<MessageBody>,
}

/// Which conversations.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ConversationQuery {
    /// Whose title or messages have these words, 1 to 100 characters in any case. A page may then hold fewer than
    /// `limit`, even none, and another follow.
    #[param(min_length = 1, max_length = 100)]
    pub q: Option<String>,
    /// `true`: only those put away; `false`: only the others; left out: both.
    pub archived: Option<bool>,
    /// How many items, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 20, value_type = Option<u32>)]
    pub limit: Option<String>,
    /// Where to start: `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// What of a conversation is to change.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeConversationBody {
    /// 1 to 200 characters.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 200)]
    pub title: Option<Option<String>>,
    /// Put away, or taken out again.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = bool, required = false)]
    pub is_archived: Option<Option<bool>>,
}

impl ChangeConversationBody {
    fn parse(self) -> Result<ConversationChange, Violations> {
        let mut violations = Violations::new();
        let title = self.title.map(|sent| sent.ok_or(Invalid::Missing).and_then(|raw| Title::parse(&raw)));
        let archived = self.is_archived.map(|sent| sent.ok_or(Invalid::Missing));
        let change = ConversationChange {
            title: title.and_then(|title| violations.take("/title", title)),
            is_archived: archived.and_then(|archived| violations.take("/is_archived", archived)),
        };
        violations.into_result().map(|()| change)
    }
}

/// One's conversations, newest first.
#[utoipa::path(tag = "mentor", security(("bearer" = []), ("cookie" = [])), params(ConversationQuery),
    responses((status = 200, body = PageBody<ConversationBody>)))]
#[get("/ai/conversations")]
pub async fn list_conversations(
    app: web::Data<App>,
    caller: Caller,
    Query(query): Query<ConversationQuery>,
) -> Result<HttpResponse, Problem> {
    let page = page_request(query.limit.as_deref(), query.cursor.as_deref())?;
    let words = query.q.map(|raw| SearchedWords::parse(&raw).map_err(|invalid| Problem::invalid("/q", invalid)));
    let filter = ConversationFilter { is_archived: query.archived, words: words.transpose()? };
    let page = app.lyceum.conversations(&caller.actor(), filter, page).await?;
    Ok(HttpResponse::Ok().json(PageBody::of(page, |conversation| ConversationBody::from(&conversation))))
}

/// A conversation.
#[utoipa::path(tag = "mentor", security(("bearer" = []), ("cookie" = [])), params(("id" = Uuid, Path)),
    responses((status = 200, body = ConversationBody, headers(("ETag" = String, description = "the version")))))]
#[get("/ai/conversations/{id}")]
pub async fn read_conversation(
    app: web::Data<App>,
    caller: Caller,
    id: Id<ConversationId>,
) -> Result<HttpResponse, Problem> {
    let conversation = app.lyceum.conversation(&caller.actor(), id.0).await?;
    Ok(versioned(StatusCode::OK, conversation.version, ConversationBody::from(&conversation)))
}

/// Renames a conversation, or puts it away.
#[utoipa::path(tag = "mentor", security(("bearer" = []), ("cookie" = [])),
    params(("id" = Uuid, Path), ("If-Match" = Option<String>, Header, description = "the ETag that the change is about")),
    responses((status = 200, body = ConversationBody, headers(("ETag" = String, description = "the version")))))]
#[patch("/ai/conversations/{id}")]
pub async fn change_conversation(
    app: web::Data<App>,
    caller: Caller,
    id: Id<ConversationId>,
    expected: IfMatch,
    Json(body): Json<ChangeConversationBody>,
) -> Result<HttpResponse, Problem> {
    let conversation = app.lyceum.change_conversation(&caller.actor(), id.0, body.parse()?, expected.0).await?;
    Ok(versioned(StatusCode::OK, conversation.version, ConversationBody::from(&conversation)))
}

/// Deletes a conversation with its messages, for good.
#[utoipa::path(tag = "mentor", security(("bearer" = []), ("cookie" = [])),
    params(("id" = Uuid, Path), ("If-Match" = Option<String>, Header, description = "the ETag that the change is about")),
    responses((status = 204)))]
#[delete("/ai/conversations/{id}")]
pub async fn delete_conversation(
    app: web::Data<App>,
    caller: Caller,
    id: Id<ConversationId>,
    expected: IfMatch,
) -> Result<HttpResponse, Problem> {
    app.lyceum.delete_conversation(&caller.actor(), id.0, expected.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The messages of a conversation, oldest first.
#[utoipa::path(tag = "mentor", security(("bearer" = []), ("cookie" = [])), params(("id" = Uuid, Path), PageQuery),
    responses((status = 200, body = PageBody<MessageBody>)))]
#[get("/ai/conversations/{id}/messages")]
pub async fn list_messages(
    app: web::Data<App>,
    caller: Caller,
    id: Id<ConversationId>,
    Query(query): Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let page = app.lyceum.messages(&caller.actor(), id.0, query.parse()?).await?;
    Ok(HttpResponse::Ok().json(PageBody::of(page, MessageBody::from)))
}

/// Takes a conversation along: itself and all its messages.
#[utoipa::path(tag = "mentor", security(("bearer" = []), ("cookie" = [])), params(("id" = Uuid, Path)),
    responses((status = 200, body = ExportBody, headers(("Content-Disposition" = String, description = "a file name")))))]
#[get("/ai/conversations/{id}/export")]
pub async fn export_conversation(
    app: web::Data<App>,
    caller: Caller,
    id: Id<ConversationId>,
) -> Result<HttpResponse, Problem> {
    let (conversation, messages) = app.lyceum.export_conversation(&caller.actor(), id.0).await?;
    let disposition = format!("attachment; filename=\"conversation-{}.json\"", conversation.id);
    let messages = messages.into_iter().map(Into::into).collect();
    let body = ExportBody { conversation: ConversationBody::from(&conversation), messages };
    Ok(HttpResponse::Ok().insert_header((header::CONTENT_DISPOSITION, disposition)).json(body))
}

/// A message of one's own; of an answer under way what was said so far.
#[utoipa::path(tag = "mentor", security(("bearer" = []), ("cookie" = [])), params(("id" = Uuid, Path)),
    responses((status = 200, body = MessageBody)))]
#[get("/ai/messages/{id}")]
pub async fn read_message(app: web::Data<App>, caller: Caller, id: Id<MessageId>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(MessageBody::from(app.lyceum.message(&caller.actor(), id.0).await?)))
}

/// Says what one thinks of an answer.
#[utoipa::path(tag = "mentor", security(("bearer" = []), ("cookie" = [])), params(("id" = Uuid, Path)),
    responses((status = 200, body = MessageBody)))]
#[put("/ai/messages/{id}/feedback")]
pub async fn rate_answer(
    app: web::Data<App>,
    caller: Caller,
    id: Id<MessageId>,
    Json(body): Json<RateBody>,
) -> Result<HttpResponse, Problem> {
    let message = app.lyceum.rate_answer(&caller.actor(), id.0, Some(body.parse()?)).await?;
    Ok(HttpResponse::Ok().json(MessageBody::from(message)))
}

/// Takes back what one thought of an answer.
#[utoipa::path(tag = "mentor", security(("bearer" = []), ("cookie" = [])), params(("id" = Uuid, Path)),
    responses((status = 204)))]
#[delete("/ai/messages/{id}/feedback")]
pub async fn unrate_answer(app: web::Data<App>, caller: Caller, id: Id<MessageId>) -> Result<HttpResponse, Problem> {
    app.lyceum.rate_answer(&caller.actor(), id.0, None).await?;
    Ok(HttpResponse::NoContent().finish())
}
