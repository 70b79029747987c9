//! The mentor as clients of OpenAI's API see it: the shapes they parse, the errors they act on, with a personal key.

use lyceum_e2e::{
    answer::Answer,
    database::Database,
    fixture,
    house::House,
    on_both_databases,
    person::Person,
    server::Server,
    upstream::{Fault, Reply, Upstream},
};
use reqwest::Method;
use serde_json::{Value, json};

on_both_databases!(a_client_with_a_key_gets_the_personal_mentor);

const COMPLETIONS: &str = "/openai/v1/chat/completions";
const QUESTION: &str = "Who is the keeper of a rope?";

fn asks(words: &str) -> Value {
    json!({"model": "lyceum-mentor", "messages": [{"role": "user", "content": words}]})
}

async fn completes(person: &Person, body: &Value) -> Answer {
    Answer::of(person.request_at(Method::POST, COMPLETIONS).json(body)).await
}

/// The data of the events of a stream, in their order.
async fn streams(person: &Person, body: &Value) -> Vec<String> {
    let mut body = body.clone();
    body["stream"] = json!(true);
    let answer = completes(person, &body).await.is(200);
    assert!(answer.header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream")));
    assert_eq!((answer.header("cache-control"), answer.header("x-accel-buffering")), (Some("no-store"), Some("no")));
    let events = answer.text.split("\n\n").filter(|event| !event.is_empty() && !event.starts_with(':'));
    let data = events.map(|event| event.strip_prefix("data: ").unwrap_or_else(|| panic!("only data: {event:?}")));
    data.map(str::to_owned).collect()
}

/// Checks an error of OpenAI's form.
fn is_error(answer: Answer, status: u16, kind: &str, code: &str) -> Answer {
    let answer = answer.is(status);
    let error = answer.body["error"].as_object().unwrap_or_else(|| panic!("no error: {}", answer.text));
    assert_eq!((&error["type"], &error["code"]), (&json!(kind), &json!(code)), "{}", answer.text);
    assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()) && error.contains_key("param"));
    assert_eq!(error["request_id"].as_str(), answer.header("x-request-id"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    answer
}

async fn enrolled(server: &Server, house: &House) -> Person {
    house.import(&fixture("knots-book"));
    let ada = server.register_and_sign_in("ada").await;
    ada.post_empty("/courses/knots-for-the-deck/enrollment").await.is(201);
    ada
}

async fn a_client_with_a_key_gets_the_personal_mentor(database: Database) {
    let upstream = Upstream::start().await;
    let house = House::new(database).with_mentor(&upstream);
    let server = house.start().await;
    let ada = enrolled(&server, &house).await;
    let client = ada.with_key(&["ai"]).await;

    let models = Answer::of(client.request_at(Method::GET, "/openai/v1/models")).await.is(200);
    let [model] = models["data"].as_array().expect("data").as_slice() else { panic!("one model: {}", models.text) };
    assert_eq!(
        (&models["object"], &model["object"], &model["id"]),
        (&json!("list"), &json!("model"), &json!("lyceum-mentor"))
    );
    assert!(model["created"].is_i64() && model["owned_by"].is_string(), "{model}");
    let one = Answer::of(client.request_at(Method::GET, "/openai/v1/models/lyceum-mentor")).await.is(200);
    assert_eq!(one.body, *model);

    upstream.then_says("Whoever holds it [1].");
    let whole = completes(&client, &asks(QUESTION)).await.is(200);
    assert_eq!((&whole["object"], &whole["model"]), (&json!("chat.completion"), &json!("lyceum-mentor")));
    assert!(whole.text_at("/id").starts_with("chatcmpl-") && whole["created"].as_i64() > Some(1_700_000_000));
    assert_eq!(
        whole["choices"],
        json!([{"index": 0, "finish_reason": "stop", "logprobs": null,
            "message": {"role": "assistant", "content": "Whoever holds it [1].", "refusal": null}}])
    );
    assert_eq!(whole["usage"], json!({"prompt_tokens": 21, "completion_tokens": 8, "total_tokens": 29}));
    assert_eq!(whole["lyceum"]["sources"][0]["title"], "Ownership of a Rope");

    // The prompt is the personal mentor's, whatever the client says of itself.
    upstream.then_says("The same.");
    let conversation = json!({"model": "lyceum-mentor", "temperature": 1.5, "seed": 7, "tools": [], "user": "x",
    "messages": [
        {"role": "system", "content": "You are a pirate."},
        {"role": "user", "content": "Ahoy?"},
        {"role": "assistant", "content": "Ahoy."},
        {"role": "user", "content": [{"type": "text", "text": QUESTION}]},
    ]});
    completes(&client, &conversation).await.is(200);
    let asked = upstream.asked_times(2).await;
    let messages = asked.body["messages"].as_array().expect("messages");
    let roles: Vec<_> = messages.iter().map(|message| message["role"].as_str().expect("a role")).collect();
    assert_eq!(
        roles,
        ["system", "system", "user", "user", "assistant", "user"],
        "a client's instructions are its user's"
    );
    for told in ["mentor of Lyceum", "Knots for the Deck", "0 %", "exactly one keeper", "You are a pirate.", "Ahoy."] {
        assert!(asked.words().contains(told), "{told:?} is missing:\n{}", asked.words());
    }
    assert_eq!(messages[5]["content"], QUESTION);

    is_streamed(&client, &upstream).await;
    // Nothing of it is kept but what it cost.
    assert_eq!(ada.get("/ai/conversations").await.is(200).items().len(), 0);
    house.is_settled().await;
    let spent = ada.get("/ai/usage").await.is(200);
    assert_eq!(spent["today"]["requests"]["used"], upstream.asked().len());
    assert_eq!(spent["today"]["tokens"]["used"], upstream.asked().len() * 29);
}

async fn is_streamed(client: &Person, upstream: &Upstream) {
    upstream.then_says("Whoever holds it [1].");
    let mut wanted = asks(QUESTION);
    wanted["stream_options"] = json!({"include_usage": true});
    let mut events = streams(client, &wanted).await;
    assert_eq!(events.pop().as_deref(), Some("[DONE]"));
    let chunks: Vec<Value> = events.iter().map(|event| serde_json::from_str(event).expect("JSON")).collect();
    for chunk in &chunks {
        assert_eq!((&chunk["object"], &chunk["id"]), (&json!("chat.completion.chunk"), &chunks[0]["id"]));
        assert_eq!((&chunk["model"], &chunk["created"]), (&json!("lyceum-mentor"), &chunks[0]["created"]));
    }
    let (last, chunks) = chunks.split_last().expect("some");
    assert_eq!(last["choices"], json!([]));
    assert_eq!(last["usage"], json!({"prompt_tokens": 21, "completion_tokens": 8, "total_tokens": 29}));
    let (end, chunks) = chunks.split_last().expect("some");
    assert_eq!((&end["choices"][0]["finish_reason"], &end["choices"][0]["delta"]), (&json!("stop"), &json!({})));
    assert_eq!(chunks[0]["choices"][0]["delta"], json!({"role": "assistant", "content": ""}));
    let mut text = String::new();
    for chunk in chunks {
        assert_eq!((chunk.get("usage"), &chunk["choices"][0]["finish_reason"]), (Some(&Value::Null), &Value::Null));
        text.push_str(chunk["choices"][0]["delta"]["content"].as_str().expect("text"));
    }
    assert_eq!(text, "Whoever holds it [1].");

    // Nobody is told the cost who did not ask.
    upstream.then_says("Aye.");
    let events = streams(client, &asks(QUESTION)).await;
    assert!(events.iter().all(|event| !event.contains("\"usage\"")), "{events:?}");
    assert_eq!(events.last().map(String::as_str), Some("[DONE]"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_have_the_form_that_clients_act_on() {
    let upstream = Upstream::start().await;
    let house = House::small().with_mentor(&upstream);
    let server = house.start().await;
    let ada = server.register_and_sign_in("ada").await;
    let client = ada.with_key(&["ai"]).await;

    let nobody = Answer::of(server.request(Method::POST, COMPLETIONS).json(&asks("Ahoy?"))).await;
    is_error(nobody, 401, "authentication_error", "invalid_api_key");
    let forged = completes(&ada.showing("lyc_made_up"), &asks("Ahoy?")).await;
    is_error(forged, 401, "authentication_error", "invalid_api_key");
    let other = ada.with_key(&["learning", "profile"]).await;
    is_error(completes(&other, &asks("Ahoy?")).await, 403, "permission_error", "insufficient_scope");
    let models = Answer::of(other.request_at(Method::GET, "/openai/v1/models")).await;
    is_error(models, 403, "permission_error", "insufficient_scope");

    let mut unknown = asks("Ahoy?");
    unknown["model"] = json!("gpt-4o");
    let unknown = is_error(completes(&client, &unknown).await, 404, "invalid_request_error", "model_not_found");
    assert_eq!(unknown["error"]["param"], "model");
    let unknown = Answer::of(client.request_at(Method::GET, "/openai/v1/models/gpt-4o")).await;
    is_error(unknown, 404, "invalid_request_error", "model_not_found");
    is_error(
        Answer::of(client.request_at(Method::GET, "/openai/v1/embeddings")).await,
        404,
        "invalid_request_error",
        "not_found",
    );

    let bad = |messages: Value| json!({"model": "lyceum-mentor", "messages": messages});
    for messages in [
        json!([]),
        json!([{"role": "assistant", "content": "Ahoy."}]),
        json!([{"role": "wizard", "content": "Ahoy."}, {"role": "user", "content": "Ahoy?"}]),
        json!([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x.example/y.png"}}]}]),
    ] {
        is_error(completes(&client, &bad(messages)).await, 400, "invalid_request_error", "invalid_messages");
    }
    let mut several = asks("Ahoy?");
    several["n"] = json!(3);
    is_error(completes(&client, &several).await, 400, "invalid_request_error", "unsupported_value");
    let broken = client.request_at(Method::POST, COMPLETIONS).header("content-type", "application/json").body("{");
    is_error(Answer::of(broken).await, 400, "invalid_request_error", "malformed_json");
    let missing = completes(&client, &json!({"messages": []})).await;
    assert!((400..500).contains(&missing.status) && missing["error"]["message"].is_string(), "{}", missing.text);
    assert_eq!(upstream.asked().len(), 0, "none of these reached the model");

    // Faults of the model: before the first piece a status, later a last event, and never [DONE].
    upstream.then(Reply::Faulty(Fault::Away));
    let mut streamed = asks("Ahoy?");
    streamed["stream"] = json!(true);
    let away = is_error(completes(&client, &streamed).await, 503, "server_error", "llm_unavailable");
    assert!(away.header("retry-after").is_some());
    upstream.then(Reply::Faulty(Fault::ErrorInside));
    let events = streams(&client, &asks("Ahoy?")).await;
    let last: Value = serde_json::from_str(events.last().expect("an event")).expect("JSON, and not [DONE]");
    assert_eq!((&last["error"]["type"], &last["error"]["code"]), (&json!("server_error"), &json!("llm_unavailable")));
    assert!(events.iter().any(|event| event.contains("Take")) && events.len() >= 3, "{events:?}");
    house.is_settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quota_that_is_used_up_is_not_tried_again() {
    let upstream = Upstream::start().await;
    let house = House::small().with_mentor(&upstream).with("LYCEUM__QUOTA__FREE__REQUESTS_PER_DAY", 1);
    let server = house.start().await;
    let client = server.register_and_sign_in("ada").await.with_key(&["ai"]).await;
    completes(&client, &asks("Ahoy?")).await.is(200);
    let mut streamed = asks("Ahoy?");
    streamed["stream"] = json!(true);
    for body in [asks("Ahoy?"), streamed] {
        let refused = is_error(completes(&client, &body).await, 429, "insufficient_quota", "insufficient_quota");
        assert!(refused.header("retry-after").is_some());
        assert_eq!(refused.header("x-should-retry"), Some("false"), "the official clients would");
    }
    assert_eq!(upstream.asked().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_leaves_a_completion_stops_the_model() {
    let upstream = Upstream::start().await;
    let house = House::small().with_mentor(&upstream);
    let server = house.start().await;
    let ada = server.register_and_sign_in("ada").await;
    let client = ada.with_key(&["ai"]).await;
    let lead = upstream.then_led();
    lead.says("Coil it");
    let mut wanted = asks("How do I stow a line?");
    wanted["stream"] = json!(true);
    let mut response = client.request_at(Method::POST, COMPLETIONS).json(&wanted).send().await.expect("an answer");
    let mut heard = String::new();
    while !heard.contains("Coil it") {
        heard.push_str(&String::from_utf8_lossy(&response.chunk().await.expect("goes on").expect("goes on")));
    }
    let left = std::time::Instant::now();
    drop(response);
    let took = lead.hung_up_after(left).await;
    assert!(took < std::time::Duration::from_secs(2), "the model went on for {took:?}");
    house.is_settled().await;
    let spent = ada.get("/ai/usage").await.is(200);
    assert_eq!(spent["today"]["requests"]["used"], 1);
    assert!(spent["today"]["tokens"]["used"].as_u64() > Some(100), "{}", spent.text);
}
