//! Why an answer broke off: what is written down about it, what it costs, and what readers are told.

use lyceum_domain::{
    conversations::MessageStatus,
    mentor::{ChatError, Completion, UsageOutcome},
};

use super::lanes::Busy;
use crate::Error;

/// Why an answer broke off.
pub(super) enum Broken {
    /// Nobody read it any more.
    Gone,
    /// Somebody said so.
    Stopped,
    /// The server ends.
    ShutDown,
    /// There was no lane for it in time.
    Busy(Busy),
    /// The provider says so, or nothing.
    Failed(ChatError),
    /// The model says that it is through, and said nothing.
    Empty(Completion),
    /// Whoever ran the turn let go of it.
    Dropped,
}

impl Broken {
    /// What is written down about it.
    pub(super) const fn record(&self) -> (MessageStatus, UsageOutcome, &'static str) {
        match self {
            Self::Gone => (MessageStatus::Interrupted, UsageOutcome::Interrupted, "client_gone"),
            Self::Stopped => (MessageStatus::Stopped, UsageOutcome::Interrupted, "stopped"),
            Self::ShutDown => (MessageStatus::Interrupted, UsageOutcome::Interrupted, "shutting_down"),
            Self::Busy(_) => (MessageStatus::Failed, UsageOutcome::Failed, "busy"),
            Self::Failed(error) => (MessageStatus::Failed, UsageOutcome::Failed, error.code()),
            Self::Empty(_) => (MessageStatus::Failed, UsageOutcome::Failed, "bad_response"),
            Self::Dropped => (MessageStatus::Interrupted, UsageOutcome::Interrupted, "server_gone"),
        }
    }

    /// Whether the provider surely took nothing for a call that broke off before its first byte. After a time-out it may
    /// be at work, and bill it.
    pub(super) const fn is_free(&self) -> bool {
        match self {
            Self::Busy(_) => true,
            Self::Failed(error) => matches!(
                error,
                ChatError::RateLimited { .. }
                    | ChatError::Unavailable { .. }
                    | ChatError::Misconfigured { .. }
                    | ChatError::Refused { .. }
            ),
            Self::Gone | Self::Stopped | Self::ShutDown | Self::Empty(_) | Self::Dropped => false,
        }
    }
}

/// What readers are told.
impl From<Broken> for Error {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Gone => Self::Abandoned,
            Broken::ShutDown => Self::ShuttingDown,
            Broken::Busy(busy) => Self::Busy { retry_after: busy.retry_after },
            Broken::Failed(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, code = error.code(), "the model failed");
                Self::Mentor(error)
            }
            Broken::Empty(completion) => {
                let detail = format!("an empty answer ({})", completion.finish_reason.as_str());
                tracing::warn!(detail, "the model failed");
                Self::Mentor(ChatError::BadResponse { detail, source: None })
            }
            Broken::Stopped => Self::AnswerBroken(MessageStatus::Stopped),
            Broken::Dropped => Self::AnswerBroken(MessageStatus::Interrupted),
        }
    }
}
