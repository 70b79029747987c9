//! Texts that lie sealed in their rows, if there are keys. What was stored in clear stays readable; an empty text is
//! nothing to hide, and lies as it is.

use std::{fmt, sync::Arc};

use lyceum_domain::{
    conversations::{Seal, SealError, Sealed},
    store::StoreError,
};
use uuid::Uuid;

use crate::{row::Row, sql::Values};

/// What seals and opens, if anything does.
#[derive(Clone)]
pub(crate) struct Sealing(Option<Arc<dyn Seal>>);

/// A text as it lies in a row, and the name of the key if it is sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) text: String,
    pub(crate) key: Option<String>,
}

/// Where a text belongs; it opens nowhere else.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    column: &'static str,
    row: Uuid,
    piece: Option<u32>,
}

impl Place {
    pub(crate) const fn content(message: Uuid) -> Self {
        Self { column: "messages.content", row: message, piece: None }
    }

    pub(crate) const fn comment(message: Uuid) -> Self {
        Self { column: "messages.feedback_comment", row: message, piece: None }
    }

    pub(crate) const fn title(conversation: Uuid) -> Self {
        Self { column: "conversations.title", row: conversation, piece: None }
    }

    pub(crate) const fn manifest(message: Uuid) -> Self {
        Self { column: "manifests.manifest", row: message, piece: None }
    }

    pub(crate) const fn piece(message: Uuid, bytes_before: u32) -> Self {
        Self { column: "answer_pieces.text", row: message, piece: Some(bytes_before) }
    }

    /// Says of the text that lay here that no noun takes it.
    pub(crate) fn unfit(self, reason: &dyn fmt::Display) -> StoreError {
        StoreError::Corrupt(format!("{self}: {reason}"))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.column, self.row)?;
        self.piece.map_or(Ok(()), |bytes_before| write!(f, ":{bytes_before}"))
    }
}

impl Sealing {
    pub(crate) fn new(seal: Option<Arc<dyn Seal>>) -> Self {
        Self(seal)
    }

    /// The name of the key in use.
    pub(crate) fn key(&self) -> Option<&str> {
        self.0.as_deref().map(Seal::key)
    }

    /// What is to be stored of a text.
    pub(crate) fn seal(&self, place: Place, text: &str) -> Result<Stored, StoreError> {
        let Some(seal) = &self.0 else { return Ok(Stored { text: text.to_owned(), key: None }) };
        if text.is_empty() {
            return Ok(Stored { text: String::new(), key: Some(seal.key().to_owned()) });
        }
        match seal.seal(place.to_string().as_bytes(), text) {
            Ok(Sealed { key, text }) => Ok(Stored { text, key: Some(key) }),
            Err(error) => Err(StoreError::Unavailable(Box::new(error))),
        }
    }

    /// The text that was stored.
    pub(crate) fn open(&self, place: Place, stored: Stored) -> Result<String, StoreError> {
        let Stored { text, key: Some(key) } = stored else { return Ok(stored.text) };
        if text.is_empty() {
            return Ok(text);
        }
        let Some(seal) = &self.0 else {
            return Err(StoreError::Corrupt(format!("{place} is sealed under the key {key}, and no key is set")));
        };
        seal.open(place.to_string().as_bytes(), &Sealed { key, text }).map_err(|error| match error {
            SealError::UnknownKey(_) | SealError::Damaged => place.unfit(&error),
            SealError::Failed => StoreError::Unavailable(Box::new(error)),
        })
    }
}

impl fmt::Debug for Sealing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sealing").field(&self.key()).finish()
    }
}

impl Values {
    /// The text and the name of its key: two.
    pub(crate) fn stored(self, stored: Stored) -> Self {
        self.text(stored.text).maybe_text(stored.key)
    }

    /// The same of a text that may be none.
    pub(crate) fn maybe_stored(self, stored: Option<Stored>) -> Self {
        match stored {
            Some(stored) => self.stored(stored),
            None => self.maybe_text(None::<String>).maybe_text(None::<String>),
        }
    }
}

impl Row<'_> {
    /// A text and the name of its key: two columns.
    pub(crate) fn stored(&mut self) -> Result<Stored, StoreError> {
        Ok(Stored { text: self.text()?, key: self.maybe_text()? })
    }

    /// The same where there may be no text.
    pub(crate) fn maybe_stored(&mut self) -> Result<Option<Stored>, StoreError> {
        let (text, key) = (self.maybe_text()?, self.maybe_text()?);
        Ok(text.map(|text| Stored { text, key }))
    }
}
