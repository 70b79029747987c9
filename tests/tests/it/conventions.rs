//! What holds for every operation.

use lyceum_e2e::{answer::Answer, database::Database, house::House, on_both_databases, server::Server};
use reqwest::{Method, header};
use serde_json::{Value, json};

on_both_databases!(text_and_ids_are_checked_to_the_letter, pages_are_walked_by_their_cursors);

/// An id that nothing has.
const NOBODY: &str = "01920000-0000-7000-8000-000000000000";

async fn operations(server: &Server) -> Vec<(Method, String, Value)> {
    let document = server.get("/openapi.json").await.is(200).body;
    let paths = document["paths"].as_object().expect("paths");
    let operations = paths.iter().flat_map(|(path, item)| {
        let address = path
            .replace("{course}", "no-such-course")
            .replace("{id}", NOBODY)
            .replace("{username}", "no-such-user")
            .replace("{path}", "src/no-such-file.png")
            .replace("{user}", NOBODY)
            .replace("{file}", "no-such-picture.jpg")
            .replace("{model}", "no-such-model");
        let methods = ["get", "put", "post", "delete", "patch"].into_iter();
        methods.filter_map(move |method| {
            let operation = item.get(method)?.clone();
            Some((method.to_uppercase().parse().expect("a method"), address.clone(), operation))
        })
    });
    let operations: Vec<_> = operations.collect();
    assert!(operations.len() >= 90 && operations.iter().all(|(_, path, _)| !path.contains('{')), "{operations:?}");
    operations
}

/// Checks the form of a refusal: a problem, or what clients of OpenAI's API know.
fn is_refusal(path: &str, answer: Answer, status: u16, code: &str) {
    if path.starts_with("/openai/") {
        let answer = answer.is(status);
        let error = &answer.body["error"];
        assert!(
            error["message"].is_string() && error["type"].is_string() && error["code"].is_string(),
            "{}",
            answer.text
        );
        assert_eq!(answer.header("www-authenticate").is_some(), status == 401, "{}", answer.asked);
        return;
    }
    answer.is_problem(status, code);
}

/// Whether nobody comes in without credentials.
fn is_closed(operation: &Value) -> bool {
    let ways = operation["security"].as_array().map(Vec::as_slice).unwrap_or_default();
    !ways.is_empty() && ways.iter().all(|way| way.as_object().is_some_and(|way| !way.is_empty()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_nobody_is_turned_away_everywhere() {
    let server = House::small().start().await;
    let mut closed = 0;
    for (method, path, operation) in operations(&server).await {
        let bare = Answer::of(server.request(method.clone(), &path)).await;
        let anonymous = Answer::of(server.request(method.clone(), &path).json(&json!({}))).await;
        if is_closed(&operation) {
            closed += 1;
            is_refusal(&path, bare, 401, "unauthenticated");
            is_refusal(&path, anonymous, 401, "unauthenticated");
            if operation["security"].as_array().unwrap().iter().any(|way| way.get("bearer").is_some()) {
                let forged = server.request(method, &path).bearer_auth("no.real.token").json(&json!({}));
                is_refusal(&path, Answer::of(forged).await, 401, "invalid_token");
            }
        } else {
            assert_ne!(bare.status, 401, "{method} {path}");
            assert!(bare.status < 500 && anonymous.status < 500, "{method} {path}");
        }
    }
    assert!(closed >= 60, "{closed} operations are closed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_has_a_request_id_and_the_security_headers() {
    let server = House::small().start().await;
    for (method, path, _) in operations(&server).await {
        let answer = Answer::of(server.request(method, &path).header("x-request-id", "tide:7.a_b-C")).await;
        let asked = &answer.asked;
        assert_eq!(answer.header("x-request-id"), Some("tide:7.a_b-C"), "{asked}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{asked}");
        assert!(
            answer.header("referrer-policy").is_some() && answer.header("content-security-policy").is_some(),
            "{asked}"
        );
        assert_eq!(answer.header("strict-transport-security"), None, "{asked}: for HTTPS alone");
        if path.starts_with("/api/") || path.starts_with("/openai/") {
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{asked}");
        }
        if answer.status >= 400 && path != "/api/v1/auth/token" {
            let code = answer.body["code"].as_str().unwrap_or_default().to_owned();
            let status = answer.status;
            is_refusal(&path, answer, status, &code);
        }
    }
    for odd in ["", "two words", &"x".repeat(129), "{}"] {
        let answer = Answer::of(server.request(Method::GET, "/health/live").header("x-request-id", odd)).await;
        let made = answer.header("x-request-id").expect("an id").to_owned();
        assert!(made.len() == 36 && made != odd, "{odd:?} became {made:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_framework_refuses_is_a_problem_too() {
    let server = House::small().start().await;
    for path in ["/", "/api/v1", "/api/v1/nothing", "/api/v1/users/me/nothing", "/API/v1/courses", "/..%2f"] {
        server.get(path).await.is_problem(404, "not_found");
    }
    let wrong = Answer::of(server.request(Method::DELETE, "/api/v1/users/me/privacy"))
        .await
        .is_problem(405, "method_not_allowed");
    let mut allowed: Vec<_> = wrong.header("allow").expect("Allow").split(',').map(str::trim).collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["GET", "HEAD", "PATCH"]);
    let head = Answer::of(server.request(Method::HEAD, "/health/live")).await.is(200);
    assert!(head.text.is_empty() && head.header("content-length").is_some());
    Answer::of(server.request(Method::GET, "/api/v1/auth/login")).await.is_problem(405, "method_not_allowed");

    let login = |body: Vec<u8>, kind: &str| {
        let request = server.request(Method::POST, "/api/v1/auth/login").body(body);
        Answer::of(request.header(header::CONTENT_TYPE, kind))
    };
    let json = "application/json";
    for broken in [
        "",
        "{",
        "{\"identifier\": }",
        "\u{feff}{}",
        "{\"identifier\": \"a\", \"password\": \"b\"} {}",
        "{\"identifier\": \"a\u{1}\"}",
    ] {
        login(broken.into(), json).await.is_problem(400, "malformed_json");
    }
    login(b"{\"identifier\": \"\xff\"}".to_vec(), json).await.is_problem(400, "malformed_json");
    let extra = br#"{"identifier": "ada", "password": "x", "is~admin/now": true}"#;
    login(extra.to_vec(), json).await.is_refused_at("unknown_field", "/is~0admin~1now");
    login(br#"{"identifier": "ada"}"#.to_vec(), json).await.is_refused_at("validation_failed", "/password");
    login(br#"{"identifier": 7, "password": "x"}"#.to_vec(), json)
        .await
        .is_refused_at("validation_failed", "/identifier");
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp"] {
        login(b"{}".to_vec(), kind).await.is_problem(415, "unsupported_media_type");
    }
    let large = format!("{{\"identifier\": \"{}\", \"password\": \"x\"}}", "x".repeat(300_000));
    login(large.into_bytes(), json).await.is_problem(413, "payload_too_large");
    let deep = format!("{{\"identifier\": {}", "[".repeat(100_000));
    assert!((400..500).contains(&login(deep.into_bytes(), json).await.status));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_is_no_object_is_refused() {
    let server = House::small().start().await;
    for body in [json!(null), json!(7), json!("ada"), json!([]), json!(["ada", "x"])] {
        server.post("/api/v1/auth/login", &body).await.is_refused_at("validation_failed", "");
    }
}

async fn text_and_ids_are_checked_to_the_letter(database: Database) {
    let house = House::new(database);
    house.import_long_book(2);
    let server = house.start().await;
    let ada = server.register_and_sign_in("ada").await;
    for bad in ["nul\u{0}", "bell\u{7}", "escape\u{1b}[0m"] {
        ada.patch("/users/me", &json!({"bio": bad})).await.is_refused_at("validation_failed", "/bio");
        ada.ask(&json!({"prompt": bad})).await.is_refused_at("validation_failed", "/prompt");
    }
    // Nowhere does it reach a database, which may not take it.
    ada.get("/courses?q=nul%00").await.is_refused_at("validation_failed", "/q");
    ada.get("/courses?author=nul%00").await.is(200);
    let login = json!({"identifier": "nul\u{0}", "password": "nul\u{0}"});
    server.post("/api/v1/auth/login", &login).await.is_problem(401, "invalid_credentials");
    server
        .post("/api/v1/auth/verify-email", &json!({"token": "nul\u{0}"}))
        .await
        .is_refused_at("validation_failed", "/token");
    let form = [("grant_type", "refresh_token"), ("refresh_token", "nul\u{0}")];
    server.post_form("/api/v1/auth/token", &form).await.is(400);
    let agent =
        server.request(Method::POST, "/api/v1/auth/login").header(header::USER_AGENT, b"caf\xe9 \xff".as_slice());
    let login = json!({"identifier": "ada", "password": ada.password});
    Answer::of(agent.json(&login)).await.is(200);

    ada.patch("/users/me", &json!({"bio": "tabs\tand\nlines, 舫い結び 🪢"})).await.is(200);
    ada.ask(&json!({"prompt": "結".repeat(1000)})).await.is(200);
    ada.ask(&json!({"prompt": "結".repeat(1001)})).await.is_refused_at("validation_failed", "/prompt");
    ada.ask(&json!({"prompt": " \n "})).await.is_refused_at("validation_failed", "/prompt");

    let many = json!({"email": "nobody", "username": "a b", "password": "sh0rt"});
    let refused = server.post("/api/v1/auth/register", &many).await.is_problem(422, "validation_failed");
    let pointers: Vec<_> =
        refused["errors"].as_array().unwrap().iter().map(|e| e["pointer"].as_str().unwrap()).collect();
    assert_eq!(pointers, ["/email", "/username", "/password"], "all at once");
    assert!(!refused.text.contains("sh0rt"), "{}", refused.text);

    for odd in [NOBODY, "7", "not-an-id", "%00", "01920000-0000-7000-8000-00000000000Z", "..%2f..%2fusers%2fme"] {
        ada.get(&format!("/lessons/{odd}")).await.is_problem(404, "not_found");
        ada.get(&format!("/courses/{odd}")).await.is_problem(404, "not_found");
        ada.get(&format!("/ai/conversations/{odd}")).await.is_problem(404, "not_found");
        ada.put(&format!("/lessons/{odd}/progress"), &json!({"status": "completed"}))
            .await
            .is_problem(404, "not_found");
    }
    ada.ask(&json!({"prompt": "x", "conversation_id": "7"}))
        .await
        .is_refused_at("validation_failed", "/conversation_id");
    ada.ask(&json!({"prompt": "x", "lesson_id": NOBODY})).await.is_problem(404, "not_found");
}

async fn pages_are_walked_by_their_cursors(database: Database) {
    let server = House::new(database).start().await;
    let ada = server.register_and_sign_in("ada").await;
    let mut asked = Vec::new();
    for number in 0..7 {
        let answer = ada.ask(&json!({"prompt": format!("Question {number}?")})).await.is(200);
        asked.push(answer.text_at("/conversation_id"));
    }
    asked.reverse();
    for limit in [1, 3, 7, 100] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = ada.get(&format!("/ai/conversations?limit={limit}{cursor}")).await.is(200);
            assert!(page.items().len() <= limit);
            seen.extend(page.items().iter().map(|item| item["id"].as_str().unwrap().to_owned()));
            assert!(seen.len() <= asked.len(), "the pages never end");
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(seen, asked, "pages of {limit}");
    }
    for list in ["/ai/conversations", "/progress", "/courses"] {
        for limit in ["0", "101", "-1", "many", "1e1", ""] {
            ada.get(&format!("{list}?limit={limit}")).await.is_refused_at("validation_failed", "/limit");
        }
        for cursor in ["x", "", "%00", &"F".repeat(48), "eyJhIjoxfQ=="] {
            ada.get(&format!("{list}?cursor={cursor}")).await.is_problem(400, "invalid_cursor");
        }
        // Well formed, but of a time that no database knows.
        for at in ["a800000000000000", "5800000000000000", "8000000000000000", "7fffffffffffffff"] {
            let answer = ada.get(&format!("{list}?cursor={at}{}", "0".repeat(32))).await;
            assert!([200, 400].contains(&answer.status), "{at}: {}", answer.text);
        }
        ada.get(&format!("{list}?offset=3")).await.is_refused_at("unknown_field", "/offset");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_on_the_allowed_origin_may_call_and_no_other() {
    let house = House::small().with("LYCEUM_ENV", "development").with("LYCEUM__SEED_DEMO", false);
    let server = house.start().await;
    let preflight = |origin: &'static str| {
        let request = server.request(Method::OPTIONS, "/api/v1/users/me").header(header::ORIGIN, origin);
        let request = request.header(header::ACCESS_CONTROL_REQUEST_METHOD, "PATCH");
        Answer::of(request.header(header::ACCESS_CONTROL_REQUEST_HEADERS, "content-type, if-match"))
    };
    let allowed = preflight("http://localhost:5173").await.is(200);
    assert_eq!(allowed.header("access-control-allow-origin"), Some("http://localhost:5173"));
    assert_eq!(allowed.header("access-control-allow-credentials"), Some("true"));
    assert!(allowed.header("access-control-allow-methods").is_some_and(|methods| methods.contains("PATCH")));
    let headers = allowed.header("access-control-allow-headers").unwrap_or_default().to_lowercase();
    assert!(headers.contains("if-match") && headers.contains("content-type"), "{headers}");
    let foreign = preflight("http://localhost:5174").await;
    assert_eq!(foreign.header("access-control-allow-origin"), None);

    // Errors too, or the page could not read them.
    let asked = server.request(Method::GET, "/api/v1/users/me").header(header::ORIGIN, "http://localhost:5173");
    let refused = Answer::of(asked).await.is_problem(401, "unauthenticated");
    assert_eq!(refused.header("access-control-allow-origin"), Some("http://localhost:5173"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_document_that_is_served_is_the_one_of_this_tree() {
    let house = House::small();
    let served = house.start().await.get("/openapi.json").await.is(200).body;
    let printed: Value = serde_json::from_str(&house.run(&["openapi"]).succeeded().stdout).expect("JSON");
    let made: Value = serde_json::from_str(&lyceum_api::openapi::json().expect("a document")).expect("JSON");
    assert!(served["openapi"].as_str().is_some_and(|version| version.starts_with("3.1.")), "{}", served["openapi"]);
    assert!(served == printed && served == made);
}
