//! What the log says of requests, and what a request gets whose handler panics.

use actix_web::{
    App as ActixApp, HttpResponse,
    body::to_bytes,
    middleware::from_fn,
    test::{TestRequest, call_service, init_service},
};
use serde_json::{Value, json};

use super::*;
use crate::{http::panics::panics, logs::overheard::Overheard, metrics::Metrics};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// What the house answers a request, and what it counted.
async fn answered(request: TestRequest) -> (HttpResponse<BoxBody>, Arc<Metrics>) {
    async fn broken() -> Result<HttpResponse, Problem> {
        Err(lyceum_application::Error::Internal("the keel broke".to_owned()).into())
    }
    async fn breaks() -> HttpResponse {
        panic!("no such rope")
    }
    let metrics = Arc::new(Metrics::new().expect("metrics"));
    let cors = actix_cors::Cors::default().allowed_origin("https://app.example");
    let app = init_service(
        ActixApp::new()
            .app_data(EdgeRules { hsts: true })
            .app_data(Arc::clone(&metrics.http))
            .wrap(from_fn(panics))
            .wrap(cors)
            .wrap(from_fn(edge))
            .route("/broken", web::get().to(broken))
            .route("/api/v1/courses/{course}", web::get().to(breaks))
            .route("/openai/v1/models", web::get().to(breaks)),
    )
    .await;
    let traced = request
        .insert_header(("x-request-id", "the-question"))
        .insert_header(("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01")));
    let response = call_service(&app, traced.to_request()).await.into_parts().1;
    (response, metrics)
}

fn get(path: &str) -> TestRequest {
    TestRequest::get().uri(path)
}

#[actix_web::test]
async fn every_line_has_the_id_of_its_request_and_its_trace_whatever_is_logged() {
    for (level, count) in [("debug", 2), ("info", 2), ("warn", 2), ("error", 2), ("off", 0)] {
        let log = Overheard::at(level);
        answered(get("/broken")).await;
        let lines = log.lines();
        assert_eq!(lines.len(), count, "{level}: {lines:?}");
        for line in lines {
            assert_eq!(line["span"]["request_id"], "the-question", "{level}: {line}");
            assert_eq!(line["span"]["trace_id"], TRACE, "{level}: {line}");
        }
    }
}

#[actix_web::test]
async fn a_path_has_an_end_in_the_log_and_in_traces() {
    let log = Overheard::at("info");
    let method = "B".repeat(1_000);
    let request = TestRequest::default().method(method.parse().expect("a method"));
    answered(request.uri(&format!("/{}", "x".repeat(10_000)))).await;
    let lines = log.lines();
    let length = |member: &str| lines[0][member].as_str().expect("a text").len();
    assert_eq!((lines.len(), length("method"), length("path")), (1, SHOWN, SHOWN), "{lines:?}");
    assert_eq!(shown(&"\u{fc}".repeat(200)).len(), 256);
    assert_eq!(shown(&format!("a{}", "\u{fc}".repeat(200))).len(), 255, "no letter is cut in two");
    assert_eq!(shown("/short"), "/short");
}

#[actix_web::test]
async fn a_panic_goes_the_way_of_other_answers() {
    let log = Overheard::at("info");
    let (response, metrics) =
        answered(get("/api/v1/courses/knots").insert_header(("origin", "https://app.example"))).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    assert_eq!(header("x-request-id").as_deref(), Some("the-question"));
    assert_eq!(header("cache-control").as_deref(), Some("no-store"));
    assert_eq!(header("x-content-type-options").as_deref(), Some("nosniff"));
    assert_eq!(header("access-control-allow-origin").as_deref(), Some("https://app.example"));
    assert!(header("content-security-policy").is_some() && header("strict-transport-security").is_some());
    assert_eq!(header("content-type").as_deref(), Some("application/problem+json"));
    let body = body(response).await;
    assert_eq!((&body["code"], &body["request_id"]), (&json!("internal_error"), &json!("the-question")));
    assert!(!body.to_string().contains("rope"), "what it said is for the log");
    let lines = log.lines();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(lines[0]["cause"], "a handler panicked: no such rope", "{lines:?}");
    assert_eq!((&lines[1]["message"], &lines[1]["path"]), (&json!("answered"), &json!("/api/v1/courses/knots")));
    for line in lines {
        assert_eq!((&line["level"], &line["span"]["trace_id"]), (&json!("ERROR"), &json!(TRACE)), "{line}");
    }
    let text = String::from_utf8(metrics.text().expect("text")).expect("UTF-8");
    for series in [
        r#"http_requests_total{method="GET",route="/api/v1/courses/{course}",status="500"} 1"#,
        r#"lyceum_problems_total{code="internal_error"} 1"#,
        "http_requests_in_flight 0",
    ] {
        assert!(text.lines().any(|line| line == series), "{series}: {text}");
    }
}

#[actix_web::test]
async fn a_panic_is_told_in_the_form_of_the_address() {
    let (response, _) = answered(get("/openai/v1/models")).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let error = body(response).await["error"].clone();
    assert_eq!((&error["type"], &error["request_id"]), (&json!("server_error"), &json!("the-question")));
}

async fn body(response: HttpResponse<BoxBody>) -> Value {
    let bytes = to_bytes(response.into_body()).await.expect("a body");
    serde_json::from_slice(&bytes).expect("JSON")
}
