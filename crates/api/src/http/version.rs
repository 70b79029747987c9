//! `ETag` and `If-Match` (RFC 9110): lost updates are refused.

use std::future::{Ready, ready};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse,
    dev::Payload,
    http::{StatusCode, header},
};
use serde::Serialize;

use crate::http::problem::Problem;

/// The version that a change is about, if the client said.
#[derive(Debug, Clone, Copy)]
pub struct IfMatch(pub Option<u32>);

impl FromRequest for IfMatch {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(match request.headers().get(header::IF_MATCH) {
            None => Ok(Self(None)),
            Some(value) if value.as_bytes() == b"*" => Ok(Self(None)),
            Some(value) => {
                let text = value.to_str().unwrap_or_default().trim();
                let version =
                    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).and_then(|v| v.parse().ok());
                match version {
                    Some(version) => Ok(Self(Some(version))),
                    // Well formed or not: it is not the tag of the present version.
                    None => Err(Problem::new(
                        StatusCode::PRECONDITION_FAILED,
                        "version_mismatch",
                        "This is not a version that was given out.",
                    )),
                }
            }
        })
    }
}

/// A body with the tag of its version.
pub fn versioned(status: StatusCode, version: u32, body: impl Serialize) -> HttpResponse {
    HttpResponse::build(status).insert_header((header::ETAG, format!("\"{version}\""))).json(body)
}
