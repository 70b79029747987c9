//! The codes and statuses that are a promise.

use std::fmt::Write as _;

use super::*;
use lyceum_domain::{mentor::Window, store::StoreError};

/// Codes and statuses are a promise: this table changes only by growing.
#[test]
#[expect(clippy::too_many_lines, reason = "two lines for each code")]
fn the_table_of_codes() {
    let chat = |error| Error::Mentor(error);
    let all = [
        Error::Invalid(Violations::new()),
        Error::SignInRequired,
        Error::InvalidToken,
        Error::TokenExpired,
        Error::InvalidCredentials,
        Error::EmailNotVerified,
        Error::AccountDisabled,
        Error::AccountLocked { retry_after: Duration::from_millis(29_001) },
        Error::PasswordsOff,
        Error::InsufficientScope,
        Error::OwnAccount,
        Error::TooMany("keys"),
        Error::ProviderUnavailable { retry_after: Duration::from_secs(30) },
        Error::Forbidden,
        Error::NotFound("course"),
        Error::UsernameTaken,
        Error::EmailTaken,
        Error::SlugTaken,
        Error::NotPublished,
        Error::Conflict,
        Error::VersionMismatch,
        Error::TooLarge { max: 1024 },
        Error::UnsupportedMediaType("the file is empty".to_owned()),
        Error::BadPicture("is damaged: it ends too early".to_owned()),
        Error::UploadInterrupted("the network".into()),
        Error::RangeNotSatisfiable { size: 7 },
        Error::IdempotencyKeyReused,
        Error::RequestInProgress,
        Error::StorageUnavailable("host name".into()),
        Error::Busy { retry_after: Duration::from_millis(1500) },
        chat(ChatError::RateLimited { retry_after: Some(Duration::from_secs(7)) }),
        chat(ChatError::Unavailable { detail: String::new(), retry_after: None, source: None }),
        chat(ChatError::Misconfigured { detail: "the key is secret".into() }),
        chat(ChatError::Timeout { detail: String::new() }),
        chat(ChatError::BadResponse { detail: String::new(), source: None }),
        chat(ChatError::Refused { detail: String::new() }),
        Error::QuotaExceeded { window: Window::Day, retry_after: Duration::from_hours(1) },
        Error::NotAnAnswer,
        Error::AnswerBroken(MessageStatus::Interrupted),
        Error::AnswerBroken(MessageStatus::Failed),
        Error::Abandoned,
        Error::ShuttingDown,
        Error::StoreUnavailable(StoreError::Unavailable("host name".into())),
        Error::Internal("stack trace".into()),
    ];
    // What the door itself says.
    let own = [Problem::rate_limited(Duration::from_millis(1001)), Problem::limiter_unavailable("host name".into())];
    let mut table = String::new();
    for problem in all.into_iter().map(Problem::from).chain(own) {
        let wait = problem.response("x").headers().get(header::RETRY_AFTER).map(|v| v.to_str().unwrap().to_owned());
        let wait = wait.map(|wait| format!(" (again in {wait} s)")).unwrap_or_default();
        let _ = writeln!(table, "{} {} {}{wait}", problem.status.as_u16(), problem.code, problem.detail);
    }
    insta::assert_snapshot!(table, @r"
    422 validation_failed Some of what was sent is not acceptable; see `errors`.
    401 unauthenticated Sign in first.
    401 invalid_token The token is not valid.
    401 token_expired The token has expired.
    401 invalid_credentials Wrong name or password.
    403 email_not_verified The e-mail address is not verified yet.
    403 account_disabled The account is switched off.
    423 account_locked Too many sign-ins failed; the account is locked for a while. (again in 30 s)
    403 passwords_off Sign in at the identity provider.
    403 insufficient_scope This is not for a key of these scopes.
    409 own_account No admin takes the admin's rights from themselves.
    409 too_many There are as many keys as there may be.
    503 identity_provider_unavailable The identity provider cannot be reached right now. (again in 30 s)
    403 forbidden This is not for your role.
    404 not_found There is no such course.
    409 username_taken Somebody has that username.
    409 email_taken Somebody has that e-mail address.
    409 slug_taken That name in addresses is taken; removed ones keep theirs.
    409 not_published It was never published, so there is nobody to go on with it: remove it.
    409 conflict Somebody changed the same thing; look again.
    412 version_mismatch It is another version by now; look again.
    413 too_large At most 1024 bytes are taken here.
    415 unsupported_media_type This is not taken: the file is empty.
    422 bad_picture The picture is damaged: it ends too early.
    400 upload_interrupted The file did not come to its end.
    416 range_not_satisfiable The part that was asked for begins after the end.
    422 idempotency_key_reused The same Idempotency-Key came with another request before.
    409 request_in_progress The request of this Idempotency-Key is still being done. (again in 1 s)
    503 storage_unavailable Files cannot be stored or read for a moment. (again in 5 s)
    503 busy Too much to do right now. (again in 2 s)
    503 llm_unavailable The mentor cannot be reached right now. (again in 7 s)
    503 llm_unavailable The mentor cannot be reached right now. (again in 5 s)
    503 llm_unavailable The mentor cannot be reached right now. (again in 60 s)
    504 llm_timeout The mentor took too long.
    502 llm_bad_response The mentor's answer was unusable.
    422 llm_refused The mentor does not answer this question.
    429 quota_exceeded What your plan allows for this day is used up. (again in 3600 s)
    409 not_an_answer That is a question; this is for answers.
    503 answer_interrupted The answer was broken off; what was said is kept. (again in 1 s)
    502 answer_failed The answer failed; what was said is kept.
    503 abandoned The answer was broken off. (again in 1 s)
    503 shutting_down The server is shutting down. (again in 5 s)
    503 database_unavailable The database is away for a moment. (again in 5 s)
    500 internal_error Something went wrong on our side.
    429 rate_limited Too many requests; wait a moment. (again in 2 s)
    503 limiter_unavailable Requests of this kind cannot be taken for a moment. (again in 5 s)
    ");
}

#[test]
fn the_shape_of_a_problem() {
    let problem = Problem::invalid("/password", Invalid::TooShort { min: 8 });
    insta::assert_json_snapshot!(problem.body("0199"), @r#"
    {
      "type": "urn:lyceum:problem:validation_failed",
      "title": "Unprocessable Entity",
      "status": 422,
      "detail": "Some of what was sent is not acceptable; see `errors`.",
      "code": "validation_failed",
      "request_id": "0199",
      "errors": [
        {
          "pointer": "/password",
          "code": "too_short",
          "message": "must have at least 8 characters"
        }
      ]
    }
    "#);
}
