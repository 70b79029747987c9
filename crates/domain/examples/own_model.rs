//! Another Rust service that depends on `lyceum-domain` alone: it implements one port, here the language model, and
//! runs the contract suite of `lyceum-testkit` against it.
//!
//! `cargo run -p lyceum-domain --example own_model` asks it something;
//! `cargo test -p lyceum-domain --example own_model` runs the suite.

use std::{
    pin::Pin,
    task::{Context, Poll},
    vec,
};

use async_trait::async_trait;
use futures_core::Stream;
use lyceum_domain::mentor::{
    ChatError, ChatEvent, ChatModel, ChatRequest, ChatStream, Completion, Delivery, FinishReason, TokenUsage,
    estimated_tokens,
};

/// Answers every question with a question, as Socrates did.
#[derive(Debug, Default)]
struct Socrates;

#[async_trait]
impl ChatModel for Socrates {
    fn provider(&self) -> &'static str {
        "agora"
    }

    fn model(&self) -> &'static str {
        "socrates-1"
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream, ChatError> {
        let subject = request.grounding.question.trim().trim_end_matches('?');
        let answer = format!("You ask \"{subject}\". What would somebody answer who had never heard of it?");
        let prompt_tokens = request.messages.iter().map(|message| estimated_tokens(&message.content)).sum();
        let done = ChatEvent::Done(Completion {
            finish_reason: FinishReason::Stop,
            usage: Some(TokenUsage { prompt_tokens, completion_tokens: estimated_tokens(&answer) }),
            model: self.model().to_owned(),
        });
        let mut events: Vec<_> = match request.delivery {
            Delivery::Whole => vec![ChatEvent::Delta(answer)],
            Delivery::Pieces => answer.split_inclusive(' ').map(|word| ChatEvent::Delta(word.to_owned())).collect(),
        };
        events.push(done);
        Ok(ChatStream::new(self.provider(), self.model(), Events(events.into_iter())))
    }

    async fn check(&self) -> Result<(), ChatError> {
        Ok(())
    }
}

/// A stream over events that are all known.
struct Events(vec::IntoIter<ChatEvent>);

impl Stream for Events {
    type Item = Result<ChatEvent, ChatError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.next().map(Ok))
    }
}

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "an example shows what it does")]
async fn main() -> Result<(), ChatError> {
    let answer =
        lyceum_domain::mentor::complete(&Socrates, lyceum_testkit::contract::chat_model::request(Delivery::Whole))
            .await?;
    println!("{}", answer.text);
    Ok(())
}

#[cfg(test)]
mod contract {
    lyceum_testkit::any_chat_model_contract!(super::Socrates);
}
