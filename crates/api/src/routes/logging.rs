//! What the server logs, seen and changed by admins.

use actix_web::{get, put, web};
use lyceum_application::Error;
use lyceum_domain::invalid::{Invalid, Violations};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    app::App,
    http::{body::Json, caller::Caller, problem::Problem},
    logs,
    settings::LogSettings,
};

/// What is logged.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = LogLevel)]
#[serde(deny_unknown_fields)]
pub struct LogLevelBody {
    /// `off`, `error`, `warn`, `info`, `debug` or `trace`, also by target after commas.
    #[schema(example = "info,sqlx=debug", max_length = 500)]
    pub level: String,
}

impl LogLevelBody {
    fn parse(&self) -> Result<&str, Violations> {
        let level = self.level.trim();
        let parsed = logs::check_level(level).map(|()| level);
        let parsed = parsed.map_err(|_| Invalid::Malformed { expected: LogSettings::LEVELS });
        let mut violations = Violations::new();
        let parsed = violations.take("/level", parsed);
        violations.into_result().map(|()| parsed.unwrap_or_default())
    }
}

/// What this server logs.
#[utoipa::path(tag = "admin", security(("bearer" = []), ("cookie" = [])),
    responses((status = 200, body = LogLevelBody)))]
#[get("/admin/log-level")]
pub async fn read_log_level(app: web::Data<App>, caller: Caller) -> Result<web::Json<LogLevelBody>, Problem> {
    app.lyceum.may_steer_logging(&caller.actor())?;
    Ok(web::Json(LogLevelBody { level: logs::level().unwrap_or_else(|| "off".to_owned()) }))
}

/// Changes what this server logs, until its next start. Other servers go on as they are.
#[utoipa::path(tag = "admin", security(("bearer" = []), ("cookie" = [])), request_body = LogLevelBody,
    responses((status = 200, body = LogLevelBody)))]
#[put("/admin/log-level")]
pub async fn change_log_level(
    app: web::Data<App>,
    caller: Caller,
    Json(body): Json<LogLevelBody>,
) -> Result<web::Json<LogLevelBody>, Problem> {
    // Nobody else's level is even read.
    app.lyceum.may_steer_logging(&caller.actor())?;
    let level = body.parse()?;
    app.lyceum.note_log_level(&caller.0, level).await?;
    logs::set_level(level).map_err(|error| Error::Internal(error.to_string()))?;
    Ok(web::Json(LogLevelBody { level: level.to_owned() }))
}
