//! Errors as clients of OpenAI's format expect them.

use std::borrow::Cow;

use actix_web::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::problem::Problem;

/// Whether errors of this address have that form.
pub fn speaks_openai(path: &str) -> bool {
    path.starts_with("/openai/")
}

/// An error in OpenAI's form.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CompletionError)]
pub struct ErrorBody<'a> {
    /// What was wrong.
    error: Inner<'a>,
}

/// What was wrong, in OpenAI's form.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CompletionErrorDetail)]
struct Inner<'a> {
    /// A sentence for people.
    message: Cow<'a, str>,
    /// The kind of error, as `invalid_request_error`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The member of the request that it is about.
    param: Option<&'a str>,
    /// A stable word for programs.
    code: &'a str,
    /// Beyond OpenAI's members, as many servers have it.
    request_id: &'a str,
}

impl<'a> ErrorBody<'a> {
    /// The same problem, for this request.
    pub fn of(problem: &'a Problem, request_id: &'a str) -> Self {
        let kind = match (problem.status.as_u16(), problem.code) {
            (_, "quota_exceeded") => "insufficient_quota",
            // Too many of them, where tokens could be too many too.
            (_, "rate_limited") => "requests",
            (401, _) => "authentication_error",
            (403, _) => "permission_error",
            (429, _) => "rate_limit_error",
            (500.., _) => "server_error",
            _ => "invalid_request_error",
        };
        let code = match problem.code {
            "unauthenticated" | "invalid_token" => "invalid_api_key",
            "quota_exceeded" => "insufficient_quota",
            "rate_limited" => "rate_limit_exceeded",
            code => code,
        };
        let first = problem.errors.first();
        let message = first.map_or(Cow::Borrowed(&*problem.detail), |field| {
            Cow::Owned(format!("{} {}", field.pointer.trim_start_matches('/'), field.message))
        });
        let param = first.map(|field| field.pointer.trim_start_matches('/'));
        let param = param.or((problem.code == "model_not_found").then_some("model"));
        Self { error: Inner { message, kind, param, code, request_id } }
    }
}

/// Whether a client had better not try again by itself: the official ones try after every 429.
pub fn is_final(problem: &Problem) -> bool {
    problem.code == "quota_exceeded"
}

/// There is only one model.
pub(super) fn no_such_model(name: &str) -> Problem {
    let name: String = name.chars().take(100).collect();
    let detail = format!("The model `{}` does not exist; it is `{}` here.", name.escape_debug(), super::MODEL);
    Problem::new(StatusCode::NOT_FOUND, "model_not_found", detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lyceum_application::Error;
    use lyceum_domain::{invalid::Invalid, mentor::Window};
    use std::time::Duration;

    #[test]
    fn problems_have_another_form_and_the_same_sense() {
        let quota = Error::QuotaExceeded { window: Window::Day, retry_after: Duration::from_mins(1) };
        let all = [
            Problem::from(Error::InvalidToken),
            no_such_model("gpt-4o"),
            Problem::from(quota),
            Problem::invalid("/messages", Invalid::Missing),
            Problem::from(Error::InsufficientScope),
            Problem::from(Error::ShuttingDown),
            Problem::rate_limited(Duration::from_secs(1)),
        ];
        let finals: Vec<bool> = all.iter().map(is_final).collect();
        assert_eq!(finals, [false, false, true, false, false, false, false], "only the quota is not tried again");
        let bodies: Vec<String> =
            all.iter().map(|problem| serde_json::to_string(&ErrorBody::of(problem, "r")).expect("JSON")).collect();
        insta::assert_snapshot!(bodies.join("\n"), @r#"
        {"error":{"message":"The token is not valid.","type":"authentication_error","param":null,"code":"invalid_api_key","request_id":"r"}}
        {"error":{"message":"The model `gpt-4o` does not exist; it is `lyceum-mentor` here.","type":"invalid_request_error","param":"model","code":"model_not_found","request_id":"r"}}
        {"error":{"message":"What your plan allows for this day is used up.","type":"insufficient_quota","param":null,"code":"insufficient_quota","request_id":"r"}}
        {"error":{"message":"messages is required","type":"invalid_request_error","param":"messages","code":"validation_failed","request_id":"r"}}
        {"error":{"message":"This is not for a key of these scopes.","type":"permission_error","param":null,"code":"insufficient_scope","request_id":"r"}}
        {"error":{"message":"The server is shutting down.","type":"server_error","param":null,"code":"shutting_down","request_id":"r"}}
        {"error":{"message":"Too many requests; wait a moment.","type":"requests","param":null,"code":"rate_limit_exceeded","request_id":"r"}}
        "#);
    }
}
