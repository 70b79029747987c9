//! A model behind a breaker.

use std::{
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use async_trait::async_trait;
use futures_core::Stream;
use lyceum_domain::mentor::{ChatError, ChatEvent, ChatModel, ChatRequest, ChatStream};

use crate::breaker::{Breaker, Call};

/// A model that is asked only while its breaker lets calls through.
///
/// Several of them share one breaker: one for each web worker, which has its own connections to the same provider. A
/// call has succeeded when its answer is whole; until then it can still fail.
pub struct Guarded {
    model: Arc<dyn ChatModel>,
    breaker: Arc<Breaker>,
}

impl Guarded {
    /// Puts a model behind its provider's breaker.
    pub fn new(model: Arc<dyn ChatModel>, breaker: Arc<Breaker>) -> Self {
        Self { model, breaker }
    }
}

#[async_trait]
impl ChatModel for Guarded {
    fn provider(&self) -> &str {
        self.model.provider()
    }

    fn model(&self) -> &str {
        self.model.model()
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream, ChatError> {
        let call = self.breaker.enter().map_err(|wait| self.breaker.resting(wait))?;
        match self.model.stream(request).await {
            Ok(mut stream) => {
                let (provider, model) = (mem::take(&mut stream.provider), mem::take(&mut stream.model));
                Ok(ChatStream::new(provider, model, Watched { stream, call: Some(call) }))
            }
            Err(error) => {
                call.failed(&error);
                Err(error)
            }
        }
    }

    fn temperature(&self) -> Option<f32> {
        self.model.temperature()
    }

    /// During a rest nobody is asked. After it the model's own check decides, and takes no probe's place.
    async fn check(&self) -> Result<(), ChatError> {
        match self.breaker.rest() {
            Some(left) => Err(self.breaker.resting(left)),
            None => self.model.check().await,
        }
    }
}

/// An answer whose end the breaker hears of.
struct Watched {
    stream: ChatStream,
    /// Until the end.
    call: Option<Call>,
}

impl Stream for Watched {
    type Item = Result<ChatEvent, ChatError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.call.is_none() {
            return Poll::Ready(None);
        }
        let event = Pin::new(&mut self.stream).poll_next(cx);
        match &event {
            Poll::Pending | Poll::Ready(Some(Ok(ChatEvent::Delta(_)))) => {}
            Poll::Ready(Some(Ok(ChatEvent::Done(_)))) => {
                if let Some(call) = self.call.take() {
                    call.succeeded();
                }
            }
            Poll::Ready(Some(Err(error))) => {
                if let Some(call) = self.call.take() {
                    call.failed(error);
                }
            }
            Poll::Ready(None) => {
                if let Some(call) = self.call.take() {
                    call.failed(&ChatError::BadResponse {
                        detail: "the answer ended without an end".to_owned(),
                        source: None,
                    });
                }
            }
        }
        event
    }
}

#[cfg(test)]
mod tests;
