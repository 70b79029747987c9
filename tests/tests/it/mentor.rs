//! The mentor when things go otherwise than well: no network, learners who leave, a model with faults.

use std::time::{Duration, Instant};

use lyceum_e2e::{
    answer::Answer,
    database::Database,
    fixture,
    house::House,
    on_both_databases,
    person::Person,
    upstream::{Reply, Upstream},
    wait::eventually,
};
use serde_json::{Value, json};

on_both_databases!(
    whoever_hangs_up_stops_the_model,
    whoever_leaves_a_json_request_stops_the_model,
    whoever_leaves_at_any_moment_leaves_nothing_open
);

/// How long a hang-up may take to reach the model.
const SOON: Duration = Duration::from_secs(2);

/// A house whose mentor is this model, and that is not patient with it.
pub fn house_with(upstream: &Upstream, database: Database) -> House {
    House::new(database).with_mentor(upstream)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_network_the_mentor_still_finds_the_passage() {
    let house = House::small();
    let course = house.import(&fixture("knots-book"));
    let server = house.start().await;
    let ada = server.register_and_sign_in("ada").await;
    ada.post_empty("/courses/knots-for-the-deck/enrollment").await.is(201);

    let question = json!({"prompt": "What is ownership of a rope?", "course_id": course["course_id"]});
    let answer = ada.ask(&question).await.is(200);
    let response = answer.text_at("/response");
    assert!(response.contains("offline") && response.contains("exactly one keeper"), "{response}");
    assert_eq!(answer["sources"][0]["title"], "Ownership of a Rope");
    assert!(answer["model"].as_str().is_some_and(|model| !model.is_empty()));

    let mut events = ada.ask_for_events(&question).await;
    assert_eq!(events.expect("start").await["sources"][0]["title"], "Ownership of a Rope");
    let (text, last) = events.to_the_end().await;
    assert_eq!((text, last.name.as_str()), (response, "done"));

    let health = server.get("/health").await.is(200);
    assert_eq!((&health["status"], &health["components"]["llm"]["status"]), (&json!("ok"), &json!("ok")));
}

async fn whoever_hangs_up_stops_the_model(database: Database) {
    let upstream = Upstream::start().await;
    let house = house_with(&upstream, database);
    let server = house.start().await;
    let ada = server.register_and_sign_in("ada").await;
    let lead = upstream.then_led();

    lead.says("Coil it");
    let mut events = ada.ask_for_events(&json!({"prompt": "How do I stow a line?"})).await;
    let start = events.expect("start").await;
    assert_eq!(events.expect("delta").await["text"], "Coil it");
    lead.says(" clockwise");
    assert_eq!(events.expect("delta").await["text"], " clockwise");
    let left = Instant::now();
    drop(events);

    let took = lead.hung_up_after(left).await;
    assert!(took < SOON, "the model went on for {took:?}");
    let message = settled(&ada).await;
    assert_eq!((&message["id"], &message["status"]), (&start["message_id"], &json!("interrupted")));
    assert_eq!(message["content"], "Coil it clockwise");
    assert!(message["usage"]["prompt_tokens"].as_u64() > Some(0), "{message}");
    assert!(message["usage"]["completion_tokens"].as_u64() > Some(0), "{message}");
}

async fn whoever_leaves_a_json_request_stops_the_model(database: Database) {
    let upstream = Upstream::start().await;
    let house = house_with(&upstream, database);
    let server = house.start().await;
    let ada = server.register_and_sign_in("ada").await;
    let lead = upstream.then_led();

    let question = json!({"prompt": "How do I stow a line?"});
    let asked = tokio::select! {
        answer = ada.ask(&question) => panic!("answered already: {answer:?}"),
        asked = upstream.asked_times(1) => asked,
    };
    let left = Instant::now();
    assert_eq!(asked.body["stream"], false);
    let took = lead.hung_up_after(left).await;
    assert!(took < SOON, "the model went on for {took:?}");
    let message = settled(&ada).await;
    assert_eq!((&message["status"], &message["content"]), (&json!("interrupted"), &json!("")));
    assert!(message["usage"]["prompt_tokens"].as_u64() > Some(0), "{message}");
}

/// The newest message, once its turn is over.
pub async fn settled(person: &Person) -> Value {
    eventually("the end of the turn", async || {
        person.latest_message().await.filter(|message| message["status"] != "streaming")
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_that_failed_shows_in_the_health_whoever_answers() {
    let upstream = Upstream::start().await;
    let house = house_with(&upstream, Database::Sqlite).with("LYCEUM__SERVER__WORKERS", 4);
    let server = house.start().await;
    let ada = server.register_and_sign_in("ada").await;
    upstream.then(Reply::Plain("500 Oh", "", ""));
    ada.ask(&json!({"prompt": "Which knot?"})).await.is_problem(503, "llm_unavailable");
    // Another connection, which another worker serves.
    let health = Answer::of(server.fresh_client().get(format!("{}/health", server.url))).await.is(200);
    assert_eq!((&health["status"], &health["components"]["llm"]["status"]), (&json!("degraded"), &json!("degraded")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_in_the_middle_of_a_stream_is_an_event() {
    let upstream = Upstream::start().await;
    let house = house_with(&upstream, Database::Sqlite).with("LYCEUM__LLM__READ_TIMEOUT_SECONDS", 1);
    let server = house.start().await;
    let ada = server.register_and_sign_in("ada").await;

    let lead = upstream.then_led();
    lead.says("First the bight");
    let mut events = ada.ask_for_events(&json!({"prompt": "A sheet bend?"})).await;
    let start = events.expect("start").await;
    let (text, last) = events.to_the_end().await;
    assert_eq!((text.as_str(), last.name.as_str()), ("First the bight", "error"));
    assert_eq!((&last.data["code"], &last.data["status"]), (&json!("llm_timeout"), &json!(504)));
    let message = settled(&ada).await;
    assert_eq!((&message["id"], &message["status"]), (&start["message_id"], &json!("failed")));
    assert_eq!(message["content"], "First the bight", "what was said is kept");
}

/// A client can leave while its question is being written down, too.
async fn whoever_leaves_at_any_moment_leaves_nothing_open(database: Database) {
    let house = House::new(database);
    let server = house.start().await;
    let ada = server.register_and_sign_in("ada").await;
    for wait in 0..60 {
        let question = json!({"prompt": "Which knot holds?"});
        let _ = tokio::time::timeout(Duration::from_micros(wait * 150), ada.ask(&question)).await;
    }
    let all_settled = async || {
        let conversations = ada.get("/ai/conversations?limit=100").await.is(200);
        for conversation in conversations.items() {
            let id = conversation["id"].as_str().expect("an id");
            if ada.messages(id).await.iter().any(|message| message["status"] == "streaming") {
                return None;
            }
        }
        Some(())
    };
    eventually("every answer is settled", all_settled).await;
    house.is_settled().await;
}
