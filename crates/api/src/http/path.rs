//! Ids and slugs in addresses. What cannot be one names nothing: 404.

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use lyceum_domain::courses::{CourseKey, Slug};
use std::{
    future::{Ready, ready},
    str::FromStr,
};

use crate::http::problem::Problem;

/// The `{id}` of an address.
#[derive(Debug, Clone, Copy)]
pub struct Id<T>(pub T);

impl<T: FromStr> FromRequest for Id<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(request.match_info().get("id").and_then(|text| text.parse().ok()).map(Id).ok_or_else(Problem::not_found))
    }
}

/// The `{course}` of an address: an id or a slug.
#[derive(Debug, Clone)]
pub struct CoursePath(pub CourseKey);

impl FromRequest for CoursePath {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let text = request.match_info().get("course").unwrap_or_default();
        let key = text.parse().map(CourseKey::Id).or_else(|_| Slug::parse(text).map(CourseKey::Slug));
        ready(key.map(CoursePath).map_err(|_| Problem::not_found()))
    }
}
