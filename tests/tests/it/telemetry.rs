//! What can be seen of a server from outside: its metrics, its log, its traces.

use std::{fs, process::Command, time::Duration};

use lyceum_e2e::{
    answer::Answer,
    collector::Collector,
    database::Database,
    house::House,
    on_both_databases,
    post_office::PostOffice,
    provider::Provider,
    server::Server,
    upstream::{Fault, MODEL, SAID, Upstream},
    wait::{eventually, within},
};
use reqwest::Method;
use serde_json::{Value, json};

on_both_databases!(metrics_tell_what_the_server_does, one_trace_leads_through_the_whole_house);

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// Where the metrics are, as the log says.
fn metrics_url(server: &Server) -> String {
    let log = server.log();
    let (_, rest) = log.split_once("url=\"").expect("the log says where");
    rest.split('"').next().expect("an address").to_owned()
}

async fn metrics(server: &Server) -> Answer {
    Answer::of(server.http.get(metrics_url(server))).await.is(200)
}

/// The sum of all series of a metric whose labels hold these.
fn sum(text: &str, name: &str, labels: &[&str]) -> f64 {
    let of_it = text.lines().filter(|line| {
        line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{']))
            && labels.iter().all(|l| line.contains(l))
    });
    of_it.map(|line| line.rsplit_once(' ').expect("a value").1.parse::<f64>().expect("a number")).sum()
}

async fn metrics_tell_what_the_server_does(database: Database) {
    let upstream = Upstream::start().await;
    let house = House::new(database).with_mentor(&upstream).with("LYCEUM__TELEMETRY__METRICS_BIND", "127.0.0.1:0");
    let server = house.start().await;
    let ada = server.register_and_sign_in("ada").await;
    upstream.then_says("A bowline holds.");
    ada.ask(&json!({"prompt": "What holds?"})).await.is(200);
    for _ in 0..3 {
        ada.get("/courses/no-such-course").await.is(404);
    }
    server.get("/no/such/place").await.is(404);
    let answer = metrics(&server).await;
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let text = &answer.text;
    let course = ["method=\"GET\"", "route=\"/api/v1/courses/{course}\"", "status=\"404\""];
    assert!((sum(text, "http_requests_total", &course) - 3.0).abs() < 0.1, "{text}");
    assert!((sum(text, "http_request_duration_seconds_count", &course) - 3.0).abs() < 0.1, "{text}");
    assert!((sum(text, "http_requests_total", &["route=\"unmatched\""]) - 1.0).abs() < 0.1, "{text}");
    let model = ["provider=\"qubrid\"", "outcome=\"complete\""];
    assert!((sum(text, "lyceum_model_calls_total", &model) - 1.0).abs() < 0.1, "{text}");
    assert!(text.contains(MODEL), "{text}");
    assert!(sum(text, "lyceum_model_tokens_total", &["kind=\"prompt\""]) > 0.0, "{text}");
    assert!(sum(text, "lyceum_database_statements_total", &["outcome=\"ok\""]) > 5.0, "{text}");
    assert!(sum(text, "lyceum_database_connections", &[]) >= 1.0, "{text}");
    assert!((sum(text, "lyceum_database_up", &[]) - 1.0).abs() < 0.1, "{text}");
    assert!((sum(text, "lyceum_build_info", &[]) - 1.0).abs() < 0.1, "{text}");
    assert!(sum(text, "process_resident_memory_bytes", &[]) > 1e6, "{text}");
    for personal in ["ada", "no-such-course", "/no/such/place"] {
        assert!(!text.contains(personal), "{personal} is no label: {text}");
    }
    // They have a listener of their own, and it has nothing else.
    server.get("/metrics").await.is(404);
    let elsewhere = metrics_url(&server).replace("/metrics", "/health");
    Answer::of(server.http.get(elsewhere)).await.is(404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_is_taken_stops_only_a_server_that_is_deployed() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address");
    let house = House::small().with("LYCEUM__TELEMETRY__METRICS_BIND", address);
    let server = house.start().await;
    server.get("/health/ready").await.is(200);
    assert!(server.log().contains("metrics cannot be fetched"), "{}", server.log());
}

/// The lines of one request in a JSON log.
fn lines_of(server: &Server, request: &str) -> Vec<Value> {
    let log = server.log();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["span"]["request_id"] == request).collect()
}

/// The same, once the last of them is there: an answer may be faster than the log.
async fn all_lines_of(server: &Server, request: &str) -> Vec<Value> {
    let all = async || {
        let lines = lines_of(server, request);
        lines.iter().any(|line| line["message"] == "answered").then_some(lines)
    };
    lyceum_e2e::wait::eventually("the line of its answer", all).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_line_of_a_request_has_its_id_and_its_trace() {
    let upstream = Upstream::start().await;
    let house = House::small().with_mentor(&upstream).with("LOG_FORMAT", "json");
    let server = house.start().await;
    let ada = server.register_and_sign_in("ada").await;
    // A turn that fails says so in a task of its own. This provider quotes what it was asked.
    upstream.from_now_on(Some(Fault::Broken));
    let asking = ada
        .asking(&json!({"prompt": SAID}))
        .header("x-request-id", "the-question")
        .header("traceparent", format!("00-{TRACE}-{CALLER}-01"));
    assert!(Answer::of(asking).await.status >= 500);
    let lines = all_lines_of(&server, "the-question").await;
    let failed = lines.iter().find(|line| line["message"] == "the model failed").expect("the failure");
    assert_eq!(failed["error"], "the model is unavailable: status 500, error", "the harness looks for more");
    let answered: Vec<_> = lines.iter().filter(|line| line["message"] == "answered").collect();
    assert_eq!(answered.len(), 1, "one line a request: {lines:?}");
    assert_eq!((&answered[0]["method"], &answered[0]["path"]), (&json!("POST"), &json!("/api/v1/ai/chat")));
    assert!(answered[0]["status"].is_u64() && answered[0]["milliseconds"].is_f64(), "{answered:?}");
    for line in &lines {
        assert_eq!(line["span"]["trace_id"], TRACE, "{line}");
    }
    // Without a trace from outside one begins here, and what is asked of others is part of it.
    let request = server.request(Method::GET, "/api/v1/courses").header("x-request-id", "begins-one");
    Answer::of(request).await.is(200);
    let begun = all_lines_of(&server, "begins-one").await[0]["span"]["trace_id"].as_str().expect("a trace").to_owned();
    assert!(begun.len() == 32 && begun != TRACE, "{begun}");
    // Whoever records nothing passes on what it was told.
    let told = upstream.asked().pop().expect("a question").head.to_ascii_lowercase();
    assert!(told.contains(&format!("traceparent: 00-{TRACE}-{CALLER}-01")), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admin_changes_what_is_logged_while_the_server_runs() {
    let house = House::small();
    let server = house.start().await;
    let admin = server.let_in(&house, "the-admin", "admin").await;
    assert_eq!(admin.get("/admin/log-level").await.is(200).body, json!({"level": "info"}));
    let changed = admin.put("/admin/log-level", &json!({"level": "warn,lyceum_api=error"})).await.is(200);
    assert_eq!(changed.body, json!({"level": "warn,lyceum_api=error"}));
    assert_eq!(admin.get("/admin/log-level").await.is(200).body, changed.body);
    let asked = async || {
        let answer = server.get("/api/v1/courses").await.is(200);
        answer.header("x-request-id").expect("each answer has one").to_owned()
    };
    let untold = asked().await;
    admin.put("/admin/log-level", &json!({"level": "info"})).await.is(200);
    let told = asked().await;
    eventually("a line of a request", async || server.log().contains(&told).then_some(())).await;
    assert!(!server.log().contains(&untold), "requests are not told while the level is higher");
    admin.put("/admin/log-level", &json!({"level": "off"})).await.is(200);
    let last = || server.log().lines().last().map(str::to_owned);
    let says_why = async || last().filter(|line| line.contains("the log level changes"));
    let why = eventually("a line that says why there is none any more", says_why).await;
    assert!(why.contains("log_level=\"off\""), "{why}");
    admin.put("/admin/log-level", &json!({"level": "info"})).await.is(200);
    let learner = server.register_and_sign_in("ada").await;
    let pattern = format!("[x{{y={}}}]=info", "(a{0,99}){0,99}".repeat(20));
    for bad in ["loud", &pattern] {
        let refused = learner.put("/admin/log-level", &json!({"level": bad})).await;
        refused.is_problem(403, "forbidden");
    }
    for bad in ["loud", "", "info,,", "lyceum=loud", "[request]=debug", &pattern] {
        let refused = admin.put("/admin/log-level", &json!({"level": bad})).await;
        let refused = refused.is_problem(422, "validation_failed");
        assert_eq!(refused.body["errors"][0]["pointer"], "/level", "{bad:?}");
    }
    let trail = admin.get("/admin/audit?action=server.log_level_changed").await.is(200);
    let levels: Vec<_> = trail.items().iter().map(|event| event["details"]["level"].clone()).collect();
    assert_eq!(levels, ["info", "off", "info", "warn,lyceum_api=error"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hangup_has_the_log_level_read_again() {
    let house = House::small();
    // Tests read no `.env`, but the files of the house.
    let config = house.folder().join("config");
    fs::create_dir_all(&config).expect("a folder");
    for name in ["default.toml", "test.toml"] {
        let from = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/");
        fs::copy(format!("{from}{name}"), config.join(name)).expect("copied");
    }
    let file = config.join("test.toml");
    let text = fs::read_to_string(&file).expect("read");
    let with = |level: &str| text.replace("[log]\n", &format!("[log]\nlevel = \"{level}\"\n"));
    let house = house.with("LYCEUM_CONFIG_DIR", config.display());
    let server = house.start().await;
    let hang_up = || {
        let sent = Command::new("kill").args(["-HUP", &server.pid().to_string()]).status();
        assert!(sent.expect("kill runs").success());
    };
    fs::write(&file, with("debug")).expect("written");
    hang_up();
    let says = async |text: &str| eventually(text, async || server.log().contains(text).then_some(())).await;
    says("level=\"debug\"").await;
    // A file that is at fault changes nothing, and says so.
    fs::write(&file, with("deafening")).expect("written");
    hang_up();
    says("the log level stays as it was").await;
    server.get("/health/live").await.is(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_loudest_log_tells_no_secret() {
    let upstream = Upstream::start().await;
    let provider = Provider::start().await;
    let house = House::new(Database::Sqlite)
        .with_mentor(&upstream)
        .with("NEON_AUTH_URL", provider.url())
        .with("LOG_LEVEL", "trace");
    let server = house.start().await;
    let mut ada = server.register_and_sign_in("ada").await;
    let key = ada.with_key(&["ai"]).await;
    upstream.then_says("A bowline holds.");
    key.ask(&json!({"prompt": "What holds?"})).await.is(200);
    let form = [("grant_type", "refresh_token"), ("refresh_token", &*ada.refresh)];
    server.post_form("/api/v1/auth/token", &form).await.is(200);
    server.post("/api/v1/auth/login", &json!({"identifier": ada.email, "password": ada.password})).await.is(200);
    server.post("/api/v1/auth/password/forgot", &json!({"email": ada.email})).await;
    let token = server.token_in(&ada.email, "/reset-password?token=").await;
    let body = json!({"token": token, "new_password": "second-Anchor-1906"});
    server.post("/api/v1/auth/password/reset", &body).await.is(204);
    ada = ada.with_password("second-Anchor-1906");
    ada.sign_in(&server).await;
    let token = provider.token("0199aaaa-0000-7000-8000-00000000ada1", "ida@people.example", true);
    Answer::of(server.request(Method::GET, "/api/v1/users/me").bearer_auth(&token)).await.is(200);
    assert!(server.log().lines().count() > 100, "it is loud");
    // The harness holds each server to it when it goes.
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_statement_is_told_with_its_text_and_without_its_values() {
    let house = House::small().with("LYCEUM__DATABASE__SLOW_QUERY_MILLISECONDS", 1);
    let server = house.start().await;
    // Something among all this takes a millisecond.
    let told = eventually("a slow statement", async || {
        server
            .post("/api/v1/auth/login", &json!({"identifier": "anchor@lost.example", "password": "bow-1-line"}))
            .await;
        server.log().contains("slow statement").then(|| server.log())
    })
    .await;
    let line = told.lines().find(|line| line.contains("slow statement")).expect("the line");
    assert!(line.contains("WARN") && line.contains("db.statement"), "{line}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_the_parts_are_is_among_the_metrics_though_nobody_asks_for_their_health() {
    let mut office = PostOffice::closed().await;
    let house = House::small()
        .with("LYCEUM__MAIL__TRANSPORT", "smtp")
        .with("SMTP_URL", office.url())
        .with("LYCEUM__TELEMETRY__METRICS_BIND", "127.0.0.1:0");
    let server = house.start().await;
    let status = async |component: &str| {
        let text = metrics(&server).await.text;
        let label = format!("component=\"{component}\"");
        sum(&text, "lyceum_component_status", &[&label]).round().to_string()
    };
    assert_eq!((status("database").await, status("mail").await), ("1".to_owned(), "2".to_owned()));
    let text = metrics(&server).await.text;
    assert!(sum(&text, "lyceum_disk_free_bytes", &["folder=\"data\""]) > 0.0, "{text}");
    office.open().await;
    within(Duration::from_secs(30), "a part that is well again", async || (status("mail").await == "1").then_some(()))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_are_told_with_their_text_and_without_their_values_to_whoever_wants_them() {
    let house = House::small().with("LOG_LEVEL", "info,sqlx=debug");
    let server = house.start().await;
    server.register_and_sign_in("ada").await;
    let told = |text: &str| server.log().lines().any(|line| line.contains("db.statement") && line.contains(text));
    assert!(told("SELECT") && told("INSERT INTO"), "{}", server.log());
    // The harness looks for the values when the server goes.
    let quiet = House::small().start().await;
    quiet.register_and_sign_in("ida").await;
    assert!(!quiet.log().contains("db.statement"), "{}", quiet.log());
}

async fn one_trace_leads_through_the_whole_house(database: Database) {
    let (upstream, collector, provider) = (Upstream::start().await, Collector::start().await, Provider::start().await);
    let house = House::new(database)
        .with_mentor(&upstream)
        .with("NEON_AUTH_URL", provider.url())
        .with("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url)
        .with("OTEL_SERVICE_NAME", "lyceum-of-the-test");
    let mut server = house.start().await;
    let ada = server.register_and_sign_in("ada").await;
    upstream.then_says("A bowline holds.");
    let asking = |flags: &str| {
        let parent = format!("00-{TRACE}-{CALLER}-{flags}");
        ada.asking(&json!({"prompt": "What holds?"}))
            .header("traceparent", parent)
            .header("tracestate", "vendor=opaque")
    };
    Answer::of(asking("01")).await.is(200);
    let head = upstream.asked_times(1).await.head.to_ascii_lowercase();
    let of_trace = |name: &str| {
        let name = name.to_owned();
        move |span: &lyceum_e2e::collector::Recorded| span.trace == TRACE && span.name.starts_with(&name)
    };
    let request = collector.span("the request's span", of_trace("POST /api/v1/ai/chat")).await;
    assert_eq!((request.parent.as_str(), request.kind), (CALLER, 2));
    assert_eq!(request.attribute("http.route"), Some("/api/v1/ai/chat"));
    assert_eq!(request.attribute("http.response.status_code"), Some("200"));
    assert_eq!(request.attribute("service.name"), Some("lyceum-of-the-test"));
    let model = collector.span("the model's span", of_trace("chat ")).await;
    assert_eq!((model.parent.as_str(), model.kind), (request.id.as_str(), 3));
    assert_eq!(model.attribute("gen_ai.request.model"), Some(MODEL));
    assert!(model.attribute("gen_ai.usage.input_tokens").is_some(), "{model:?}");
    assert!(head.contains(&format!("traceparent: 00-{TRACE}-{}-01", model.id)), "{head}");
    assert!(head.contains("tracestate: vendor=opaque"), "{head}");
    let statement = collector.span("a statement's span", of_trace("SELECT")).await;
    assert_eq!((statement.parent.as_str(), statement.kind), (request.id.as_str(), 3));
    assert!(statement.attribute("db.query.text").is_some_and(|text| text.contains('$')), "{statement:?}");

    // Whoever asks says whether it is recorded.
    let before = collector.spans().iter().filter(|span| span.trace == TRACE).count();
    upstream.then_says("It still holds.");
    Answer::of(asking("00")).await.is(200);
    let head = upstream.asked_times(2).await.head.to_ascii_lowercase();
    assert!(head.contains(&format!("traceparent: 00-{TRACE}-")) && head.contains("-00\r\n"), "{head}");
    // What comes last is sent before the end.
    let token = provider.token("0199aaaa-0000-7000-8000-00000000ada1", "ida@people.example", true);
    provider.rotate();
    let fresh = provider.token("0199aaaa-0000-7000-8000-00000000ada1", "ida@people.example", true);
    let parent = "00-aaaabbbbccccddddaaaabbbbccccdddd-00f067aa0ba902b7-01";
    let me =
        |token: &str| server.request(Method::GET, "/api/v1/users/me").bearer_auth(token).header("traceparent", parent);
    Answer::of(me(&token)).await.is(200);
    Answer::of(me(&fresh)).await.is(200);
    let head = provider.head().to_ascii_lowercase();
    assert!(head.contains("traceparent: 00-aaaabbbbccccddddaaaabbbbccccdddd-"), "{head}");
    server.terminate();
    assert!(server.ended(Duration::from_secs(20)).await.success());
    let spans = collector.spans();
    assert_eq!(spans.iter().filter(|span| span.trace == TRACE).count(), before, "what nobody wants is not sent");
    assert!(spans.iter().any(|span| span.name == "GET /api/v1/users/me"), "the last ones are sent before the end");
    assert!(
        spans.iter().all(|span| !span.parent.is_empty() || span.kind == 2),
        "only requests begin traces: {spans:?}"
    );
    for personal in [ada.email.as_str(), &ada.password, &ada.access, "What holds?", "A bowline holds."] {
        assert!(!format!("{spans:?}").contains(personal), "{personal} stands in a span");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_away_costs_a_warning_and_nothing_else() {
    let house = House::small().with("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9");
    let mut server = house.start().await;
    for _ in 0..20 {
        server.get("/api/v1/courses").await.is(200);
    }
    let text = "the collector of traces does not take spans";
    eventually(text, async || server.log().contains(text).then_some(())).await;
    server.get("/api/v1/courses").await.is(200);
    server.terminate();
    assert!(server.ended(Duration::from_secs(20)).await.success());
    assert_eq!(server.log().matches(text).count(), 1, "once, not for each batch");
}
