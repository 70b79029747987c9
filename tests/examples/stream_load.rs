//! What many streams at once do to each other: how much slower each is than the model that speaks it, how even its words
//! come, and what memory the server needs for it.
//!
//! `cargo run --release -p lyceum-e2e --example stream_load [STREAMS] [sqlite|postgres] [SECONDS]`, on a quiet machine, with
//! `LYCEUM_BIN` a server that was built for release, and `ulimit -n` at least four times as many as the streams. PostgreSQL
//! is the server at `TEST_DATABASE_URL`. With `taskset` there the server has one core, and this program, with the model in
//! it, the others.
#![allow(clippy::print_stdout, clippy::expect_used, clippy::panic, reason = "a program that prints numbers")]
#![allow(clippy::cast_precision_loss, reason = "none of them is large")]

use std::{
    collections::HashMap,
    fs,
    process::Command,
    time::{Duration, Instant},
};

use lyceum_e2e::{
    database::Database,
    house::House,
    person::Person,
    server::Server,
    upstream::{Span, Upstream},
};
use serde_json::json;
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

/// Words in a second, of each stream.
const PACE: usize = 20;
/// People who ask: each has several streams.
const PEOPLE: usize = 50;
/// Over this time the streams begin.
const RAMP: Duration = Duration::from_secs(3);

/// A stream as its reader sees it.
struct Heard {
    question: String,
    asked: Instant,
    first: Instant,
    ended: Instant,
    gaps: Vec<Duration>,
}

/// A line of the process' own account of itself (proc(5)), in KiB.
fn memory(server: &Server, line: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("the server runs, on Linux");
    let value = status.lines().find_map(|text| text.strip_prefix(line)).expect("the line");
    value.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Gives all threads of a process these cores; whether that worked.
fn pin(process: u32, cores: &str) -> bool {
    let pinned = Command::new("taskset").args(["-acp", cores, &process.to_string()]).output();
    pinned.is_ok_and(|output| output.status.success())
}

async fn listen(person: Person, question: String, wait: Duration) -> Heard {
    sleep(wait).await;
    let asked = Instant::now();
    let mut events = person.ask_for_events(&json!({"prompt": question})).await;
    events.expect("start").await;
    let mut first = None;
    let mut last = Instant::now();
    let mut gaps = Vec::new();
    loop {
        let event = events.next().await.expect("an end");
        let now = Instant::now();
        match event.name.as_str() {
            "delta" if first.is_none() => first = Some(now),
            "delta" => gaps.push(now - last),
            "done" => return Heard { question, asked, first: first.expect("words"), ended: now, gaps },
            _ => panic!("{event:?}"),
        }
        last = now;
    }
}

fn show(name: &str, unit: &str, mut values: Vec<f64>) {
    values.sort_unstable_by(f64::total_cmp);
    let at = |part: usize| values[(values.len() * part / 1000).min(values.len() - 1)];
    println!("{name:34} p50 {:8.2}   p99 {:8.2}   max {:8.2} {unit}", at(500), at(990), at(1000));
}

fn milliseconds(span: Duration) -> f64 {
    span.as_secs_f64() * 1000.0
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let streams: usize = arguments.next().map_or(1000, |text| text.parse().expect("a number of streams"));
    let database = match arguments.next().as_deref() {
        Some("postgres") => Database::postgres("stream_load").await.expect("TEST_DATABASE_URL"),
        None | Some("sqlite") => Database::sqlite("stream_load").await.expect("always there"),
        Some(other) => panic!("{other} is neither sqlite nor postgres"),
    };
    let seconds: usize = arguments.next().map_or(10, |text| text.parse().expect("a number of seconds"));

    let upstream = Upstream::start().await;
    let words = "fathom ".repeat(PACE * seconds);
    upstream.from_now_on_says(&words, Duration::from_secs(1) / u32::try_from(PACE).expect("small"));
    let house =
        House::new(database).with_mentor(&upstream).with("LYCEUM__SERVER__WORKERS", 1).with("LOG_LEVEL", "warn");
    let server = house.start().await;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let is_pinned = cores > 1 && pin(server.pid(), "0") && pin(std::process::id(), &format!("1-{}", cores - 1));
    let mut people = Vec::new();
    for n in 0..PEOPLE.min(streams) {
        people.push(server.register_and_sign_in(&format!("learner{n}")).await);
    }
    people[0].ask_for_events(&json!({"prompt": "Is the line clear?"})).await.expect("start").await;
    sleep(Duration::from_secs(2)).await;

    let before = memory(&server, "VmRSS:");
    let mut listening = JoinSet::new();
    for n in 0..streams {
        let wait = RAMP * u32::try_from(n).expect("few") / u32::try_from(streams).expect("few");
        let person = people[n % people.len()].clone();
        listening.spawn(listen(person, format!("Stream {n}: how deep is the water?"), wait));
    }
    // All have begun, and none has ended.
    sleep((RAMP + Duration::from_secs(seconds as u64)) / 2).await;
    let (during, at_once) = (memory(&server, "VmRSS:"), upstream.in_flight());
    let patience = Duration::from_mins(1);
    let heard = timeout(patience, listening.join_all()).await.expect("all streams end");

    let spans: HashMap<String, Span> = upstream.spans().into_iter().map(|span| (span.question.clone(), span)).collect();
    let of = |heard: &Heard| spans.get(&heard.question).expect("the model was asked").clone();
    let span = |heard: &Heard| of(heard).ended - of(heard).began;
    println!(
        "{streams} streams of {} words, {PACE} in a second each; {at_once} at once; the server {}",
        PACE * seconds,
        if is_pinned { "on one core" } else { "on all cores" }
    );
    let ratio = |heard: &Heard| (heard.ended - heard.asked).as_secs_f64() / span(heard).as_secs_f64();
    show("a stream's time by its model's", "times", heard.iter().map(ratio).collect());
    let late = |heard: &Heard| milliseconds(heard.ended.saturating_duration_since(of(heard).ended));
    show("the end, behind the model's", "ms", heard.iter().map(late).collect());
    show("from asking to the model", "ms", heard.iter().map(|h| milliseconds(of(h).began - h.asked)).collect());
    let first = |heard: &Heard| milliseconds(heard.first.saturating_duration_since(of(heard).began));
    show("the first word, behind the model's", "ms", heard.iter().map(first).collect());
    show("between two events", "ms", heard.iter().flat_map(|h| &h.gaps).map(|gap| milliseconds(*gap)).collect());
    let each = (during - before) / streams as f64;
    println!(
        "memory: {:.1} MiB before, {:.1} MiB during: {each:.1} KiB for each stream",
        before / 1024.0,
        during / 1024.0
    );
    house.is_settled().await;
}
