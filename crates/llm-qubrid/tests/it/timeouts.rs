//! How long it waits.

use std::time::{Duration, Instant};

use lyceum_domain::mentor::Delivery;
use lyceum_llm_qubrid::{QubridModel, QubridSettings};

use crate::{
    ask,
    server::{Act, DONE, SSE_HEAD, Server, chunk, piece},
    settings,
};

const SHORT: Duration = Duration::from_millis(200);

/// The text, the failure, and that the server was left in time.
async fn failure(acts: Vec<Act>, delivery: Delivery, change: impl Fn(&mut QubridSettings)) -> (String, String) {
    let mut server = Server::always(acts).await;
    let mut settings = settings(&server.url);
    change(&mut settings);
    let began = Instant::now();
    let (text, end) = ask(&QubridModel::new(settings).expect("good settings"), delivery).await;
    let failed = end.expect_err("a time-out");
    assert!(began.elapsed() >= SHORT && began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(failed.code(), "timeout");
    assert_eq!(server.requests().len(), 1, "it may be billed, so it is not asked again");
    assert_eq!(tokio::time::timeout(Duration::from_secs(1), server.was_left()).await, Ok(true));
    (text, failed.to_string())
}

fn head(events: &str) -> Act {
    Act::Send([SSE_HEAD.as_bytes(), &chunk(events)].concat())
}

#[tokio::test]
async fn a_first_byte_that_does_not_come_is_not_waited_for() {
    for acts in [vec![Act::Stay], vec![head(": keep-alive\n\n"), Act::Stay]] {
        let (_, failed) = failure(acts, Delivery::Pieces, |settings| settings.first_byte_timeout = SHORT).await;
        assert_eq!(failed, "the model took too long: no first byte within 200ms");
    }
}

#[tokio::test]
async fn a_next_piece_that_does_not_come_is_not_waited_for() {
    let acts = vec![head(&piece("Ye")), Act::Stay];
    let (text, failed) = failure(acts, Delivery::Pieces, |settings| settings.read_timeout = SHORT).await;
    assert_eq!((text.as_str(), failed.as_str()), ("Ye", "the model took too long: no next piece within 200ms"));
}

#[tokio::test]
async fn bytes_that_drip_are_no_pieces() {
    let mut acts = vec![head(&piece("Ye"))];
    for byte in piece("s.").as_bytes().chunks(1) {
        acts.extend([Act::Send(chunk(byte)), Act::Pause(Duration::from_millis(20))]);
    }
    let (_, failed) = failure(acts, Delivery::Pieces, |settings| settings.read_timeout = SHORT).await;
    assert!(failed.contains("no next piece"), "{failed}");
}

#[tokio::test]
async fn the_time_for_everything_ends_even_a_lively_answer() {
    let mut acts = vec![Act::Send(SSE_HEAD.into())];
    acts.extend((0..100).flat_map(|_| [Act::Send(chunk(piece("x"))), Act::Pause(Duration::from_millis(20))]));
    let (_, failed) = failure(acts, Delivery::Pieces, |settings| settings.total_timeout = SHORT).await;
    assert_eq!(failed, "the model took too long: no whole answer within 200ms");
}

#[tokio::test]
async fn a_whole_answer_has_the_time_for_everything() {
    let (_, failed) = failure(vec![Act::Stay], Delivery::Whole, |settings| {
        settings.first_byte_timeout = Duration::from_millis(1);
        settings.total_timeout = SHORT;
    })
    .await;
    assert!(failed.contains("no whole answer"), "{failed}");
}

#[tokio::test]
async fn a_model_that_thinks_is_waited_for() {
    let thought = "data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"hm\"}}]}\n\n";
    let mut acts = vec![Act::Send(SSE_HEAD.into())];
    acts.extend((0..6).flat_map(|_| [Act::Send(chunk(thought)), Act::Pause(Duration::from_millis(100))]));
    acts.push(Act::Send(chunk([&piece("Yes."), DONE].concat())));
    let server = Server::always(acts).await;
    let settings = QubridSettings {
        first_byte_timeout: Duration::from_millis(400),
        read_timeout: Duration::from_millis(400),
        ..settings(&server.url)
    };
    let (text, end) = ask(&QubridModel::new(settings).expect("good settings"), Delivery::Pieces).await;
    assert_eq!((text.as_str(), end.is_ok()), ("Yes.", true));
}
