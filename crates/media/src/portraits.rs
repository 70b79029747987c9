//! Portraits from pictures that anybody may send.

mod anatomy;
mod drawing;
mod gif;
mod jpeg;
mod png;
mod polyglot;
mod webp;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use lyceum_domain::users::{PictureError, Portraits};
use tokio::{sync::Semaphore, task::spawn_blocking, time};

use anatomy::{Anatomy, Bounds};

/// How much a picture may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortraitSettings {
    /// How many pixels a picture may have. Kinds whose decoder needs much memory for each pixel may have fewer, so that
    /// [`ImagePortraits::MEMORY`] is kept whatever stands here.
    pub max_pixels: u64,
    /// How many portraits are made at once; each may take [`ImagePortraits::MEMORY`].
    pub at_once: usize,
    /// How long somebody waits for their turn before they are told to come back.
    pub patience: Duration,
}

impl Default for PortraitSettings {
    /// 20 million pixels, one at a time, five seconds.
    fn default() -> Self {
        Self { max_pixels: 20_000_000, at_once: 1, patience: Duration::from_secs(5) }
    }
}

/// Makes portraits with the `image` crate.
///
/// Before anything is decoded the whole structure of the picture is walked through: that its end is there, that nothing
/// follows it, how many pixels it has, and what decoding it would take.
#[derive(Debug, Clone)]
pub struct ImagePortraits {
    bounds: Bounds,
    patience: Duration,
    turns: Arc<Semaphore>,
}

impl ImagePortraits {
    /// How many bytes a decoder may take for its pixels and everything it keeps beside them.
    pub const MEMORY: u64 = 160 * 1024 * 1024;

    /// The largest width and height of a picture, in pixels.
    pub const MAX_SIDE: u32 = 30_000;

    /// The longest side of a portrait, in pixels.
    pub const SIDE: u32 = 500;

    /// With these bounds.
    pub fn new(settings: &PortraitSettings) -> Self {
        Self {
            bounds: Bounds { max_pixels: settings.max_pixels, max_side: Self::MAX_SIDE, memory: Self::MEMORY },
            patience: settings.patience,
            turns: Arc::new(Semaphore::new(settings.at_once.max(1))),
        }
    }
}

#[async_trait]
impl Portraits for ImagePortraits {
    async fn portrait(&self, picture: Vec<u8>) -> Result<Vec<u8>, PictureError> {
        let busy = || PictureError::Busy { retry_after: self.patience.max(Duration::from_secs(1)) };
        let turn = time::timeout(self.patience, Arc::clone(&self.turns).acquire_owned());
        let turn = turn.await.map_err(|_| busy())?.map_err(|error| PictureError::Failed(error.into()))?;
        let bounds = self.bounds;
        let drawing = spawn_blocking(move || {
            // Whoever asked may be gone; the memory is taken until the work ends.
            let _turn = turn;
            portrait(&picture, bounds)
        });
        match drawing.await {
            Ok(portrait) => portrait,
            // A decoder that panics has met what it did not expect, and that is in the picture.
            Err(error) if error.is_panic() => Err(PictureError::Damaged("its decoder gave up".to_owned())),
            Err(error) => Err(PictureError::Failed(error.into())),
        }
    }
}

fn portrait(picture: &[u8], bounds: Bounds) -> Result<Vec<u8>, PictureError> {
    let anatomy = Anatomy::of(picture, bounds)?;
    polyglot::refuse(picture)?;
    drawing::portrait(&picture[..anatomy.end], &anatomy, ImagePortraits::SIDE)
}
