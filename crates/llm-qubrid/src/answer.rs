//! Events to the steps of an answer.

use lyceum_domain::mentor::{ChatError, Completion, FinishReason, TokenUsage};

use crate::{
    events::Events,
    failure::{Redactor, unusable},
    reasoning::ThinkFilter,
    wire::{Complaint, Reply},
};

/// An answer that is being streamed.
pub(crate) struct Answer {
    events: Events,
    ending: Ending,
    filter: ThinkFilter,
    is_done: bool,
}

/// What an event brought.
pub(crate) enum Step {
    /// Text of the answer.
    Text(String),
    /// A sign of life: reasoning, counts, an end announced.
    Life,
    /// Nothing.
    Nothing,
    /// The end.
    End(Completion),
}

impl Answer {
    pub(crate) fn new(events: Events, model: &str) -> Self {
        Self { events, ending: Ending::new(model), filter: ThinkFilter::default(), is_done: false }
    }

    /// Reads one event.
    pub(crate) async fn step(&mut self, redactor: &Redactor) -> Result<Step, ChatError> {
        if self.is_done {
            return self.ending.end(&self.filter).map(Step::End);
        }
        let Some(event) = self.events.next(redactor).await? else {
            return Err(unusable("the answer broke off: the stream ended without [DONE]"));
        };
        let event: &str = &event.data;
        if event.trim() == "[DONE]" {
            self.is_done = true;
            let rest = self.filter.finish();
            return Ok(if rest.is_empty() { Step::Life } else { Step::Text(rest) });
        }
        let reply: Reply = serde_json::from_str(event).map_err(|error| redactor.unlike("an event", &error))?;
        if let Some(error) = &reply.error {
            return Err(redactor.complaint(&Complaint::of(error)));
        }
        Ok(self.read(reply, redactor))
    }

    fn read(&mut self, mut reply: Reply, redactor: &Redactor) -> Step {
        let mut has_life = self.ending.note(&mut reply, redactor);
        let choice = reply.choices.and_then(|choices| choices.into_iter().next());
        let Some(part) = choice.and_then(|choice| choice.delta.or(choice.message)) else {
            return if has_life { Step::Life } else { Step::Nothing };
        };
        if part.reasoning_content.is_some_and(|thought| !thought.is_empty()) {
            self.ending.has_thought = true;
            has_life = true;
        }
        let Some(piece) = part.content.filter(|piece| !piece.is_empty()) else {
            return if has_life { Step::Life } else { Step::Nothing };
        };
        let text = self.filter.push(piece);
        if text.is_empty() { Step::Life } else { Step::Text(text) }
    }
}

/// What is known about the end of an answer.
pub(crate) struct Ending {
    model: String,
    finish_reason: Option<String>,
    usage: Option<TokenUsage>,
    pub(crate) has_thought: bool,
}

impl Ending {
    pub(crate) fn new(model: &str) -> Self {
        Self { model: model.to_owned(), finish_reason: None, usage: None, has_thought: false }
    }

    /// Takes what a reply or an event says beside the text; whether that was anything about the end.
    pub(crate) fn note(&mut self, reply: &mut Reply, redactor: &Redactor) -> bool {
        if let Some(model) = reply.model.take().filter(|model| *model != self.model) {
            let model = redactor.clean(&model);
            if !model.is_empty() {
                self.model = model;
            }
        }
        let usage = reply.usage.and_then(super::wire::Usage::counted);
        let finish = reply.choices.as_mut().and_then(|choices| choices.first_mut()?.finish_reason.take());
        let is_news = usage.is_some() || finish.is_some();
        self.usage = usage.or(self.usage);
        self.finish_reason = finish.or_else(|| self.finish_reason.take());
        is_news
    }

    /// The end, if there was an answer before it.
    pub(crate) fn end(&mut self, filter: &ThinkFilter) -> Result<Completion, ChatError> {
        let finish_reason = FinishReason::parse(self.finish_reason.as_deref());
        if filter.has_spoken() {
            let model = std::mem::take(&mut self.model);
            return Ok(Completion { finish_reason, usage: self.usage, model });
        }
        let has_thought = self.has_thought || filter.has_thought();
        Err(match (finish_reason, has_thought) {
            (FinishReason::ContentFilter, _) => ChatError::Refused { detail: "the answer was held back".to_owned() },
            (FinishReason::Length, true) => unusable("only reasoning came before the longest answer was reached"),
            (_, true) => unusable("only reasoning came, and no answer"),
            (_, false) => unusable("the answer is empty"),
        })
    }
}
