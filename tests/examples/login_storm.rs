//! What a storm of wrong logins does to everybody else: the latency of `GET /users/me` when it is quiet and under 200
//! wrong logins a second, and what became of those.
//!
//! `cargo run -p lyceum-e2e --example login_storm [SECONDS]`, on a quiet machine; `LYCEUM_BIN` names another binary.
#![allow(clippy::print_stdout, clippy::expect_used, reason = "a program that prints numbers")]

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use lyceum_e2e::{house::House, person::Person, server::Server};
use reqwest::Method;
use serde_json::json;
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

/// Requests of the reader, and wrong logins, in a second.
const RATE: u64 = 200;

/// Reads at a steady rate for so long, one request after the other.
async fn read(person: &Person, span: Duration) -> Vec<Duration> {
    let mut times = Vec::new();
    let mut tick = interval(Duration::from_millis(1000 / RATE));
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let began = Instant::now();
    while began.elapsed() < span {
        tick.tick().await;
        let asked = Instant::now();
        person.get("/users/me").await.is(200);
        times.push(asked.elapsed());
    }
    times.sort_unstable();
    times
}

/// Wrong logins at a steady rate for so long, however long each takes.
async fn storm(server: &Server, span: Duration) -> BTreeMap<u16, usize> {
    let mut logins = JoinSet::new();
    let mut tick = interval(Duration::from_millis(1000 / RATE));
    let http = server.fresh_client();
    let began = Instant::now();
    let mut n = 0_usize;
    while began.elapsed() < span {
        tick.tick().await;
        n += 1;
        let body = json!({"identifier": format!("victim-{}", n % 50), "password": format!("guess-{n}-Anchor")});
        let request = http.post(format!("{}/api/v1/auth/login", server.url)).json(&body);
        logins.spawn(async move { request.send().await.expect("an answer").status().as_u16() });
    }
    let mut statuses = BTreeMap::new();
    for status in logins.join_all().await {
        *statuses.entry(status).or_default() += 1;
    }
    statuses
}

fn show(name: &str, times: &[Duration]) -> f64 {
    let at = |part: usize| times[(times.len() * part / 1000).min(times.len() - 1)].as_secs_f64() * 1000.0;
    println!(
        "{name:6} {:6} requests   p50 {:6.2} ms   p99 {:6.2} ms   p99.9 {:6.2} ms",
        times.len(),
        at(500),
        at(990),
        at(999)
    );
    at(990)
}

#[tokio::main]
async fn main() {
    let seconds: u64 = std::env::args().nth(1).map_or(20, |text| text.parse().expect("a number of seconds"));
    let span = Duration::from_secs(seconds);
    let house = House::small().with("LYCEUM__AUTH__BCRYPT_COST", 12);
    let server = house.start().await;
    let mut person = server.register_and_sign_in("ada").await;
    person.sign_in(&server).await;
    assert_eq!(person.request(Method::GET, "/users/me").send().await.expect("an answer").status(), 200);

    read(&person, Duration::from_secs(2)).await;
    let quiet = show("quiet", &read(&person, span).await);
    let (times, statuses) = tokio::join!(read(&person, span), storm(&server, span));
    let stormy = show("storm", &times);
    println!("p99 under {RATE} wrong logins a second: {:.2} times the quiet one", stormy / quiet);
    println!("what became of the logins, by status: {statuses:?}");
}
