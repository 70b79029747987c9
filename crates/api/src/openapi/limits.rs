//! What the document says of limits, said of all operations at once.

use actix_web::http::Method;
use utoipa::openapi::{
    Header, HttpMethod, ObjectBuilder, OpenApi, Ref, RefOr, Response,
    path::Operation,
    schema::{KnownFormat, SchemaFormat, Type},
};

use super::operations;
use crate::http::limits::classes;

/// The headers, and what each says.
const HEADERS: [(&str, &str); 3] = [
    ("RateLimit-Limit", "The most requests of this kind that are answered at once; not there while nothing is limited"),
    ("RateLimit-Remaining", "How many more would be answered now"),
    ("RateLimit-Reset", "In how many seconds as many as `RateLimit-Limit` are answered at once again"),
];

/// The name of the refusal among the document's components.
const REFUSAL: &str = "TooMany";

/// Adds the headers to every answer of a limited operation, and the refusal if it is not there. After all other answers
/// were described.
pub(super) fn describe(openapi: &mut OpenApi) {
    for (path, item) in &mut openapi.paths.paths {
        for (method, operation) in operations(item) {
            if classes::class_of(&known(&method), path).is_some() {
                describe_operation(operation);
            }
        }
    }
    let components = openapi.components.get_or_insert_default();
    components.responses.values_mut().for_each(refer);
    components.headers.extend(HEADERS.map(|(name, says)| (name.to_owned(), RefOr::T(header(says)))));
}

fn describe_operation(operation: &mut Operation) {
    let responses = &mut operation.responses.responses;
    responses.entry("429".to_owned()).or_insert_with(|| RefOr::Ref(Ref::from_response_name(REFUSAL)));
    responses.values_mut().for_each(refer);
}

fn refer(response: &mut RefOr<Response>) {
    let RefOr::T(response) = response else { return };
    for (name, _) in HEADERS {
        let header = RefOr::Ref(Ref::new(format!("#/components/headers/{name}")));
        response.headers.insert(name.to_owned(), header);
    }
}

fn header(says: &str) -> Header {
    let number = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(0));
    let mut header = Header::new(number.build());
    header.description = Some(says.to_owned());
    header
}

fn known(method: &HttpMethod) -> Method {
    match method {
        HttpMethod::Get => Method::GET,
        HttpMethod::Post => Method::POST,
        HttpMethod::Put => Method::PUT,
        HttpMethod::Delete => Method::DELETE,
        HttpMethod::Options => Method::OPTIONS,
        HttpMethod::Head => Method::HEAD,
        HttpMethod::Patch => Method::PATCH,
        HttpMethod::Trace => Method::TRACE,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::openapi;

    #[test]
    fn every_answer_of_a_limited_operation_tells_of_limits_and_what_is_referred_to_is_there() {
        let document = serde_json::to_value(openapi::document()).unwrap();
        let resolve = |value: &Value| -> Value {
            match value["$ref"].as_str() {
                Some(place) => document.pointer(place.strip_prefix('#').unwrap()).expect(place).clone(),
                None => value.clone(),
            }
        };
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap().iter().filter(|(_, it)| it["responses"].is_object()) {
                let class = classes::class_of(&method.to_uppercase().parse().unwrap(), path);
                let responses = operation["responses"].as_object().unwrap();
                assert_eq!(responses.contains_key("429"), class.is_some(), "{method} {path}");
                for (status, response) in responses.iter().filter(|_| class.is_some()) {
                    let headers = resolve(response)["headers"].clone();
                    for (name, _) in HEADERS {
                        let header = resolve(&headers[name]);
                        assert_eq!(header["schema"]["type"], "integer", "{method} {path} {status}: {name}");
                    }
                    assert!(status != "429" || headers["Retry-After"].is_object(), "{method} {path}");
                }
            }
        }
    }
}
