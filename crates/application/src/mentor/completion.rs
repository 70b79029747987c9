//! Asking the mentor through a client that keeps the conversation itself, as those of OpenAI's API do: nothing of it is
//! stored here but what it cost.

use lyceum_domain::{
    conversations::{Author, Message, Prompt},
    ids::{ConversationId, MessageId},
    invalid::Invalid,
    mentor::{ChatRequest, Delivery, Earlier, Shape, compose},
    text,
};

use super::{
    TurnStarted,
    turn::{Keeping, Turn},
};
use crate::{Error, Lyceum, sessions::Caller};

/// A conversation as a client sends it.
#[derive(Debug, Clone)]
pub struct Chat {
    /// What was said, oldest first; the last one is the question.
    pub messages: Vec<Earlier>,
    /// The longest answer that the client wants, in tokens.
    pub max_tokens: Option<u32>,
    /// How the answer is wanted.
    pub delivery: Delivery,
}

impl Chat {
    /// The longest question, in characters.
    pub const QUESTION: usize = 32_000;
}

impl Lyceum {
    /// Prepares a turn outside of our conversations. The mentor is the same: it knows where the learner stands, and
    /// answers from the courses they are in.
    pub async fn complete(&self, caller: &Caller, chat: Chat) -> Result<Turn, Error> {
        self.may_ask(caller)?;
        let Chat { messages: mut history, max_tokens, delivery } = chat;
        let asked = history.pop().filter(|last| last.author == Author::User);
        let asked = text::cleaned(&asked.ok_or(Error::invalid("/messages", Invalid::Missing))?.content);
        let asked = asked.trim();
        if asked.is_empty() {
            return Err(Error::invalid("/messages", Invalid::Empty));
        }
        if asked.chars().count() > Chat::QUESTION {
            return Err(Error::invalid("/messages", Invalid::TooLong { max: Chat::QUESTION }));
        }
        for earlier in &mut history {
            earlier.content = text::cleaned(&earlier.content);
        }
        history.retain(|earlier| !earlier.content.trim().is_empty());

        let grounding = self.grounding(caller, asked, None).await?;
        // It is the client's business how long each of its messages is.
        let shape = Shape { earlier_tokens: self.rules.history_tokens, ..self.shape(false) };
        let prompt = compose(&grounding, &history, &shape);
        let now = self.ports.clock.now();
        // No row bears these ids.
        let conversation = ConversationId::new(&*self.ports.ids);
        let id = MessageId::new(&*self.ports.ids);
        let shown = Prompt::parse(&text::shortened(asked, Prompt::MAX - 1))
            .map_err(|invalid| Error::invalid("/messages", invalid))?;
        let question = Message::question(id, conversation, None, &shown, now);
        let answer = Message::answer(MessageId::new(&*self.ports.ids), &question, grounding.sources(), now);
        let call = self.call(caller, conversation, answer.id, prompt.estimated_tokens, now);
        let reservation = self.reservation(caller, prompt.bytes, max_tokens, now);
        let granted = self.granted(self.ports.store.write().open_call(&call, &reservation).await?)?;
        let max_tokens = self.answer_limit(&reservation, granted, prompt.bytes, max_tokens);
        let started = TurnStarted::of(&answer, question.id);
        let request = ChatRequest { messages: prompt.messages, grounding, delivery, max_tokens };
        Ok(Turn::new(self.clone(), started, request, answer, call, Keeping::Call, false))
    }
}
