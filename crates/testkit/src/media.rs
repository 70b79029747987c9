//! Portraits and texts that a test can read, made without a decoder.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use lyceum_domain::{
    blobs::BlobStream,
    subjects::{DocumentKind, ExtractError, ExtractedText, TextExtractor},
    text,
    users::{PictureError, Portraits},
};

/// Makes portraits of what begins with `picture`: the same bytes with `portrait of ` before them. Its clones share one
/// mood.
#[derive(Debug, Clone, Default)]
pub struct PlainPortraits(Arc<Mutex<bool>>);

impl PlainPortraits {
    /// One that has time.
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on it has none, or has again.
    pub fn be_busy(&self, is_busy: bool) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = is_busy;
    }
}

#[async_trait]
impl Portraits for PlainPortraits {
    async fn portrait(&self, picture: Vec<u8>) -> Result<Vec<u8>, PictureError> {
        if *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            return Err(PictureError::Busy { retry_after: Duration::from_secs(1) });
        }
        if !picture.starts_with(b"picture") {
            return Err(PictureError::WrongKind);
        }
        if picture.ends_with(b"damaged") {
            return Err(PictureError::Damaged("it says so itself".to_owned()));
        }
        Ok([b"portrait of ", picture.as_slice()].concat())
    }
}

/// Reads any UTF-8 as it stands, and fails when it is told to. Its clones share one mood.
#[derive(Debug, Clone, Default)]
pub struct PlainTexts(Arc<Mutex<Mood>>);

#[derive(Debug, Default, Clone, Copy)]
enum Mood {
    #[default]
    Reads,
    Fails,
}

impl PlainTexts {
    /// One that reads.
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on it breaks at every document.
    pub fn fail(&self) {
        *self.mood() = Mood::Fails;
    }

    /// From now on all is well again.
    pub fn recover(&self) {
        *self.mood() = Mood::Reads;
    }

    fn mood(&self) -> MutexGuard<'_, Mood> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl TextExtractor for PlainTexts {
    async fn text(&self, _: DocumentKind, content: BlobStream) -> Result<ExtractedText, ExtractError> {
        let whole = content.try_fold(Vec::new(), |mut whole, piece| async move {
            whole.extend_from_slice(&piece);
            Ok(whole)
        });
        let whole = whole.await.map_err(ExtractError::Interrupted)?;
        if matches!(*self.mood(), Mood::Fails) {
            return Err(ExtractError::Failed("the reader was told to fail".into()));
        }
        let whole = String::from_utf8(whole).map_err(|_| ExtractError::Unreadable("it is no UTF-8".to_owned()))?;
        Ok(ExtractedText { text: text::cleaned(&whole), is_cut: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use futures_util::stream;

    fn content(text: &'static [u8]) -> BlobStream {
        Box::pin(stream::iter([Ok(Bytes::from_static(text))]))
    }

    #[tokio::test]
    async fn portraits_say_of_what_they_are() {
        let portraits = PlainPortraits::new();
        assert_eq!(portraits.portrait(b"picture of me".to_vec()).await.unwrap(), b"portrait of picture of me");
        assert!(matches!(portraits.portrait(b"GIF".to_vec()).await, Err(PictureError::WrongKind)));
        portraits.be_busy(true);
        assert!(matches!(portraits.portrait(b"picture".to_vec()).await, Err(PictureError::Busy { .. })));
    }

    #[tokio::test]
    async fn texts_are_read_or_not_as_told() {
        let texts = PlainTexts::new();
        assert_eq!(texts.text(DocumentKind::Plain, content(b"a\r\nb")).await.unwrap().text, "a\nb");
        let unreadable = texts.text(DocumentKind::Pdf, content(b"\xff")).await;
        assert!(matches!(unreadable, Err(ExtractError::Unreadable(_))));
        texts.fail();
        assert!(matches!(texts.text(DocumentKind::Plain, content(b"a")).await, Err(ExtractError::Failed(_))));
    }
}
