//! What admins see and do.

use actix_web::{HttpResponse, get, http::StatusCode, patch, web};
use chrono::{DateTime, Utc};
use lyceum_application::users::AccountChange;
use lyceum_domain::{
    audit::{AuditAction, AuditEvent, AuditFilter},
    ids::UserId,
    invalid::{Invalid, Violations},
    text,
    time::Timestamp,
    users::{Plan, Role, User, UserFilter},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    app::App,
    http::{
        body::Json,
        caller::Caller,
        page::{PageBody, Query, page_request},
        path::Id,
        problem::Problem,
        version::{IfMatch, versioned},
    },
    routes::users::UserBody,
};

/// An account as admins see it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Account)]
pub struct AccountBody {
    /// What its owner sees.
    #[serde(flatten)]
    pub user: UserBody,
    /// Whether it is on.
    pub is_active: bool,
    /// The last sign-in.
    pub last_login_at: Option<DateTime<Utc>>,
    /// The last request, to a quarter of an hour.
    pub last_active_at: Option<DateTime<Utc>>,
    /// When its owner deleted it.
    pub deleted_at: Option<DateTime<Utc>>,
}

impl From<&User> for AccountBody {
    fn from(user: &User) -> Self {
        Self {
            user: UserBody::from(user),
            is_active: user.is_active,
            last_login_at: user.last_login_at.map(Timestamp::as_datetime),
            last_active_at: user.last_active_at.map(Timestamp::as_datetime),
            deleted_at: user.deleted_at.map(Timestamp::as_datetime),
        }
    }
}

/// Which accounts, and which page of them.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AccountQuery {
    /// E-mail, username or display name holds this.
    pub q: Option<String>,
    /// `learner`, `mentor` or `admin`.
    #[param(pattern = "^(learner|mentor|admin)$")]
    pub role: Option<String>,
    /// `free` or `premium`.
    #[param(pattern = "^(free|premium)$")]
    pub plan: Option<String>,
    /// Switched on, or off.
    #[param(value_type = Option<bool>)]
    pub is_active: Option<String>,
    /// How many items, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 20, value_type = Option<u32>)]
    pub limit: Option<String>,
    /// Where to start: `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl AccountQuery {
    fn filter(&self) -> Result<UserFilter, Violations> {
        let mut violations = Violations::new();
        let text = self.q.as_deref().filter(|text| !text.trim().is_empty()).map(|raw| text::line(raw, 1, 200));
        let is_active = self.is_active.as_deref().map(|word| match word {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(Invalid::NotAllowed { allowed: "true, false" }),
        });
        let filter = UserFilter {
            text: text.and_then(|parsed| violations.take("/q", parsed)),
            role: self.role.as_deref().and_then(|word| violations.take("/role", Role::parse(word))),
            plan: self.plan.as_deref().and_then(|word| violations.take("/plan", Plan::parse(word))),
            is_active: is_active.and_then(|parsed| violations.take("/is_active", parsed)),
        };
        violations.into_result().map(|()| filter)
    }
}

/// What of an account is to change; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeAccountBody {
    /// `learner`, `mentor` or `admin`.
    #[schema(pattern = "^(learner|mentor|admin)$")]
    pub role: Option<String>,
    /// `free` or `premium`.
    #[schema(pattern = "^(free|premium)$")]
    pub plan: Option<String>,
    /// Whether the account is on.
    pub is_active: Option<bool>,
    /// Whether failed sign-ins are to be forgotten.
    pub unlock: Option<bool>,
}

impl ChangeAccountBody {
    fn parse(&self) -> Result<AccountChange, Violations> {
        let mut violations = Violations::new();
        let change = AccountChange {
            role: self.role.as_deref().and_then(|word| violations.take("/role", Role::parse(word))),
            plan: self.plan.as_deref().and_then(|word| violations.take("/plan", Plan::parse(word))),
            is_active: self.is_active,
            unlock: self.unlock.unwrap_or_default(),
        };
        violations.into_result().map(|()| change)
    }
}

/// Something that happened.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditEvent)]
pub struct AuditEventBody {
    /// Its id.
    pub id: Uuid,
    /// When.
    pub at: DateTime<Utc>,
    /// What, as `session.signed_in`.
    pub action: &'static str,
    /// Who: `anonymous`, `user` or `system`.
    #[schema(pattern = "^(anonymous|user|system)$")]
    pub actor_kind: &'static str,
    /// Which user.
    pub actor: Option<Uuid>,
    /// To which account.
    pub subject: Option<Uuid>,
    /// Where the request came from.
    pub ip_address: Option<String>,
    /// What the client called itself.
    pub user_agent: Option<String>,
    /// What the request is called in the log.
    pub request_id: Option<String>,
    /// What else there is to say.
    #[schema(value_type = Object)]
    pub details: serde_json::Map<String, serde_json::Value>,
}

impl From<AuditEvent> for AuditEventBody {
    fn from(event: AuditEvent) -> Self {
        Self {
            id: event.id.as_uuid(),
            at: event.at.as_datetime(),
            action: event.action.as_str(),
            actor_kind: event.actor.kind(),
            actor: event.actor.user().map(UserId::as_uuid),
            subject: event.subject.map(UserId::as_uuid),
            ip_address: event.ip_address,
            user_agent: event.user_agent,
            request_id: event.request_id,
            details: event.details.into_iter().map(|(name, value)| (name, value.into())).collect(),
        }
    }
}

/// Which events, and which page of them.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AuditQuery {
    /// Done by the user with this id.
    #[param(value_type = Option<Uuid>)]
    pub actor: Option<String>,
    /// Of this kind, as `session.signed_in`.
    pub action: Option<String>,
    /// Done to the account with this id.
    #[param(value_type = Option<Uuid>)]
    pub subject: Option<String>,
    /// Not before (RFC 3339).
    #[param(value_type = Option<DateTime<Utc>>)]
    pub since: Option<String>,
    /// How many items, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 20, value_type = Option<u32>)]
    pub limit: Option<String>,
    /// Where to start: `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl AuditQuery {
    fn filter(&self) -> Result<AuditFilter, Violations> {
        let mut violations = Violations::new();
        let time = |raw: &str| {
            let parsed = DateTime::parse_from_rfc3339(raw).map(|at| Timestamp::new(at.to_utc()));
            parsed.map_err(|_| Invalid::Malformed { expected: "a time as 2026-01-31T12:00:00Z" })
        };
        let filter = AuditFilter {
            actor: self.actor.as_deref().and_then(|raw| violations.take("/actor", raw.parse())),
            action: self.action.as_deref().and_then(|raw| violations.take("/action", AuditAction::parse(raw))),
            subject: self.subject.as_deref().and_then(|raw| violations.take("/subject", raw.parse())),
            since: self.since.as_deref().and_then(|raw| violations.take("/since", time(raw))),
            only_sign_ins: false,
        };
        violations.into_result().map(|()| filter)
    }
}

/// Accounts, newest first.
#[utoipa::path(tag = "admin", security(("bearer" = []), ("cookie" = [])), params(AccountQuery),
    responses((status = 200, body = PageBody<AccountBody>)))]
#[get("/admin/users")]
pub async fn list_users(
    app: web::Data<App>,
    caller: Caller,
    Query(query): Query<AccountQuery>,
) -> Result<web::Json<PageBody<AccountBody>>, Problem> {
    let page = page_request(query.limit.as_deref(), query.cursor.as_deref())?;
    let page = app.lyceum.users(&caller.actor(), &query.filter()?, page).await?;
    Ok(web::Json(PageBody::of(page, |user| AccountBody::from(&user))))
}

/// An account, deleted or not.
#[utoipa::path(tag = "admin", security(("bearer" = []), ("cookie" = [])),
    params(("id" = Uuid, Path, description = "the account")),
    responses((status = 200, body = AccountBody, headers(("ETag" = String, description = "the version")))))]
#[get("/admin/users/{id}")]
pub async fn read_user(app: web::Data<App>, caller: Caller, Id(id): Id<UserId>) -> Result<HttpResponse, Problem> {
    let user = app.lyceum.account(&caller.actor(), id).await?;
    Ok(versioned(StatusCode::OK, user.version, AccountBody::from(&user)))
}

/// Changes an account; it holds from that user's very next request on.
#[utoipa::path(tag = "admin", security(("bearer" = []), ("cookie" = [])),
    params(
        ("id" = Uuid, Path, description = "the account"),
        ("If-Match" = Option<String>, Header, description = "the ETag that the change is about"),
    ),
    responses((status = 200, body = AccountBody, headers(("ETag" = String, description = "the version")))))]
#[patch("/admin/users/{id}")]
pub async fn change_user(
    app: web::Data<App>,
    caller: Caller,
    Id(id): Id<UserId>,
    expected: IfMatch,
    Json(body): Json<ChangeAccountBody>,
) -> Result<HttpResponse, Problem> {
    let user = app.lyceum.change_account(&caller.0, id, body.parse()?, expected.0).await?;
    Ok(versioned(StatusCode::OK, user.version, AccountBody::from(&user)))
}

/// The audit trail, newest first.
#[utoipa::path(tag = "admin", security(("bearer" = []), ("cookie" = [])), params(AuditQuery),
    responses((status = 200, body = PageBody<AuditEventBody>)))]
#[get("/admin/audit")]
pub async fn list_audit(
    app: web::Data<App>,
    caller: Caller,
    Query(query): Query<AuditQuery>,
) -> Result<web::Json<PageBody<AuditEventBody>>, Problem> {
    let page = page_request(query.limit.as_deref(), query.cursor.as_deref())?;
    let page = app.lyceum.audit(&caller.actor(), &query.filter()?, page).await?;
    Ok(web::Json(PageBody::of(page, Into::into)))
}
