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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_told_to_stop_serves_until_others_have_looked_away() {
    let house = House::small().with("LYCEUM__SERVER__SHUTDOWN_DELAY_SECONDS", 3);
    let mut server = house.start().await;
    let ada = server.register_and_sign_in("ada").await;
    let open = ada.get("/users/me").await.is(200);
    assert_eq!(open.header("connection"), None, "it is kept for the next request");
    server.terminate();
    let look = async || Some(server.get("/health/ready").await).filter(|ready| ready.status != 200);
    let unready = lyceum_e2e::wait::eventually("a server that is not ready", look).await;
    let unready = unready.is_problem(503, "shutting_down");
    assert_eq!((unready.header("connection"), unready.header("retry-after")), (Some("close"), Some("5")));
    // Whoever comes is served, and sent elsewhere for the next time.
    let sent_away = ada.get("/users/me").await.is(200);
    assert_eq!(sent_away.header("connection"), Some("close"));
    ada.ask(&json!({"prompt": "What does a cleat do?"})).await.is(200);
    server.get("/health/live").await.is(200);
    assert_eq!(server.get("/health").await.is(200)["status"], "ok");
    assert!(!server.log().contains("ERROR"), "nothing is wrong:\n{}", server.log());

    // Then nobody is let in, and hears so at once.
    let refused = async || {
        let again = Answer::of_checked(server.fresh_client().get(format!("{}/health/live", server.url))).await;
        again.err().filter(reqwest::Error::is_connect).map(drop)
    };
    lyceum_e2e::wait::eventually("nobody is let in", refused).await;
    let status = server.ended(Duration::from_secs(12)).await;
    assert_eq!(status.code(), Some(0), "{}", server.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_told_twice_stops_at_once() {
    let upstream = Upstream::start().await;
    let house = house_with(&upstream, Database::Sqlite)
        .with("LYCEUM__SERVER__SHUTDOWN_DELAY_SECONDS", 60)
        .with("LYCEUM__SERVER__SHUTDOWN_TIMEOUT_SECONDS", 60);
    let mut server = house.start().await;
    let ada = server.register_and_sign_in("ada").await;
    let lead = upstream.then_led();
    lead.says("Belay");
    let mut events = ada.ask_for_events(&json!({"prompt": "What does a cleat do?"})).await;
    events.expect("start").await;
    events.expect("delta").await;
    server.terminate();
    let told = async || server.log().contains("not ready any more").then_some(());
    lyceum_e2e::wait::eventually("the first signal", told).await;
    let asked = Instant::now();
    server.terminate();
    let status = server.ended(Duration::from_secs(20)).await;
    assert_eq!(status.code(), Some(0), "{}", server.log());
    assert!(asked.elapsed() < Duration::from_secs(10), "stopping at once took {:?}", asked.elapsed());
    lead.hung_up_after(asked).await;

    // What was said was written down all the same.
    let server = house.start().await;
    let message = settled(&ada.at(&server)).await;
    assert_eq!((&message["status"], &message["content"]), (&json!("interrupted"), &json!("Belay")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reads_along_at_a_stopping_server_is_told_and_reads_on_at_another() {
    let upstream = Upstream::start().await;
    let house = house_with(&upstream, Database::Sqlite).with("LYCEUM__SERVER__SHUTDOWN_TIMEOUT_SECONDS", 3);
    let (here, mut there) = (house.start().await, house.start().await);
    let ada = here.register_and_sign_in("ada").await;
    let lead = upstream.then_led();
    lead.says("Belay");
    let mut events = ada.ask_for_events(&json!({"prompt": "What does a cleat do?"})).await;
    let answer = events.expect("start").await["message_id"].as_str().expect("an id").to_owned();
    let last = events.expect_words("Belay").await;
    let mut along = ada.clone().at(&there).follow(&answer, None).await;
    along.expect("start").await;
    along.expect_words("Belay").await;
    there.terminate();
    let (rest, end) = along.to_the_end().await;
    assert_eq!((rest.as_str(), end.name.as_str()), ("", "error"));
    assert_eq!((&end.data["code"], &end.id), (&json!("shutting_down"), &last), "from here it can be read on");
    let status = there.ended(Duration::from_secs(12)).await;
    assert_eq!(status.code(), Some(0), "{}", there.log());

    let again = ada.follow(&answer, Some(&end.id)).await;
    lead.says(" that.");
    lead.ends();
    for reading in [again, events] {
        let (rest, end) = reading.to_the_end().await;
        assert_eq!((rest.as_str(), end.name.as_str()), (" that.", "done"));
    }
}

/// Whoever waits for the line finds a server of which every worker can work.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_says_that_it_listens_when_all_its_workers_are_at_work() {
    let Some(database) = Database::postgres("a_server_says_that_it_listens").await else { return };
    let house = House::new(database).with("LYCEUM__SERVER__WORKERS", 4);
    house.run(&["migrate", "up"]).succeeded();
    let mut db = house.by_hand().await;
    let count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    assert_eq!(db.number(count).await, 0);
    let server = house.start().await;
    let connections = db.number(count).await;
    assert!(connections > 4, "one of each worker and one of the chores: {connections}");
    server.get("/health/ready").await.is(200);
}
