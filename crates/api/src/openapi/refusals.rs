//! The errors that operations answer with. What follows from an operation's form (who may call it, whether it takes a
//! body, what stands in its address) is said here once for all of them; a route names only what is peculiar to it.

use std::collections::BTreeMap;

use utoipa::openapi::{
    Components, Content, Header, HttpMethod, ObjectBuilder, Ref, RefOr, Response,
    path::{Operation, ParameterIn},
    schema::Type,
};

/// An error's status, its name among the document's components, and what it says.
type Refusal = (u16, &'static str, &'static str);

/// All of them.
const REFUSALS: [Refusal; 17] = [
    (400, "BadRequest", "The request cannot be read"),
    (401, "Unauthenticated", "Nobody is signed in, or the token is not good"),
    (403, "Forbidden", "This is not for whoever asks"),
    (404, "NotFound", "There is nothing of that name, or it is not to be seen by whoever asks"),
    (408, "RequestTimeout", "The body took too long to arrive"),
    (409, "Conflict", "It cannot be done as things stand"),
    (412, "VersionMismatch", "It is another version by now"),
    (413, "TooLarge", "The body is too large"),
    (415, "UnsupportedMediaType", "This kind of body is not read here"),
    (416, "RangeNotSatisfiable", "The part that was asked for begins after the end"),
    (422, "Unacceptable", "Some of what was sent is not acceptable; `errors` says which"),
    (423, "Locked", "Too many sign-ins failed; the account is locked for a while"),
    (429, "TooMany", "Too many requests for now, or a plan's quota is used up"),
    (500, "InternalError", "Something went wrong on our side"),
    (502, "BadAnswer", "The mentor's answer was unusable"),
    (503, "Unavailable", "A part of the service is away for a moment"),
    (504, "MentorTimeout", "The mentor took too long"),
];

/// The media type of our own errors.
const PROBLEM: &str = "application/problem+json";

/// In which form the errors of an address are written.
#[derive(Clone, Copy)]
enum Form {
    /// Our own (RFC 9457).
    Problem,
    /// That of OpenAI's interface.
    OpenAi,
}

impl Form {
    fn of(path: &str) -> Self {
        if crate::routes::openai::errors::speaks_openai(path) { Self::OpenAi } else { Self::Problem }
    }

    const fn prefix(self) -> &'static str {
        match self {
            Self::Problem => "",
            Self::OpenAi => "Completion",
        }
    }

    fn content(self) -> (String, RefOr<Content>) {
        let (media_type, schema) = match self {
            Self::Problem => (PROBLEM, "Problem"),
            Self::OpenAi => ("application/json", "CompletionError"),
        };
        (media_type.to_owned(), Content::new(Some(RefOr::Ref(Ref::from_schema_name(schema)))).into())
    }

    fn response(self, (status, _, description): Refusal) -> Response {
        let mut response = Response::new(description);
        response.headers = headers(status);
        response.content.extend([self.content()]);
        response
    }
}

fn headers(status: u16) -> BTreeMap<String, RefOr<Header>> {
    let header = |kind, description: &str| {
        let mut header = Header::new(ObjectBuilder::new().schema_type(kind).build());
        header.description = Some(description.to_owned());
        RefOr::T(header)
    };
    let mut headers = BTreeMap::new();
    if status == 401 {
        headers.insert("WWW-Authenticate".to_owned(), header(Type::String, "the scheme `Bearer`, and what was wrong"));
    }
    if [409, 423, 429, 503].contains(&status) {
        headers.insert("Retry-After".to_owned(), header(Type::Integer, "in how many seconds to try again"));
    }
    if status == 416 {
        headers.insert("Content-Range".to_owned(), header(Type::String, "how many bytes there are: `bytes */7`"));
    }
    headers
}

/// Adds what follows from the operation's form, and writes out what its route only names. What is said there is among
/// `components` once.
pub(super) fn complete(path: &str, method: &HttpMethod, operation: &mut Operation, components: &mut Components) {
    let form = Form::of(path);
    let implied = implied(path, method, operation);
    let responses = &mut operation.responses.responses;
    for refusal in REFUSALS {
        let (status, name, _) = refusal;
        let key = status.to_string();
        match responses.get_mut(&key) {
            // The route says more of it than that there is one.
            Some(RefOr::T(response)) if !response.content.is_empty() => {}
            Some(RefOr::T(response)) if !response.description.is_empty() => {
                response.headers = headers(status);
                response.content.extend([form.content()]);
            }
            None if !implied.contains(&status) => {}
            _ => {
                let name = format!("{}{name}", form.prefix());
                responses.insert(key, RefOr::Ref(Ref::from_response_name(&name)));
                components.responses.entry(name).or_insert_with(|| RefOr::T(form.response(refusal)));
            }
        }
    }
}

fn implied(path: &str, method: &HttpMethod, operation: &Operation) -> Vec<u16> {
    let parameters = || {
        operation.parameters.iter().flatten().filter_map(|parameter| match parameter {
            RefOr::T(parameter) => Some((&parameter.parameter_in, &*parameter.name)),
            RefOr::Ref(_) => None,
        })
    };
    let takes = |place: &ParameterIn, name| parameters().any(|parameter| parameter == (place, name));
    let has_body = operation.request_body.is_some();
    let is_closed = operation.security.as_ref().is_some_and(|ways| !ways.is_empty());
    let is_public = path.starts_with("/api/") || path.starts_with("/openai/");
    let is_write = *method != HttpMethod::Get;
    let is_checked = parameters().any(|(place, name)| {
        *place == ParameterIn::Query
            || (*place == ParameterIn::Header && ["Idempotency-Key", "Last-Event-ID"].contains(&name))
    });
    let when = [
        (400, has_body || takes(&ParameterIn::Query, "cursor")),
        (401, is_closed),
        (403, is_closed),
        (404, parameters().any(|(place, _)| *place == ParameterIn::Path)),
        (409, is_write && is_closed),
        (412, takes(&ParameterIn::Header, "If-Match")),
        (413, has_body),
        (415, has_body),
        (416, takes(&ParameterIn::Header, "Range")),
        (422, has_body || is_checked),
        (429, is_public),
        (500, is_public),
        (503, is_public),
    ];
    when.into_iter().filter_map(|(status, is_so)| is_so.then_some(status)).collect()
}
