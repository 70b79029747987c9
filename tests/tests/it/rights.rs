//! Who may call what: every operation of the OpenAPI document as nobody, learner, mentor, admin, and with a personal key
//! of each scope. An operation that is new, or that forgot to ask who is calling, is a line that this table does not have.

use std::fmt::Write as _;

use lyceum_e2e::{answer::Answer, form::Form, house::House, person::Person, server::Server};
use reqwest::Method;
use serde_json::{Value, json};

/// The table, checked in.
const RIGHTS: &str = include_str!("rights.txt");
/// An id that nothing has.
const NOBODY: &str = "01920000-0000-7000-8000-000000000000";

/// What an answer says about the right to call, apart from whether the call was acceptable.
fn cell(answer: &Answer) -> &'static str {
    // OpenAI's clients find it deeper inside.
    let code = answer.body["code"].as_str().or_else(|| answer.body["error"]["code"].as_str());
    match code {
        Some("unauthenticated" | "invalid_token" | "invalid_api_key") => "401",
        Some("forbidden") => "403",
        Some("insufficient_scope") => "key",
        Some("not_found") => "404",
        _ if answer.status < 500 => "yes",
        _ => panic!("{}: {}", answer.asked, answer.text),
    }
}

/// A body that is acceptable, where an unacceptable one is refused before anybody looks at the right to call.
fn body(path: &str) -> Value {
    match path {
        "/api/v1/ai/chat" => json!({"prompt": "What is a line?"}),
        "/openai/v1/chat/completions" => {
            json!({"model": "lyceum-mentor", "messages": [{"role": "user", "content": "What is a line?"}]})
        }
        "/api/v1/auth/password/change" => json!({"current_password": "not this 1", "new_password": "bowline-9-Turns"}),
        "/api/v1/admin/log-level" => json!({"level": "info"}),
        "/api/v1/users/me/api-keys" => json!({"name": "another", "scopes": ["ai"]}),
        "/api/v1/subjects" | "/api/v1/courses" => json!({"title": "Tides"}),
        path if path.ends_with("/lessons") => json!({"title": "Springs", "content": "Twice a month."}),
        path if path.ends_with("/order") => json!({"lesson_ids": []}),
        path if path.ends_with("/feedback") => json!({"rating": "up"}),
        path if path.ends_with("/progress") => json!({"status": "completed"}),
        _ => json!({}),
    }
}

async fn call(server: &Server, method: &Method, path: &str, access: Option<&str>) -> Answer {
    let mut request = server.request(method.clone(), path);
    if let Some(access) = access {
        request = request.bearer_auth(access);
    }
    let is_upload = ["/avatar", "/documents", "/import"].iter().any(|end| path.ends_with(end));
    Answer::of(match *method {
        Method::GET => request,
        Method::POST | Method::PUT if is_upload => Form::of_file("a.bin", b"\0").on(request),
        _ => request.json(&body(path)),
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_is_open_to_whom_the_table_says() {
    let house =
        House::small().with("LYCEUM__AUTH__LOCKOUT__AFTER", 1000).with("LYCEUM__AUTH__LOCKOUT__OVERALL_AFTER", 1000);
    house.import_long_book(1);
    let server = house.start().await;
    let mut people: Vec<Person> = Vec::new();
    for role in ["learner", "mentor", "admin"] {
        people.push(server.let_in(&house, &format!("the-{role}"), role).await);
    }
    let mut keys = Vec::new();
    for scope in ["ai", "learning", "profile"] {
        let key = people[2].post("/users/me/api-keys", &json!({"name": scope, "scopes": [scope]})).await.is(201);
        keys.push(key.text_at("/key"));
    }
    let document = server.get("/openapi.json").await.is(200).body;
    let mut table = format!("{:6} {:42}|nobody|learner|mentor|admin|ai|learning|profile\n", "", "");
    for (path, item) in document["paths"].as_object().expect("paths") {
        let address = [
            ("{course}", "no-such-course"),
            ("{username}", "nobody"),
            ("{file}", "picture.jpg"),
            ("{path}", "a/b.png"),
            ("{model}", "lyceum-mentor"),
        ]
        .into_iter()
        .chain(["{id}", "{user}"].map(|name| (name, NOBODY)))
        .fold(path.clone(), |path, (name, value)| path.replace(name, value));
        for method in ["get", "put", "post", "delete", "patch"] {
            if item.get(method).is_none_or(Value::is_null) {
                continue;
            }
            let verb: Method = method.to_uppercase().parse().expect("a method");
            let _ = write!(table, "{:6} {path:42}|", verb.as_str());
            let mut cells = vec![cell(&call(&server, &verb, &address, None).await)];
            for person in &mut people {
                // The one before may have ended the session.
                person.sign_in(&server).await;
                cells.push(cell(&call(&server, &verb, &address, Some(&person.access)).await));
            }
            for key in &keys {
                cells.push(cell(&call(&server, &verb, &address, Some(key)).await));
            }
            let _ = writeln!(table, "{}", cells.join("|"));
        }
    }
    assert!(table == RIGHTS, "the table is not that of rights.txt:\n{table}");
}
