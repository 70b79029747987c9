//! `Idempotency-Key`: a request that is sent again is answered again, and not done again.

use std::future::{Ready, ready};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse,
    dev::Payload,
    http::{
        StatusCode,
        header::{self, HeaderName},
    },
};
use lyceum_application::idempotency::{Answer, Done, Once};
use lyceum_domain::{idempotency::IdempotencyKey, invalid::Invalid};
use serde::Serialize;

use crate::http::problem::Problem;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that an answer was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// What the client calls the request, if it named it, and what the request is about.
#[derive(Debug, Clone)]
pub struct Idempotency {
    key: Option<IdempotencyKey>,
    operation: String,
}

impl FromRequest for Idempotency {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let mut sent = request.headers().get_all(KEY);
        let key = match (sent.next(), sent.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => IdempotencyKey::parse(value.to_str().unwrap_or("\n")).map(Some),
            (Some(_), Some(_)) => Err(Invalid::Malformed { expected: "one key" }),
        };
        ready(match key {
            Ok(key) => Ok(Self { key, operation: format!("{} {}", request.method(), request.path()) }),
            Err(invalid) => Err(Problem::invalid("/Idempotency-Key", invalid)),
        })
    }
}

impl Idempotency {
    /// What a use case is told; `answer` makes the answer that is kept.
    pub fn once<T>(self, answer: fn(&T) -> Answer) -> Option<Once<T>> {
        let operation = self.operation;
        self.key.map(|key| Once { key, operation, answer })
    }
}

/// An answer to be kept, with a body of JSON.
pub fn kept(status: StatusCode, body: &impl Serialize) -> Answer {
    Answer { status: status.as_u16(), body: serde_json::to_string(body).unwrap_or_default() }
}

/// The response: made now by `fresh`, or the one that was given before.
pub fn respond<T>(done: Done<T>, fresh: impl FnOnce(T) -> HttpResponse) -> HttpResponse {
    match done {
        Done::Now(done) => fresh(done),
        Done::Before(Answer { status, body }) => {
            HttpResponse::build(StatusCode::from_u16(status).unwrap_or(StatusCode::OK))
                .insert_header((header::CONTENT_TYPE, "application/json"))
                .insert_header((REPLAYED, "true"))
                .body(body)
        }
    }
}

/// The response, marked as one that was given before.
pub fn replayed(mut response: HttpResponse) -> HttpResponse {
    response.headers_mut().insert(REPLAYED, header::HeaderValue::from_static("true"));
    response
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    async fn read(headers: &[&str]) -> Result<Idempotency, Problem> {
        let request = headers.iter().fold(TestRequest::post(), |request, key| request.append_header((KEY, *key)));
        Idempotency::extract(&request.uri("/api/v1/subjects/7/documents?x=1").to_http_request()).await
    }

    #[actix_web::test]
    async fn one_key_of_visible_characters_is_taken() {
        let read_one = read(&["8e03978e-40d5"]).await.expect("taken");
        assert_eq!(read_one.operation, "POST /api/v1/subjects/7/documents");
        assert!(read_one.once::<()>(|()| kept(StatusCode::OK, &())).is_some());
        assert!(read(&[]).await.expect("taken").once::<()>(|()| kept(StatusCode::OK, &())).is_none());
        for bad in [&[""][..], &["a b"], &["a", "b"], &["é"]] {
            assert_eq!(read(bad).await.expect_err("refused").status, StatusCode::UNPROCESSABLE_ENTITY, "{bad:?}");
        }
    }
}
