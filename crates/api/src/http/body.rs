//! JSON bodies: unreadable is 400, not acceptable is 422 with the member's pointer, unknown members are refused.

use std::{
    fmt::{self, Write as _},
    future::Future,
    pin::Pin,
};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::{StatusCode, header},
    web,
};
use bytes::Bytes;
use lyceum_domain::invalid::{Invalid, Violations};
use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeOwned, Unexpected},
};

use crate::http::problem::{FieldProblem, Problem};

/// A JSON body.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Json<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = read(request, payload, is_json);
        Box::pin(async move { parse(&bytes.await?).map(Json) })
    }
}

/// A JSON body with a long text in it: a lesson.
#[derive(Debug)]
pub struct LongJson<T>(pub T);

/// The largest such body: a million characters of any script, and what JSON adds to them.
const LONG: usize = 6 << 20;

impl<T: DeserializeOwned> FromRequest for LongJson<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let is_json = is_json(&mime(request));
        let payload = web::Payload::from_request(request, payload);
        Box::pin(async move {
            if !is_json {
                return Err(Problem::of_status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
            }
            let payload = payload.await.map_err(|_| Problem::of_status(StatusCode::BAD_REQUEST))?;
            match payload.to_bytes_limited(LONG).await {
                Ok(Ok(bytes)) => parse(&bytes).map(LongJson),
                Ok(Err(_)) => Err(Problem::of_status(StatusCode::BAD_REQUEST)),
                Err(_) => Err(Problem::of_status(StatusCode::PAYLOAD_TOO_LARGE)),
            }
        })
    }
}

/// A JSON body that may be left out, or `null`.
#[derive(Debug)]
pub struct MaybeJson<T>(pub Option<T>);

impl<T: DeserializeOwned + 'static> FromRequest for MaybeJson<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let headers = request.headers();
        let is_empty = !headers.contains_key(header::CONTENT_TYPE)
            && !headers.contains_key(header::TRANSFER_ENCODING)
            && headers.get(header::CONTENT_LENGTH).is_none_or(|length| length.as_bytes() == b"0");
        if is_empty {
            return Box::pin(async { Ok(Self(None)) });
        }
        let json = Json::<Option<T>>::from_request(request, payload);
        Box::pin(async move { json.await.map(|body| Self(body.0)) })
    }
}

/// An `application/x-www-form-urlencoded` body, for the OAuth2 token endpoint.
#[derive(Debug)]
pub struct Form(pub Bytes);

impl FromRequest for Form {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = read(request, payload, |mime| mime == "application/x-www-form-urlencoded");
        Box::pin(async move { bytes.await.map(Form) })
    }
}

fn is_json(mime: &str) -> bool {
    mime == "application/json" || (mime.starts_with("application/") && mime.ends_with("+json"))
}

/// What kind of body the client says it sends.
fn mime(request: &HttpRequest) -> String {
    let mime = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    mime.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn read(
    request: &HttpRequest,
    payload: &mut Payload,
    is_known: fn(&str) -> bool,
) -> impl Future<Output = Result<Bytes, Problem>> + use<> {
    let bytes = is_known(&mime(request)).then(|| web::Bytes::from_request(request, payload));
    async move {
        let bytes = bytes.ok_or_else(|| Problem::of_status(StatusCode::UNSUPPORTED_MEDIA_TYPE))?;
        bytes.await.map_err(|error| match error.as_response_error().status_code() {
            StatusCode::PAYLOAD_TOO_LARGE => Problem::of_status(StatusCode::PAYLOAD_TOO_LARGE),
            _ => Problem::of_status(StatusCode::BAD_REQUEST),
        })
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // serde would read an array as the members in their order.
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        let mut problem = Problem::validation_failed();
        let message = "must be an object".to_owned();
        problem.errors.push(FieldProblem { pointer: String::new(), code: "wrong_type".into(), message });
        return Err(problem);
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let pointer = pointer(error.path());
        refused(pointer, &error.into_inner())
    })?;
    json.end().map_err(|error| refused(String::new(), &error))?;
    Ok(value)
}

fn refused(pointer: String, error: &serde_json::Error) -> Problem {
    if !error.is_data() {
        let detail = format!("The body is not JSON: line {}, column {}.", error.line(), error.column());
        return Problem::new(StatusCode::BAD_REQUEST, "malformed_json", detail);
    }
    // serde's own sentences are the only place where the kind of a data error stands.
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    let named = |prefix: &str| text.strip_prefix(prefix).and_then(|rest| rest.split('`').nth(1)).map(str::to_owned);
    let (code, message, pointer) = if let Some(member) = named("unknown field ") {
        // The path ends at the member already if the parser stood on it.
        let pointer =
            if pointer.ends_with(&escaped(&member)) { pointer } else { format!("{pointer}/{}", escaped(&member)) };
        ("unknown_field", "is not known here".to_owned(), pointer)
    } else if let Some(member) = named("missing field ") {
        ("missing", "is required".to_owned(), format!("{pointer}/{}", escaped(&member)))
    } else if let Some(member) = named("duplicate field ") {
        ("duplicate_field", "is there twice".to_owned(), format!("{pointer}/{}", escaped(&member)))
    } else {
        let expected = text.rsplit_once("expected ").map_or("something else", |(_, expected)| in_words(expected));
        ("wrong_type", format!("must be {expected}"), pointer)
    };
    let mut problem = Problem::validation_failed();
    if code == "unknown_field" {
        problem.code = "unknown_field";
        problem.detail = "The body has a member that is not known here; see `errors`.".into();
    }
    problem.errors.push(FieldProblem { pointer, code: code.into(), message });
    problem
}

/// What was expected, without the names of our types.
fn in_words(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" | "i32" | "i64" => "a whole number",
        "a sequence" => "a list",
        _ if expected.starts_with("struct ") => "an object",
        _ if expected.contains("untagged enum") => "of another form",
        _ => expected,
    }
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut out = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => {
                let _ = write!(out, "/{index}");
            }
            Segment::Map { key } => {
                let _ = write!(out, "/{}", escaped(key));
            }
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    out
}

fn escaped(member: &str) -> String {
    member.replace('~', "~0").replace('/', "~1")
}

/// For members of a PATCH that can be left out, `null`, or set.
pub fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

/// A whole number. JSON has one kind of number: `2.0` is `2`.
struct Whole(u32);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Whole;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number from 0 to 4294967295")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Whole, E> {
                u32::try_from(number).map(Whole).map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Whole, E> {
                let is_whole = number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number);
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is whole and in range")]
                let whole = is_whole.then_some(Whole(number as u32));
                whole.ok_or_else(|| E::invalid_type(Unexpected::Float(number), &self))
            }
        }
        deserializer.deserialize_u32(Visitor)
    }
}

/// For whole numbers that can be left out.
pub fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    Ok(Option::<Whole>::deserialize(deserializer)?.map(|whole| whole.0))
}

/// For whole numbers of a PATCH, as [`present`].
pub fn present_whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<u32>>, D::Error> {
    whole(deserializer).map(Some)
}

/// A member of a PATCH that can be set but not cleared.
pub fn settable<R, T>(
    violations: &mut Violations,
    pointer: &'static str,
    sent: Option<Option<R>>,
    parse: impl Fn(R) -> Result<T, Invalid>,
) -> Option<T> {
    violations.take(pointer, sent?.ok_or(Invalid::Missing).and_then(parse))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[allow(dead_code)]
        name: String,
        #[serde(default)]
        #[allow(dead_code)]
        inner: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[allow(dead_code)]
        size: u8,
    }

    fn told(body: &str) -> (u16, &'static str, Vec<(String, String)>) {
        let problem = parse::<Outer>(body.as_bytes()).expect_err("refused");
        let errors = problem.errors.into_iter().map(|e| (e.pointer, e.code.into_owned())).collect();
        (problem.status.as_u16(), problem.code, errors)
    }

    fn one(pointer: &str, code: &str) -> Vec<(String, String)> {
        vec![(pointer.to_owned(), code.to_owned())]
    }

    #[test]
    fn what_is_no_json_is_a_400() {
        for body in ["", "{", "{\"name\": \"a\"} x", "nul", "{\"name\": \"\u{1}\"}"] {
            assert_eq!(told(body).1, "malformed_json", "{body}");
        }
    }

    #[test]
    #[expect(clippy::option_option, reason = "absent, null and a number are three things")]
    fn a_whole_number_may_be_written_with_a_point() {
        #[derive(Debug, Deserialize)]
        struct Sized {
            #[serde(default, deserialize_with = "present_whole")]
            size: Option<Option<u32>>,
        }
        let read = |body: &str| parse::<Sized>(body.as_bytes()).map(|sized| sized.size);
        for (body, size) in [
            ("{}", None),
            ("{\"size\": null}", Some(None)),
            ("{\"size\": 7}", Some(Some(7))),
            ("{\"size\": 2.0}", Some(Some(2))),
            ("{\"size\": 4294967295}", Some(Some(u32::MAX))),
        ] {
            assert_eq!(read(body).unwrap(), size, "{body}");
        }
        for body in
            ["{\"size\": 2.5}", "{\"size\": -1}", "{\"size\": 4294967296}", "{\"size\": 1e300}", "{\"size\": \"2\"}"]
        {
            let refused = read(body).unwrap_err().errors;
            assert_eq!((&*refused[0].pointer, &*refused[0].code), ("/size", "wrong_type"), "{body}");
            assert_eq!(refused[0].message, "must be a whole number from 0 to 4294967295", "{body}");
        }
    }

    #[test]
    fn what_does_not_fit_is_a_422_with_a_pointer() {
        assert_eq!(told("{\"name\": \"a\", \"admin\": true}"), (422, "unknown_field", one("/admin", "unknown_field")));
        assert_eq!(told("{\"name\": \"a\", \"a/b\": true}"), (422, "unknown_field", one("/a~1b", "unknown_field")));
        assert_eq!(told("{}"), (422, "validation_failed", one("/name", "missing")));
        assert_eq!(told("{\"name\": 3}"), (422, "validation_failed", one("/name", "wrong_type")));
        assert_eq!(
            told("{\"name\": \"a\", \"name\": \"b\"}"),
            (422, "validation_failed", one("/name", "duplicate_field"))
        );
        assert_eq!(
            told("{\"name\": \"a\", \"inner\": [{\"size\": 1}, {\"size\": 300}]}"),
            (422, "validation_failed", one("/inner/1/size", "wrong_type"))
        );
        assert_eq!(
            told("{\"name\": \"a\", \"inner\": [{\"size\": 1, \"x\": 2}]}"),
            (422, "unknown_field", one("/inner/0/x", "unknown_field"))
        );
        assert_eq!(parse::<Outer>(b"7").expect_err("refused").errors[0].message, "must be an object");
        assert_eq!(told("[]"), (422, "validation_failed", one("", "wrong_type")));
        assert_eq!(told("[\"a\"]"), (422, "validation_failed", one("", "wrong_type")));
    }
}
