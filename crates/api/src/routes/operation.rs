//! What runs the place: health, the OpenAPI document, the public keys.

use std::time::Duration;

use actix_web::{
    HttpResponse, get,
    http::{StatusCode, header},
    web,
};
use lyceum_domain::store::StoreError;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::App,
    health::{HealthBody, Status},
    http::problem::Problem,
};

/// That the process lives.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Liveness)]
pub struct LivenessBody {
    /// Always `ok`.
    #[schema(example = "ok")]
    pub status: &'static str,
}

/// Public keys (RFC 7517).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JwkSet)]
pub struct JwkSetBody {
    /// The key that signs first, then older ones that still verify; empty while access tokens are signed with a shared
    /// secret.
    #[schema(value_type = Vec<Object>)]
    pub keys: Vec<serde_json::Value>,
}

/// How the parts are.
#[utoipa::path(tag = "operation", responses((status = 200, body = HealthBody), (status = 503, body = HealthBody, description = "down")))]
#[get("/health")]
pub async fn health(app: web::Data<App>) -> HttpResponse {
    let health = app.health.look(&app).await;
    let status = if health.status == Status::Down { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    let mut response = HttpResponse::build(status);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.insert_header((header::RETRY_AFTER, "5"));
    }
    response.json(health)
}

/// Whether the process lives.
#[utoipa::path(tag = "operation", responses((status = 200, body = LivenessBody)))]
#[get("/health/live")]
pub async fn live() -> HttpResponse {
    HttpResponse::Ok().json(LivenessBody { status: "ok" })
}

/// Whether requests can be sent here: the server is up, the database answers, and nobody told the server to stop.
#[utoipa::path(tag = "operation", responses((status = 200, body = LivenessBody)))]
#[get("/health/ready")]
pub async fn ready(app: web::Data<App>) -> Result<HttpResponse, Problem> {
    if app.leaving.is_cancelled() {
        return Err(lyceum_application::Error::ShuttingDown.into());
    }
    if !app.up.is_cancelled() {
        return Err(Problem {
            retry_after: Some(Duration::from_secs(1)),
            ..Problem::new(StatusCode::SERVICE_UNAVAILABLE, "starting", "The server is starting.")
        });
    }
    // Remembered for a moment: probes come from everywhere.
    let database = app.health.database(&app).await;
    if database.status == Status::Down {
        let away = StoreError::Unavailable(format!("the database {}", database.detail).into());
        return Err(lyceum_application::Error::from(away).into());
    }
    Ok(HttpResponse::Ok().json(LivenessBody { status: "ok" }))
}

/// This document.
#[utoipa::path(tag = "operation", responses((status = 200, body = Object, description = "OpenAPI 3.1")))]
#[get("/openapi.json")]
pub async fn openapi() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(crate::openapi::SERVED.as_str())
}

/// The public keys that access tokens can be verified with.
#[utoipa::path(tag = "operation", responses((status = 200, body = JwkSetBody)))]
#[get("/.well-known/jwks.json")]
pub async fn jwks(app: web::Data<App>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        // Keys stay for as long as tokens of theirs may; a new one is looked for when a token names it.
        .insert_header((header::CACHE_CONTROL, "public, max-age=300"))
        .body(app.lyceum.ports().access_tokens.key_set())
}
