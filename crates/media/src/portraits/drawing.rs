//! From pixels to a portrait.

use std::io::Cursor;

use image::{
    DynamicImage, ImageDecoder, ImageError, ImageFormat, Limits,
    codecs::{
        gif::GifDecoder,
        jpeg::{JpegDecoder, JpegEncoder},
        png::PngDecoder,
        webp::WebPDecoder,
    },
    imageops::FilterType,
    metadata::Orientation,
};
use lyceum_domain::users::PictureError;

use super::anatomy::{Anatomy, BYTE, damaged};

/// Of 100.
const QUALITY: u8 = 85;

/// What a decoder may take beside the pixels: rows, tables, and what is packed into comments.
const ASIDE: u64 = 16 * 1024 * 1024;

pub(super) fn portrait(picture: &[u8], anatomy: &Anatomy, side: u32) -> Result<Vec<u8>, PictureError> {
    let (mut image, orientation) = decode(picture, anatomy)?;
    on_white(&mut image);
    let mut small = fitted(image, side);
    small.apply_orientation(orientation);
    let mut jpeg = Vec::new();
    // A new picture: nothing of the old one is taken along but its pixels.
    JpegEncoder::new_with_quality(&mut jpeg, QUALITY)
        .encode_image(&small.into_rgb8())
        .map_err(|error| PictureError::Failed(error.into()))?;
    Ok(jpeg)
}

fn decode(picture: &[u8], anatomy: &Anatomy) -> Result<(DynamicImage, Orientation), PictureError> {
    let source = Cursor::new(picture);
    match anatomy.kind {
        ImageFormat::Jpeg => pixels(JpegDecoder::new(source).map_err(broken)?, anatomy),
        ImageFormat::Png => pixels(PngDecoder::with_limits(source, limits(ASIDE)).map_err(broken)?, anatomy),
        ImageFormat::Gif => pixels(GifDecoder::new(source).map_err(broken)?, anatomy),
        ImageFormat::WebP => pixels(WebPDecoder::new(source).map_err(broken)?, anatomy),
        _ => Err(PictureError::WrongKind),
    }
}

fn pixels(mut decoder: impl ImageDecoder, anatomy: &Anatomy) -> Result<(DynamicImage, Orientation), PictureError> {
    // Else the decoder reads another picture than the one that was judged.
    if decoder.dimensions() != (anatomy.width, anatomy.height) {
        return Err(damaged("it has two sizes"));
    }
    let expected = u64::from(anatomy.width) * u64::from(anatomy.height) * anatomy.cost / BYTE;
    let mut limits = limits(expected + ASIDE);
    limits.reserve(decoder.total_bytes()).map_err(broken)?;
    decoder.set_limits(limits).map_err(broken)?;
    let orientation = decoder.orientation().map_err(broken)?;
    Ok((DynamicImage::from_decoder(decoder).map_err(broken)?, orientation))
}

fn limits(bytes: u64) -> Limits {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(bytes);
    limits
}

fn broken(error: ImageError) -> PictureError {
    match error {
        ImageError::Limits(error) => damaged(format!("more is packed into it than may be unpacked ({error})")),
        ImageError::Unsupported(error) => damaged(format!("it is of a rare kind ({error})")),
        error => damaged(error.to_string()),
    }
}

/// Puts what is transparent on white, in place. Before it is made smaller: colours that nobody sees must not bleed into
/// those beside them.
fn on_white(image: &mut DynamicImage) {
    match image {
        DynamicImage::ImageLumaA8(image) => image.pixels_mut().for_each(|pixel| blend(&mut pixel.0)),
        DynamicImage::ImageRgba8(image) => image.pixels_mut().for_each(|pixel| blend(&mut pixel.0)),
        DynamicImage::ImageLumaA16(image) => image.pixels_mut().for_each(|pixel| blend(&mut pixel.0)),
        DynamicImage::ImageRgba16(image) => image.pixels_mut().for_each(|pixel| blend(&mut pixel.0)),
        _ => {}
    }
}

/// A channel of a colour.
trait Sample: Copy + PartialEq {
    const FULL: Self;

    /// How it looks on white, seen through `alpha`.
    fn on_white(self, alpha: Self) -> Self;
}

impl Sample for u8 {
    const FULL: Self = Self::MAX;

    fn on_white(self, alpha: Self) -> Self {
        let full = u32::from(Self::FULL);
        let mixed = (u32::from(self) * u32::from(alpha) + full * (full - u32::from(alpha)) + full / 2) / full;
        Self::try_from(mixed).unwrap_or(Self::FULL)
    }
}

impl Sample for u16 {
    const FULL: Self = Self::MAX;

    fn on_white(self, alpha: Self) -> Self {
        let full = u64::from(Self::FULL);
        let mixed = (u64::from(self) * u64::from(alpha) + full * (full - u64::from(alpha)) + full / 2) / full;
        Self::try_from(mixed).unwrap_or(Self::FULL)
    }
}

/// The last sample is the transparency.
fn blend<S: Sample>(samples: &mut [S]) {
    if let Some((alpha, colours)) = samples.split_last_mut()
        && *alpha != S::FULL
    {
        for colour in colours {
            *colour = colour.on_white(*alpha);
        }
        *alpha = S::FULL;
    }
}

/// Makes a picture fit into a square, never larger than it is. A large one is averaged to twice the size first: the
/// fine filter would take seconds, and memory for 16 bytes a pixel.
fn fitted(image: DynamicImage, side: u32) -> DynamicImage {
    let longest = image.width().max(image.height());
    if longest <= side {
        return image;
    }
    let scaled = |length: u32, side: u32| {
        let exact = (u64::from(length) * u64::from(side) + u64::from(longest) / 2) / u64::from(longest);
        u32::try_from(exact).unwrap_or(side).max(1)
    };
    let (width, height) = (image.width(), image.height());
    let coarse = if longest > 4 * side {
        let coarse = image.thumbnail_exact(scaled(width, 2 * side), scaled(height, 2 * side));
        drop(image);
        coarse
    } else {
        image
    };
    coarse.resize_exact(scaled(width, side), scaled(height, side), FilterType::CatmullRom)
}
