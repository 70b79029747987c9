//! Whole answers.

use lyceum_domain::mentor::{ChatModel as _, Delivery, FinishReason, TokenUsage};
use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{header, method, path},
};

use crate::{
    KEY, ask, model,
    server::{DONE, piece},
    settings,
};
use lyceum_llm_qubrid::{QubridModel, QubridSettings};

async fn answering(template: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST")).and(path("/v1/chat/completions")).respond_with(template).mount(&server).await;
    server
}

fn url(server: &MockServer) -> String {
    format!("{}/v1", server.uri())
}

fn good() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({
        "model": "x/y",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Bonjour"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15},
    }))
}

async fn asked(server: &MockServer) -> Value {
    server.received_requests().await.expect("recorded")[0].body_json().expect("JSON")
}

#[tokio::test]
async fn a_whole_answer_is_asked_for_and_read() {
    let server = MockServer::start().await;
    let bearer = format!("Bearer {KEY}");
    Mock::given(header("authorization", bearer.as_str()))
        .and(header("content-type", "application/json"))
        .and(header("accept", "application/json"))
        .respond_with(good())
        .mount(&server)
        .await;
    let model = model(&url(&server));
    let (text, end) = ask(&model, Delivery::Whole).await;
    let end = end.expect("an answer");
    assert_eq!((text.as_str(), end.model.as_str(), end.finish_reason), ("Bonjour", "x/y", FinishReason::Stop));
    assert_eq!(end.usage, Some(TokenUsage { prompt_tokens: 12, completion_tokens: 3 }));
    assert_eq!((model.provider(), model.model()), ("qubrid", "owner/name"));
    let body = asked(&server).await;
    assert_eq!(body["stream"], json!(false));
    assert_eq!(body["model"], "owner/name");
    assert_eq!(body["max_tokens"], 400, "the request's limit, below ours");
    assert_eq!(body["messages"][0], json!({"role": "system", "content": "You are a mentor."}));
    assert!(body.get("stream_options").is_none());
}

#[tokio::test]
async fn a_limit_of_the_settings_is_never_passed() {
    let server = answering(good()).await;
    let settings = QubridSettings {
        max_tokens: Some(100),
        temperature: None,
        stream_usage: true,
        api_key: "".into(),
        ..settings(&url(&server))
    };
    let model = QubridModel::new(settings).expect("good settings");
    assert!(ask(&model, Delivery::Pieces).await.1.is_ok());
    let body = asked(&server).await;
    assert_eq!((&body["max_tokens"], body.get("temperature")), (&json!(100), None));
    assert_eq!((&body["stream"], &body["stream_options"]["include_usage"]), (&json!(true), &json!(true)));
    let requests = server.received_requests().await.expect("recorded");
    assert!(!requests[0].headers.contains_key("authorization"));
}

#[tokio::test]
async fn json_is_read_where_a_stream_was_asked_for() {
    let server = answering(good()).await;
    assert_eq!(ask(&model(&url(&server)), Delivery::Pieces).await.0, "Bonjour");
}

#[tokio::test]
async fn a_stream_is_read_where_json_was_asked_for() {
    let events = [piece("Bon"), piece("jour"), DONE.to_owned()].concat();
    let server = answering(ResponseTemplate::new(200).set_body_raw(events, "TEXT/Event-Stream")).await;
    let (text, end) = ask(&model(&url(&server)), Delivery::Whole).await;
    assert_eq!((text.as_str(), end.is_ok()), ("Bonjour", true));
}

#[tokio::test]
async fn a_body_over_the_limit_is_not_read() {
    let long = format!("{{\"content\":\"{}\"}}", "x".repeat(100_000));
    let server = answering(ResponseTemplate::new(200).set_body_raw(long, "application/json")).await;
    let settings = QubridSettings { max_response_bytes: 50_000, ..settings(&url(&server)) };
    let (_, end) = ask(&QubridModel::new(settings).expect("good settings"), Delivery::Whole).await;
    let failed = end.expect_err("too long");
    assert_eq!(failed.to_string(), "the model's answer is unusable: the answer is longer than 50000 bytes");
}

#[tokio::test]
async fn a_page_of_a_proxy_is_no_answer() {
    let server = answering(ResponseTemplate::new(200).set_body_raw("<html>Sign in</html>", "text/html")).await;
    for delivery in [Delivery::Pieces, Delivery::Whole] {
        assert_eq!(ask(&model(&url(&server)), delivery).await.1.expect_err("no answer").code(), "bad_response");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = answering(good()).await;
    let there = format!("{}/v1/chat/completions", elsewhere.uri());
    let server = answering(ResponseTemplate::new(307).insert_header("location", there)).await;
    let (_, end) = ask(&model(&url(&server)), Delivery::Whole).await;
    assert_eq!(end.expect_err("no answer").code(), "misconfigured");
    assert!(elsewhere.received_requests().await.expect("recorded").is_empty());
}

#[tokio::test]
async fn the_check_tells_how_the_last_call_went() {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(500)).up_to_n_times(1).mount(&server).await;
    Mock::given(method("POST")).respond_with(good()).mount(&server).await;
    let model = model(&url(&server));
    assert!(model.check().await.is_ok(), "nothing is known yet");
    assert_eq!(ask(&model, Delivery::Whole).await.1.expect_err("500").code(), "unavailable");
    assert!(model.check().await.is_err());
    assert!(ask(&model, Delivery::Whole).await.1.is_ok());
    assert!(model.check().await.is_ok());
}
