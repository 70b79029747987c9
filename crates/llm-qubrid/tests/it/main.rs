//! The adapter against servers that answer well, badly, slowly, or not at all.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking, its servers and helpers too")]

mod contract;
mod json;
mod keys;
mod retries;
mod server;
mod streams;
mod timeouts;

use std::time::Duration;

use lyceum_domain::mentor::{ChatError, ChatEvent, ChatModel as _, Delivery};
use lyceum_llm_qubrid::{QubridModel, QubridSettings};
use lyceum_testkit::contract::chat_model::request;

const KEY: &str = "qb_a_key_that_must_not_show";

fn settings(base_url: &str) -> QubridSettings {
    QubridSettings {
        base_url: base_url.to_owned(),
        api_key: KEY.into(),
        model: "owner/name".to_owned(),
        retry_delay: Duration::from_millis(10),
        ..QubridSettings::default()
    }
}

fn model(base_url: &str) -> QubridModel {
    QubridModel::new(settings(base_url)).expect("good settings")
}

/// The text and how it ended; a failed call looks like a stream that fails at once.
async fn ask(
    model: &QubridModel,
    delivery: Delivery,
) -> (String, Result<lyceum_domain::mentor::Completion, ChatError>) {
    use futures_util::StreamExt as _;
    let mut text = String::new();
    let mut stream = match model.stream(request(delivery)).await {
        Ok(stream) => stream,
        Err(error) => return (text, Err(error)),
    };
    while let Some(event) = stream.next().await {
        match event {
            Ok(ChatEvent::Delta(piece)) => text.push_str(&piece),
            Ok(ChatEvent::Done(completion)) => return (text, Ok(completion)),
            Err(error) => return (text, Err(error)),
        }
    }
    panic!("the stream ended without an end")
}
