//! Mail: what is said to people, the outbox that loses none, and the ports that write and send.

mod addresses;
mod letter;
mod outbox;

pub use addresses::without_addresses;
pub use letter::{Letter, LetterWriter, WrittenLetter};
pub use outbox::{Intent, Outbox, OutboxCounts, OutboxMail, OutboxQueries, Settlement};

use async_trait::async_trait;
use thiserror::Error;

use crate::{ids::OutboxMailId, mentor::Cause, users::Email};

/// A mail to one person.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// Names the mail, the same at every attempt to send it, so that a receiver can tell a repetition.
    pub id: OutboxMailId,
    /// To whom.
    pub to: Email,
    /// The subject, one line.
    pub subject: String,
    /// The text.
    pub text: String,
    /// The same as HTML.
    pub html: String,
}

impl std::fmt::Debug for Mail {
    /// The text may hold a token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mail")
            .field("id", &self.id)
            .field("to", &self.to)
            .field("subject", &self.subject)
            .finish_non_exhaustive()
    }
}

/// Sends mail.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Hands the mail over. `Ok` says that the next station has it, not that it was read.
    async fn send(&self, mail: &Mail) -> Result<(), MailError>;

    /// Whether mail can probably be sent now.
    async fn check(&self) -> Result<(), MailError>;
}

/// Why a mail was not handed over.
#[derive(Debug, Error)]
pub enum MailError {
    /// Never will be: the address or the mail is not accepted.
    #[error("the mail was refused: {0}")]
    Refused(String),
    /// Not now.
    #[error("mail cannot be sent now")]
    Unavailable(#[source] Cause),
}
