use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;

use super::*;

fn paths() -> serde_json::Map<String, Value> {
    let json = serde_json::to_value(document()).expect("JSON");
    json["paths"].as_object().expect("paths").clone()
}

fn content<'a>(document: &'a Value, response: &'a Value) -> &'a Value {
    let name = response["$ref"].as_str().and_then(|reference| reference.strip_prefix("#/components/responses/"));
    name.map_or(&response["content"], |name| &document["components"]["responses"][name]["content"])
}

#[test]
fn every_operation_names_the_errors_that_follow_from_its_form() {
    let document = serde_json::to_value(document()).expect("JSON");
    let mut operations = 0;
    for (path, item) in paths() {
        for (method, operation) in item.as_object().expect("an item") {
            operations += 1;
            let at = format!("{method} {path}");
            let responses = operation["responses"].as_object().expect("responses");
            assert!(!responses.contains_key("default"), "{at}: whatever is answered would be described");
            let has = |status: &str| responses.contains_key(status);
            let is_closed = operation["security"].as_array().is_some_and(|ways| !ways.is_empty());
            assert!(!is_closed || (has("401") && has("403")), "{at}");
            assert!(!path.contains('{') || has("404"), "{at}");
            let has_body = operation.get("requestBody").is_some();
            assert!(!has_body || ["400", "413", "415", "422"].into_iter().all(has), "{at}");
            assert!(has_body || !["413", "415"].into_iter().any(has), "{at}");
            for (status, response) in responses.iter().filter(|(status, _)| status.as_str() >= "400") {
                let content = content(&document, response).as_object().unwrap_or_else(|| panic!("{at}: {status}"));
                let kinds: Vec<_> = content.keys().map(String::as_str).collect();
                let speaks_openai = path.starts_with("/openai/");
                // RFC 6749 has its own form for what tokens are refused for; health is told as it is.
                let own = at == "post /api/v1/auth/token" || path.starts_with("/health");
                let form = if speaks_openai { "application/json" } else { "application/problem+json" };
                assert!(own || kinds == [form], "{at}: {status} {kinds:?}");
            }
        }
    }
    assert!(operations >= 90, "{operations} operations");
}

#[test]
fn what_a_route_says_of_an_error_stands() {
    let conflict = &paths()["/api/v1/auth/register"]["post"]["responses"]["409"];
    assert_eq!(conflict["description"], "`username_taken`");
    assert_eq!(conflict["content"]["application/problem+json"]["schema"]["$ref"], "#/components/schemas/Problem");
    let locked = &paths()["/api/v1/auth/login"]["post"]["responses"]["423"];
    assert_eq!(locked["$ref"], "#/components/responses/Locked");
}

/// Of two schemas with one name the document would hold one, and say it of what the other is.
#[test]
fn no_two_schemas_have_one_name() {
    let mut named: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() {
                folders.push(entry);
                continue;
            }
            let text = fs::read_to_string(&entry).expect("a text");
            // From the derive on, to the word after `struct` or `enum`.
            for item in text.split("ToSchema)]\n").skip(1) {
                let head: Vec<_> =
                    item.lines().take_while(|line| !line.ends_with('{') && !line.ends_with(';')).collect();
                let renamed =
                    head.iter().find_map(|line| line.trim().strip_prefix("#[schema(as = ")?.split([')', ',']).next());
                let declared = item.lines().find(|line| line.contains("struct ") || line.contains("enum "));
                let own = declared.and_then(|line| {
                    line.split(' ')
                        .skip_while(|word| !["struct", "enum"].contains(word))
                        .nth(1)?
                        .split(['<', '(', ';'])
                        .next()
                });
                let name = renamed.or(own).unwrap_or_default().to_owned();
                named.entry(name).or_default().push(entry.display().to_string());
            }
        }
    }
    assert!(named.len() > 80, "{named:?}");
    assert!(named.values().all(|places| places.len() == 1), "{:?}", named.iter().find(|(_, places)| places.len() > 1));
}
