//! What is counted, and that dashboards and rules speak of nothing else.

use std::{collections::BTreeSet, fs, path::Path, sync::Arc};

use actix_web::{
    App, HttpResponse,
    middleware::from_fn,
    test::{TestRequest, call_service, init_service, read_body},
    web,
};
use futures_util::{StreamExt as _, stream};
use lyceum_domain::limits::{Class, Whose};
use lyceum_domain::mentor::{ChatError, ChatModel as _, Completion, Delivery, FinishReason, TokenUsage};
use lyceum_testkit::{chat::ScriptedModel, contract::chat_model::request};

use super::{model::Measured, *};
use crate::http::{edge::edge, problem::Problem};

fn text(metrics: &Metrics) -> String {
    String::from_utf8(metrics.text().expect("text")).expect("UTF-8")
}

/// The value of a series, as it stands in the text.
fn value(metrics: &Metrics, series: &str) -> Option<String> {
    text(metrics).lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ').map(str::to_owned))
}

fn is_name(text: &str) -> bool {
    let is_start = |c: char| c.is_ascii_alphabetic() || c == '_' || c == ':';
    text.starts_with(is_start) && text.chars().all(|c| is_start(c) || c.is_ascii_digit())
}

/// `a="x",b="y"`; quotes, backslashes and line feeds in values are escaped.
fn are_labels(mut text: &str) -> bool {
    loop {
        let Some((name, rest)) = text.split_once("=\"") else { return false };
        let mut end = None;
        let mut is_escaped = false;
        for (at, c) in rest.char_indices() {
            match c {
                _ if is_escaped => is_escaped = false,
                '\\' => is_escaped = true,
                '"' => {
                    end = Some(at);
                    break;
                }
                _ => {}
            }
        }
        let Some(end) = end else { return false };
        if !is_name(name) {
            return false;
        }
        match rest[end + 1..].strip_prefix(',') {
            Some(more) if !more.is_empty() => text = more,
            _ => return rest.len() == end + 1 || &rest[end + 1..] == ",",
        }
    }
}

/// Checks each line as the exposition format (0.0.4) has it.
fn parses(text: &str) {
    let mut typed = BTreeSet::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a kind");
            assert!(is_name(name) && ["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert!(typed.insert(name.to_owned()), "twice: {line}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "a counter ends in _total: {line}");
            continue;
        }
        if line.starts_with("# HELP ") {
            continue;
        }
        let (series, number) = line.rsplit_once(' ').expect("a value");
        assert!(number.parse::<f64>().is_ok(), "{line}");
        let name = match series.split_once('{') {
            Some((name, labels)) => {
                assert!(are_labels(labels.strip_suffix('}').expect("a brace")), "{line}");
                name
            }
            None => series,
        };
        assert!(is_name(name), "{line}");
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        assert!(typed.contains(name) || typed.contains(base), "no type: {line}");
    }
}

#[actix_web::test]
async fn requests_are_counted_by_the_pattern_of_their_route() {
    async fn broken() -> std::result::Result<HttpResponse, Problem> {
        Err(lyceum_application::Error::Internal("no".to_owned()).into())
    }
    async fn panics() -> HttpResponse {
        panic!("no")
    }
    let metrics = Arc::new(Metrics::new().expect("metrics"));
    let app = init_service(
        App::new()
            .app_data(Arc::clone(&metrics.http))
            .wrap(from_fn(edge))
            .route("/courses/{course}", web::get().to(|| async { HttpResponse::Ok().body("twelve bytes") }))
            .route("/broken", web::get().to(broken))
            .route("/panics", web::get().to(panics)),
    )
    .await;
    for path in ["/courses/knots", "/courses/sails", "/nowhere/a", "/nowhere/b", "/broken"] {
        call_service(&app, TestRequest::get().uri(path).to_request()).await;
    }
    let odd = TestRequest::default().method("BREW".parse().expect("a method")).uri("/courses/knots").to_request();
    call_service(&app, odd).await;
    let panicked = call_service(&app, TestRequest::get().uri("/panics").to_request()).await;
    assert_eq!(panicked.status(), 500);
    let count = |labels: &str| value(&metrics, &format!("http_requests_total{{{labels}}}"));
    assert_eq!(count(r#"method="GET",route="/courses/{course}",status="200""#).as_deref(), Some("2"));
    assert_eq!(count(r#"method="GET",route="unmatched",status="404""#).as_deref(), Some("2"));
    assert_eq!(count(r#"method="GET",route="/broken",status="500""#).as_deref(), Some("1"));
    assert_eq!(count(r#"method="GET",route="unmatched",status="500""#).as_deref(), Some("1"));
    assert!(text(&metrics).lines().any(|line| line.starts_with(r#"http_requests_total{method="other","#)));
    assert_eq!(value(&metrics, "http_requests_in_flight").as_deref(), Some("0"));
    let bytes = r#"http_response_bytes_total{method="GET",route="/courses/{course}"}"#;
    assert_eq!(value(&metrics, bytes).as_deref(), Some("24"));
    assert_eq!(value(&metrics, r#"lyceum_problems_total{code="internal_error"}"#).as_deref(), Some("2"));
    assert!(!text(&metrics).contains("knots"), "no address is a label");
    parses(&text(&metrics));
}

#[actix_web::test]
async fn a_stream_is_open_until_its_reader_is_done_with_it() {
    let metrics = Arc::new(Metrics::new().expect("metrics"));
    let app = init_service(App::new().app_data(Arc::clone(&metrics.http)).wrap(from_fn(edge)).route(
        "/stream",
        web::get().to(|| async {
            let pieces = stream::iter(["data: 1\n\n", "data: 2\n\n"]);
            let body = pieces.map(|piece| Ok::<_, std::io::Error>(web::Bytes::from_static(piece.as_bytes())));
            HttpResponse::Ok().content_type("text/event-stream").streaming(body)
        }),
    ))
    .await;
    let response = call_service(&app, TestRequest::get().uri("/stream").to_request()).await;
    assert_eq!(value(&metrics, "lyceum_streams_open").as_deref(), Some("1"));
    read_body(response).await;
    assert_eq!(value(&metrics, "lyceum_streams_open").as_deref(), Some("0"));
    let bytes = r#"http_response_bytes_total{method="GET",route="/stream"}"#;
    assert_eq!(value(&metrics, bytes).as_deref(), Some("18"));
    let left = call_service(&app, TestRequest::get().uri("/stream").to_request()).await;
    drop(left);
    assert_eq!(value(&metrics, "lyceum_streams_open").as_deref(), Some("0"), "whoever leaves is gone");
}

#[actix_web::test]
async fn calls_of_the_model_are_counted_by_how_they_end() {
    let metrics = Arc::new(Metrics::new().expect("metrics"));
    let measured = |model| Measured::new(Arc::new(model), Arc::clone(&metrics.models));
    let (model, upstream) = ScriptedModel::new();
    let model = measured(model);
    let completion = Completion {
        finish_reason: FinishReason::Stop,
        usage: Some(TokenUsage { prompt_tokens: 40, completion_tokens: 2 }),
        model: "scripted-1-of-today".to_owned(),
    };
    let answered = async {
        let stream = model.stream(request(Delivery::Pieces)).await.expect("an answer");
        stream.collect::<Vec<_>>().await
    };
    let played = async {
        upstream.asked().await;
        upstream.says("Aye.").await;
        upstream.finishes(completion).await;
    };
    futures_util::join!(answered, played);
    let left = async { drop(model.stream(request(Delivery::Pieces)).await.expect("an answer")) };
    let played = async {
        upstream.asked().await;
        upstream.says("Aye.").await;
    };
    futures_util::join!(left, played);
    let failing = measured(ScriptedModel::failing(|| ChatError::Timeout { detail: "long".to_owned() }));
    failing.stream(request(Delivery::Pieces)).await.expect_err("no answer");
    for (outcome, count) in [("complete", "1"), ("left", "1"), ("timeout", "1")] {
        let series =
            format!(r#"lyceum_model_calls_total{{model="scripted-1",outcome="{outcome}",provider="scripted"}}"#);
        assert_eq!(value(&metrics, &series).as_deref(), Some(count), "{outcome}");
    }
    for (kind, count) in [("prompt", "40"), ("completion", "2")] {
        let series = format!(r#"lyceum_model_tokens_total{{kind="{kind}",model="scripted-1",provider="scripted"}}"#);
        assert_eq!(value(&metrics, &series).as_deref(), Some(count), "{kind}");
    }
    let series = |name| format!(r#"lyceum_model_{name}_seconds_count{{model="scripted-1",provider="scripted"}}"#);
    assert_eq!(value(&metrics, &series("call_duration")).as_deref(), Some("3"));
    assert_eq!(value(&metrics, &series("first_piece")).as_deref(), Some("1"), "of answers that somebody heard");
}

#[test]
fn pools_are_summed_by_what_they_are_for_as_long_as_they_are_there() {
    let metrics = Metrics::new().expect("metrics");
    let store = Arc::new(());
    for size in [3, 4] {
        let watched = Arc::downgrade(&store);
        let pools =
            vec![Pool { name: "reads", size, idle: 1, max: 8 }, Pool { name: "writes", size: 1, idle: 0, max: 1 }];
        metrics.house.watch_pools(move || watched.upgrade().map(|_| pools.clone()));
    }
    let connections = |pool: &str, state: &str| {
        value(&metrics, &format!(r#"lyceum_database_connections{{pool="{pool}",state="{state}"}}"#))
    };
    let max = |pool: &str| value(&metrics, &format!(r#"lyceum_database_connections_max{{pool="{pool}"}}"#));
    for _ in 0..2 {
        let reads = (connections("reads", "idle"), connections("reads", "in_use"), max("reads"));
        assert_eq!((reads.0.as_deref(), reads.1.as_deref(), reads.2.as_deref()), (Some("2"), Some("5"), Some("16")));
        let writes = (connections("writes", "idle"), connections("writes", "in_use"), max("writes"));
        assert_eq!((writes.0.as_deref(), writes.1.as_deref(), writes.2.as_deref()), (Some("0"), Some("2"), Some("2")));
    }
    drop(store);
    assert_eq!((connections("reads", "idle"), max("writes")), (None, None));
}

#[test]
fn what_the_limiter_decided_is_told_by_class_and_by_whose_limit_it_was() {
    let metrics = Metrics::new().expect("metrics");
    let decided = limits::Decided { allowed: 7, refused: 2, alone: 3, uncounted: 1 };
    let is_known = |class, whose| class == Class::Chat && whose == Whose::User;
    let decide = move |class, whose| if is_known(class, whose) { decided } else { limits::Decided::default() };
    metrics.limits.watch(decide, || true);
    for _ in 0..2 {
        let count = |series: &str| value(&metrics, series);
        let decisions = |of: &str, outcome: &str| {
            count(&format!(r#"lyceum_limiter_decisions_total{{class="chat",outcome="{outcome}",whose="{of}"}}"#))
        };
        assert_eq!(decisions("user", "allowed").as_deref(), Some("7"));
        assert_eq!(decisions("user", "refused").as_deref(), Some("2"));
        assert_eq!(decisions("network", "allowed").as_deref(), Some("0"));
        let alone = r#"lyceum_limiter_without_redis_total{class="chat",counted="alone",whose="user"}"#;
        assert_eq!(count(alone).as_deref(), Some("3"));
        assert_eq!(count("lyceum_limiter_fallback").as_deref(), Some("1"));
    }
}

#[actix_web::test]
async fn whoever_fetches_does_not_wait_for_a_database_that_says_nothing() {
    let metrics = Metrics::new().expect("metrics");
    let began = std::time::Instant::now();
    metrics.backlog.refresh().await;
    assert!(began.elapsed() < Duration::from_millis(2_500), "{:?}", began.elapsed());
    assert_eq!(value(&metrics, "lyceum_database_up").as_deref(), Some("0"));
}

#[test]
fn all_that_can_be_fetched_is_well_formed() {
    let metrics = Metrics::new().expect("metrics");
    let names = metrics.names();
    parses(&text(&metrics));
    for name in &names {
        let is_ours = ["lyceum_", "http_", "process_"].iter().any(|prefix| name.starts_with(prefix));
        assert!(is_ours, "{name}");
    }
    assert!(names.len() > 40, "{names:?}");
    let process = ["process_resident_memory_bytes", "process_open_fds", "process_start_time_seconds"];
    for name in process {
        let number = value(&metrics, name).and_then(|text| text.parse::<f64>().ok());
        assert!(number.is_some_and(|number| number > 0.0), "{name}: {number:?}");
    }
}

fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docker").join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The metrics that expressions speak of; `name` stands for all the series of a histogram.
fn spoken_of(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let ours = words.filter(|word| {
        ["lyceum_", "http_re", "process_"].iter().any(|prefix| word.starts_with(prefix)) && !word.ends_with('_')
    });
    let series = ["_bucket", "_sum", "_count"];
    ours.map(|word| series.iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word).to_owned()).collect()
}

#[test]
fn the_dashboard_and_the_alerts_speak_of_metrics_that_there_are() {
    let names = Metrics::new().expect("metrics").names();
    let dashboard: serde_json::Value = serde_json::from_str(&read("grafana/dashboards/lyceum.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let expressions: Vec<&str> = panels
        .iter()
        .filter_map(|panel| panel["targets"].as_array())
        .flatten()
        .map(|target| target["expr"].as_str().expect("an expression"))
        .collect();
    let alerts = read("alerts.yml");
    let rules: Vec<&str> = alerts.lines().filter_map(|line| line.trim().strip_prefix("expr: ")).collect();
    assert!(expressions.len() >= 20 && rules.len() >= 12, "{} and {}", expressions.len(), rules.len());
    for expression in expressions.iter().chain(&rules) {
        let spoken = spoken_of(expression);
        assert!(!spoken.is_empty() || expression.contains("up{"), "{expression} speaks of nothing of ours");
        for name in spoken {
            assert!(names.contains(&name), "{name} in {expression} is not there");
        }
    }
    for (count, name) in [
        (alerts.matches("- alert: ").count(), "expr: "),
        (alerts.matches("- alert: ").count(), "summary: "),
        (alerts.matches("- alert: ").count(), "description: "),
        (alerts.matches("- alert: ").count(), "severity: "),
    ] {
        assert_eq!(alerts.matches(name).count(), count, "each alert has a {name}");
    }
}
