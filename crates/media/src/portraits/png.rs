//! PNG (ISO/IEC 15948): chunks.

use image::ImageFormat;
use lyceum_domain::users::PictureError;

use super::anatomy::{Anatomy, BYTE, Bounds, Walk, damaged, length};

pub(super) fn anatomy(picture: &[u8], bounds: Bounds) -> Result<Anatomy, PictureError> {
    let mut walk = Walk::new(picture, 8);
    let (body, name) = chunk(&mut walk)?;
    let mut header = Walk::new(body, 0);
    if name != *b"IHDR" {
        return Err(damaged("its header is missing"));
    }
    let width = u32::from_be_bytes(header.array()?);
    let height = u32::from_be_bytes(header.array()?);
    let [depth, colour] = header.array()?;
    let sample = if depth == 16 { 2 } else { 1 };
    // A palette becomes colours with transparency, grey may get transparency.
    let samples = match colour {
        0 | 4 => 2,
        _ => 4,
    };
    let cost = sample * samples * BYTE;
    bounds.allow(width, height, cost)?;
    let mut has_data = false;
    loop {
        match chunk(&mut walk)?.1 {
            [b'I', b'E', b'N', b'D'] if has_data => {
                return Ok(Anatomy { kind: ImageFormat::Png, width, height, cost, end: walk.at() });
            }
            [b'I', b'E', b'N', b'D'] => return Err(damaged("it has no pixels")),
            [b'I', b'D', b'A', b'T'] => has_data = true,
            _ => {}
        }
    }
}

/// The next chunk: its content and its name. Its checksum is for the decoder.
fn chunk<'a>(walk: &mut Walk<'a>) -> Result<(&'a [u8], [u8; 4]), PictureError> {
    let size = length(u32::from_be_bytes(walk.array()?));
    let name = walk.array()?;
    let body = walk.take(size)?;
    walk.array::<4>()?;
    Ok((body, name))
}
