//! Pictures of users.

use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

use crate::mentor::Cause;

/// Makes portraits: a JPEG of at most 500 × 500 pixels, the right way up, with nothing in it but the picture.
#[async_trait]
pub trait Portraits: Send + Sync {
    /// From a PNG, JPEG, WebP or GIF (of which the first frame counts). Bounded in pixels, memory and how many are made
    /// at once, whatever the bytes are.
    async fn portrait(&self, picture: Vec<u8>) -> Result<Vec<u8>, PictureError>;
}

/// Why there is no portrait.
#[derive(Debug, Error)]
pub enum PictureError {
    /// Of another kind, by its content.
    #[error("is no PNG, JPEG, WebP or GIF")]
    WrongKind,
    /// More pixels than may be decoded.
    #[error("has {found} pixels; at most {max} are allowed")]
    TooManyPixels {
        /// How many it says that it has.
        found: u64,
        /// How many it may have.
        max: u64,
    },
    /// It begins like a picture, but cannot be decoded to its end.
    #[error("is damaged: {0}")]
    Damaged(String),
    /// It is a picture and something else as well (an archive, a script, a page).
    #[error("holds something else beside the picture: {0}")]
    Polyglot(&'static str),
    /// Too many are made right now.
    #[error("too busy")]
    Busy {
        /// When to ask again.
        retry_after: Duration,
    },
    /// A fault of ours.
    #[error("the portrait was not made")]
    Failed(#[source] Cause),
}
