//! The OAuth2 token endpoint (RFC 6749), for scripts, mobile applications and services.

use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
    post, web,
};
use lyceum_application::{Error, sessions::SignedIn};
use serde::{Deserialize, Serialize};
use url::form_urlencoded;
use utoipa::ToSchema;

use crate::{
    app::App,
    http::{body::Form, client::Client, problem::Problem},
};

/// The form of a token request.
#[derive(Deserialize, ToSchema)]
#[schema(as = TokenRequest)]
pub struct TokenForm {
    /// `password` or `refresh_token`.
    #[schema(pattern = "^(password|refresh_token)$")]
    pub grant_type: String,
    /// E-mail or username, for `password`.
    pub username: Option<String>,
    /// For `password`.
    #[schema(format = Password)]
    pub password: Option<String>,
    /// For `refresh_token`.
    pub refresh_token: Option<String>,
}

/// Tokens (RFC 6749, 5.1).
#[derive(Serialize, ToSchema)]
#[schema(as = TokenResponse)]
pub struct TokenBody {
    /// Sent as `Authorization: Bearer …`.
    pub access_token: String,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    pub token_type: &'static str,
    /// Seconds.
    pub expires_in: u64,
    /// Good once, for the next pair.
    pub refresh_token: String,
    /// What the token is good for: the role.
    pub scope: &'static str,
}

/// An error (RFC 6749, 5.2).
#[derive(Serialize, ToSchema)]
#[schema(as = TokenError)]
pub struct TokenErrorBody {
    /// `invalid_request`, `invalid_grant`, `unauthorized_client` or `unsupported_grant_type`.
    pub error: &'static str,
    /// A sentence for people.
    pub error_description: &'static str,
}

/// Tokens for a name and password, or for a refresh token.
#[utoipa::path(tag = "auth",
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = TokenBody), (status = 400, body = TokenErrorBody), (status = 423)))]
#[post("/auth/token")]
pub async fn token(app: web::Data<App>, client: Client, form: Form) -> Result<HttpResponse, Problem> {
    let signed_in = match grant(&form.0) {
        Err(error) => return Ok(refusal(error.0, error.1)),
        Ok(Grant::Password { username, password }) => app.lyceum.sign_in(&username, &password, &client.0).await,
        Ok(Grant::Refresh(token)) => app.lyceum.refresh(&token, &client.0).await,
    };
    match signed_in {
        Ok(signed_in) => Ok(tokens(&signed_in)),
        Err(Error::InvalidCredentials) => Ok(refusal("invalid_grant", "Wrong name or password.")),
        Err(Error::InvalidToken | Error::TokenExpired) => {
            Ok(refusal("invalid_grant", "The refresh token is not good."))
        }
        Err(Error::EmailNotVerified) => Ok(refusal("invalid_grant", "The e-mail address is not verified yet.")),
        Err(Error::AccountDisabled) => Ok(refusal("invalid_grant", "The account is switched off.")),
        Err(Error::PasswordsOff) => Ok(refusal("unauthorized_client", "Sign in at the identity provider.")),
        Err(error) => Err(error.into()),
    }
}

enum Grant {
    Password { username: String, password: String },
    Refresh(String),
}

type Refused = (&'static str, &'static str);

/// Reads the form; a member that is there twice is refused (RFC 6749, 3.2), one that is not known is not (3.2 too).
fn grant(body: &[u8]) -> Result<Grant, Refused> {
    if std::str::from_utf8(body).is_err() {
        return Err(("invalid_request", "The form is not UTF-8."));
    }
    let mut form = std::collections::HashMap::new();
    for (name, value) in form_urlencoded::parse(body) {
        if form.insert(name.into_owned(), value.into_owned()).is_some() {
            return Err(("invalid_request", "A member of the form is there twice."));
        }
    }
    let mut take = |name| form.remove(name).filter(|value| !value.is_empty());
    match take("grant_type").as_deref() {
        Some("password") => match (take("username"), take("password")) {
            (Some(username), Some(password)) => Ok(Grant::Password { username, password }),
            _ => Err(("invalid_request", "`username` and `password` are required.")),
        },
        Some("refresh_token") => {
            take("refresh_token").map(Grant::Refresh).ok_or(("invalid_request", "`refresh_token` is required."))
        }
        Some(_) => Err(("unsupported_grant_type", "Only `password` and `refresh_token` are known.")),
        None => Err(("invalid_request", "`grant_type` is required.")),
    }
}

fn tokens(signed_in: &SignedIn) -> HttpResponse {
    let expires_in = signed_in.access_expires_at.since(signed_in.issued_at).as_secs();
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(TokenBody {
        access_token: signed_in.access_token.clone(),
        token_type: "Bearer",
        expires_in,
        refresh_token: signed_in.refresh_token.expose().to_owned(),
        scope: signed_in.user.role.as_str(),
    })
}

fn refusal(error: &'static str, error_description: &'static str) -> HttpResponse {
    HttpResponse::build(StatusCode::BAD_REQUEST)
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(TokenErrorBody { error, error_description })
}
