//! `ChatModel` without a network: answers from the learner's progress and the course's passages, the same answer to
//! the same question each time.

mod answer;
mod quotation;

use async_trait::async_trait;
use futures_util::stream;
use lyceum_domain::mentor::{
    ChatError, ChatEvent, ChatModel, ChatRequest, ChatStream, Completion, Delivery, FinishReason, TokenUsage,
    estimated_tokens,
};

/// The most characters of a piece; long enough for few events, short enough to be seen coming.
const PIECE: usize = 24;

/// The mentor for a place without a language model. It is a program: it reads the request's
/// [`Grounding`](lyceum_domain::mentor::Grounding) and not its prompt, so nothing in a course text can give it orders.
#[derive(Debug, Clone, Copy, Default)]
pub struct OfflineModel;

impl OfflineModel {
    /// A model; there is nothing to choose.
    pub const fn new() -> Self {
        Self
    }
}

#[async_trait]
impl ChatModel for OfflineModel {
    fn provider(&self) -> &'static str {
        "offline"
    }

    fn model(&self) -> &'static str {
        "lyceum-offline"
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream, ChatError> {
        let text = answer::answer(&request.grounding);
        let (text, finish_reason) = match request.max_tokens {
            Some(most) => shortened(text, most),
            None => (text, FinishReason::Stop),
        };
        let usage = TokenUsage {
            prompt_tokens: request.messages.iter().map(|message| estimated_tokens(&message.content)).sum(),
            completion_tokens: estimated_tokens(&text),
        };
        let done = Completion { finish_reason, usage: Some(usage), model: self.model().to_owned() };
        let pieces = match request.delivery {
            Delivery::Pieces => pieces(&text),
            Delivery::Whole => vec![text],
        };
        let events = pieces.into_iter().map(ChatEvent::Delta).chain([ChatEvent::Done(done)]);
        Ok(ChatStream::new(self.provider(), self.model(), stream::iter(events.map(Ok))))
    }

    async fn check(&self) -> Result<(), ChatError> {
        Ok(())
    }
}

/// Words, a few at a time, white space included.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::with_capacity(text.len() / PIECE * 2 + 1);
    for word in text.split_inclusive(char::is_whitespace) {
        match pieces.last_mut() {
            Some(piece) if piece.len() + word.len() <= PIECE => piece.push_str(word),
            _ => pieces.push(word.to_owned()),
        }
    }
    pieces
}

/// The beginning that is no longer than this many tokens; at least one character, for an answer is never empty.
fn shortened(mut text: String, most: u32) -> (String, FinishReason) {
    if estimated_tokens(&text) <= most {
        return (text, FinishReason::Stop);
    }
    let mut end = (most as usize).saturating_mul(4).clamp(1, text.len());
    while !text.is_char_boundary(end) {
        end += 1;
    }
    text.truncate(end);
    (text, FinishReason::Length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lyceum_domain::mentor::complete;
    use lyceum_testkit::contract::chat_model::request;
    use proptest::prelude::*;

    lyceum_testkit::any_chat_model_contract!(OfflineModel::new());

    #[tokio::test]
    async fn it_answers_in_pieces_or_at_once() {
        use futures_util::StreamExt as _;
        let count = async |delivery| {
            OfflineModel.stream(request(delivery)).await.expect("an answer").collect::<Vec<_>>().await.len()
        };
        assert_eq!(count(Delivery::Whole).await, 2);
        assert!(count(Delivery::Pieces).await > 5);
    }

    #[tokio::test]
    async fn it_counts_by_estimate_and_keeps_to_the_limit() {
        let answer = complete(&OfflineModel, request(Delivery::Whole)).await.expect("an answer");
        let completion = answer.completion;
        assert_eq!((completion.finish_reason, completion.model.as_str()), (FinishReason::Stop, "lyceum-offline"));
        let usage = completion.usage.expect("counted");
        assert_eq!((usage.prompt_tokens, usage.completion_tokens), (12, estimated_tokens(&answer.text)));
        for most in [0, 5] {
            let request = ChatRequest { max_tokens: Some(most), ..request(Delivery::Whole) };
            let answer = complete(&OfflineModel, request).await.expect("an answer");
            assert_eq!(answer.completion.finish_reason, FinishReason::Length);
            assert!(!answer.text.is_empty() && estimated_tokens(&answer.text) <= most.max(1));
        }
    }

    proptest! {
        #[test]
        fn the_pieces_are_the_text(text in "\\PC{0,200}") {
            let pieces = pieces(&text);
            prop_assert!(pieces.iter().all(|piece| !piece.is_empty()));
            prop_assert_eq!(pieces.concat(), text);
        }
    }
}
