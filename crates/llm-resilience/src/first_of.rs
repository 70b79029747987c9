//! A model, and another one for when it is out.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use lyceum_domain::mentor::{ChatError, ChatModel, ChatRequest, ChatStream, ProviderState};

/// Asks the first model, and the second when the first is out.
///
/// # When the second is asked
/// Only while nothing of an answer is there, that is when `stream()` itself failed: nobody wants half an answer of one
/// model and half of another. And only when the first surely does no work for this request: it is
/// [`Unavailable`](ChatError::Unavailable), [asked too often](ChatError::RateLimited) or
/// [set up wrongly](ChatError::Misconfigured). Not when it refused the request, which is then at fault itself. Not after
/// a [`Timeout`](ChatError::Timeout) or a [`BadResponse`](ChatError::BadResponse) either: the provider may still be at
/// work, or has done it, and bills it; asking another one as well would pay twice for one answer, and the caller has
/// waited a time-out already. A provider that only ever times out is found out by its breaker, after which it is
/// unavailable.
///
/// # Who it is
/// Name, model and temperature are the first's; the stream says who answers.
pub struct FirstOf {
    first: Arc<dyn ChatModel>,
    second: Arc<dyn ChatModel>,
}

impl FirstOf {
    /// The first is asked as long as it is there. Either may be such a pair itself.
    pub fn new(first: Arc<dyn ChatModel>, second: Arc<dyn ChatModel>) -> Self {
        Self { first, second }
    }
}

#[async_trait]
impl ChatModel for FirstOf {
    fn provider(&self) -> &str {
        self.first.provider()
    }

    fn model(&self) -> &str {
        self.first.model()
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream, ChatError> {
        let out = match self.first.stream(request.clone()).await {
            Ok(stream) => return Ok(stream),
            Err(error) if is_out(&error) => error,
            Err(error) => return Err(error),
        };
        self.note(&out);
        self.second.stream(request).await.map_err(|error| more_useful(out, error))
    }

    fn temperature(&self) -> Option<f32> {
        self.first.temperature()
    }

    async fn check(&self) -> Result<(), ChatError> {
        let Err(first) = self.first.check().await else { return Ok(()) };
        self.second.check().await.map_err(|second| more_useful(first, second))
    }

    async fn providers(&self) -> Vec<ProviderState> {
        let mut all = self.first.providers().await;
        all.extend(self.second.providers().await);
        all
    }
}

impl FirstOf {
    fn note(&self, out: &ChatError) {
        let (first, second) = (self.first.provider(), self.second.provider());
        // Nobody but the operator can mend this, and as long as the second answers nobody else notices.
        if matches!(out, ChatError::Misconfigured { .. }) {
            tracing::warn!(provider = first, second, cause = %out, "another model is asked instead");
        } else {
            tracing::debug!(provider = first, second, cause = %out, "another model is asked instead");
        }
    }
}

/// Whether a failure says that the provider does nothing for this request, and another one may.
const fn is_out(error: &ChatError) -> bool {
    match error {
        ChatError::Unavailable { .. } | ChatError::RateLimited { .. } | ChatError::Misconfigured { .. } => true,
        ChatError::Refused { .. } | ChatError::Timeout { .. } | ChatError::BadResponse { .. } => false,
    }
}

/// Of two failures the one that tells more, with the shorter of two waits: whoever comes back first is asked.
fn more_useful(first: ChatError, second: ChatError) -> ChatError {
    let wait = [wait(&first), wait(&second)].into_iter().flatten().min();
    let is_first = match weight(&first).cmp(&weight(&second)) {
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Less => false,
        // Of two alike the one that is back first.
        std::cmp::Ordering::Equal => self::wait(&second).is_none() || self::wait(&first) == wait,
    };
    match if is_first { first } else { second } {
        ChatError::RateLimited { .. } => ChatError::RateLimited { retry_after: wait },
        ChatError::Unavailable { detail, source, .. } => ChatError::Unavailable { detail, retry_after: wait, source },
        other => other,
    }
}

/// What may have cost something has to be known to whoever keeps the ledger; then what passes by itself; then what the
/// asker can change; last what only the operator can.
const fn weight(error: &ChatError) -> u8 {
    match error {
        ChatError::Timeout { .. } | ChatError::BadResponse { .. } => 3,
        ChatError::Unavailable { .. } | ChatError::RateLimited { .. } => 2,
        ChatError::Refused { .. } => 1,
        ChatError::Misconfigured { .. } => 0,
    }
}

const fn wait(error: &ChatError) -> Option<Duration> {
    match error {
        ChatError::RateLimited { retry_after } | ChatError::Unavailable { retry_after, .. } => *retry_after,
        _ => None,
    }
}

#[cfg(test)]
mod tests;
