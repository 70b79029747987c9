//! What becomes of a question when the provider fails: the right answer in time, nothing left open, nothing asked or paid
//! for twice.

use std::time::{Duration, Instant};

use lyceum_e2e::{
    answer::Answer,
    database::Database,
    events::Events,
    house::House,
    on_both_databases,
    person::Person,
    upstream::{Fault, KEY, RIGHT, Reply, Upstream},
    wait::eventually,
};
use reqwest::header;
use serde_json::{Value, json};

on_both_databases!(every_fault_of_a_provider_has_its_answer);

/// The longest time for everything, as the house is told.
const DEADLINE: Duration = Duration::from_secs(3);
/// What a crowded machine may add.
const GRACE: Duration = Duration::from_secs(3);

/// What is expected of an answer.
#[derive(Debug, Clone, Copy)]
enum Outcome {
    /// This status and code; `Retry-After`, if there is to be one.
    Refused(u16, &'static str, Option<&'static str>),
    /// A stream that begins with these words, and ends with an error of this status and code.
    BreaksOff(&'static str, u16, &'static str),
    /// The whole of [`RIGHT`].
    Whole,
}

/// What a call counts for in its user's quota.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Cost {
    /// Nothing: the provider did no work.
    Nothing,
    /// What was counted here, because the provider did not say.
    Estimate,
    /// What the provider said: 29 tokens.
    AsSaid,
}

type Expected = (Outcome, Cost);

use Cost::{AsSaid, Estimate, Nothing};
use Outcome::{BreaksOff, Refused, Whole};

const AWAY: &str = "llm_unavailable";
const SLOW: &str = "llm_timeout";
const UNUSABLE: &str = "llm_bad_response";

/// Each fault, how often the provider is asked, and what comes of it as JSON and as a stream.
const TABLE: [(Fault, usize, Expected, Expected); 15] = [
    // It asks for a longer wait than the house has time for.
    (Fault::AskedTooOften, 1, (Refused(503, AWAY, Some("7")), Nothing), (Refused(503, AWAY, Some("7")), Nothing)),
    (Fault::Away, 2, (Refused(503, AWAY, Some("5")), Nothing), (Refused(503, AWAY, Some("5")), Nothing)),
    (Fault::Broken, 1, (Refused(503, AWAY, Some("5")), Nothing), (Refused(503, AWAY, Some("5")), Nothing)),
    (Fault::NotLetIn, 1, (Refused(503, AWAY, Some("60")), Nothing), (Refused(503, AWAY, Some("60")), Nothing)),
    (Fault::Hangs, 1, (Refused(504, SLOW, None), Estimate), (Refused(504, SLOW, None), Estimate)),
    (Fault::DripsBytes, 1, (Refused(504, SLOW, None), Estimate), (Refused(504, SLOW, None), Estimate)),
    (Fault::NeverEnds, 1, (Refused(504, SLOW, None), Estimate), (BreaksOff("and on and", 504, SLOW), Estimate)),
    (Fault::CutOff, 1, (Refused(502, UNUSABLE, None), Estimate), (BreaksOff("Take the end", 502, UNUSABLE), Estimate)),
    (Fault::Halved, 1, (Refused(502, UNUSABLE, None), Estimate), (BreaksOff("Take the end", 502, UNUSABLE), Estimate)),
    (Fault::NoJson, 1, (Refused(502, UNUSABLE, None), Estimate), (BreaksOff("Take the end", 502, UNUSABLE), Estimate)),
    (Fault::OfTheOtherKind, 1, (Whole, AsSaid), (Whole, AsSaid)),
    (Fault::Empty, 1, (Refused(502, UNUSABLE, None), Estimate), (Refused(502, UNUSABLE, None), Estimate)),
    (Fault::ErrorInside, 1, (Refused(503, AWAY, Some("5")), Nothing), (BreaksOff("Take the end", 503, AWAY), Estimate)),
    (Fault::Snippets, 1, (Whole, AsSaid), (Whole, AsSaid)),
    (Fault::LongLine, 1, (Refused(502, UNUSABLE, None), Estimate), (Refused(502, UNUSABLE, None), Estimate)),
];

/// A house that is not patient, and asks twice where that can help.
fn impatient(upstream: &Upstream, database: Database) -> House {
    House::new(database)
        .with_mentor(upstream)
        .with("LYCEUM__LLM__CONNECT_TIMEOUT_SECONDS", 1)
        .with("LYCEUM__LLM__FIRST_BYTE_TIMEOUT_SECONDS", 2)
        .with("LYCEUM__LLM__READ_TIMEOUT_SECONDS", 2)
        .with("LYCEUM__LLM__TOTAL_TIMEOUT_SECONDS", DEADLINE.as_secs())
        .with("LYCEUM__LLM__MAX_RETRIES", 1)
        .with("LYCEUM__LLM__RETRY_DELAY_MILLISECONDS", 50)
        .with("LYCEUM__LLM__RETRY_BUDGET_SECONDS", 1)
}

/// What counts against the quota today: requests and tokens.
async fn counted(person: &Person) -> (u64, u64) {
    let usage = person.get("/ai/usage").await.is(200);
    let used = |of: &str| usage["today"][of]["used"].as_u64().expect("a number");
    (used("requests"), used("tokens"))
}

async fn every_fault_of_a_provider_has_its_answer(database: Database) {
    let upstream = Upstream::start().await;
    let house = impatient(&upstream, database);
    let server = house.start().await;
    let ada = server.register_and_sign_in("ada").await;
    for (fault, asks, json, events) in TABLE {
        for (is_stream, (outcome, cost)) in [(false, json), (true, events)] {
            let what = format!("{fault:?}, {}", if is_stream { "as a stream" } else { "as JSON" });
            let before = (upstream.asked().len(), counted(&ada).await);
            upstream.from_now_on(Some(fault));
            let began = Instant::now();
            let question = json!({"prompt": "Which knot holds best?"});
            if is_stream {
                check_events(&what, &ada, &question, outcome).await;
            } else {
                check_json(&what, &ada.ask(&question).await, outcome);
            }
            let took = began.elapsed();
            assert!(took < DEADLINE + GRACE, "{what}: {took:?}");
            assert_eq!(upstream.asked().len() - before.0, asks, "{what}: how often the provider was asked");
            upstream.is_left_alone().await;
            house.is_settled().await;
            let (requests, tokens) = counted(&ada).await;
            let (requests, tokens) = (requests - before.1.0, tokens - before.1.1);
            match cost {
                Nothing => assert_eq!((requests, tokens), (0, 0), "{what}: is refunded"),
                // The instructions alone are hundreds of tokens.
                Estimate => assert!(requests == 1 && tokens > 100, "{what}: {requests} requests, {tokens} tokens"),
                AsSaid => assert_eq!((requests, tokens), (1, 29), "{what}"),
            }
            // And it still answers, often enough that the provider is not given a rest.
            upstream.from_now_on(None);
            for _ in 0..2 {
                assert_eq!(ada.ask(&json!({"prompt": "Still there?"})).await.is(200)["response"], "Aye.");
            }
        }
    }
    server.told_none_of([KEY]);
}

fn check_refusal(what: &str, answer: &Answer, outcome: Outcome) {
    let Refused(status, code, wait) = outcome else { panic!("{what}: {} {}", answer.status, answer.text) };
    let answer = answer.clone().is_problem(status, code);
    assert_eq!(answer.header("retry-after"), wait, "{what}");
    assert!(!answer.text.contains("not now"), "the provider's words are for the log: {}", answer.text);
}

fn check_json(what: &str, answer: &Answer, outcome: Outcome) {
    match outcome {
        Whole => assert_eq!((answer.status, &answer["response"]), (200, &json!(RIGHT)), "{what}: {}", answer.text),
        _ => check_refusal(what, answer, outcome),
    }
}

async fn check_events(what: &str, person: &Person, question: &Value, outcome: Outcome) {
    let response = person.asking_for_events(question).send().await.expect("an answer");
    if !response.headers()[header::CONTENT_TYPE].to_str().expect("text").starts_with("text/event-stream") {
        return check_refusal(what, &Answer::read(response).await.expect("a whole answer"), outcome);
    }
    let mut events = Events::of(response).await;
    let start = events.expect("start").await;
    let (text, last) = events.to_the_end().await;
    let stored = person.message(start["message_id"].as_str().expect("an id")).await;
    assert_eq!(stored["content"], text, "{what}: what was said is kept");
    match outcome {
        Whole => assert_eq!((text.as_str(), last.name.as_str()), (RIGHT, "done"), "{what}: {}", last.data),
        BreaksOff(words, status, code) => {
            assert!(text.starts_with(words), "{what}: {text:?}");
            assert_eq!((last.name.as_str(), &last.data["status"]), ("error", &json!(status)), "{what}: {}", last.data);
            assert_eq!((&last.data["code"], &stored["status"]), (&json!(code), &json!("failed")), "{what}");
        }
        Refused(..) => panic!("{what}: a stream began with {text:?} and ended with {last:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_at_the_address_is_a_refusal_that_costs_nothing() {
    // A port that nobody listens at, since this one is closed again.
    let port = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port").local_addr().expect("an address").port();
    let upstream = Upstream::start().await;
    let house = impatient(&upstream, Database::Sqlite).with("QUBRID_BASE_URL", format!("http://127.0.0.1:{port}/v1"));
    let server = house.start().await;
    let ada = server.register_and_sign_in("ada").await;
    for kind in ["application/json", "text/event-stream"] {
        let asking = ada.asking(&json!({"prompt": "Anybody there?"})).header(header::ACCEPT, kind);
        let answer = Answer::of(asking).await.is_problem(503, "llm_unavailable");
        assert_eq!(answer.header("retry-after"), Some("5"));
    }
    house.is_settled().await;
    assert_eq!(counted(&ada).await, (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_is_away_for_a_moment_is_asked_again() {
    let upstream = Upstream::start().await;
    let house = impatient(&upstream, Database::Sqlite);
    let server = house.start().await;
    let ada = server.register_and_sign_in("ada").await;
    for kind in ["application/json", "text/event-stream"] {
        let before = upstream.asked().len();
        upstream.then(Reply::Faulty(Fault::Away));
        let asking = ada.asking(&json!({"prompt": "Anybody there?"})).header(header::ACCEPT, kind);
        assert!(Answer::of(asking).await.is(200).text.contains("Aye."));
        assert_eq!(upstream.asked().len() - before, 2);
    }
    assert_eq!(counted(&ada).await, (2, 2 * 29));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_fails_again_and_again_is_given_a_rest() {
    let upstream = Upstream::start().await;
    let house = House::small()
        .with_mentor(&upstream)
        .with("LYCEUM__LLM__BREAKER__FAILURES", 3)
        .with("LYCEUM__LLM__BREAKER__OPEN_SECONDS", 8)
        .with("LYCEUM__LLM__BREAKER__LONGEST_OPEN_SECONDS", 8);
    let server = house.start().await;
    let ada = server.register_and_sign_in("ada").await;
    let question = json!({"prompt": "Anybody there?"});
    upstream.from_now_on(Some(Fault::Broken));
    for _ in 0..3 {
        ada.ask(&question).await.is_problem(503, "llm_unavailable");
    }
    upstream.from_now_on(None);
    // All workers know, and nobody asks.
    for _ in 0..4 {
        let fresh = server.fresh_client().post(format!("{}/api/v1/ai/chat", server.url)).bearer_auth(&ada.access);
        let answer = Answer::of(fresh.json(&question)).await.is_problem(503, "llm_unavailable");
        let wait: u64 = answer.header("retry-after").expect("Retry-After").parse().expect("seconds");
        assert!((1..=8).contains(&wait), "{answer:?}");
    }
    assert_eq!(upstream.asked().len(), 3);
    let answered = eventually("the end of the rest", async || {
        Some(ada.ask(&question).await).filter(|answer| answer.status == 200)
    });
    assert_eq!(answered.await["response"], "Aye.");
    assert_eq!(upstream.asked().len(), 4, "one probe was enough");
    house.is_settled().await;
    assert_eq!(counted(&ada).await, (1, 29));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_model_answers_where_the_first_surely_did_no_work() {
    let upstream = Upstream::start().await;
    let house = impatient(&upstream, Database::Sqlite)
        .with("LYCEUM__LLM__SECOND__PROVIDER", "offline")
        .with("LYCEUM__LLM__BREAKER__FAILURES", 1000);
    let server = house.start().await;
    let ada = server.register_and_sign_in("ada").await;
    for fault in [Fault::Away, Fault::AskedTooOften, Fault::NotLetIn, Fault::Broken] {
        upstream.from_now_on(Some(fault));
        for kind in ["application/json", "text/event-stream"] {
            let asking = ada.asking(&json!({"prompt": "Anybody there?"})).header(header::ACCEPT, kind);
            let answer = Answer::of(asking).await.is(200);
            assert!(answer.text.contains("offline"), "{fault:?}: who answers says so: {}", answer.text);
        }
    }
    // Who may have worked is paid, and nobody else is asked.
    for (fault, status, code) in
        [(Fault::Hangs, 504, SLOW), (Fault::CutOff, 502, UNUSABLE), (Fault::Empty, 502, UNUSABLE)]
    {
        upstream.from_now_on(Some(fault));
        ada.ask(&json!({"prompt": "Anybody there?"})).await.is_problem(status, code);
    }
    house.is_settled().await;
}
