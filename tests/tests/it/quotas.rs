//! What a plan allows is what reaches the model, however many ask at once and wherever; and every call is settled.

use lyceum_e2e::{
    answer::Answer,
    database::Database,
    house::House,
    on_both_databases,
    person::Person,
    upstream::{Fault, Upstream},
};
use reqwest::header;
use serde_json::{Value, json};
use tokio::task::JoinSet;

on_both_databases!(
    of_two_hundred_at_once_ten_reach_the_model,
    a_client_that_is_killed_pays_for_what_it_heard,
    tokens_are_an_allowance_too
);

/// What the learner's plan allows in a day.
const ALLOWED: usize = 10;
/// What [`Upstream`] says an answer costs.
const TOKENS: usize = 21 + 8;

fn frugal(upstream: &Upstream, database: Database) -> House {
    House::new(database).with_mentor(upstream).with("LYCEUM__QUOTA__FREE__REQUESTS_PER_DAY", ALLOWED)
}

async fn usage(person: &Person) -> Value {
    person.get("/ai/usage").await.is(200).body
}

fn is_over_quota(answer: Answer) {
    let answer = answer.is_problem(429, "quota_exceeded");
    let wait: u64 = answer.header("retry-after").expect("Retry-After").parse().expect("seconds");
    assert!((1..=86_400).contains(&wait), "until midnight of UTC: {wait}");
}

async fn of_two_hundred_at_once_ten_reach_the_model(database: Database) {
    let upstream = Upstream::start().await;
    let house = frugal(&upstream, database);
    let servers = [house.start().await, house.start().await];
    let ada = servers[0].register_and_sign_in("ada").await;
    let admin = servers[1].let_in(&house, "overseer", "admin").await;
    let mut asking = JoinSet::new();
    for n in 0..200 {
        let person = ada.clone().at(&servers[n % 2]);
        // Both ways of asking, at both servers.
        let kind = if n % 4 < 2 { "application/json" } else { "text/event-stream" };
        let request = person.asking(&json!({"prompt": "Which knot?"})).header(header::ACCEPT, kind);
        asking.spawn(Answer::of(request));
    }
    let answers = asking.join_all().await;
    let (answered, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
    let statuses: Vec<u16> = refused.iter().map(|answer| answer.status).filter(|status| *status != 429).collect();
    assert_eq!((answered.len(), refused.len(), statuses), (ALLOWED, 200 - ALLOWED, vec![]));
    assert!(answered.iter().all(|answer| answer.text.contains("Aye.")));
    refused.into_iter().for_each(is_over_quota);
    assert_eq!(upstream.asked().len(), ALLOWED);

    house.is_settled().await;
    let spent = usage(&ada).await;
    assert_eq!(spent["plan"], "free");
    assert_eq!(spent["today"]["requests"], json!({"used": ALLOWED, "limit": ALLOWED, "remaining": 0}));
    assert_eq!(spent["today"]["tokens"], json!({"used": ALLOWED * TOKENS, "limit": null, "remaining": null}));
    assert_eq!(spent["this_month"]["requests"], json!({"used": ALLOWED, "limit": null, "remaining": null}));
    let all = admin.get("/admin/usage").await.is(200);
    let [day] = all.items().as_slice() else { panic!("one day of one user: {}", all.text) };
    assert_eq!(day["user_id"], ada.get("/users/me").await.is(200)["id"]);
    assert_eq!((&day["requests"], &day["tokens"]), (&json!(ALLOWED), &json!(ALLOWED * TOKENS)));
    let [model] = day["models"].as_array().expect("models").as_slice() else { panic!("one model: {day}") };
    assert_eq!((&model["requests"], &model["failed"]), (&json!(ALLOWED), &json!(0)));

    // What is refused leaves no conversation behind, and one's own are readable still.
    let list = ada.get("/ai/conversations?limit=100").await.is(200);
    assert_eq!(list.items().len(), ALLOWED);
    // Nobody else's day is over.
    let zoe = servers[0].register_and_sign_in("zoe").await;
    zoe.ask(&json!({"prompt": "Which knot?"})).await.is(200);
}

async fn a_client_that_is_killed_pays_for_what_it_heard(database: Database) {
    let upstream = Upstream::start().await;
    let house = frugal(&upstream, database);
    let server = house.start().await;
    let ada = server.register_and_sign_in("ada").await;
    let lead = upstream.then_led();
    lead.says("First the bight");
    let mut events = ada.ask_for_events(&json!({"prompt": "A sheet bend?"})).await;
    events.expect("start").await;
    events.expect_words("First the bight").await;
    // While it runs as much is set aside as it may cost.
    let during = usage(&ada).await;
    assert_eq!(during["today"]["requests"]["used"], 1);
    let set_aside = during["today"]["tokens"]["used"].as_u64().expect("a number");
    drop(events);
    upstream.is_left_alone().await;
    house.is_settled().await;
    let after = usage(&ada).await;
    let settled = after["today"]["tokens"]["used"].as_u64().expect("a number");
    assert_eq!(after["today"]["requests"]["used"], 1);
    assert!(settled > 100 && settled < set_aside, "{set_aside} were set aside, {settled} were taken");

    // What a provider did not do counts for nothing: the day holds as many answers as before.
    upstream.from_now_on(Some(Fault::Away));
    for _ in 0..3 {
        ada.ask(&json!({"prompt": "Which knot?"})).await.is_problem(503, "llm_unavailable");
    }
    upstream.from_now_on(None);
    assert_eq!(usage(&ada).await["today"], after["today"]);
    for _ in 1..ALLOWED {
        ada.ask(&json!({"prompt": "Which knot?"})).await.is(200);
    }
    is_over_quota(ada.ask(&json!({"prompt": "Which knot?"})).await);
}

async fn tokens_are_an_allowance_too(database: Database) {
    let upstream = Upstream::start().await;
    let house = House::new(database)
        .with_mentor(&upstream)
        .with("LYCEUM__LLM__MAX_TOKENS", 200)
        .with("LYCEUM__QUOTA__FREE__TOKENS_PER_DAY", 2_000);
    let server = house.start().await;
    let ada = server.register_and_sign_in("ada").await;
    let question = json!({"prompt": "Which knot?"});
    let mut answered = 0;
    loop {
        let answer = ada.ask(&question).await;
        if answer.status == 429 {
            is_over_quota(answer);
            break;
        }
        answer.is(200);
        answered += 1;
        assert!(answered < 100, "no end of it: {}", usage(&ada).await);
    }
    let spent = usage(&ada).await;
    assert_eq!(spent["today"]["tokens"]["used"], json!(answered * TOKENS));
    assert!(answered >= 10, "only {answered}: {spent}");
    assert_eq!(upstream.asked().len(), answered);
    // The last answers were given what was left: never more than that may be said.
    let longest: Vec<u64> = upstream.asked().iter().filter_map(|asked| asked.body["max_tokens"].as_u64()).collect();
    assert_eq!((longest.len(), longest[0]), (answered, 200));
    assert!(longest.is_sorted_by(|one, next| one >= next), "{longest:?}");
    // The premium plan is another one.
    let admin = server.let_in(&house, "overseer", "admin").await;
    let id = ada.get("/users/me").await.is(200).text_at("/id");
    admin.patch(&format!("/admin/users/{id}"), &json!({"plan": "premium"})).await.is(200);
    ada.ask(&question).await.is(200);
}
