//! Starting and stopping.

use std::time::{Duration, Instant};

use lyceum_e2e::{answer::Answer, database::Database, house::House, on_both_databases, upstream::Upstream};
use reqwest::Method;
use serde_json::json;

use crate::mentor::{house_with, settled};

on_both_databases!(two_servers_can_start_at_once_on_a_fresh_database);

async fn two_servers_can_start_at_once_on_a_fresh_database(database: Database) {
    // No secret either: both must come to the same one. And both want to make the demo course.
    let house = House::new(database).without("JWT_SECRET").with("LYCEUM__SEED_DEMO", true);
    let (first, second) = tokio::join!(house.start(), house.start());
    assert_ne!(first.url, second.url);
    for server in [&first, &second] {
        server.get("/health/ready").await.is(200);
        let courses = server.get("/api/v1/courses").await.is(200);
        assert_eq!(courses.items().len(), 1, "{}", courses.text);
    }
    let ada = first.register_and_sign_in("ada").await;
    ada.at(&second).get("/users/me").await.is(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopping_server_ends_its_streams_and_keeps_what_was_said() {
    let upstream = Upstream::start().await;
    let house = house_with(&upstream, Database::Sqlite).with("LYCEUM__SERVER__SHUTDOWN_TIMEOUT_SECONDS", 3);
    let mut server = house.start().await;
    let ada = server.register_and_sign_in("ada").await;
    let lead = upstream.then_led();
    lead.says("Belay");
    let mut events = ada.ask_for_events(&json!({"prompt": "What does a cleat do?"})).await;
    let start = events.expect("start").await;
    events.expect("delta").await;

    let asked = Instant::now();
    server.terminate();
    lead.says(" that.");
    let (text, last) = events.to_the_end().await;
    assert_eq!((text.as_str(), last.name.as_str()), (" that.", "error"), "the stream goes on for a while, then ends");
    assert_eq!(last.data["status"], 503, "{}", last.data);
    let status = server.ended(Duration::from_secs(6)).await;
    assert_eq!(status.code(), Some(0), "{status}\n{}", server.log());
    assert!(asked.elapsed() < Duration::from_millis(4500), "stopping took {:?}", asked.elapsed());
    lead.hung_up_after(asked).await;

    let server = house.start().await;
    let message = settled(&ada.at(&server)).await;
    assert_eq!((&message["id"], &message["status"]), (&start["message_id"], &json!("interrupted")));
    assert_eq!(message["content"], "Belay that.");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopping_server_finishes_what_is_under_way() {
    let upstream = Upstream::start().await;
    let house = house_with(&upstream, Database::Sqlite);
    let mut server = house.start().await;
    let ada = server.register_and_sign_in("ada").await;
    let lead = upstream.then_led();
    let question = json!({"prompt": "What does a cleat do?"});
    let asking = ada.ask(&question);
    let stopping = async {
        upstream.asked_times(1).await;
        server.terminate();
        lyceum_e2e::wait::eventually("stopping", async || server.log().contains("stopping").then_some(())).await;
        lead.says("It holds.");
        lead.ends();
    };
    let (answer, ()) = tokio::join!(asking, stopping);
    assert_eq!(answer.is(200)["response"], "It holds.");
    let asked = Instant::now();
    let status = server.ended(Duration::from_secs(12)).await;
    assert_eq!(status.code(), Some(0), "{}", server.log());
    assert!(asked.elapsed() < Duration::from_secs(3), "nothing was left to wait for: {:?}", asked.elapsed());
    let again = Answer::of_checked(server.request(Method::GET, "/health/live")).await;
    assert!(again.is_err(), "somebody still listens");
}
