//! What went wrong, as the port's errors.

use std::time::{Duration, SystemTime};

use lyceum_domain::mentor::ChatError;
use reqwest::{
    StatusCode,
    header::{HeaderMap, RETRY_AFTER},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::error::Category;

use crate::wire::Complaint;

/// The most characters of a provider's words that go into a detail.
const DETAIL: usize = 300;
/// The longest type or code of an error that goes into a detail, in bytes.
const WORD: usize = 64;

/// A try that failed, and whether another one can help.
pub(crate) struct Failure {
    pub(crate) error: ChatError,
    pub(crate) can_retry: bool,
}

/// What the provider asked us to wait.
pub(crate) const fn retry_after(error: &ChatError) -> Option<Duration> {
    match error {
        ChatError::RateLimited { retry_after } | ChatError::Unavailable { retry_after, .. } => *retry_after,
        _ => None,
    }
}

pub(crate) fn unusable(detail: impl Into<String>) -> ChatError {
    ChatError::BadResponse { detail: detail.into(), source: None }
}

/// Makes details that can stand in a log: without the key, on one line, short.
#[derive(Clone)]
pub(crate) struct Redactor(SecretString);

impl Redactor {
    pub(crate) fn new(key: &SecretString) -> Self {
        Self(SecretString::from(key.expose_secret().trim()))
    }

    /// The words of a provider, or of a library that may quote it.
    pub(crate) fn clean(&self, raw: &str) -> String {
        let key = self.0.expose_secret();
        let hidden;
        let text = if !key.is_empty() && raw.contains(key) {
            hidden = raw.replace(key, "[key]");
            hidden.as_str()
        } else {
            raw
        };
        let mut out = String::with_capacity(text.len().min(DETAIL * 4));
        let mut count = 0;
        for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
            for c in (count > 0).then_some(' ').into_iter().chain(word.chars()) {
                if count == DETAIL {
                    out.push('…');
                    return out;
                }
                out.push(c);
                count += 1;
            }
        }
        out
    }

    /// An exchange that failed before the head of a reply.
    pub(crate) fn not_sent(&self, error: reqwest::Error) -> Failure {
        let what = match (error.is_connect(), error.is_timeout()) {
            (true, true) => "no connection in time",
            (true, false) => "no connection",
            _ => "the connection broke before an answer",
        };
        let (can_retry, error) = (!error.is_builder(), error.without_url());
        let detail = self.broken(what, &error);
        Failure {
            can_retry,
            error: ChatError::Unavailable { detail, retry_after: None, source: Some(Box::new(error)) },
        }
    }

    /// An exchange that failed in the middle of a reply: the provider has begun to work, and may bill it.
    pub(crate) fn broke_off(&self, error: reqwest::Error) -> ChatError {
        let error = error.without_url();
        let detail = self.broken("the answer broke off", &error);
        ChatError::BadResponse { detail, source: Some(Box::new(error)) }
    }

    /// What lies below an error without its address, which can hold what an operator would not want in a log.
    fn broken(&self, what: &str, error: &reqwest::Error) -> String {
        let mut cause: &dyn std::error::Error = error;
        while let Some(below) = cause.source() {
            cause = below;
        }
        format!("{what}: {}", self.clean(&cause.to_string()))
    }

    /// A reply with a status that is no success.
    pub(crate) fn status(&self, status: StatusCode, retry_after: Option<Duration>, body: &[u8]) -> Failure {
        let complaint = Complaint::of_body(body);
        self.note(&complaint);
        let error = self.judge(Some(status.as_u16()), retry_after, &complaint);
        let can_retry = matches!(status.as_u16(), 429 | 502 | 503 | 504)
            && !matches!(error, ChatError::Misconfigured { .. } | ChatError::Refused { .. });
        Failure { error, can_retry }
    }

    /// An `error` where an answer should be: in a body with a good status, or in an event.
    pub(crate) fn complaint(&self, complaint: &Complaint) -> ChatError {
        self.note(complaint);
        let status = complaint.code.parse().ok().filter(|code| (400..600).contains(code));
        self.judge(status, None, complaint)
    }

    fn judge(&self, status: Option<u16>, retry_after: Option<Duration>, complaint: &Complaint) -> ChatError {
        let detail = self.detail(status, complaint);
        // What the provider says is more exact than its status: credit that is used up comes with several.
        if complaint.is_any(&["insufficient_quota", "model_not_found", "invalid_api_key"]) {
            return ChatError::Misconfigured { detail };
        }
        if complaint.is_any(&["content_policy_violation", "context_length_exceeded"]) {
            return ChatError::Refused { detail };
        }
        match status {
            Some(400 | 413 | 422) => ChatError::Refused { detail },
            Some(408 | 504) => ChatError::Timeout { detail },
            Some(409 | 425 | 500..) => ChatError::Unavailable { detail, retry_after, source: None },
            Some(429) => ChatError::RateLimited { retry_after },
            // A redirect says as well that the address is wrong; it is not followed, for the key would go along.
            Some(_) => ChatError::Misconfigured { detail },
            None if complaint.is_any(&["rate_limit", "rate_limit_error", "rate_limit_exceeded"]) => {
                ChatError::RateLimited { retry_after }
            }
            None => ChatError::Unavailable { detail, retry_after, source: None },
        }
    }

    fn detail(&self, status: Option<u16>, complaint: &Complaint) -> String {
        let mut detail = match status {
            Some(status) => format!("status {status}"),
            None => "an error instead of an answer".to_owned(),
        };
        for word in [&complaint.kind, &complaint.code] {
            // Some repeat the status as the code.
            if is_word(word) && status.is_none_or(|status| *word != status.to_string()) {
                detail.push_str(", ");
                detail.push_str(&self.clean(word));
            }
        }
        detail
    }

    /// What a provider says of a question may quote it, so that only whoever looks for a fault is told.
    fn note(&self, complaint: &Complaint) {
        tracing::debug!(said = self.clean(&complaint.message), "the provider complains");
    }

    /// An answer that is JSON of another form, or none. Where, but not what stands there: it may be what was said.
    pub(crate) fn unlike(&self, what: &str, error: &serde_json::Error) -> ChatError {
        tracing::debug!(error = self.clean(&error.to_string()), "{what} is not as agreed");
        let kind = match error.classify() {
            Category::Io | Category::Eof => "ends too early",
            Category::Syntax => "is no JSON",
            Category::Data => "has another form",
        };
        unusable(format!("{what} is not as agreed: it {kind} (line {}, column {})", error.line(), error.column()))
    }
}

/// Whether it names a kind of error, as a program would. Anything else may be a quotation.
fn is_word(text: &str) -> bool {
    (1..=WORD).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
}

/// Reads `Retry-After`: seconds, or a date.
pub(crate) fn asked_wait(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => httpdate::parse_http_date(text).ok().map(|at| at.duration_since(now).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    fn redactor() -> Redactor {
        Redactor::new(&"qb_secret".into())
    }

    fn code(status: u16, body: &str) -> &'static str {
        redactor().status(StatusCode::from_u16(status).expect("a status"), None, body.as_bytes()).error.code()
    }

    #[test]
    fn a_status_becomes_an_error() {
        for (status, code_) in [
            (302, "misconfigured"),
            (400, "refused"),
            (401, "misconfigured"),
            (402, "misconfigured"),
            (403, "misconfigured"),
            (404, "misconfigured"),
            (405, "misconfigured"),
            (408, "timeout"),
            (409, "unavailable"),
            (413, "refused"),
            (418, "misconfigured"),
            (422, "refused"),
            (425, "unavailable"),
            (429, "rate_limited"),
            (500, "unavailable"),
            (502, "unavailable"),
            (503, "unavailable"),
            (504, "timeout"),
            (529, "unavailable"),
        ] {
            assert_eq!(code(status, ""), code_, "{status}");
        }
    }

    #[test]
    fn a_word_is_more_exact_than_a_status() {
        assert_eq!(code(400, r#"{"error":{"code":"insufficient_quota"}}"#), "misconfigured");
        assert_eq!(code(429, r#"{"error":{"type":"insufficient_quota"}}"#), "misconfigured");
        assert_eq!(code(400, r#"{"error":{"code":"model_not_found"}}"#), "misconfigured");
    }

    #[test]
    fn only_what_can_pass_is_tried_again() {
        let can = |status, body: &str| {
            redactor().status(StatusCode::from_u16(status).expect("a status"), None, body.as_bytes()).can_retry
        };
        for status in [429, 502, 503, 504] {
            assert!(can(status, ""), "{status}");
        }
        for status in [400, 401, 404, 408, 500] {
            assert!(!can(status, ""), "{status}");
        }
        assert!(!can(429, r#"{"error":{"code":"insufficient_quota"}}"#));
    }

    #[test]
    fn a_complaint_is_told_by_its_status_type_and_code_and_not_in_its_words() {
        for (body, told) in [
            (r#"{"error":{"message":"why so"}}"#, "status 502"),
            (r#"{"error":"why so"}"#, "status 502"),
            (r#"{"status":"error","message":"why so"}"#, "status 502"),
            ("<h1>\r\nwhy \u{7}so</h1>", "status 502"),
            (
                r#"{"error":{"message":"why so","type":"server_error","code":"E-7.1"}}"#,
                "status 502, server_error, E-7.1",
            ),
            (r#"{"error":{"type":"why so","code":502}}"#, "status 502"),
        ] {
            assert!(Complaint::of_body(body.as_bytes()).message.contains("why") || body.contains("type"), "{body}");
            let failed = redactor().status(StatusCode::BAD_GATEWAY, None, body.as_bytes()).error;
            assert_eq!(failed.to_string(), format!("the model is unavailable: {told}"), "{body}");
        }
        let long = format!(r#"{{"error":{{"code":"{}"}}}}"#, "x".repeat(65));
        let failed = redactor().status(StatusCode::BAD_GATEWAY, None, long.as_bytes()).error;
        assert_eq!(failed.to_string(), "the model is unavailable: status 502");
    }

    #[test]
    fn what_is_not_as_agreed_is_not_quoted() {
        let error = serde_json::from_str::<u8>(r#"  "what she asked""#).expect_err("a text");
        let failed = redactor().unlike("the answer", &error).to_string();
        assert!(failed.ends_with("the answer is not as agreed: it has another form (line 1, column 18)"), "{failed}");
    }

    #[test]
    fn what_is_told_is_short_clean_and_without_the_key() {
        let said = format!("bad key qb_secret\u{0}\n{}", "x".repeat(9000));
        let shown = redactor().clean(&said);
        assert!(shown.starts_with("bad key [key] xxx"), "{shown}");
        assert!(shown.chars().count() < 400 && !shown.chars().any(char::is_control), "{shown}");
        let body = r#"{"error":{"code":"qb_secret"}}"#;
        let failed = redactor().status(StatusCode::UNAUTHORIZED, None, body.as_bytes()).error.to_string();
        assert!(failed.ends_with("status 401, [key]"), "{failed}");
        assert_eq!(redactor().clean("  a\t\n b  "), "a b");
    }

    #[test]
    fn a_wait_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_770);
        let wait = |text: &str| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_str(text).expect("a header"))]);
            asked_wait(&headers, now)
        };
        assert_eq!(wait("7"), Some(Duration::from_secs(7)));
        assert_eq!(wait("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::from_secs(7)));
        assert_eq!(wait("Sun, 06 Nov 1994 08:49:00 GMT"), Some(Duration::ZERO));
        assert_eq!(wait("soon"), None);
        assert_eq!(asked_wait(&HeaderMap::new(), now), None);
    }
}
