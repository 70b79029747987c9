//! Registering, verifying, signing in and out with cookies.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, post, web};
use chrono::{DateTime, Utc};
use lyceum_application::{Error, sessions::SignedIn, users::Registration};
use lyceum_domain::{
    invalid::Violations,
    policy::Actor,
    users::{DisplayName, Email, Password, Username},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    app::App,
    http::{
        body::Json,
        caller::Caller,
        client::{Client, client},
        cookies::{self, signed_in, signed_out},
        problem::Problem,
    },
    routes::users::UserBody,
};

/// What somebody registers with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterBody {
    /// Where the verification goes.
    #[schema(format = Email, max_length = 254, example = "ada@example.com")]
    pub email: String,
    /// 3 to 32 letters, digits, `_` and `-`.
    #[schema(min_length = 3, max_length = 32, example = "ada")]
    pub username: String,
    /// At least 8 characters, letters and digits; at most 72 bytes.
    #[schema(format = Password, min_length = 8, max_length = 72, example = "difference engine 1")]
    pub password: String,
    /// 1 to 80 characters.
    #[schema(min_length = 1, max_length = 80, example = "Ada Lovelace")]
    pub display_name: Option<String>,
}

impl RegisterBody {
    fn parse(self) -> Result<Registration, Violations> {
        let mut violations = Violations::new();
        let email = violations.take("/email", Email::parse(&self.email));
        let username = violations.take("/username", Username::parse(&self.username));
        let password = Password::for_account(&self.password, email.as_ref(), username.as_ref());
        let password = violations.take("/password", password);
        let display_name = self.display_name.and_then(|raw| violations.take("/display_name", DisplayName::parse(&raw)));
        match (email, username, password) {
            (Some(email), Some(username), Some(password)) => {
                violations.into_result().map(|()| Registration { email, username, password, display_name })
            }
            _ => Err(violations),
        }
    }
}

/// That a mail is on its way.
#[derive(Serialize, ToSchema)]
pub struct RegisteredBody {
    /// Always `verification_sent`.
    #[schema(example = "verification_sent")]
    pub status: &'static str,
}

/// The token of a verification link.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyEmailBody {
    /// As it stands in the mail.
    pub token: String,
}

/// An address.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EmailBody {
    /// Where the mail goes.
    #[schema(format = Email, max_length = 254)]
    pub email: String,
}

/// A name and a password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginBody {
    /// E-mail or username.
    #[schema(example = "learner@example.com")]
    pub identifier: String,
    /// The password.
    #[schema(format = Password)]
    pub password: String,
}

/// Who is signed in now; the tokens are in cookies alone.
#[derive(Serialize, ToSchema)]
pub struct SignedInBody {
    /// The account.
    pub user: UserBody,
    /// When the access cookie ends; refresh before.
    pub access_expires_at: DateTime<Utc>,
}

/// Registers. A mail with a link goes out, whether or not the address is known.
#[utoipa::path(tag = "auth", responses((status = 202, body = RegisteredBody), (status = 409, description = "`username_taken`")))]
#[post("/auth/register")]
pub async fn register(app: web::Data<App>, Json(body): Json<RegisterBody>) -> Result<HttpResponse, Problem> {
    app.lyceum.register(&Actor::Anonymous, body.parse()?).await?;
    Ok(HttpResponse::Accepted().json(RegisteredBody { status: "verification_sent" }))
}

/// Takes the token of a verification link.
#[utoipa::path(tag = "auth", responses((status = 204)))]
#[post("/auth/verify-email")]
pub async fn verify_email(
    app: web::Data<App>,
    client: Client,
    Json(body): Json<VerifyEmailBody>,
) -> Result<HttpResponse, Problem> {
    app.lyceum.verify_email(&Actor::Anonymous, &body.token, &client.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Sends another verification link, if the address waits for one.
#[utoipa::path(tag = "auth", responses((status = 202, body = RegisteredBody)))]
#[post("/auth/resend-verification")]
pub async fn resend_verification(app: web::Data<App>, Json(body): Json<EmailBody>) -> Result<HttpResponse, Problem> {
    let mut violations = Violations::new();
    let email = violations.take("/email", Email::parse(&body.email)).ok_or(violations)?;
    app.lyceum.resend_verification(&Actor::Anonymous, &email).await?;
    Ok(HttpResponse::Accepted().json(RegisteredBody { status: "verification_sent" }))
}

/// Signs a browser in: the tokens go into HttpOnly cookies.
#[utoipa::path(tag = "auth", responses((status = 401), (status = 403), (status = 423), (status = 200, body = SignedInBody, headers(("Set-Cookie" = String, description = "`lyceum_access` and `lyceum_refresh`")))))]
#[post("/auth/login")]
pub async fn login(app: web::Data<App>, client: Client, Json(body): Json<LoginBody>) -> Result<HttpResponse, Problem> {
    let signed_in = app.lyceum.sign_in(&body.identifier, &body.password, &client.0).await?;
    Ok(with_cookies(&app, &signed_in))
}

/// Trades the refresh cookie for new cookies.
#[utoipa::path(tag = "auth", security(("refresh_cookie" = [])), responses((status = 200, body = SignedInBody, headers(("Set-Cookie" = String, description = "`lyceum_access` and `lyceum_refresh`")))))]
#[post("/auth/refresh")]
pub async fn refresh(app: web::Data<App>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let cookie = request.cookie(cookies::REFRESH).ok_or(Error::SignInRequired)?;
    cookies::check_origin(&app, &request)?;
    Ok(with_cookies(&app, &app.lyceum.refresh(cookie.value(), &client(&request)).await?))
}

/// Ends this session.
#[utoipa::path(tag = "auth", security(("bearer" = []), ("cookie" = [])), responses((status = 204)))]
#[post("/auth/logout")]
pub async fn logout(
    app: web::Data<App>,
    request: HttpRequest,
    caller: Result<Caller, Problem>,
) -> Result<HttpResponse, Problem> {
    match (caller, request.cookie(cookies::REFRESH)) {
        (Ok(caller), _) => app.lyceum.sign_out(&caller.0).await?,
        // The access cookie has run out, the session has not.
        (Err(problem), Some(cookie)) if problem.status == StatusCode::UNAUTHORIZED => {
            cookies::check_origin(&app, &request)?;
            app.lyceum.sign_out_by_refresh_token(cookie.value(), &client(&request)).await?;
        }
        (Err(problem), _) => return Err(problem),
    }
    Ok(without_cookies(&app))
}

/// Ends every session.
#[utoipa::path(tag = "auth", security(("bearer" = []), ("cookie" = [])), responses((status = 204)))]
#[post("/auth/logout-all")]
pub async fn logout_all(app: web::Data<App>, caller: Caller) -> Result<HttpResponse, Problem> {
    app.lyceum.sign_out_everywhere(&caller.0).await?;
    Ok(without_cookies(&app))
}

fn with_cookies(app: &App, session: &SignedIn) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    for cookie in signed_in(&app.cookies, session) {
        response.cookie(cookie);
    }
    response.json(SignedInBody {
        user: UserBody::from(&session.user),
        access_expires_at: session.access_expires_at.as_datetime(),
    })
}

/// 204, and no more cookies.
pub fn without_cookies(app: &App) -> HttpResponse {
    let mut response = HttpResponse::NoContent();
    for cookie in signed_out(&app.cookies) {
        response.cookie(cookie);
    }
    response.finish()
}
