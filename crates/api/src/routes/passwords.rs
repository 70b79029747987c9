//! Forgotten, reset and changed passwords.

use actix_web::{HttpResponse, post, web};
use lyceum_domain::{invalid::Violations, policy::Actor, users::Email};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    app::App,
    http::{body::Json, caller::Caller, client::Client, problem::Problem},
    routes::auth::EmailBody,
};

/// That a mail goes out if there is anybody to get it.
#[derive(Serialize, ToSchema)]
#[schema(as = MailRequested)]
pub struct MailRequestedBody {
    /// Always `mail_requested`.
    #[schema(example = "mail_requested")]
    pub status: &'static str,
}

/// A mailed token, and what the password is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetPasswordBody {
    /// As it stands in the mail.
    pub token: String,
    /// At least 8 characters, letters and digits; at most 72 bytes.
    #[schema(format = Password, min_length = 8, max_length = 72)]
    pub new_password: String,
}

/// The present password, and what it is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePasswordBody {
    /// As it is now.
    #[schema(format = Password)]
    pub current_password: String,
    /// At least 8 characters, letters and digits; at most 72 bytes.
    #[schema(format = Password, min_length = 8, max_length = 72)]
    pub new_password: String,
}

/// Sends a link that sets another password, if the address has an account.
#[utoipa::path(tag = "auth", responses((status = 202, body = MailRequestedBody)))]
#[post("/auth/password/forgot")]
pub async fn forgot_password(app: web::Data<App>, Json(body): Json<EmailBody>) -> Result<HttpResponse, Problem> {
    let mut violations = Violations::new();
    let email = violations.take("/email", Email::parse(&body.email)).ok_or(violations)?;
    app.lyceum.forgot_password(&Actor::Anonymous, &email).await?;
    Ok(HttpResponse::Accepted().json(MailRequestedBody { status: "mail_requested" }))
}

/// Sets another password by a mailed token; every session ends.
#[utoipa::path(tag = "auth", responses((status = 204)))]
#[post("/auth/password/reset")]
pub async fn reset_password(
    app: web::Data<App>,
    client: Client,
    Json(body): Json<ResetPasswordBody>,
) -> Result<HttpResponse, Problem> {
    app.lyceum.reset_password(&Actor::Anonymous, &body.token, &body.new_password, &client.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Changes one's password; every other session ends.
#[utoipa::path(tag = "auth", security(("bearer" = []), ("cookie" = [])), responses((status = 204), (status = 423)))]
#[post("/auth/password/change")]
pub async fn change_password(
    app: web::Data<App>,
    caller: Caller,
    Json(body): Json<ChangePasswordBody>,
) -> Result<HttpResponse, Problem> {
    app.lyceum.change_password(&caller.0, &body.current_password, &body.new_password).await?;
    Ok(HttpResponse::NoContent().finish())
}
