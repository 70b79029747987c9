//! Giving out what is kept as bytes: whole, in part, or not at all because the client has it (RFC 9110, 13 and 14).

use std::{
    future::{Ready, ready},
    ops::Range,
};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse, HttpResponseBuilder, body::SizedStream, dev::Payload, http::StatusCode,
    http::header,
};
use futures_util::TryStreamExt as _;
use lyceum_application::Error;
use lyceum_domain::blobs::Blob;

use crate::http::problem::Problem;

/// What the client says about what it has, and which part it wants.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    range: Option<String>,
    if_range: Option<String>,
    if_none_match: Vec<String>,
}

/// What it gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// Nothing: it has it.
    NotModified,
    /// All of it.
    Whole,
    /// These bytes.
    Part(Range<u64>),
}

impl FromRequest for Wanted {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let text = |value: &header::HeaderValue| value.to_str().ok().map(str::to_owned);
        let one = |name| request.headers().get(name).and_then(text);
        ready(Ok(Self {
            range: one(header::RANGE),
            if_range: one(header::IF_RANGE),
            if_none_match: request.headers().get_all(header::IF_NONE_MATCH).filter_map(text).collect(),
        }))
    }
}

impl Wanted {
    /// What of `size` bytes with the strong tag `etag`, quotes included, the client gets. Several ranges, other units and
    /// what cannot be read are as good as no range; a range that begins after the end is refused.
    pub fn of(&self, size: u64, etag: &str) -> Result<Selection, Error> {
        if self.has(etag) {
            return Ok(Selection::NotModified);
        }
        // Another version: then not a part of this one.
        if self.if_range.as_deref().is_some_and(|tag| tag.trim() != etag) {
            return Ok(Selection::Whole);
        }
        match self.range.as_deref().and_then(parse) {
            None => Ok(Selection::Whole),
            Some((Some(first), last)) if first < size => {
                let end = last.map_or(size, |last| last.saturating_add(1).min(size));
                Ok(Selection::Part(first..end))
            }
            Some((None, Some(length))) if length > 0 && size > 0 => {
                Ok(Selection::Part(size.saturating_sub(length)..size))
            }
            Some(_) => Err(Error::RangeNotSatisfiable { size }),
        }
    }

    /// Whether the client has what bears this tag.
    fn has(&self, etag: &str) -> bool {
        let mut tags = self.if_none_match.iter().flat_map(|value| value.split(',')).map(str::trim);
        tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
    }
}

/// First and last byte; without a first one, how many at the end. None: no single range of bytes.
fn parse(range: &str) -> Option<(Option<u64>, Option<u64>)> {
    let (unit, range) = range.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = range.trim().split_once('-')?;
    // Digits alone: a sign would pass as a number, too. More than fit are a place after any end.
    let number = |text: &str| match text {
        "" => Some(None),
        text if text.bytes().all(|b| b.is_ascii_digit()) => Some(Some(text.parse().unwrap_or(u64::MAX))),
        _ => None,
    };
    match (number(first)?, number(last)?) {
        (None, None) => None,
        (Some(first), Some(last)) if last < first => None,
        range => Some(range),
    }
}

/// A response of what is kept under the strong tag `etag`; `blob` is there unless nothing is to be sent.
pub fn respond(etag: &str, blob: Option<&Blob>) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(match blob {
        None => StatusCode::NOT_MODIFIED,
        Some(blob) if blob.range == (0..blob.size) => StatusCode::OK,
        Some(_) => StatusCode::PARTIAL_CONTENT,
    });
    response.insert_header((header::ETAG, etag));
    response.insert_header((header::ACCEPT_RANGES, "bytes"));
    // The tag and the ranges are of these very bytes: nobody on the way out may pack them. The edge takes it off again.
    response.insert_header((header::CONTENT_ENCODING, "identity"));
    if let Some(Blob { size, range, .. }) = blob
        && *range != (0..*size)
    {
        let last = range.end.saturating_sub(1);
        response.insert_header((header::CONTENT_RANGE, format!("bytes {}-{last}/{size}", range.start)));
    }
    response
}

/// The body of such a response.
pub fn body(mut response: HttpResponseBuilder, blob: Option<Blob>) -> HttpResponse {
    match blob {
        None => response.finish(),
        Some(Blob { range, content, .. }) => {
            response.body(SizedStream::new(range.end - range.start, content.map_err(std::io::Error::other)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(range: &str) -> Wanted {
        Wanted { range: Some(range.to_owned()), ..Wanted::default() }
    }

    #[test]
    fn a_single_range_is_given() {
        for (asked, given) in [
            ("bytes=0-0", 0..1),
            ("bytes=2-4", 2..5),
            ("BYTES= 2-4 ", 2..5),
            ("bytes=2-", 2..10),
            ("bytes=2-99999999999999999999999", 2..10),
            ("bytes=-3", 7..10),
            ("bytes=-30", 0..10),
        ] {
            assert_eq!(range(asked).of(10, "\"a\"").expect("a range"), Selection::Part(given), "{asked}");
        }
    }

    #[test]
    fn what_is_no_single_range_is_passed_over() {
        for asked in ["bytes=0-1,3-4", "bytes=4-2", "bytes=-", "bytes=a-b", "bytes=+1-2", "lines=1-2", "bytes", ""] {
            assert_eq!(range(asked).of(10, "\"a\"").expect("the whole"), Selection::Whole, "{asked}");
        }
    }

    #[test]
    fn what_begins_after_the_end_is_refused() {
        for asked in ["bytes=10-", "bytes=10-20", "bytes=-0", "bytes=99999999999999999999999-"] {
            let refused = range(asked).of(10, "\"a\"").expect_err("refused");
            assert!(matches!(refused, Error::RangeNotSatisfiable { size: 10 }), "{asked}");
        }
    }

    #[test]
    fn who_has_it_gets_nothing() {
        let has = |tags: &str| Wanted { if_none_match: vec![tags.to_owned()], ..range("bytes=0-1") };
        for tags in ["\"a\"", "\"b\", \"a\"", "W/\"a\"", "*"] {
            assert_eq!(has(tags).of(10, "\"a\"").expect("nothing"), Selection::NotModified, "{tags}");
        }
        assert_eq!(has("\"b\"").of(10, "\"a\"").expect("a range"), Selection::Part(0..2));
    }

    #[test]
    fn a_part_is_only_given_of_the_version_that_is_meant() {
        let of = |tag: &str| Wanted { if_range: Some(tag.to_owned()), ..range("bytes=0-1") };
        assert_eq!(of("\"a\"").of(10, "\"a\"").expect("a range"), Selection::Part(0..2));
        for other in ["\"b\"", "W/\"a\"", "Wed, 25 Nov 2026 14:00:00 GMT"] {
            assert_eq!(of(other).of(10, "\"a\"").expect("the whole"), Selection::Whole, "{other}");
        }
    }
}
