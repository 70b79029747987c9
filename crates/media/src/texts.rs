//! The text of documents.

mod child;
mod parent;
mod plain;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use lyceum_domain::{
    blobs::BlobStream,
    subjects::{DocumentKind, ExtractError, ExtractedText, TextExtractor},
    text,
};
use tokio::sync::Semaphore;

pub use child::pdf_child_main;
pub use parent::PdfTool;

/// Reads Markdown and plain text itself, and PDF with the help of a [`PdfTool`].
#[derive(Debug, Clone)]
pub struct BoundedTexts {
    tool: Arc<PdfTool>,
    timeout: Duration,
    /// One PDF at a time: a child may take as much memory as the server.
    turns: Arc<Semaphore>,
}

impl BoundedTexts {
    /// How long a PDF may take, if nobody says otherwise.
    pub const TIMEOUT: Duration = Duration::from_secs(20);

    /// The largest PDF that is read, in bytes.
    pub const MAX_PDF: u64 = 64 * 1024 * 1024;

    /// With a program that reads a PDF. `timeout` counts from when the whole PDF was handed to it.
    pub fn new(tool: PdfTool, timeout: Duration) -> Self {
        Self { tool: Arc::new(tool), timeout, turns: Arc::new(Semaphore::new(1)) }
    }
}

#[async_trait]
impl TextExtractor for BoundedTexts {
    async fn text(&self, kind: DocumentKind, content: BlobStream) -> Result<ExtractedText, ExtractError> {
        let found = match kind {
            DocumentKind::Pdf => {
                let turn = self.turns.acquire().await;
                let _turn = turn.map_err(|error| ExtractError::Failed(error.into()))?;
                parent::read(&self.tool, content, self.timeout).await?
            }
            DocumentKind::Markdown | DocumentKind::Plain => plain::read(content).await?,
        };
        let found = trimmed(&found);
        if found.text.trim().is_empty() {
            return Err(ExtractError::Unreadable(match kind {
                DocumentKind::Pdf => "it has no text; its pages may be pictures".to_owned(),
                DocumentKind::Markdown | DocumentKind::Plain => "it has no text".to_owned(),
            }));
        }
        Ok(found)
    }
}

/// How many bytes are read of a text: as many as the longest one has if it takes four for each character.
const MAX_BYTES: usize = ExtractedText::MAX * 4;

/// Clean, and not too long.
fn trimmed(found: &ExtractedText) -> ExtractedText {
    let mut text = text::cleaned(found.text.strip_prefix('\u{feff}').unwrap_or(&found.text));
    let end = text.char_indices().nth(ExtractedText::MAX).map(|(end, _)| end);
    if let Some(end) = end {
        text.truncate(end);
    }
    ExtractedText { text, is_cut: found.is_cut || end.is_some() }
}

/// Bytes as text. Where the last character is cut in two because there was more, it goes.
fn decoded(bytes: Vec<u8>, is_cut: bool) -> Result<ExtractedText, ExtractError> {
    match String::from_utf8(bytes) {
        Ok(text) => Ok(ExtractedText { text, is_cut }),
        Err(error) if is_cut && error.utf8_error().error_len().is_none() => {
            let whole = error.utf8_error().valid_up_to();
            let mut bytes = error.into_bytes();
            bytes.truncate(whole);
            Ok(ExtractedText { text: String::from_utf8_lossy(&bytes).into_owned(), is_cut })
        }
        Err(_) => Err(ExtractError::Unreadable("it is not UTF-8".to_owned())),
    }
}
