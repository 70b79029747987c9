//! What the document says of limits, said of all operations at once.

use actix_web::http::Method;
use utoipa::openapi::{
    Header, HeaderBuilder, ObjectBuilder, OpenApi, Ref, RefOr, Response,
    path::{Operation, PathItem},
    schema::{KnownFormat, SchemaFormat, Type},
};

use crate::http::limits::classes;

const HEADERS: [(&str, &str); 3] = [
    ("RateLimit-Limit", "The most requests of this kind that are answered at once. Absent where nothing is limited."),
    ("RateLimit-Remaining", "How many more would be answered now."),
    ("RateLimit-Reset", "Seconds until as many as `RateLimit-Limit` are answered at once again."),
];
const RETRY_AFTER: (&str, &str) = ("Retry-After", "Seconds until it can be tried again.");

/// Adds the headers to every answer of a limited operation, and the answer that it is one too many.
pub(super) fn describe(openapi: &mut OpenApi) {
    for (path, item) in &mut openapi.paths.paths {
        for (method, operation) in operations(item) {
            if classes::class_of(&method, path).is_some() {
                describe_operation(operation);
            }
        }
    }
    let components = openapi.components.get_or_insert_default();
    for (name, description) in HEADERS.into_iter().chain([RETRY_AFTER]) {
        components.headers.insert(name.to_owned(), RefOr::T(header(description)));
    }
}

fn describe_operation(operation: &mut Operation) {
    let responses = &mut operation.responses.responses;
    let default = match responses.get("default") {
        Some(RefOr::T(response)) => response.content.clone(),
        _ => Default::default(),
    };
    let refusal = responses.entry("429".to_owned()).or_insert_with(|| {
        let mut response = Response::new("Too many requests");
        response.content = default;
        RefOr::T(response)
    });
    if let RefOr::T(response) = refusal {
        refer(response, RETRY_AFTER.0);
    }
    for response in responses.values_mut() {
        if let RefOr::T(response) = response {
            for (name, _) in HEADERS {
                refer(response, name);
            }
        }
    }
}

fn refer(response: &mut Response, name: &str) {
    response.headers.insert(name.to_owned(), RefOr::Ref(Ref::new(format!("#/components/headers/{name}"))));
}

fn header(description: &str) -> Header {
    let number = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(0));
    HeaderBuilder::new().schema(Some(number)).description(Some(description)).build()
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    let all = [
        (Method::GET, &mut item.get),
        (Method::PUT, &mut item.put),
        (Method::POST, &mut item.post),
        (Method::DELETE, &mut item.delete),
        (Method::PATCH, &mut item.patch),
    ];
    all.into_iter().filter_map(|(method, operation)| operation.as_mut().map(|operation| (method, operation)))
}
