//! What a picture consists of, read without decoding it.

use image::ImageFormat;
use lyceum_domain::users::PictureError;

use super::{gif, jpeg, png, webp};

/// What a picture may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) max_pixels: u64,
    pub(super) max_side: u32,
    /// In bytes, for one decoder.
    pub(super) memory: u64,
}

/// What a picture is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Anatomy {
    pub(super) kind: ImageFormat,
    pub(super) width: u32,
    pub(super) height: u32,
    /// What its decoder will take for each pixel, in sixteenths of a byte.
    pub(super) cost: u64,
    /// Where it ends.
    pub(super) end: usize,
}

/// One byte for each pixel, as [`Anatomy::cost`] counts.
pub(super) const BYTE: u64 = 16;

impl Anatomy {
    /// Walks through a picture to its end. What it says of its size is judged as soon as it is known, so that a huge one
    /// is told so even if it is damaged as well.
    pub(super) fn of(picture: &[u8], bounds: Bounds) -> Result<Self, PictureError> {
        let anatomy = match picture {
            [0xFF, 0xD8, 0xFF, ..] => jpeg::anatomy(picture, bounds)?,
            [0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A, ..] => png::anatomy(picture, bounds)?,
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => gif::anatomy(picture, bounds)?,
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => webp::anatomy(picture, bounds)?,
            _ => return Err(PictureError::WrongKind),
        };
        let mut rest = &picture[anatomy.end..];
        // Phones put further pictures behind the first (a preview, a map of depths), zeros between them.
        for _ in 0..16 {
            rest = without_padding(rest);
            match rest {
                [] => return Ok(anatomy),
                [0xFF, 0xD8, 0xFF, ..] if anatomy.kind == ImageFormat::Jpeg => match jpeg::end(rest) {
                    Ok(end) => rest = &rest[end..],
                    Err(_) => break,
                },
                _ => break,
            }
        }
        Err(PictureError::Polyglot("data after its end"))
    }
}

fn without_padding(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    &bytes[zeros..]
}

impl Bounds {
    /// Whether a picture of this size may be decoded, each of its pixels at this cost.
    pub(super) fn allow(self, width: u32, height: u32, cost: u64) -> Result<(), PictureError> {
        if width == 0 || height == 0 {
            return Err(damaged("it has no pixels"));
        }
        let found = u64::from(width) * u64::from(height);
        let side = u64::from(self.max_side);
        let max = self.max_pixels.min(self.memory.saturating_mul(BYTE) / cost.max(1));
        if found > max || width.max(height) > self.max_side {
            // A long strip may have few pixels: what it may not have is that side.
            return Err(PictureError::TooManyPixels { found, max: max.min(side * u64::from(width.min(height))) });
        }
        Ok(())
    }
}

pub(super) fn damaged(why: impl Into<String>) -> PictureError {
    PictureError::Damaged(why.into())
}

pub(super) fn cut_off() -> PictureError {
    damaged("its end is missing")
}

/// Reads bytes in order; past the end the picture is cut off.
#[derive(Debug, Clone, Copy)]
pub(super) struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Walk<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    pub(super) fn at(self) -> usize {
        self.at
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], PictureError> {
        let end = self.at.checked_add(count).ok_or_else(cut_off)?;
        let taken = self.bytes.get(self.at..end).ok_or_else(cut_off)?;
        self.at = end;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], PictureError> {
        self.take(N)?.try_into().map_err(|_| cut_off())
    }

    pub(super) fn byte(&mut self) -> Result<u8, PictureError> {
        self.array::<1>().map(|[byte]| byte)
    }
}

/// A length of a file's own, which fits into memory or leads past its end.
pub(super) fn length(raw: u32) -> usize {
    usize::try_from(raw).unwrap_or(usize::MAX)
}
