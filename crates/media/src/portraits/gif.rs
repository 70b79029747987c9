//! GIF (89a): blocks.

use image::ImageFormat;
use lyceum_domain::users::PictureError;

use super::anatomy::{Anatomy, BYTE, Bounds, Walk, damaged};

pub(super) fn anatomy(picture: &[u8], bounds: Bounds) -> Result<Anatomy, PictureError> {
    let mut walk = Walk::new(picture, 6);
    let width = u16::from_le_bytes(walk.array()?);
    let height = u16::from_le_bytes(walk.array()?);
    // The canvas and a frame, four bytes for each pixel of both.
    let cost = 8 * BYTE;
    bounds.allow(width.into(), height.into(), cost)?;
    let [flags, _, _] = walk.array()?;
    skip_colours(&mut walk, flags)?;
    let mut has_frame = false;
    loop {
        match walk.byte()? {
            0x3B if has_frame => {
                let (width, height) = (width.into(), height.into());
                return Ok(Anatomy { kind: ImageFormat::Gif, width, height, cost, end: walk.at() });
            }
            0x3B => return Err(damaged("it has no pixels")),
            0x21 => {
                let _label = walk.byte()?;
                skip_data(&mut walk)?;
            }
            0x2C => {
                let [_, _, _, _, w0, w1, h0, h1, flags] = walk.array()?;
                if !has_frame {
                    // The first is the one that is decoded, and may be larger than the canvas.
                    bounds.allow(u16::from_le_bytes([w0, w1]).into(), u16::from_le_bytes([h0, h1]).into(), cost)?;
                }
                has_frame = true;
                skip_colours(&mut walk, flags)?;
                let _code_size = walk.byte()?;
                skip_data(&mut walk)?;
            }
            _ => return Err(damaged("a block of no kind")),
        }
    }
}

fn skip_colours(walk: &mut Walk<'_>, flags: u8) -> Result<(), PictureError> {
    if flags & 0x80 != 0 {
        walk.take(3 << ((flags & 7) + 1))?;
    }
    Ok(())
}

fn skip_data(walk: &mut Walk<'_>) -> Result<(), PictureError> {
    loop {
        match walk.byte()? {
            0 => return Ok(()),
            size => walk.take(size.into())?,
        };
    }
}
