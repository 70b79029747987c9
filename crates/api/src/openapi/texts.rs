//! What texts and names in requests have to be, said once by what they are called and not at each member: the rules of
//! `lyceum_domain::text` and of the names, as JSON Schema's patterns. They are as exact as a pattern can be; lengths stand
//! where the members do.

use std::collections::BTreeSet;

use lyceum_domain::audit::AuditAction;
use utoipa::openapi::{
    OpenApi, RefOr, Schema,
    path::{Parameter, ParameterIn},
    schema::{ArrayItems, Object, SchemaType, Type},
};

/// One line: no control character, and something to be seen.
const LINE: &str = r"^[^\S\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$";
/// One line that may be empty.
const MAYBE_LINE: &str = r"^[^\u0000-\u001f\u007f-\u009f]*$";
/// Several lines: no control character but tab and newline, and something to be seen.
const BLOCK: &str = r"^[^\S\u0000-\u0008\u000b-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u0008\u000b-\u001f\u007f-\u009f]*$";
/// Several lines that may be empty.
const MAYBE_BLOCK: &str = r"^[^\u0000-\u0008\u000b-\u001f\u007f-\u009f]*$";
/// A username.
const USERNAME: &str = "^[A-Za-z0-9][A-Za-z0-9_-]{2,31}$";
/// A language tag (RFC 5646).
const LANGUAGE: &str = "^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}$";
/// A time zone's name.
const TIME_ZONE: &str = "^[A-Za-z][A-Za-z0-9_+-]{1,19}(/[A-Za-z][A-Za-z0-9_+-]{0,20}){0,2}$";
/// An id, or a name in addresses: an id has the form of one too.
const ID_OR_SLUG: &str = "^[a-z0-9]+(-[a-z0-9]+)*$";
/// The version that an `ETag` told, or whichever there is.
const VERSION: &str = r#"^(\*|"[0-9]{1,10}")$"#;
/// A client's name for a request.
const REQUEST_NAME: &str = "^[!-~]{1,255}$";
/// An event of an answer; nothing if none has come yet.
const EVENT: &str = "^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}:[0-9]{1,9})?$";
/// What an API key may be used for.
const SCOPE: &str = "^(ai|learning|profile)$";
/// Where a page starts.
const CURSOR: &str = "^[0-9a-f]{48}$";

/// The pattern of a member of a request's body.
fn of_member(name: &str) -> Option<&'static str> {
    Some(match name {
        "title" | "display_name" | "name" | "part" => LINE,
        "bio" | "prompt" | "comment" => BLOCK,
        // Not the content of a lesson, which is so long that programs choke on drawing or matching it.
        "description" => MAYBE_BLOCK,
        "username" => USERNAME,
        "locale" | "language" => LANGUAGE,
        "time_zone" => TIME_ZONE,
        "scopes" => SCOPE,
        _ => return None,
    })
}

/// The most characters of a name in addresses.
const SLUG_LENGTH: usize = 80;

/// The pattern of what stands in an address or a header.
fn of_parameter(parameter: &Parameter) -> Option<&'static str> {
    Some(match (&parameter.parameter_in, &*parameter.name) {
        (ParameterIn::Header, "If-Match") => VERSION,
        (ParameterIn::Header, "Idempotency-Key") => REQUEST_NAME,
        (ParameterIn::Header, "Last-Event-ID") | (ParameterIn::Query, "last_event_id") => EVENT,
        (ParameterIn::Query, "cursor") => CURSOR,
        (ParameterIn::Query, "q") => MAYBE_LINE,
        (ParameterIn::Query | ParameterIn::Path, "course") => ID_OR_SLUG,
        _ => return None,
    })
}

/// Writes the patterns into the document.
pub(super) fn describe(openapi: &mut OpenApi) {
    let mut bodies = BTreeSet::new();
    for operation in openapi.paths.paths.values_mut().flat_map(super::operations).map(|(_, operation)| operation) {
        for parameter in operation.parameters.iter_mut().flatten() {
            if let RefOr::T(parameter) = parameter {
                let pattern = of_parameter(parameter);
                let is_action = parameter.parameter_in == ParameterIn::Query && parameter.name == "action";
                let Some(RefOr::T(Schema::Object(schema))) = &mut parameter.schema else { continue };
                if let Some(pattern) = pattern {
                    // What is not there is left out: there is no null in an address or a header.
                    schema.schema_type = Type::String.into();
                    keep(schema, pattern);
                }
                if pattern == Some(ID_OR_SLUG) {
                    schema.max_length = Some(SLUG_LENGTH);
                }
                if is_action {
                    schema.enum_values = Some(AuditAction::ALL.iter().map(|action| action.as_str().into()).collect());
                }
            }
        }
        if let Some(RefOr::T(body)) = &operation.request_body {
            for content in body.content.values() {
                if let RefOr::T(content) = content {
                    names(content.schema.as_ref(), &mut bodies);
                }
            }
        }
    }
    let Some(components) = &mut openapi.components else { return };
    for body in bodies {
        if let Some(RefOr::T(Schema::Object(object))) = components.schemas.get_mut(&body) {
            for (name, member) in &mut object.properties {
                if let (Some(pattern), Some(text)) = (of_member(name), text(member)) {
                    keep(text, pattern);
                }
            }
        }
    }
}

/// The text that a member is, or the texts of its list.
fn text(member: &mut RefOr<Schema>) -> Option<&mut Object> {
    match member {
        RefOr::T(Schema::Object(object)) => Some(object),
        RefOr::T(Schema::Array(array)) => match &mut array.items {
            ArrayItems::RefOrSchema(items) => text(items),
            ArrayItems::False => None,
        },
        _ => None,
    }
}

/// A pattern that stands there already is a closer one.
fn keep(schema: &mut Object, pattern: &str) {
    let is_text = match &schema.schema_type {
        SchemaType::Type(kind) => *kind == Type::String,
        SchemaType::Array(kinds) => kinds.contains(&Type::String),
        SchemaType::AnyValue => false,
    };
    if is_text {
        schema.pattern.get_or_insert_with(|| pattern.to_owned());
    }
}

/// The names of the schemas that a body is made of.
fn names(schema: Option<&RefOr<Schema>>, found: &mut BTreeSet<String>) {
    match schema {
        Some(RefOr::Ref(reference)) => {
            found.extend(reference.ref_location.rsplit('/').next().map(str::to_owned));
        }
        Some(RefOr::T(Schema::OneOf(one))) => one.items.iter().for_each(|item| names(Some(item), found)),
        Some(RefOr::T(Schema::Array(array))) => {
            if let ArrayItems::RefOrSchema(items) = &array.items {
                names(Some(items), found);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lyceum_domain::{
        courses::{CourseKey, Slug},
        idempotency::IdempotencyKey,
        text,
        users::{Locale, Scope, TimeZone, Username},
    };
    use proptest::{prelude::*, string::string_regex};

    /// What a pattern lets through the server takes, as far as its form goes.
    fn is_taken(pattern: &str, text: &str) -> bool {
        match pattern {
            LINE => text::line(text, 1, usize::MAX).is_ok(),
            MAYBE_LINE => text::line(text, 0, usize::MAX).is_ok(),
            BLOCK => text::block(text, 1, usize::MAX).is_ok(),
            MAYBE_BLOCK => text::block(text, 0, usize::MAX).is_ok(),
            USERNAME => Username::parse_reserved(text).is_ok(),
            LANGUAGE => Locale::parse(text).is_ok(),
            TIME_ZONE => TimeZone::parse(text).is_ok(),
            REQUEST_NAME => IdempotencyKey::parse(text).is_ok(),
            SCOPE => Scope::parse(text).is_ok(),
            ID_OR_SLUG => {
                text.len() > SLUG_LENGTH
                    || text.parse().map(CourseKey::Id).is_ok()
                    || Slug::parse(text).map(CourseKey::Slug).is_ok()
            }
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn what_the_document_calls_well_formed_is_taken(
            (pattern, text) in prop::sample::select(vec![
                LINE, MAYBE_LINE, BLOCK, MAYBE_BLOCK, USERNAME, LANGUAGE, TIME_ZONE, REQUEST_NAME, SCOPE, ID_OR_SLUG,
            ])
            .prop_flat_map(|pattern| (Just(pattern), string_regex(pattern.trim_matches(['^', '$'])).expect("a pattern"))),
        ) {
            prop_assert!(is_taken(pattern, &text), "{pattern} lets through {text:?}");
        }
    }

    #[test]
    fn a_pattern_is_written_where_the_member_has_none_of_its_own() {
        let document = crate::openapi::document();
        let json = serde_json::to_value(&document).expect("JSON");
        let member =
            |schema: &str, name: &str| json["components"]["schemas"][schema]["properties"][name]["pattern"].clone();
        assert_eq!(member("CreateSubjectBody", "title"), LINE);
        assert_eq!(member("CreateSubjectBody", "color"), "^#[0-9a-fA-F]{6}$");
        assert_eq!(member("Subject", "title"), serde_json::Value::Null, "an answer may hold what was written earlier");
        assert_eq!(
            json["components"]["schemas"]["CreateApiKeyBody"]["properties"]["scopes"]["items"]["pattern"],
            SCOPE
        );
        let parameters = &json["paths"]["/api/v1/admin/audit"]["get"]["parameters"];
        let named = |name: &str| {
            parameters.as_array().into_iter().flatten().find(|one| one["name"] == name).expect("a parameter")
        };
        assert_eq!(named("cursor")["schema"]["pattern"], CURSOR);
        assert!(
            named("action")["schema"]["enum"]
                .as_array()
                .is_some_and(|words| words.contains(&"session.signed_in".into()))
        );
    }
}
