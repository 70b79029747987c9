//! Personal keys.

use actix_web::{HttpResponse, delete, get, post, web};
use chrono::{DateTime, Utc};
use lyceum_domain::{
    ids::ApiKeyId,
    invalid::{Invalid, Violations},
    time::Timestamp,
    users::{ApiKey, ApiKeyName, Scope, Scopes},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    app::App,
    http::{
        body::Json,
        caller::Caller,
        page::{PageBody, PageQuery, Query},
        path::Id,
        problem::Problem,
    },
};

/// A key that is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateApiKeyBody {
    /// What one calls it, 1 to 80 characters.
    #[schema(min_length = 1, max_length = 80, example = "my notebook")]
    pub name: String,
    /// What it may be used for: `ai`, `learning`, `profile`; at least one.
    #[schema(min_items = 1, example = json!(["ai"]))]
    pub scopes: Vec<String>,
    /// When it ends; never if left out.
    pub expires_at: Option<DateTime<Utc>>,
}

impl CreateApiKeyBody {
    fn parse(self) -> Result<(ApiKeyName, Scopes, Option<Timestamp>), Violations> {
        let mut violations = Violations::new();
        let name = violations.take("/name", ApiKeyName::parse(&self.name));
        let scopes: Result<Vec<_>, Invalid> = self.scopes.iter().map(|word| Scope::parse(word)).collect();
        let scopes = violations.take("/scopes", scopes.and_then(Scopes::new));
        match (name, scopes) {
            (Some(name), Some(scopes)) => Ok((name, scopes, self.expires_at.map(Timestamp::new))),
            _ => Err(violations),
        }
    }
}

/// A key, as far as it is known after it was made.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ApiKey)]
pub struct ApiKeyBody {
    /// Its id.
    pub id: Uuid,
    /// What its owner calls it.
    pub name: String,
    /// Its first characters.
    #[schema(example = "lyc_Ab3dEf7h")]
    pub prefix: String,
    /// What it may be used for.
    pub scopes: Vec<&'static str>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

impl From<ApiKey> for ApiKeyBody {
    fn from(key: ApiKey) -> Self {
        Self {
            id: key.id.as_uuid(),
            name: key.name.as_str().to_owned(),
            prefix: key.prefix,
            scopes: key.scopes.iter().map(Scope::as_str).collect(),
            created_at: key.created_at.as_datetime(),
            expires_at: key.expires_at.map(Timestamp::as_datetime),
            last_used_at: key.last_used_at.map(Timestamp::as_datetime),
        }
    }
}

/// A new key.
#[derive(Serialize, ToSchema)]
#[schema(as = NewApiKey)]
pub struct NewApiKeyBody {
    /// What is known of it later, too.
    #[serde(flatten)]
    pub known: ApiKeyBody,
    /// The key itself, shown this once; sent as a Bearer token.
    pub key: String,
}

/// Makes a key.
#[utoipa::path(tag = "users", security(("bearer" = []), ("cookie" = [])),
    responses((status = 201, body = NewApiKeyBody)))]
#[post("/users/me/api-keys")]
pub async fn create_api_key(
    app: web::Data<App>,
    caller: Caller,
    Json(body): Json<CreateApiKeyBody>,
) -> Result<HttpResponse, Problem> {
    let (name, scopes, expires_at) = body.parse()?;
    let (key, text) = app.lyceum.create_api_key(&caller.0, name, scopes, expires_at).await?;
    Ok(HttpResponse::Created().json(NewApiKeyBody { known: key.into(), key: text.expose().to_owned() }))
}

/// One's keys, newest first.
#[utoipa::path(tag = "users", security(("bearer" = []), ("cookie" = [])), params(PageQuery),
    responses((status = 200, body = PageBody<ApiKeyBody>)))]
#[get("/users/me/api-keys")]
pub async fn list_api_keys(
    app: web::Data<App>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<web::Json<PageBody<ApiKeyBody>>, Problem> {
    let page = app.lyceum.api_keys(&caller.0, query.parse()?).await?;
    Ok(web::Json(PageBody::of(page, Into::into)))
}

/// Ends a key.
#[utoipa::path(tag = "users", security(("bearer" = []), ("cookie" = [])),
    params(("id" = Uuid, Path, description = "the key")), responses((status = 204)))]
#[delete("/users/me/api-keys/{id}")]
pub async fn revoke_api_key(
    app: web::Data<App>,
    caller: Caller,
    Id(id): Id<ApiKeyId>,
) -> Result<HttpResponse, Problem> {
    app.lyceum.revoke_api_key(&caller.0, id).await?;
    Ok(HttpResponse::NoContent().finish())
}
