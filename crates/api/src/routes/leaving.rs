//! Taking one's data along, and deleting one's account.

use actix_web::{HttpResponse, delete, get, http::header, web};
use chrono::{DateTime, Utc};
use lyceum_application::users::Export;
use lyceum_domain::{
    conversations::{Conversation, Message},
    mentor::UsageRecord,
    progress::{CourseProgressView, LessonProgressView},
    subjects::Document,
    time::Timestamp,
    users::{Identity, User},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    app::App,
    http::{
        body::{MaybeJson, present},
        caller::Caller,
        problem::Problem,
        version::IfMatch,
    },
    routes::{
        admin::AuditEventBody,
        api_keys::ApiKeyBody,
        conversations::{ConversationBody, MessageBody},
        documents::DocumentBody,
        progress::{CourseProgressBody, LessonProgressBody, ProgressEventBody},
        sessions::SessionBody,
        subjects::SubjectBody,
        users::UserBody,
    },
};

/// Everything that is held about a user.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Export)]
pub struct ExportBody {
    /// The account.
    pub user: UserBody,
    /// What else the account holds.
    pub account: AccountDatesBody,
    /// Who the user is at identity providers.
    pub identities: Vec<IdentityBody>,
    /// Where they are signed in.
    pub sessions: Vec<SessionBody>,
    /// Their keys.
    pub api_keys: Vec<ApiKeyBody>,
    /// What happened to the account.
    pub events: Vec<AuditEventBody>,
    /// Their courses.
    pub courses: Vec<ExportedCourseBody>,
    /// Every step they took in a course, newest first.
    pub progress_events: Vec<ProgressEventBody>,
    /// What they asked and heard.
    pub conversations: Vec<ExportedConversationBody>,
    /// What it cost.
    pub usage: Vec<ExportedUsageBody>,
    /// Their subjects.
    pub subjects: Vec<SubjectBody>,
    /// Their documents, newest first.
    pub documents: Vec<ExportedDocumentBody>,
}

/// A document with its text.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ExportedDocument)]
pub struct ExportedDocumentBody {
    /// The document.
    #[serde(flatten)]
    pub document: DocumentBody,
    /// Its text; `null` if there is none, or if all texts together were too long: then `GET /documents/{id}/text` has it.
    pub content: Option<String>,
}

/// Dates of an account that its owner does not see elsewhere.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AccountDates)]
pub struct AccountDatesBody {
    /// Whether there is a password.
    pub has_password: bool,
    /// When the e-mail was verified.
    pub email_verified_at: Option<DateTime<Utc>>,
    /// The last sign-in.
    pub last_login_at: Option<DateTime<Utc>>,
    /// The last request, to a quarter of an hour.
    pub last_active_at: Option<DateTime<Utc>>,
}

/// A user at an identity provider.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Identity)]
pub struct IdentityBody {
    /// Which provider.
    pub provider: String,
    /// The user's id there.
    pub subject: String,
    /// The e-mail that it tells.
    pub email: Option<String>,
    /// Whether it says that the e-mail is verified.
    pub email_verified: bool,
    /// When it was first seen.
    pub created_at: DateTime<Utc>,
}

/// A course, lesson by lesson.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ExportedCourse)]
pub struct ExportedCourseBody {
    /// The course.
    #[serde(flatten)]
    pub course: CourseProgressBody,
    /// Its lessons.
    pub lessons: Vec<LessonProgressBody>,
}

/// A conversation with all its messages.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ExportedConversation)]
pub struct ExportedConversationBody {
    /// The conversation.
    #[serde(flatten)]
    pub conversation: ConversationBody,
    /// Its messages, oldest first.
    pub messages: Vec<MessageBody>,
}

/// What one answer cost.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ExportedUsage)]
pub struct ExportedUsageBody {
    /// The answer.
    pub message_id: Uuid,
    /// Who answered.
    pub provider: String,
    /// With which model.
    pub model: String,
    /// How it ended.
    pub outcome: &'static str,
    /// Tokens of the question.
    pub prompt_tokens: u32,
    /// Tokens of the answer.
    pub completion_tokens: u32,
    /// Whether the tokens were counted by us.
    pub is_estimated: bool,
    /// When it was asked.
    pub created_at: DateTime<Utc>,
}

impl From<&User> for AccountDatesBody {
    fn from(user: &User) -> Self {
        Self {
            has_password: user.password_hash.is_some(),
            email_verified_at: user.email_verified_at.map(Timestamp::as_datetime),
            last_login_at: user.last_login_at.map(Timestamp::as_datetime),
            last_active_at: user.last_active_at.map(Timestamp::as_datetime),
        }
    }
}

impl From<Identity> for IdentityBody {
    fn from(identity: Identity) -> Self {
        Self {
            provider: identity.provider.to_string(),
            subject: identity.subject,
            email: identity.email.map(|email| email.to_string()),
            email_verified: identity.is_email_verified,
            created_at: identity.created_at.as_datetime(),
        }
    }
}

impl From<(CourseProgressView, Vec<LessonProgressView>)> for ExportedCourseBody {
    fn from((course, lessons): (CourseProgressView, Vec<LessonProgressView>)) -> Self {
        Self { course: course.into(), lessons: lessons.into_iter().map(Into::into).collect() }
    }
}

impl From<(Conversation, Vec<Message>)> for ExportedConversationBody {
    fn from((conversation, messages): (Conversation, Vec<Message>)) -> Self {
        Self {
            conversation: ConversationBody::from(&conversation),
            messages: messages.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<(Document, Option<String>)> for ExportedDocumentBody {
    fn from((document, content): (Document, Option<String>)) -> Self {
        Self { document: DocumentBody::from(&document), content }
    }
}

impl From<UsageRecord> for ExportedUsageBody {
    fn from(usage: UsageRecord) -> Self {
        Self {
            message_id: usage.message.as_uuid(),
            provider: usage.provider,
            model: usage.model,
            outcome: usage.outcome.as_str(),
            prompt_tokens: usage.cost.tokens.prompt_tokens,
            completion_tokens: usage.cost.tokens.completion_tokens,
            is_estimated: usage.cost.is_estimated,
            created_at: usage.created_at.as_datetime(),
        }
    }
}

impl ExportBody {
    fn of(export: Export, caller: &Caller) -> Self {
        let current = caller.0.session;
        Self {
            user: UserBody::from(&export.user),
            account: AccountDatesBody::from(&export.user),
            identities: export.identities.into_iter().map(Into::into).collect(),
            sessions: export.sessions.into_iter().map(|session| SessionBody::of(session, current)).collect(),
            api_keys: export.api_keys.into_iter().map(Into::into).collect(),
            events: export.events.into_iter().map(Into::into).collect(),
            courses: export.courses.into_iter().map(Into::into).collect(),
            progress_events: export.progress_events.into_iter().map(Into::into).collect(),
            conversations: export.conversations.into_iter().map(Into::into).collect(),
            usage: export.usage.into_iter().map(Into::into).collect(),
            subjects: export.subjects.iter().map(Into::into).collect(),
            documents: export.documents.into_iter().map(Into::into).collect(),
        }
    }
}

/// What shows that it is really the user who leaves.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteAccountBody {
    /// The password, if the account has one.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, format = Password)]
    pub password: Option<Option<String>>,
}

/// Everything that is held about whoever asks, as JSON.
#[utoipa::path(tag = "users", security(("bearer" = []), ("cookie" = [])),
    responses((status = 200, body = ExportBody, headers(("Content-Disposition" = String, description = "a name for the file")))))]
#[get("/users/me/export")]
pub async fn export_me(app: web::Data<App>, caller: Caller) -> Result<HttpResponse, Problem> {
    let export = app.lyceum.export(&caller.0).await?;
    let name = format!("attachment; filename=\"lyceum-{}.json\"", export.user.username);
    let body = ExportBody::of(export, &caller);
    Ok(HttpResponse::Ok().insert_header((header::CONTENT_DISPOSITION, name)).json(body))
}

/// Deletes one's account. It is erased after a time of grace.
#[utoipa::path(tag = "users", security(("bearer" = []), ("cookie" = [])),
    params(("If-Match" = Option<String>, Header, description = "the ETag that the deletion is about")),
    request_body(content = Option<DeleteAccountBody>),
    responses((status = 204), (status = 423)))]
#[delete("/users/me")]
pub async fn delete_me(
    app: web::Data<App>,
    caller: Caller,
    expected: IfMatch,
    MaybeJson(body): MaybeJson<DeleteAccountBody>,
) -> Result<HttpResponse, Problem> {
    let password = body.unwrap_or_default().password.flatten();
    app.lyceum.delete_account(&caller.0, password.as_deref(), expected.0).await?;
    Ok(super::auth::without_cookies(&app))
}
