//! Pictures that the tests make.

use std::io::{Cursor, Write as _};

use flate2::{Compression, write::ZlibEncoder};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};

/// Four quarters in four colours: red, green / blue, white.
pub fn quarters(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| match (x < width / 2, y < height / 2) {
        (true, true) => Rgb([255, 0, 0]),
        (false, true) => Rgb([0, 255, 0]),
        (true, false) => Rgb([0, 0, 255]),
        (false, false) => Rgb([255, 255, 255]),
    })
}

/// In a kind's own form.
pub fn encoded(image: impl Into<DynamicImage>, kind: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, kind).expect("encoded");
    bytes.into_inner()
}

/// One of each kind.
pub fn each_kind() -> [(ImageFormat, Vec<u8>); 4] {
    [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Gif, ImageFormat::WebP]
        .map(|kind| (kind, encoded(quarters(64, 32), kind)))
}

/// A JPEG with a further segment behind its first two bytes.
pub fn with_segment(jpeg: &[u8], marker: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 2).expect("short").to_be_bytes();
    [&jpeg[..2], &[0xFF, marker], &length, body, &jpeg[2..]].concat()
}

/// A JPEG with an EXIF block: an orientation, and a place on the earth.
pub fn with_exif(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    with_segment(jpeg, 0xE1, &[b"Exif\0\0".as_slice(), &exif(orientation)].concat())
}

/// A TIFF block, big-endian: the orientation, and a directory of GPS tags.
pub fn exif(orientation: u8) -> Vec<u8> {
    let mut tiff = b"MM\0\x2A\0\0\0\x08\0\x02".to_vec();
    tiff.extend([0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0]);
    tiff.extend([0x88, 0x25, 0, 4, 0, 0, 0, 1, 0, 0, 0, 38, 0, 0, 0, 0]);
    // The GPS directory at 38: GPSLatitudeRef, and text that a test can look for.
    tiff.extend([0, 1, 0, 1, 0, 2, 0, 0, 0, 2, b'N', 0, 0, 0, 0, 0, 0, 0]);
    tiff.extend(b"47.3769N 8.5417E");
    tiff
}

/// A PNG chunk with its checksum.
pub fn chunk(name: [u8; 4], body: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(&name);
    crc.update(body);
    let length = u32::try_from(body.len()).expect("short").to_be_bytes();
    [&length, name.as_slice(), body, &crc.sum().to_be_bytes()].concat()
}

/// A PNG that says it has this size, of 8-bit colours, whose body is `rows` black rows.
pub fn png(width: u32, height: u32, rows: u32) -> Vec<u8> {
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
    let row = vec![0; usize::try_from(width).expect("small") * 3 + 1];
    for _ in 0..rows {
        packed.write_all(&row).expect("packed");
    }
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    let packed = packed.finish().expect("packed");
    [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(*b"IHDR", &header), chunk(*b"IDAT", &packed), chunk(*b"IEND", &[])].concat()
}

/// A progressive JPEG of one colour: a scan for the first coefficients, then `more` empty refinements. Each component
/// has the sampling factors `factors`.
pub fn progressive(width: u16, height: u16, factors: &[u8], interleaved: bool, more: u32) -> Vec<u8> {
    let mut jpeg = vec![0xFF, 0xD8];
    let mut segment = |marker: u8, body: &[u8]| {
        let length = u16::try_from(body.len() + 2).expect("short").to_be_bytes();
        jpeg.extend([0xFF, marker]);
        jpeg.extend(length);
        jpeg.extend(body);
    };
    segment(0xDB, &[&[0][..], &[1; 64]].concat());
    let count = u8::try_from(factors.len()).expect("few");
    let mut frame = vec![8];
    frame.extend(height.to_be_bytes());
    frame.extend(width.to_be_bytes());
    frame.push(count);
    for (id, factor) in (1..).zip(factors) {
        frame.extend([id, *factor, 0]);
    }
    segment(0xC2, &frame);
    // One code of one bit, for the symbol 0: no difference (DC), end of block (AC).
    for class in [0x00, 0x10] {
        segment(0xC4, &[&[class, 1][..], &[0; 15], &[0]].concat());
    }
    let ids: Vec<u8> = (1..=count).collect();
    let first: &[u8] = if interleaved { &ids } else { &ids[..1] };
    let mut scan = vec![u8::try_from(first.len()).expect("few")];
    scan.extend(first.iter().flat_map(|id| [*id, 0]));
    segment(0xDA, &[&scan[..], &[0, 0, 0]].concat());
    let units = usize::from(width.div_ceil(8)) * usize::from(height.div_ceil(8));
    let zeros = vec![0_u8; (units * factors.len()).div_ceil(8) + 1];
    jpeg.extend(&zeros);
    for _ in 0..more {
        jpeg.extend([0xFF, 0xDA, 0, 8, 1, 1, 0, 1, 63, 0]);
        jpeg.extend(vec![0_u8; units.div_ceil(8) + 1]);
    }
    jpeg.extend([0xFF, 0xD9]);
    jpeg
}
