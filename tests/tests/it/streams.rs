//! Answers outlive connections, tabs, and servers: they are read on from where they were, carried on if their request has
//! a name, stopped if somebody says so, and ended if their server is gone.

use std::time::{Duration, Instant};

use lyceum_e2e::{
    answer::Answer,
    database::Database,
    events::Events,
    house::House,
    on_both_databases,
    person::Person,
    server::Server,
    upstream::{Lead, Upstream},
    wait::{eventually, within},
};
use reqwest::{Method, header};
use serde_json::{Value, json};
use tokio::task::JoinSet;

on_both_databases!(
    whoever_comes_back_reads_on_from_where_they_were,
    a_second_tab_reads_the_same,
    a_named_request_is_carried_on_without_its_client,
    whoever_says_stop_stops_it_for_all,
    a_killed_server_leaves_what_was_read_and_an_end,
    another_server_reads_along_and_stops,
    a_reader_at_another_server_hears_that_it_was_killed,
);

/// Longer than an answer goes on that nobody reads.
const LONG: Duration = Duration::from_millis(1500);

fn question() -> Value {
    json!({"prompt": "How do I stow a line?"})
}

fn id(of: &Value) -> String {
    of["message_id"].as_str().expect("an id").to_owned()
}

/// An answer of which two pieces were read: its stream, its id, and the id of the last event.
async fn begun(ada: &Person, lead: &Lead) -> (Events, String, String) {
    lead.says("Coil it");
    let mut events = ada.ask_for_events(&question()).await;
    let answer = id(&events.expect("start").await);
    events.expect_words("Coil it").await;
    lead.says(" clockwise: größer 🪢");
    let last = events.expect_words(" clockwise: größer 🪢").await;
    (events, answer, last)
}

const BEGUN: &str = "Coil it clockwise: größer 🪢";

async fn whoever_comes_back_reads_on_from_where_they_were(database: Database) {
    let upstream = Upstream::start().await;
    // However busy the machine is that this runs on.
    let house = House::new(database).with_mentor(&upstream).with("LYCEUM__MENTOR__LINGER_MILLISECONDS", 5_000);
    let server = house.start().await;
    let ada = server.register_and_sign_in("ada").await;
    for (way, asked) in ["header", "query", "asking again"].into_iter().zip(1..) {
        let lead = upstream.then_led();
        let (events, answer, last) = begun(&ada, &lead).await;
        assert_eq!(last, format!("{answer}:{}", BEGUN.len()));
        drop(events);
        // Said while nobody is there.
        lead.says(", then hang");
        tokio::time::sleep(Duration::from_millis(100)).await;
        let again = match way {
            "header" => ada.follow(&answer, Some(&last)).await,
            "query" => {
                let path = format!("/ai/messages/{answer}/stream?last_event_id={last}");
                Events::of(ada.request(Method::GET, &path).send().await.expect("an answer")).await
            }
            _ => {
                let asking = ada.asking_for_events(&question()).header("Last-Event-ID", &last);
                Events::of(asking.send().await.expect("an answer")).await
            }
        };
        lead.says(" it up.");
        lead.ends();
        let (rest, done) = again.to_the_end().await;
        assert_eq!(rest, ", then hang it up.", "{way}");
        assert_eq!((done.name.as_str(), &done.data["finish_reason"]), ("done", &json!("stop")), "{way}");
        assert_eq!(upstream.asked().len(), asked, "{way}: asked once for each answer");
        let stored = ada.message(&answer).await;
        assert_eq!((&stored["content"], &stored["status"]), (&json!(format!("{BEGUN}{rest}")), &json!("complete")));

        // And when it has ended: from everywhere, into characters too.
        let whole = format!("{BEGUN}{rest}");
        for at in [0, 7, BEGUN.len() - 2, whole.len(), whole.len() + 9] {
            let (rest, done) = ada.follow(&answer, Some(&format!("{answer}:{at}"))).await.to_the_end().await;
            assert_eq!((rest.as_str(), done.name.as_str()), (&whole[whole.floor_char_boundary(at)..], "done"), "{at}");
        }
    }
    house.is_settled().await;
}

async fn a_second_tab_reads_the_same(database: Database) {
    let upstream = Upstream::start().await;
    let house = House::new(database).with_mentor(&upstream);
    let server = house.start().await;
    let ada = server.register_and_sign_in("ada").await;
    let zoe = server.register_and_sign_in("zoe").await;
    let lead = upstream.then_led();
    let (first, answer, last) = begun(&ada, &lead).await;
    let mut second = ada.follow(&answer, None).await;
    assert_eq!(id(&second.expect("start").await), answer);
    assert_eq!(second.expect_words(BEGUN).await, last, "what was said goes by the same ids");

    // It is nobody else's, and this id is of no other answer.
    let path = format!("/ai/messages/{answer}/stream");
    zoe.get(&path).await.is_problem(404, "not_found");
    zoe.post_empty(&format!("/ai/messages/{answer}/stop")).await.is_problem(404, "not_found");
    let other = "01920000-0000-7000-8000-000000000000:5";
    for bad in [other, "5", "x", &format!("{answer}:-1")] {
        let reading = ada.request(Method::GET, &path).header("Last-Event-ID", bad);
        Answer::of(reading).await.is_refused_at("validation_failed", "/Last-Event-ID");
    }

    // The one who asked leaves; the other one stays.
    drop(first);
    tokio::time::sleep(LONG).await;
    lead.says(".");
    lead.ends();
    let (rest, done) = second.to_the_end().await;
    assert_eq!((rest.as_str(), done.name.as_str()), (".", "done"));
    assert_eq!(upstream.asked().len(), 1);
}

async fn a_named_request_is_carried_on_without_its_client(database: Database) {
    let upstream = Upstream::start().await;
    let house = House::new(database).with_mentor(&upstream);
    let server = house.start().await;
    let ada = server.register_and_sign_in("ada").await;
    for (kind, asked) in ["text/event-stream", "application/json"].into_iter().zip(1..) {
        let name = format!("tide-table-{asked}");
        let named = |kind: &str| {
            ada.asking(&question()).header("Idempotency-Key", &name).header(header::ACCEPT, kind.to_owned())
        };
        let lead = upstream.then_led();
        // The client gives up when the model has begun.
        lead.says("Coil");
        let mut asking = JoinSet::new();
        asking.spawn(named(kind).send());
        upstream.asked_times(asked).await;
        if kind == "text/event-stream" {
            let response = asking.join_next().await.expect("one").expect("no panic").expect("an answer");
            let mut events = Events::of(response).await;
            events.expect("start").await;
            events.expect_words("Coil").await;
        } else {
            asking.shutdown().await;
        }
        tokio::time::sleep(LONG).await;
        let early = Answer::of(named(kind)).await.is_problem(409, "request_in_progress");
        assert_eq!(early.header("retry-after"), Some("1"));
        lead.says(" it.");
        lead.ends();
        house.is_settled().await;

        let again = Answer::of(named("application/json")).await.is(200);
        assert_eq!((&again["response"], again.header("idempotency-replayed")), (&json!("Coil it."), Some("true")));
        assert_eq!(again["usage"], json!({"prompt_tokens": 21, "completion_tokens": 8}));
        let response = named("text/event-stream").send().await.expect("an answer");
        assert_eq!(response.headers()["idempotency-replayed"], "true");
        let mut events = Events::of(response).await;
        assert_eq!(events.expect("start").await["message_id"], again["message_id"]);
        let (text, done) = events.to_the_end().await;
        assert_eq!((text.as_str(), &done.data["usage"]), ("Coil it.", &again["usage"]));
        assert_eq!(upstream.asked().len(), asked, "{kind}: asked once, however often it was named");

        let other = ada.asking(&json!({"prompt": "Something else?"})).header("Idempotency-Key", &name);
        Answer::of(other).await.is_problem(422, "idempotency_key_reused");
    }
}

async fn whoever_says_stop_stops_it_for_all(database: Database) {
    let upstream = Upstream::start().await;
    let house = House::new(database).with_mentor(&upstream);
    let server = house.start().await;
    let ada = server.register_and_sign_in("ada").await;
    let lead = upstream.then_led();
    let (events, answer, last) = begun(&ada, &lead).await;
    let other_tab = ada.follow(&answer, Some(&last)).await;
    let said = Instant::now();
    let stop = format!("/ai/messages/{answer}/stop");
    ada.post_empty(&stop).await.is(202);
    for events in [events, other_tab] {
        let (rest, done) = events.to_the_end().await;
        assert_eq!((rest.as_str(), done.name.as_str()), ("", "done"), "{}", done.data);
        assert_eq!((&done.data["finish_reason"], &done.id), (&json!("stopped"), &last));
        assert!(done.data["usage"]["completion_tokens"].as_u64() > Some(0), "{}", done.data);
    }
    let took = lead.hung_up_after(said).await;
    assert!(took < Duration::from_secs(1), "the model went on for {took:?}");
    let stored = ada.message(&answer).await;
    assert_eq!((&stored["status"], &stored["content"]), (&json!("stopped"), &json!(BEGUN)));
    house.is_settled().await;

    // Once more changes nothing, and a question cannot be stopped.
    ada.post_empty(&stop).await.is(202);
    assert_eq!(ada.message(&answer).await, stored);
    let asked = stored["parent_id"].as_str().expect("a question");
    ada.post_empty(&format!("/ai/messages/{asked}/stop")).await.is_problem(409, "not_an_answer");
    // Whoever comes later reads the same end.
    let (rest, done) = ada.follow(&answer, Some(&last)).await.to_the_end().await;
    assert_eq!((rest.as_str(), &done.data["finish_reason"]), ("", &json!("stopped")));
}

/// Checks the end of an answer whose server is gone: nobody reads what is not kept, and nothing stands open.
async fn is_interrupted(house: &House, ada: &Person, answer: &str, read: &str) {
    let stored = ada.message(answer).await;
    let content = stored["content"].as_str().expect("text");
    assert!(content.starts_with(read), "{read:?} was read, {content:?} is kept");
    assert_eq!(stored["status"], "interrupted");
    assert!(stored["usage"]["completion_tokens"].as_u64() > Some(0), "{stored}");
    house.is_settled().await;
    let usage = ada.get("/ai/usage").await.is(200);
    assert_eq!(usage["today"]["requests"]["used"], 1, "{}", usage.text);
    assert!(usage["today"]["tokens"]["used"].as_u64() > Some(100), "paid for: {}", usage.text);
}

async fn a_killed_server_leaves_what_was_read_and_an_end(database: Database) {
    let upstream = Upstream::start().await;
    let house = House::new(database).with_mentor(&upstream);
    let server = house.start().await;
    let ada = server.register_and_sign_in("ada").await;
    let lead = upstream.then_led();
    let (mut events, answer, mut last) = begun(&ada, &lead).await;
    // As fast as it comes, until the server is gone in the middle of it.
    let mut read = BEGUN.to_owned();
    let mut talking = JoinSet::new();
    talking.spawn(async move {
        let mut turns = 0;
        while lead.says_to_whom_it_may_concern(&format!(" turn {turns}: über 🪢")) {
            turns += 1;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    });
    while read.len() < 1500 {
        let event = events.next().await.expect("it goes on");
        read.push_str(event.data["text"].as_str().expect("text"));
        last = event.id;
    }
    server.kill();
    while let Some(event) = events.next_if_any().await {
        read.push_str(event.data["text"].as_str().expect("text"));
        last = event.id;
    }
    drop(events);
    assert_eq!(last, format!("{answer}:{}", read.len()));

    let server = house.start().await;
    for _ in 0..4 {
        // Until both its workers are at work.
        let ready = server.fresh_client().get(format!("{}/health/ready", server.url));
        Answer::of(ready).await.is(200);
    }
    let ada = ada.at(&server);
    let came = Instant::now();
    let (rest, end) = ada.follow(&answer, Some(&last)).await.to_the_end().await;
    let took = came.elapsed();
    assert!(took < Duration::from_secs(1), "the end came after {took:?}");
    assert_eq!((end.name.as_str(), &end.data["code"]), ("error", &json!("answer_interrupted")), "{}", end.data);
    let stored = ada.message(&answer).await;
    assert_eq!(stored["content"], format!("{read}{rest}"), "byte for byte");
    assert_eq!(
        end.id,
        format!("{answer}:{}", read.len() + rest.len()),
        "whoever reads on from here reads nothing twice"
    );
    is_interrupted(&house, &ada, &answer, &read).await;
    talking.join_next().await.expect("one").expect("the model heard that it is over");

    // The conversation goes on.
    let again = ada.ask(&json!({"prompt": "Go on.", "conversation_id": conversation_of(&ada, &answer).await})).await;
    assert_eq!(again.is(200)["response"], "Aye.");
    let told = upstream.asked().last().expect("asked").words();
    assert!(told.contains(BEGUN), "what was said is told again:\n{told}");
}

/// The conversation of an answer, which the newest one is.
async fn conversation_of(person: &Person, answer: &str) -> String {
    let list = person.get("/ai/conversations?limit=1").await.is(200);
    let newest = list.text_at("/items/0/id");
    assert!(person.messages(&newest).await.iter().any(|message| message["id"] == answer));
    newest
}

async fn another_server_reads_along_and_stops(database: Database) {
    let upstream = Upstream::start().await;
    let house = House::new(database).with_mentor(&upstream);
    let (here, there) = (house.start().await, house.start().await);
    let ada = here.register_and_sign_in("ada").await;
    let elsewhere = ada.clone().at(&there);
    let lead = upstream.then_led();
    let (events, answer, last) = begun(&ada, &lead).await;
    let mut along = elsewhere.follow(&answer, None).await;
    assert_eq!(id(&along.expect("start").await), answer);
    along.expect_words(BEGUN).await;
    // The one who asked leaves; who reads at the other server keeps it going.
    drop(events);
    tokio::time::sleep(LONG * 2).await;
    lead.says(" and on");
    let again = along.expect_words(" and on").await;
    assert_ne!(again, last);
    let so_far = elsewhere.message(&answer).await;
    assert_eq!((&so_far["content"], &so_far["status"]), (&json!(format!("{BEGUN} and on")), &json!("streaming")));

    let said = Instant::now();
    elsewhere.post_empty(&format!("/ai/messages/{answer}/stop")).await.is(202);
    let took = lead.hung_up_after(said).await;
    assert!(took < Duration::from_secs(3), "the model went on for {took:?}");
    let (rest, done) = along.to_the_end().await;
    assert_eq!((rest.as_str(), &done.data["finish_reason"]), ("", &json!("stopped")));
    house.is_settled().await;
    assert_eq!(ada.message(&answer).await["status"], "stopped");
}

/// An answer that one server gives, and that somebody has read so far at another: its stream, its id, they there, and what
/// they read.
async fn begun_here_and_read_there(here: &Server, there: &Server, lead: &Lead) -> (Events, String, Person, Events) {
    let ada = here.register_and_sign_in("ada").await;
    let elsewhere = ada.clone().at(there);
    let (events, answer, _) = begun(&ada, lead).await;
    let mut along = elsewhere.follow(&answer, None).await;
    along.expect("start").await;
    along.expect_words(BEGUN).await;
    (events, answer, elsewhere, along)
}

async fn a_reader_at_another_server_hears_that_it_was_killed(database: Database) {
    let upstream = Upstream::start().await;
    let house = House::new(database).with_mentor(&upstream);
    let (here, there) = (house.start().await, house.start().await);
    let lead = upstream.then_led();
    let (events, answer, elsewhere, along) = begun_here_and_read_there(&here, &there, &lead).await;
    let killed = Instant::now();
    here.kill();
    drop(events);
    let (rest, end) = along.to_the_end().await;
    assert_eq!((rest.as_str(), &end.data["code"]), ("", &json!("answer_interrupted")), "{}", end.data);
    assert!(killed.elapsed() < Duration::from_secs(10), "after {:?}", killed.elapsed());
    is_interrupted(&house, &elsewhere, &answer, BEGUN).await;
}

/// A server of another machine cannot see that the process is gone, only that it says nothing any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_at_another_machine_hears_that_a_server_was_killed() {
    let Some(database) = Database::postgres("a_reader_at_another_machine").await else { return };
    let upstream = Upstream::start().await;
    let house = House::new(database).with_mentor(&upstream);
    let (here, there) = (house.start().await, house.start_elsewhere().await);
    let lead = upstream.then_led();
    let (events, answer, elsewhere, mut along) = begun_here_and_read_there(&here, &there, &lead).await;
    // As long as it lives it is not taken for gone.
    tokio::time::sleep(Duration::from_secs(8)).await;
    lead.says(" and on");
    along.expect_words(" and on").await;
    let killed = Instant::now();
    here.kill();
    drop(events);
    within(Duration::from_secs(45), "the end of the answer", async || {
        (elsewhere.message(&answer).await["status"] != "streaming").then_some(())
    })
    .await;
    let (rest, end) = along.to_the_end().await;
    assert_eq!((rest.as_str(), &end.data["code"]), ("", &json!("answer_interrupted")), "{}", end.data);
    assert!(killed.elapsed() > Duration::from_secs(14), "after {:?}", killed.elapsed());
    assert!(killed.elapsed() < Duration::from_secs(35), "after {:?}", killed.elapsed());
    is_interrupted(&house, &elsewhere, &answer, &format!("{BEGUN} and on")).await;
}

/// A client that only looks again and again needs no stream.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_under_way_can_be_looked_at() {
    let upstream = Upstream::start().await;
    let house = House::small().with_mentor(&upstream);
    let server = house.start().await;
    let ada = server.register_and_sign_in("ada").await;
    let lead = upstream.then_led();
    let (events, answer, _) = begun(&ada, &lead).await;
    let so_far = ada.message(&answer).await;
    assert_eq!((&so_far["content"], &so_far["status"]), (&json!(BEGUN), &json!("streaming")));
    drop(events);
    // Looking is not reading along: it ends.
    let ended = eventually("the end", async || {
        Some(ada.message(&answer).await).filter(|message| message["status"] != "streaming")
    });
    assert_eq!(ended.await["status"], "interrupted");
    within(Duration::from_secs(2), "the hang-up", async || (upstream.in_flight() == 0).then_some(())).await;
}
