//! Whether the time of a refused sign-in tells anything: medians for an unknown name, a wrong password, a locked account
//! and one that was never verified, and their ratios to the wrong password.
//!
//! `cargo run -p lyceum-e2e --example sign_in_timing [ROUNDS]`, on a quiet machine; `LYCEUM_BIN` names another binary.
#![allow(clippy::print_stdout, clippy::expect_used, reason = "a program that prints numbers")]

use std::time::{Duration, Instant};

use lyceum_e2e::{house::House, server::Server};
use serde_json::json;

/// Below the number of failures that lock.
const PER_ACCOUNT: usize = 4;

async fn refused(server: &Server, identifier: &str) -> Duration {
    let began = Instant::now();
    let body = json!({"identifier": identifier, "password": "no-such-Anchor-1"});
    server.post("/api/v1/auth/login", &body).await.is_problem(401, "invalid_credentials");
    began.elapsed()
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1000.0
}

#[tokio::main]
async fn main() {
    let rounds: usize = std::env::args().nth(1).map_or(32, |text| text.parse().expect("a number of rounds"));
    let house = House::small().with("LYCEUM__AUTH__BCRYPT_COST", 12);
    let server = house.start().await;
    for n in 0..rounds.div_ceil(PER_ACCOUNT) {
        server.let_in(&house, &format!("known-{n}"), "learner").await;
    }
    server.let_in(&house, "locked", "learner").await;
    for _ in 0..6 {
        refused(&server, "locked").await;
    }
    server.register("unverified").await;

    let mut times: [Vec<Duration>; 4] = Default::default();
    for round in 0..rounds {
        let names = [
            format!("known-{}", round / PER_ACCOUNT),
            format!("unknown-{round}"),
            "locked".into(),
            "unverified".into(),
        ];
        for (name, times) in names.iter().zip(&mut times) {
            times.push(refused(&server, name).await);
        }
    }
    let [wrong, unknown, locked, unverified] = times.map(median);
    println!("refused sign-ins at bcrypt cost 12, medians of {rounds}");
    for (name, time) in [("wrong", wrong), ("unknown", unknown), ("locked", locked), ("unverified", unverified)] {
        println!("{name:12} {time:8.1} ms   {:.3}", time / wrong);
    }
}
