//! Streams, whole and broken.

use std::time::Duration;

use futures_util::StreamExt as _;
use lyceum_domain::mentor::{ChatError, ChatModel as _, Delivery, FinishReason, TokenUsage};
use lyceum_llm_qubrid::{QubridModel, QubridSettings};
use lyceum_testkit::contract::chat_model::request;

use crate::{
    ask, model,
    server::{Act, DONE, FINISH, ROLE, SSE_HEAD, Server, chunk, piece, stream},
    settings,
};

async fn answer(acts: Vec<Act>) -> (String, Result<lyceum_domain::mentor::Completion, ChatError>) {
    let server = Server::always(acts).await;
    ask(&model(&server.url), Delivery::Pieces).await
}

async fn failure(events: &str) -> (String, String) {
    let (text, end) = answer(stream(events)).await;
    let failed = end.expect_err("no end");
    (text, format!("{}: {failed}", failed.code()))
}

#[tokio::test]
async fn events_become_an_answer() {
    let usage = "data:{\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2}}\n\n";
    let events =
        [": hello\n\n", ROLE, &piece("Bon"), "event: x\nid: 1\n\n", &piece("jour"), FINISH, usage, DONE].concat();
    let mut server = Server::always(stream(&events)).await;
    let (text, end) = ask(&model(&server.url), Delivery::Pieces).await;
    let end = end.expect("an answer");
    assert_eq!((text.as_str(), end.model.as_str(), end.finish_reason), ("Bonjour", "x/y", FinishReason::Stop));
    assert_eq!(end.usage, Some(TokenUsage { prompt_tokens: 7, completion_tokens: 2 }));
    let asked = server.requests().concat();
    assert!(asked.contains("accept: text/event-stream") && asked.contains("\"stream\":true"), "{asked}");
}

#[tokio::test]
async fn a_message_in_an_event_counts_as_well() {
    let events = "data: {\"choices\":[{\"message\":{\"content\":\"Bonjour\"},\"finish_reason\":\"length\"}]}\n\n";
    let (text, end) = answer(stream(&[events, DONE].concat())).await;
    assert_eq!((text.as_str(), end.expect("an end").finish_reason), ("Bonjour", FinishReason::Length));
}

#[tokio::test]
async fn bytes_may_be_cut_anywhere() {
    let text = "naïve → 輪 🎓 ";
    for line_end in ["\n", "\r\n", "\r"] {
        let events = [": c\n\n", ROLE, &piece(text), &piece(text), FINISH, DONE].concat().replace('\n', line_end);
        for size in [1, 7] {
            let mut acts = vec![Act::Send(SSE_HEAD.into())];
            for bytes in events.as_bytes().chunks(size) {
                acts.push(Act::Send(chunk(bytes)));
                // Long enough for some of the pieces to be read alone.
                if acts.len() % 16 == 0 {
                    acts.push(Act::Pause(Duration::from_millis(1)));
                }
            }
            let (said, end) = answer(acts).await;
            assert_eq!((said, end.is_ok()), (text.repeat(2), true), "{line_end:?} {size}");
        }
    }
}

#[tokio::test]
async fn reasoning_is_no_part_of_the_answer() {
    let thought = "data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"hm\",\"content\":null}}]}\n\n";
    let events = [thought, &piece("<thi"), &piece("nk>hm</th"), &piece("ink>\n\nYes"), &piece("."), DONE].concat();
    let (text, end) = answer(stream(&events)).await;
    assert_eq!((text.as_str(), end.is_ok()), ("Yes.", true));
    let (_, failed) = failure(&[thought, FINISH, DONE].concat()).await;
    assert_eq!(failed, "bad_response: the model's answer is unusable: only reasoning came, and no answer");
    let (_, failed) = failure(&[&piece("<think>hm"), DONE].concat()).await;
    assert!(failed.contains("only reasoning"), "{failed}");
}

#[tokio::test]
async fn what_is_held_back_as_a_tag_is_said_at_the_end() {
    assert_eq!(answer(stream(&[&piece("a <th"), DONE].concat())).await.0, "a <th");
}

#[tokio::test]
async fn an_end_without_done_is_no_end() {
    for events in [[&piece("Yes."), FINISH].concat(), [FINISH].concat(), "data: [DONE]\n".to_owned(), String::new()] {
        let (_, failed) = failure(&events).await;
        assert!(failed.starts_with("bad_response") && failed.contains("broke off"), "{failed}");
    }
}

#[tokio::test]
async fn a_dropped_connection_is_no_end() {
    let (text, end) = answer(vec![Act::Send([SSE_HEAD.as_bytes(), &chunk(piece("Ye"))].concat())]).await;
    let failed = end.expect_err("no end");
    assert_eq!((text.as_str(), failed.code()), ("Ye", "bad_response"));
    assert!(failed.to_string().contains("broke off"), "{failed}");
}

#[tokio::test]
async fn an_event_that_cannot_be_read_ends_the_answer() {
    for bad in ["data: {\"choices\": [oops\n\n", "data: {\"choices\":7}\n\n", "data: [1,2]\n\n"] {
        let (text, failed) = failure(&[&piece("Ye"), bad, &piece("s."), DONE].concat()).await;
        assert_eq!(text, "Ye");
        assert!(failed.starts_with("bad_response"), "{failed}");
    }
    let bytes = [SSE_HEAD.as_bytes(), &chunk(piece("Ye")), &chunk(b"data: \xff\xfe\n\n")].concat();
    assert_eq!(answer(vec![Act::Send(bytes)]).await.1.expect_err("no text").code(), "bad_response");
}

#[tokio::test]
async fn an_error_in_a_stream_ends_it() {
    for (error, code) in [
        ("{\"message\":\"overloaded\",\"type\":\"server_error\",\"code\":503}", "unavailable"),
        ("\"overloaded\"", "unavailable"),
        ("{\"type\":\"rate_limit_error\"}", "rate_limited"),
        ("{\"code\":\"insufficient_quota\"}", "misconfigured"),
        ("{\"code\":\"content_policy_violation\"}", "refused"),
    ] {
        let event = format!("data: {{\"error\":{error}}}\n\n");
        let (text, failed) = failure(&[&piece("Ye"), &event, DONE].concat()).await;
        assert_eq!(text, "Ye");
        assert!(failed.starts_with(code), "{failed}");
    }
    let null = piece("Yes.").replace("{\"model\"", "{\"error\":null,\"model\"");
    assert!(answer(stream(&[&null, DONE].concat())).await.1.is_ok());
}

#[tokio::test]
async fn a_line_without_an_end_is_cut_short() {
    let mut acts = vec![Act::Send([SSE_HEAD.as_bytes(), &chunk(piece("Ye")), &chunk("data: ")].concat())];
    acts.extend(std::iter::repeat_n(Act::Send(chunk("x".repeat(1 << 16))), 64));
    let (_, end) = answer(acts).await;
    assert_eq!(
        end.expect_err("too long").to_string(),
        "the model's answer is unusable: an event of the answer is too long"
    );
}

#[tokio::test]
async fn a_stream_without_an_end_is_cut_short() {
    let mut acts = vec![Act::Send(SSE_HEAD.into())];
    acts.extend(std::iter::repeat_n(Act::Send(chunk(piece("Yes and "))), 400));
    let server = Server::always(acts).await;
    let settings = QubridSettings { max_response_bytes: 10_000, ..settings(&server.url) };
    let (text, end) = ask(&QubridModel::new(settings).expect("good settings"), Delivery::Pieces).await;
    assert!(text.starts_with("Yes and "));
    assert_eq!(end.expect_err("too long").code(), "bad_response");
}

#[tokio::test]
async fn nothing_is_read_after_done() {
    let mut acts = stream(&[&piece("Yes."), DONE, &piece("No."), "data: {oops\n\n"].concat());
    acts.push(Act::Stay);
    let (text, end) = answer(acts).await;
    assert_eq!((text.as_str(), end.is_ok()), ("Yes.", true));
    // A body that goes on for ever behind it is let go although the stream is still held.
    let open = [SSE_HEAD.as_bytes(), &chunk([&piece("Yes."), DONE].concat())].concat();
    let mut server = Server::always(vec![Act::Send(open), Act::Stay]).await;
    let mut held = model(&server.url).stream(request(Delivery::Pieces)).await.expect("an answer");
    while held.next().await.is_some() {}
    assert_eq!(tokio::time::timeout(Duration::from_secs(1), server.was_left()).await, Ok(true));
}
