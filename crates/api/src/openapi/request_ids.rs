//! Every answer names its request, which the document says of all answers at once.

use utoipa::openapi::{Header, ObjectBuilder, OpenApi, Ref, RefOr, Response, extensions::Extensions, schema::Type};

use super::operations;

const NAME: &str = "X-Request-Id";
const SAYS: &str = "Names the request in the log: the client's own, if it sent one that is fit for that";

/// Adds the header to every answer. After all answers were described.
pub(super) fn describe(openapi: &mut OpenApi) {
    for item in openapi.paths.paths.values_mut() {
        for (_, operation) in operations(item) {
            operation.responses.responses.values_mut().for_each(refer);
        }
    }
    let components = openapi.components.get_or_insert_default();
    components.responses.values_mut().for_each(refer);
    components.headers.insert(NAME.to_owned(), RefOr::T(header()));
}

fn refer(response: &mut RefOr<Response>) {
    if let RefOr::T(response) = response {
        let header = RefOr::Ref(Ref::new(format!("#/components/headers/{NAME}")));
        response.headers.insert(NAME.to_owned(), header);
    }
}

fn header() -> Header {
    let text = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(128));
    let mut header = Header::new(text.build());
    header.description = Some(SAYS.to_owned());
    // The library knows no such member, though OpenAPI does.
    header.extensions = Some(Extensions::from_iter([("required", true)]));
    header
}

#[cfg(test)]
mod tests {
    use crate::openapi;

    #[test]
    fn every_answer_names_its_request() {
        let document = serde_json::to_value(openapi::document()).unwrap();
        assert_eq!(document["components"]["headers"]["X-Request-Id"]["required"], true);
        let mut count = 0;
        for item in document["paths"].as_object().unwrap().values() {
            for responses in item.as_object().unwrap().values().filter_map(|it| it["responses"].as_object()) {
                for response in responses.values() {
                    let place = response["$ref"].as_str().map(|place| place.strip_prefix('#').unwrap());
                    let response = place.map_or(response, |place| document.pointer(place).expect(place));
                    assert_eq!(response["headers"]["X-Request-Id"]["$ref"], "#/components/headers/X-Request-Id");
                    count += 1;
                }
            }
        }
        assert!(count > 200, "{count}");
    }
}
