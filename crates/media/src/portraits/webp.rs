//! WebP (RFC 9649): chunks in a RIFF.

use image::ImageFormat;
use lyceum_domain::users::PictureError;

use super::anatomy::{Anatomy, BYTE, Bounds, Walk, cut_off, damaged, length};

/// What each byte that is coded without loss (`VP8L`, `ALPH`) may cost beside the pixels, in bytes: it may define Huffman
/// codes by the ten thousand, whose tables have 4 KiB each for less than 12 bytes of the file, and no header tells how
/// many.
const PER_LOSSLESS_BYTE: u64 = 360;

pub(super) fn anatomy(picture: &[u8], bounds: Bounds) -> Result<Anatomy, PictureError> {
    let mut head = Walk::new(picture, 4);
    let end = length(u32::from_le_bytes(head.array()?)).saturating_add(8);
    // Chunks have an even length, files too.
    let end = end.saturating_add(end % 2);
    let riff = picture.get(..end).ok_or_else(|| too_short(picture, bounds))?;
    let parts = parts(riff, bounds)?;
    let (width, height) = parts.size;
    let cost = parts.cost().ok_or_else(|| damaged("it has no pixels"))?;
    bounds.allow(width, height, cost)?;
    let pixels = u64::from(width) * u64::from(height) * cost / BYTE;
    if pixels + parts.lossless_bytes * PER_LOSSLESS_BYTE > bounds.memory {
        return Err(damaged("more may be packed into it than may be unpacked; save it with loss, or as PNG"));
    }
    Ok(Anatomy { kind: ImageFormat::WebP, width, height, cost, end })
}

/// A huge one that is cut off is told that it is huge.
fn too_short(picture: &[u8], bounds: Bounds) -> PictureError {
    parts(picture, bounds).err().unwrap_or_else(cut_off)
}

#[derive(Debug, Default)]
struct Parts {
    size: (u32, u32),
    is_animated: bool,
    has_alpha: bool,
    /// How the pixels are coded.
    coding: Option<Coding>,
    lossless_bytes: u64,
}

#[derive(Debug, Clone, Copy)]
enum Coding {
    Lossy,
    Lossless,
}

impl Parts {
    /// What image-webp takes for each pixel. Without loss: four bytes, the codes and transforms of the blocks, and the
    /// result where it has no transparency. With loss: one and a half for the planes, the result, and for transparency
    /// five of its own. Animated: the canvas, a frame and the result.
    fn cost(&self) -> Option<u64> {
        Some(match (self.coding?, self.is_animated, self.has_alpha) {
            (_, true, _) => 15 * BYTE,
            (Coding::Lossless, ..) => 8 * BYTE,
            (Coding::Lossy, _, true) => 11 * BYTE,
            (Coding::Lossy, _, false) => 5 * BYTE,
        })
    }
}

fn parts(riff: &[u8], bounds: Bounds) -> Result<Parts, PictureError> {
    let mut walk = Walk::new(riff, 12);
    let mut parts = Parts::default();
    let mut is_first = true;
    while walk.at() < riff.len() {
        let (name, body) = chunk(&mut walk)?;
        if is_first {
            parts.size = size(name, body)?;
            // What each kind takes at least; the whole is known at the end.
            bounds.allow(parts.size.0, parts.size.1, 4 * BYTE)?;
            if &name == b"VP8X" {
                let flags = body.first().copied().unwrap_or(0);
                parts.is_animated = flags & 0b10 != 0;
                parts.has_alpha = flags & 0b1_0000 != 0;
            }
        }
        is_first = false;
        parts.see(name, body)?;
    }
    Ok(parts)
}

impl Parts {
    fn see(&mut self, name: [u8; 4], body: &[u8]) -> Result<(), PictureError> {
        match &name {
            b"VP8L" => {
                self.coding = Some(Coding::Lossless);
                self.lossless_bytes += body.len() as u64;
            }
            b"VP8 " => self.coding = Some(Coding::Lossy),
            b"ALPH" => {
                self.has_alpha = true;
                self.lossless_bytes += body.len() as u64;
            }
            b"ANMF" => {
                // A frame's head, then chunks as in the whole.
                let mut frame = Walk::new(body, 16);
                while frame.at() < body.len() {
                    let (name, body) = chunk(&mut frame)?;
                    if &name != b"ANMF" {
                        self.see(name, body)?;
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn chunk<'a>(walk: &mut Walk<'a>) -> Result<([u8; 4], &'a [u8]), PictureError> {
    let name = walk.array()?;
    let size = length(u32::from_le_bytes(walk.array()?));
    let body = walk.take(size)?;
    // The last byte of padding is often forgotten.
    if size % 2 == 1 {
        let _ = walk.byte();
    }
    Ok((name, body))
}

fn size(name: [u8; 4], body: &[u8]) -> Result<(u32, u32), PictureError> {
    let mut walk = Walk::new(body, 0);
    match &name {
        b"VP8X" => {
            let [_, _, _, _, w0, w1, w2, h0, h1, h2] = walk.array()?;
            Ok((u32::from_le_bytes([w0, w1, w2, 0]) + 1, u32::from_le_bytes([h0, h1, h2, 0]) + 1))
        }
        b"VP8L" => {
            let [_, b0, b1, b2, b3] = walk.array()?;
            let bits = u32::from_le_bytes([b0, b1, b2, b3]);
            Ok(((bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1))
        }
        b"VP8 " => {
            let [_, _, _, _, _, _, w0, w1, h0, h1] = walk.array()?;
            let side = |bytes| u32::from(u16::from_le_bytes(bytes) & 0x3FFF);
            Ok((side([w0, w1]), side([h0, h1])))
        }
        _ => Err(damaged("its first part is of no kind")),
    }
}
