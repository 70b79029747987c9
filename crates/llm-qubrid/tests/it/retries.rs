//! When it asks again, and when not.

use std::time::{Duration, Instant};

use lyceum_domain::mentor::{ChatError, Delivery};
use lyceum_llm_qubrid::{QubridModel, QubridSettings};

use crate::{
    ask, model,
    server::{Act, DONE, SSE_HEAD, Server, chunk, piece, plain, stream},
    settings,
};

const CLOSE: &str = "Connection: close\r\n";

fn good() -> Vec<Act> {
    stream(&[piece("Yes."), DONE.to_owned()].concat())
}

#[tokio::test]
async fn a_provider_that_is_busy_for_a_moment_is_asked_again() {
    let busy = plain("503 Busy", CLOSE, "");
    let limit = plain("429 Slow down", &format!("{CLOSE}Retry-After: 0\r\n"), "{}");
    let mut server = Server::start(vec![busy, limit, good()]).await;
    let (text, end) = ask(&model(&server.url), Delivery::Pieces).await;
    assert_eq!((text.as_str(), end.is_ok()), ("Yes.", true));
    let requests = server.requests();
    assert_eq!(requests.len(), 3);
    assert!(requests.iter().all(|request| *request == requests[0]));
}

#[tokio::test]
async fn a_connection_that_breaks_before_an_answer_is_made_again() {
    let server = Server::start(vec![vec![], good()]).await;
    assert_eq!(ask(&model(&server.url), Delivery::Pieces).await.0, "Yes.");
}

#[tokio::test]
async fn it_waits_as_long_as_it_is_asked() {
    let limit = plain("429 Slow down", &format!("{CLOSE}Retry-After: 1\r\n"), "");
    let server = Server::start(vec![limit, good()]).await;
    let began = Instant::now();
    assert_eq!(ask(&model(&server.url), Delivery::Pieces).await.0, "Yes.");
    assert!(began.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn it_gives_up_at_once_when_it_is_asked_to_wait_too_long() {
    for status in ["429 Slow down", "503 Busy"] {
        let mut server = Server::always(plain(status, &format!("{CLOSE}Retry-After: 60\r\n"), "")).await;
        let began = Instant::now();
        let failed = ask(&model(&server.url), Delivery::Pieces).await.1.expect_err("no answer");
        assert!(began.elapsed() < Duration::from_secs(1));
        let (ChatError::RateLimited { retry_after } | ChatError::Unavailable { retry_after, .. }) = failed else {
            panic!("{failed:?}")
        };
        assert_eq!(retry_after, Some(Duration::from_mins(1)));
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn what_cannot_pass_is_asked_once() {
    for status in ["400 No", "401 No", "404 No", "413 No", "500 No"] {
        let mut server = Server::always(plain(status, CLOSE, "")).await;
        assert!(ask(&model(&server.url), Delivery::Pieces).await.1.is_err());
        assert_eq!(server.requests().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn nothing_is_asked_again_once_an_answer_has_begun() {
    let begun = |events: &str| vec![Act::Send([SSE_HEAD.as_bytes(), &chunk(events)].concat())];
    for events in [piece("Ye"), String::new(), "data: {\"error\":{\"code\":503}}\n\n".to_owned()] {
        let mut server = Server::start(vec![begun(&events), good()]).await;
        assert!(ask(&model(&server.url), Delivery::Pieces).await.1.is_err());
        assert_eq!(server.requests().len(), 1, "{events}");
    }
}

#[tokio::test]
async fn nobody_at_the_address_is_unavailable() {
    let address = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        listener.local_addr().expect("an address")
    };
    let settings = QubridSettings { max_retries: 1, ..settings(&format!("http://{address}/v1?code=hidden")) };
    let failed = ask(&QubridModel::new(settings).expect("good settings"), Delivery::Whole).await.1;
    let failed = failed.expect_err("no answer");
    assert!(matches!(failed, ChatError::Unavailable { .. }), "{failed:?}");
    assert!(!format!("{failed:?}").contains("hidden"), "{failed:?}");
}

#[tokio::test]
async fn every_try_says_of_which_trace_it_is_part_and_is_counted() {
    fn trace() -> Vec<(&'static str, String)> {
        vec![("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned())]
    }
    let mut server = Server::start(vec![plain("503 Busy", CLOSE, ""), good()]).await;
    let model = QubridModel::new(QubridSettings { trace: Some(trace), ..settings(&server.url) }).expect("a model");
    let sibling = model.sibling().expect("another one");
    assert_eq!(ask(&sibling, Delivery::Pieces).await.0, "Yes.");
    let requests = server.requests();
    assert_eq!((requests.len(), model.retries()), (2, 1));
    for request in requests {
        assert!(request.contains("\r\ntraceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n"));
    }
}
