//! Reading the texts of documents, after they were stored.

use std::time::Duration;

use lyceum_domain::{
    blobs::BlobError,
    policy::{Action, Actor, allow},
    subjects::{ExtractError, ExtractedText, TextState, UnreadDocument},
};

use crate::{Error, Lyceum, error::denied};

/// How many documents are taken at a time.
const BATCH: u32 = 4;
/// How much longer a document is ours than reading it can take: its bytes have to come, too.
const MARGIN: Duration = Duration::from_mins(1);
/// How often a text is tried to be read, if what failed is not where the bytes are kept.
const ATTEMPTS: u32 = 5;
/// The wait after the first attempt that failed; it doubles each time.
const FIRST_WAIT: Duration = Duration::from_secs(30);
/// The longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// What became of the texts of one round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TextsRead {
    /// Texts that were read.
    pub ready: u32,
    /// Documents without a text that could be read.
    pub unreadable: u32,
    /// Documents to be tried again.
    pub postponed: u32,
}

impl TextsRead {
    /// How many documents there were.
    pub const fn total(&self) -> u32 {
        self.ready + self.unreadable + self.postponed
    }
}

/// What came of one attempt.
enum Outcome {
    Ready(ExtractedText),
    Unreadable(String),
    Later,
}

impl Lyceum {
    /// Takes a few documents whose text was not read yet, and reads it. Several workers, also on several machines, can do
    /// so at once.
    pub async fn read_texts(&self, actor: &Actor) -> Result<TextsRead, Error> {
        allow(actor, &Action::KeepHouse).map_err(denied("document"))?;
        let now = self.ports.clock.now();
        let lease_until = now.plus((self.rules.text_timeout + MARGIN) * BATCH);
        let mut unit = self.ports.store.begin().await?;
        let unread = unit.subjects().take_unread(now, lease_until, BATCH).await?;
        unit.commit().await?;
        let mut read = TextsRead::default();
        for document in unread {
            let outcome = self.read_text(&document).await;
            let now = self.ports.clock.now();
            let id = document.document.id;
            let mut unit = self.ports.store.begin().await?;
            match outcome {
                Outcome::Ready(text) => {
                    let characters = u32::try_from(text.text.chars().count()).unwrap_or(u32::MAX);
                    let state = TextState::Ready { characters, is_cut: text.is_cut };
                    unit.subjects().settle_text(id, &state, Some(&text), now).await?;
                    read.ready += 1;
                }
                Outcome::Unreadable(reason) => {
                    unit.subjects().settle_text(id, &TextState::Unreadable { reason }, None, now).await?;
                    read.unreadable += 1;
                }
                Outcome::Later => {
                    unit.subjects().postpone_text(id, now.plus(wait(document.attempts))).await?;
                    read.postponed += 1;
                }
            }
            unit.commit().await?;
        }
        Ok(read)
    }

    async fn read_text(&self, unread: &UnreadDocument) -> Outcome {
        let document = &unread.document;
        let blob = match self.ports.blobs.get(&document.blob, None).await {
            Ok(blob) => blob,
            // Deleted since: nobody will see the outcome.
            Err(BlobError::Missing) => return Outcome::Unreadable("the file is not there any more".to_owned()),
            Err(error) => return later(unread, &error),
        };
        let text = self.ports.texts.text(document.kind, blob.content);
        match tokio::time::timeout(self.rules.text_timeout + MARGIN, text).await {
            Ok(Ok(text)) => Outcome::Ready(text),
            Ok(Err(ExtractError::Unreadable(reason))) => Outcome::Unreadable(reason),
            Ok(Err(error @ ExtractError::Interrupted(_))) => later(unread, &error),
            Ok(Err(error @ ExtractError::Failed(_))) if unread.attempts + 1 < ATTEMPTS => later(unread, &error),
            Err(elapsed) if unread.attempts + 1 < ATTEMPTS => later(unread, &elapsed),
            Ok(Err(ExtractError::Failed(_))) | Err(_) => {
                tracing::error!(document = %document.id, "the text of a document is given up");
                Outcome::Unreadable("the text could not be read, for a reason on our side".to_owned())
            }
        }
    }
}

fn later(unread: &UnreadDocument, error: &(dyn std::error::Error + 'static)) -> Outcome {
    tracing::warn!(error, document = %unread.document.id, attempts = unread.attempts, "a text has to wait");
    Outcome::Later
}

fn wait(attempts: u32) -> Duration {
    FIRST_WAIT.saturating_mul(1 << attempts.min(16)).min(LONGEST_WAIT)
}
