//! Errors as `application/problem+json` (RFC 9457): the one table from code to status.

use std::{borrow::Cow, fmt, time::Duration};

use actix_web::{
    HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{self, HeaderName},
    },
};
use lyceum_application::Error;
use lyceum_domain::{
    conversations::MessageStatus,
    invalid::{Invalid, Violations},
    mentor::{Cause, ChatError},
};
use serde::Serialize;
use utoipa::ToSchema;

/// An error on its way out. The edge adds the request id and writes the body.
#[derive(Debug)]
pub struct Problem {
    /// The status.
    pub status: StatusCode,
    /// A stable word for programs.
    pub code: &'static str,
    /// A sentence for people.
    pub detail: Cow<'static, str>,
    /// What was wrong with which member.
    pub errors: Vec<FieldProblem>,
    /// When to try again.
    pub retry_after: Option<Duration>,
    /// Other headers.
    pub headers: Vec<(HeaderName, String)>,
    /// For the log alone.
    pub cause: Option<Box<dyn std::error::Error>>,
}

/// What was wrong with one member of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldProblem {
    /// The member (RFC 6901), as `/password`.
    #[schema(example = "/password")]
    pub pointer: String,
    /// A stable word for programs.
    #[schema(example = "too_short")]
    pub code: Cow<'static, str>,
    /// A sentence for people.
    #[schema(example = "must have at least 8 characters")]
    pub message: String,
}

/// An error as it is sent (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody<'a> {
    /// Identifies the kind of error.
    #[serde(rename = "type")]
    #[schema(example = "urn:lyceum:problem:validation_failed")]
    pub kind: String,
    /// The name of the status.
    pub title: &'a str,
    /// The status.
    pub status: u16,
    /// A sentence for people.
    pub detail: &'a str,
    /// A stable word for programs.
    pub code: &'a str,
    /// Names the request in the log.
    pub request_id: &'a str,
    /// What was wrong with which member (422).
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(required = false)]
    pub errors: &'a [FieldProblem],
}

impl Problem {
    /// An error without members.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
            headers: Vec::new(),
            cause: None,
        }
    }

    /// One member that is not acceptable.
    pub fn invalid(pointer: &str, invalid: Invalid) -> Self {
        let field = FieldProblem {
            pointer: pointer.to_owned(),
            code: Cow::Borrowed(invalid.code()),
            message: invalid.to_string(),
        };
        Self { errors: vec![field], ..Self::validation_failed() }
    }

    /// Members that are not acceptable.
    pub fn validation_failed() -> Self {
        let detail = "Some of what was sent is not acceptable; see `errors`.";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "validation_failed", detail)
    }

    /// Nothing here of that name.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is nothing here.")
    }

    /// One too many; this is how long until one more is let through.
    pub fn rate_limited(retry_after: Duration) -> Self {
        let detail = "Too many requests; wait a moment.";
        Self { retry_after: Some(retry_after), ..Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail) }
    }

    /// Nobody can count requests, and this one must not go on uncounted. The server as it is wired always has somebody: the
    /// limiter in memory does not fail, and stands in for Redis. It is for a limiter that has nobody behind it.
    pub fn limiter_unavailable(cause: Cause) -> Self {
        let detail = "Requests of this kind cannot be taken for a moment.";
        Self {
            retry_after: Some(Duration::from_secs(5)),
            cause: Some(cause),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "limiter_unavailable", detail)
        }
    }

    /// The problem for a status that the framework chose.
    pub fn of_status(status: StatusCode) -> Self {
        let (code, detail) = match status {
            StatusCode::BAD_REQUEST => ("bad_request", "The request cannot be read."),
            StatusCode::NOT_FOUND => ("not_found", "There is nothing here."),
            StatusCode::METHOD_NOT_ALLOWED => ("method_not_allowed", "This method is not for this address."),
            StatusCode::PAYLOAD_TOO_LARGE => ("payload_too_large", "The body is too large."),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => ("unsupported_media_type", "This kind of body is not read here."),
            StatusCode::REQUEST_TIMEOUT => ("request_timeout", "The request took too long to arrive."),
            status if status.is_client_error() => ("bad_request", "The request cannot be answered."),
            _ => ("internal_error", "Something went wrong on our side."),
        };
        Self::new(status, code, detail)
    }

    /// The body, for this request.
    pub fn body<'a>(&'a self, request_id: &'a str) -> ProblemBody<'a> {
        ProblemBody {
            kind: format!("urn:lyceum:problem:{}", self.code),
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
            code: self.code,
            request_id,
            errors: &self.errors,
        }
    }

    /// The response, for this request.
    pub fn response(&self, request_id: &str) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        response.insert_header((header::CONTENT_TYPE, "application/problem+json"));
        if self.code == "insufficient_scope" {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer error=\"insufficient_scope\""));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = match self.code {
                "invalid_token" | "token_expired" => "Bearer error=\"invalid_token\"",
                _ => "Bearer",
            };
            response.insert_header((header::WWW_AUTHENTICATE, challenge));
        }
        if let Some(wait) = self.retry_after {
            // Whole seconds, never sooner than said.
            response.insert_header((header::RETRY_AFTER, wait.as_millis().div_ceil(1000).max(1).to_string()));
        }
        for (name, value) in &self.headers {
            response.insert_header((name, value.as_str()));
        }
        response.json(self.body(request_id))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status.as_u16(), self.code, self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    /// The edge, which knows the request id, writes the body again with it.
    fn error_response(&self) -> HttpResponse {
        self.response("")
    }
}

impl From<Violations> for Problem {
    fn from(violations: Violations) -> Self {
        let errors = violations
            .iter()
            .map(|violation| FieldProblem {
                pointer: violation.pointer.to_owned(),
                code: Cow::Borrowed(violation.invalid.code()),
                message: violation.invalid.to_string(),
            })
            .collect();
        Self { errors, ..Self::validation_failed() }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let code = error.code();
        let new = |status, detail: &'static str| Self::new(status, code, detail);
        let away = |detail, wait: Duration| Self {
            retry_after: Some(wait),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail)
        };
        match error {
            Error::Invalid(violations) => violations.into(),
            Error::SignInRequired => new(StatusCode::UNAUTHORIZED, "Sign in first."),
            Error::InvalidToken => new(StatusCode::UNAUTHORIZED, "The token is not valid."),
            Error::TokenExpired => new(StatusCode::UNAUTHORIZED, "The token has expired."),
            Error::InvalidCredentials => new(StatusCode::UNAUTHORIZED, "Wrong name or password."),
            Error::EmailNotVerified => new(StatusCode::FORBIDDEN, "The e-mail address is not verified yet."),
            Error::AccountDisabled => new(StatusCode::FORBIDDEN, "The account is switched off."),
            Error::AccountLocked { retry_after } => Self {
                retry_after: Some(retry_after),
                ..new(StatusCode::LOCKED, "Too many sign-ins failed; the account is locked for a while.")
            },
            Error::PasswordsOff => new(StatusCode::FORBIDDEN, "Sign in at the identity provider."),
            Error::InsufficientScope => new(StatusCode::FORBIDDEN, "This is not for a key of these scopes."),
            Error::OwnAccount => new(StatusCode::CONFLICT, "No admin takes the admin's rights from themselves."),
            Error::TooMany(things) => {
                Self::new(StatusCode::CONFLICT, code, format!("There are as many {things} as there may be."))
            }
            Error::ProviderUnavailable { retry_after } => {
                away("The identity provider cannot be reached right now.", retry_after)
            }
            Error::Forbidden => new(StatusCode::FORBIDDEN, "This is not for your role."),
            Error::NotFound(thing) => Self::new(StatusCode::NOT_FOUND, code, format!("There is no such {thing}.")),
            Error::UsernameTaken => new(StatusCode::CONFLICT, "Somebody has that username."),
            Error::EmailTaken => new(StatusCode::CONFLICT, "Somebody has that e-mail address."),
            Error::SlugTaken => new(StatusCode::CONFLICT, "That name in addresses is taken; removed ones keep theirs."),
            Error::NotPublished => {
                new(StatusCode::CONFLICT, "It was never published, so there is nobody to go on with it: remove it.")
            }
            Error::Conflict => new(StatusCode::CONFLICT, "Somebody changed the same thing; look again."),
            Error::VersionMismatch => new(StatusCode::PRECONDITION_FAILED, "It is another version by now; look again."),
            Error::TooLarge { max } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, code, format!("At most {max} bytes are taken here."))
            }
            Error::UnsupportedMediaType(reason) => {
                Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, code, format!("This is not taken: {reason}."))
            }
            Error::BadPicture(reason) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, format!("The picture {reason}."))
            }
            Error::UploadInterrupted(_) => new(StatusCode::BAD_REQUEST, "The file did not come to its end."),
            Error::RangeNotSatisfiable { size } => Self {
                headers: vec![(header::CONTENT_RANGE, format!("bytes */{size}"))],
                ..new(StatusCode::RANGE_NOT_SATISFIABLE, "The part that was asked for begins after the end.")
            },
            Error::IdempotencyKeyReused => {
                new(StatusCode::UNPROCESSABLE_ENTITY, "The same Idempotency-Key came with another request before.")
            }
            Error::RequestInProgress => Self {
                retry_after: Some(Duration::from_secs(1)),
                ..new(StatusCode::CONFLICT, "The request of this Idempotency-Key is still being done.")
            },
            Error::StorageUnavailable(cause) => Self {
                cause: Some(cause),
                ..away("Files cannot be stored or read for a moment.", Duration::from_secs(5))
            },
            Error::Busy { retry_after } => away("Too much to do right now.", retry_after),
            Error::Mentor(cause) => Self::from_chat(code, cause),
            Error::QuotaExceeded { window, retry_after } => Self {
                retry_after: Some(retry_after),
                ..Self::new(
                    StatusCode::TOO_MANY_REQUESTS,
                    code,
                    format!("What your plan allows for this {} is used up.", window.as_str()),
                )
            },
            Error::NotAnAnswer => new(StatusCode::CONFLICT, "That is a question; this is for answers."),
            Error::AnswerBroken(MessageStatus::Interrupted) => {
                away("The answer was broken off; what was said is kept.", Duration::from_secs(1))
            }
            Error::AnswerBroken(_) => new(StatusCode::BAD_GATEWAY, "The answer failed; what was said is kept."),
            Error::Abandoned => away("The answer was broken off.", Duration::from_secs(1)),
            Error::ShuttingDown => away("The server is shutting down.", Duration::from_secs(5)),
            Error::StoreUnavailable(cause) => Self {
                cause: Some(Box::new(cause)),
                ..away("The database is away for a moment.", Duration::from_secs(5))
            },
            Error::Internal(cause) => Self {
                cause: Some(cause.into()),
                ..new(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong on our side.")
            },
        }
    }
}

impl Problem {
    fn from_chat(code: &'static str, error: ChatError) -> Self {
        let (status, detail, retry_after) = match &error {
            ChatError::RateLimited { retry_after } | ChatError::Unavailable { retry_after, .. } => (
                StatusCode::SERVICE_UNAVAILABLE,
                "The mentor cannot be reached right now.",
                Some(retry_after.unwrap_or(Duration::from_secs(5))),
            ),
            // A fault of the operator's; it will be mended, but not soon.
            ChatError::Misconfigured { .. } => (
                StatusCode::SERVICE_UNAVAILABLE,
                "The mentor cannot be reached right now.",
                Some(Duration::from_mins(1)),
            ),
            ChatError::Timeout { .. } => (StatusCode::GATEWAY_TIMEOUT, "The mentor took too long.", None),
            ChatError::BadResponse { .. } => (StatusCode::BAD_GATEWAY, "The mentor's answer was unusable.", None),
            ChatError::Refused { .. } => {
                (StatusCode::UNPROCESSABLE_ENTITY, "The mentor does not answer this question.", None)
            }
        };
        Self { retry_after, cause: Some(Box::new(error)), ..Self::new(status, code, detail) }
    }
}

#[cfg(test)]
mod tests;
