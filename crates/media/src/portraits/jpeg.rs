//! JPEG (ITU-T T.81): segments, and between them data that is coded by entropy.

use image::ImageFormat;
use lyceum_domain::users::PictureError;

use super::anatomy::{Anatomy, BYTE, Bounds, Walk, damaged};

/// How many scans a picture may have. Each one passes over all pixels, and may be a few bytes long; what cameras and
/// programs write has ten.
const MAX_SCANS: u32 = 64;

const SOI: u8 = 0xD8;
const EOI: u8 = 0xD9;
const SOS: u8 = 0xDA;

/// The frame header (B.2.2).
struct Frame {
    is_progressive: bool,
    width: u32,
    height: u32,
    /// The sampling factors of each component multiplied: how many blocks of it are in a unit.
    blocks: Vec<u64>,
    /// The largest of the horizontal factors times the largest of the vertical ones.
    unit: u64,
}

pub(super) fn anatomy(picture: &[u8], bounds: Bounds) -> Result<Anatomy, PictureError> {
    let mut cost = None;
    let mut frame = None;
    let end = walk(picture, |segment| {
        match segment {
            Segment::Frame(found) => {
                // At least the pixels; more is known with the first scan.
                bounds.allow(found.width, found.height, 3 * BYTE)?;
                if frame.replace(found).is_some() {
                    return Err(damaged("it has two frames"));
                }
            }
            Segment::Scan { components } => {
                let Some(frame) = &frame else { return Err(damaged("its pixels come before their number")) };
                if cost.is_none() {
                    let first = frame.cost(components);
                    bounds.allow(frame.width, frame.height, first)?;
                    cost = Some(first);
                }
            }
        }
        Ok(())
    })?;
    match (frame, cost) {
        (Some(Frame { width, height, .. }), Some(cost)) => {
            Ok(Anatomy { kind: ImageFormat::Jpeg, width, height, cost, end })
        }
        _ => Err(damaged("it has no pixels")),
    }
}

/// Where a further picture of the file ends. It is not decoded.
pub(super) fn end(picture: &[u8]) -> Result<usize, PictureError> {
    walk(picture, |_| Ok(()))
}

enum Segment {
    Frame(Frame),
    Scan { components: usize },
}

fn walk(picture: &[u8], mut see: impl FnMut(Segment) -> Result<(), PictureError>) -> Result<usize, PictureError> {
    let mut walk = Walk::new(picture, 2);
    let mut scans = 0;
    loop {
        if walk.byte()? != 0xFF {
            return Err(damaged("a segment does not begin where it should"));
        }
        let mut marker = walk.byte()?;
        while marker == 0xFF {
            marker = walk.byte()?;
        }
        match marker {
            EOI if scans > 0 => return Ok(walk.at()),
            EOI => return Err(damaged("it has no pixels")),
            0x00 | SOI => return Err(damaged("a segment of no kind")),
            // Restart markers and TEM stand alone.
            0x01 | 0xD0..=0xD7 => continue,
            _ => {}
        }
        let length = usize::from(u16::from_be_bytes(walk.array()?));
        let body = walk.take(length.checked_sub(2).ok_or_else(|| damaged("a segment without a length"))?)?;
        match marker {
            // Not DHT (C4), JPG (C8) and DAC (CC), which lie between the frame headers.
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => see(Segment::Frame(Frame::read(marker, body)?))?,
            SOS => {
                scans += 1;
                if scans > MAX_SCANS {
                    return Err(damaged(format!("it has more than {MAX_SCANS} scans")));
                }
                see(Segment::Scan { components: body.first().copied().map_or(0, usize::from) })?;
                skip_entropy(picture, &mut walk)?;
            }
            _ => {}
        }
    }
}

/// To the marker that ends the data of a scan: `FF 00` is a byte of data, `FF D0` to `FF D7` restart it.
fn skip_entropy(picture: &[u8], walk: &mut Walk<'_>) -> Result<(), PictureError> {
    let data = &picture[walk.at()..];
    let is_end = |pair: &[u8]| pair[0] == 0xFF && !matches!(pair[1], 0x00 | 0xD0..=0xD7 | 0xFF);
    let end = data.windows(2).position(is_end).unwrap_or(data.len());
    walk.take(end).map(drop)
}

impl Frame {
    fn read(marker: u8, body: &[u8]) -> Result<Self, PictureError> {
        let mut walk = Walk::new(body, 0);
        let _precision = walk.byte()?;
        let height = u16::from_be_bytes(walk.array()?);
        let width = u16::from_be_bytes(walk.array()?);
        let (mut blocks, mut most) = (Vec::new(), (1, 1));
        for _ in 0..walk.byte()? {
            let [_, factors, _] = walk.array()?;
            let (across, down) = (u64::from(factors >> 4), u64::from(factors & 15));
            blocks.push(across * down);
            most = (most.0.max(across), most.1.max(down));
        }
        Ok(Self {
            is_progressive: matches!(marker, 0xC2 | 0xC6 | 0xCA | 0xCE),
            width: width.into(),
            height: height.into(),
            blocks,
            unit: most.0 * most.1,
        })
    }

    /// What the decoder takes for each pixel: three bytes that are the result, and where the picture comes in several
    /// scans two for each coefficient (zune-jpeg's `mcu_prog.rs`), of which it keeps more if the first scan does not
    /// bring all components.
    fn cost(&self, components_of_first_scan: usize) -> u64 {
        let result = 3 * BYTE;
        let is_whole = components_of_first_scan == self.blocks.len() && self.blocks.len() > 1;
        let blocks: u64 = self.blocks.iter().sum();
        match (self.is_progressive, is_whole) {
            (false, true) => result,
            (true, true) => result + 2 * BYTE * blocks / self.unit,
            (false, false) if self.blocks.len() == 1 => result,
            (_, false) => result + 2 * BYTE * blocks,
        }
    }
}
