//! Where one is signed in, and where one was.

use actix_web::{HttpResponse, delete, get, web};
use chrono::{DateTime, Utc};
use lyceum_domain::{
    audit::{AuditAction, AuditEvent},
    ids::SessionId,
    sessions::Session,
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    app::App,
    http::{
        caller::Caller,
        page::{PageBody, PageQuery, Query},
        path::Id,
        problem::Problem,
    },
};

/// A sign-in on one device.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
pub struct SessionBody {
    /// Its id.
    pub id: Uuid,
    /// What the client calls itself.
    pub user_agent: Option<String>,
    /// Where it signed in from.
    pub ip_address: Option<String>,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it was last renewed.
    pub last_used_at: DateTime<Utc>,
    /// When it ends unless it is renewed before.
    pub expires_at: DateTime<Utc>,
    /// Whether it is the one that asks.
    pub current: bool,
}

impl SessionBody {
    /// A session as the one with the id `current` sees it.
    pub fn of(session: Session, current: Option<SessionId>) -> Self {
        Self {
            id: session.id.as_uuid(),
            user_agent: session.user_agent,
            ip_address: session.ip_address,
            created_at: session.created_at.as_datetime(),
            last_used_at: session.last_used_at.as_datetime(),
            expires_at: session.expires_at.as_datetime(),
            current: current == Some(session.id),
        }
    }
}

/// A sign-in that went well or failed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SignIn)]
pub struct SignInBody {
    /// When.
    pub at: DateTime<Utc>,
    /// Whether somebody got in.
    pub succeeded: bool,
    /// Why not: `wrong_password`, `locked`, `disabled` or `not_verified`.
    pub reason: Option<String>,
    /// Where it came from.
    pub ip_address: Option<String>,
    /// What the client called itself.
    pub user_agent: Option<String>,
}

impl From<AuditEvent> for SignInBody {
    fn from(event: AuditEvent) -> Self {
        Self {
            at: event.at.as_datetime(),
            succeeded: event.action == AuditAction::SignedIn,
            reason: event.details.into_iter().find(|(name, _)| name == "reason").map(|(_, value)| value),
            ip_address: event.ip_address,
            user_agent: event.user_agent,
        }
    }
}

/// Where one is signed in, newest sign-in first.
#[utoipa::path(tag = "auth", security(("bearer" = []), ("cookie" = [])), params(PageQuery),
    responses((status = 200, body = PageBody<SessionBody>)))]
#[get("/auth/sessions")]
pub async fn list_sessions(
    app: web::Data<App>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<web::Json<PageBody<SessionBody>>, Problem> {
    let page = app.lyceum.sessions(&caller.0, query.parse()?).await?;
    Ok(web::Json(PageBody::of(page, |session| SessionBody::of(session, caller.0.session))))
}

/// Ends one session.
#[utoipa::path(tag = "auth", security(("bearer" = []), ("cookie" = [])),
    params(("id" = Uuid, Path, description = "the session")), responses((status = 204)))]
#[delete("/auth/sessions/{id}")]
pub async fn revoke_session(
    app: web::Data<App>,
    caller: Caller,
    Id(id): Id<SessionId>,
) -> Result<HttpResponse, Problem> {
    app.lyceum.revoke_session(&caller.0, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// One's sign-ins, good and failed, newest first.
#[utoipa::path(tag = "auth", security(("bearer" = []), ("cookie" = [])), params(PageQuery),
    responses((status = 200, body = PageBody<SignInBody>)))]
#[get("/auth/sign-ins")]
pub async fn list_sign_ins(
    app: web::Data<App>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<web::Json<PageBody<SignInBody>>, Problem> {
    let page = app.lyceum.sign_in_history(&caller.0, query.parse()?).await?;
    Ok(web::Json(PageBody::of(page, Into::into)))
}
