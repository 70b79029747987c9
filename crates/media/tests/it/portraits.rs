//! What becomes of pictures.

use std::time::{Duration, Instant};

use image::{DynamicImage, ImageFormat, Luma, LumaA, Rgb, RgbImage, Rgba, RgbaImage};
use lyceum_domain::users::{PictureError, Portraits as _};
use lyceum_media::{ImagePortraits, PortraitSettings};

use crate::pictures::{chunk, each_kind, encoded, exif, quarters, with_exif, with_segment};

pub async fn portrait(picture: Vec<u8>) -> Result<Vec<u8>, PictureError> {
    ImagePortraits::new(&PortraitSettings::default()).portrait(picture).await
}

async fn seen(picture: Vec<u8>) -> RgbImage {
    let jpeg = portrait(picture).await.expect("a portrait");
    assert_eq!(image::guess_format(&jpeg).expect("a picture"), ImageFormat::Jpeg);
    image::load_from_memory(&jpeg).expect("a whole picture").into_rgb8()
}

/// As far as a JPEG keeps colours.
fn is_near(found: Rgb<u8>, expected: [u8; 3]) -> bool {
    found.0.iter().zip(expected).all(|(one, other)| one.abs_diff(other) < 24)
}

/// The middles of the four quarters, row by row.
fn corners(image: &RgbImage) -> [Rgb<u8>; 4] {
    let (w, h) = image.dimensions();
    [(w / 4, h / 4), (w * 3 / 4, h / 4), (w / 4, h * 3 / 4), (w * 3 / 4, h * 3 / 4)]
        .map(|(x, y)| *image.get_pixel(x, y))
}

const RED: [u8; 3] = [255, 0, 0];
const GREEN: [u8; 3] = [0, 255, 0];
const BLUE: [u8; 3] = [0, 0, 255];
const WHITE: [u8; 3] = [255, 255, 255];

fn assert_corners(case: &str, image: &RgbImage, expected: [[u8; 3]; 4]) {
    let found = corners(image);
    assert!(found.iter().zip(expected).all(|(one, other)| is_near(*one, other)), "{case}: {found:?}");
}

#[tokio::test]
async fn each_kind_becomes_a_jpeg() {
    for (kind, picture) in each_kind() {
        let image = seen(picture).await;
        assert_eq!(image.dimensions(), (64, 32), "{kind:?}");
        assert_corners(&format!("{kind:?}"), &image, [RED, GREEN, BLUE, WHITE]);
    }
}

#[tokio::test]
async fn each_depth_of_a_png_is_read() {
    let grey16 = image::ImageBuffer::from_pixel(9, 9, Luma([32_768_u16]));
    let colour16 = image::ImageBuffer::from_pixel(9, 9, Rgb([65_535_u16, 0, 0]));
    let see_through16 = image::ImageBuffer::from_pixel(9, 9, Rgba([65_535_u16, 0, 0, 32_768]));
    let grey_alpha = image::ImageBuffer::from_pixel(9, 9, LumaA([0_u8, 128]));
    let cases: [(DynamicImage, [u8; 3]); 5] = [
        (image::GrayImage::from_pixel(9, 9, Luma([77])).into(), [77; 3]),
        (grey16.into(), [128; 3]),
        (colour16.into(), RED),
        (see_through16.into(), [255, 127, 127]),
        (grey_alpha.into(), [127; 3]),
    ];
    for (image, expected) in cases {
        let case = format!("{:?}", image.color());
        let found = *seen(encoded(image, ImageFormat::Png)).await.get_pixel(4, 4);
        assert!(is_near(found, expected), "{case}: {found:?}");
    }
}

#[tokio::test]
async fn a_large_picture_fits_into_the_square() {
    let sizes = [
        ((500, 500), (500, 500)),
        ((501, 501), (500, 500)),
        ((1000, 500), (500, 250)),
        ((499, 1997), (125, 500)),
        ((4000, 3000), (500, 375)),
        ((3, 9000), (1, 500)),
    ];
    for ((width, height), expected) in sizes {
        let image = seen(encoded(quarters(width, height), ImageFormat::Png)).await;
        assert_eq!(image.dimensions(), expected, "{width}×{height}");
        if expected.0 > 9 {
            assert_corners(&format!("{width}×{height}"), &image, [RED, GREEN, BLUE, WHITE]);
        }
    }
}

#[tokio::test]
async fn a_small_picture_stays_as_small() {
    for (width, height) in [(1, 1), (3, 2), (499, 500)] {
        assert_eq!(seen(encoded(quarters(width, height), ImageFormat::Png)).await.dimensions(), (width, height));
    }
}

#[tokio::test]
async fn every_orientation_is_put_upright() {
    let jpeg = encoded(quarters(64, 32), ImageFormat::Jpeg);
    // What is in the file, from the left above, and how it is to be seen (EXIF 2.32, table 6).
    let expected = [
        (1, (64, 32), [RED, GREEN, BLUE, WHITE]),
        (2, (64, 32), [GREEN, RED, WHITE, BLUE]),
        (3, (64, 32), [WHITE, BLUE, GREEN, RED]),
        (4, (64, 32), [BLUE, WHITE, RED, GREEN]),
        (5, (32, 64), [RED, BLUE, GREEN, WHITE]),
        (6, (32, 64), [BLUE, RED, WHITE, GREEN]),
        (7, (32, 64), [WHITE, GREEN, BLUE, RED]),
        (8, (32, 64), [GREEN, WHITE, RED, BLUE]),
    ];
    for (orientation, size, colours) in expected {
        let image = seen(with_exif(&jpeg, orientation)).await;
        assert_eq!(image.dimensions(), size, "{orientation}");
        assert_corners(&orientation.to_string(), &image, colours);
    }
    for nonsense in [0, 9, 255] {
        assert_eq!(seen(with_exif(&jpeg, nonsense)).await.dimensions(), (64, 32), "{nonsense}");
    }
}

#[tokio::test]
async fn an_orientation_in_a_png_counts_too() {
    let png = encoded(quarters(64, 32), ImageFormat::Png);
    let header = 8 + 25;
    let picture = [&png[..header], &chunk(*b"eXIf", &exif(6)), &png[header..]].concat();
    let image = seen(picture).await;
    assert_corners("eXIf", &image, [BLUE, RED, WHITE, GREEN]);
}

#[tokio::test]
async fn nothing_of_the_old_file_is_left() {
    let jpeg = encoded(quarters(64, 32), ImageFormat::Jpeg);
    let jpeg = with_segment(&jpeg, 0xFE, b"a comment that says more than it should");
    let jpeg = with_segment(&jpeg, 0xE2, b"ICC_PROFILE\0\x01\x01 a profile with a serial number");
    let jpeg = with_segment(&jpeg, 0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>the owner</x:xmpmeta>");
    let jpeg = with_exif(&jpeg, 6);
    let portrait = portrait(jpeg).await.expect("a portrait");
    for trace in ["47.3769", "Exif", "comment", "ICC_PROFILE", "serial", "xmpmeta", "owner", "adobe"] {
        assert!(!portrait.windows(trace.len()).any(|part| part == trace.as_bytes()), "{trace}");
    }
    assert!(!portrait.windows(2).any(|pair| pair == [0xFF, 0xE1] || pair == [0xFF, 0xFE]), "a segment of comments");

    let png = encoded(quarters(64, 32), ImageFormat::Png);
    let comment = chunk(*b"tEXt", b"Author\0somebody at 47.3769N");
    let picture = [&png[..33], &comment, &png[33..]].concat();
    let portrait = self::portrait(picture).await.expect("a portrait");
    assert!(!portrait.windows(8).any(|part| part == b"somebody"));
}

#[tokio::test]
async fn what_is_transparent_becomes_white() {
    let half = RgbaImage::from_fn(64, 32, |x, _| if x < 32 { Rgba([0, 0, 0, 0]) } else { Rgba([0, 0, 0, 128]) });
    for kind in [ImageFormat::Png, ImageFormat::WebP] {
        let image = seen(encoded(half.clone(), kind)).await;
        assert!(is_near(*image.get_pixel(10, 10), WHITE), "{kind:?}");
        assert!(is_near(*image.get_pixel(50, 10), [127; 3]), "{kind:?}");
    }
}

#[tokio::test]
async fn a_colour_that_nobody_sees_does_not_bleed() {
    // Every other column is red, and seen through.
    let stripes = RgbaImage::from_fn(1000, 1000, |x, _| if x % 2 == 0 { Rgba([255, 0, 0, 0]) } else { Rgba([255; 4]) });
    let image = seen(encoded(stripes, ImageFormat::Png)).await;
    assert!(image.pixels().all(|pixel| is_near(*pixel, WHITE)));
}

#[tokio::test]
async fn the_first_frame_of_an_animation_counts() {
    use image::{Delay, Frame, codecs::gif::GifEncoder};
    let mut bytes = Vec::new();
    let frame = |colour| {
        let image = RgbaImage::from_pixel(40, 40, colour);
        Frame::from_parts(image, 0, 0, Delay::from_numer_denom_ms(100, 1))
    };
    let mut encoder = GifEncoder::new(&mut bytes);
    encoder.encode_frames([frame(Rgba([255, 0, 0, 255])), frame(Rgba([0, 0, 255, 255]))]).expect("encoded");
    drop(encoder);
    assert!(is_near(*seen(bytes).await.get_pixel(20, 20), RED));
}

#[tokio::test]
async fn padding_and_further_jpegs_may_follow() {
    let jpeg = encoded(quarters(64, 32), ImageFormat::Jpeg);
    let preview = encoded(quarters(8, 8), ImageFormat::Jpeg);
    let zeros = [0; 100];
    for tail in [zeros.to_vec(), preview.clone(), [&zeros[..], &preview, &zeros, &preview].concat()] {
        assert_eq!(seen([jpeg.clone(), tail].concat()).await.dimensions(), (64, 32));
    }
    for (kind, picture) in each_kind() {
        assert_eq!(seen([&picture[..], &[0; 3]].concat()).await.dimensions(), (64, 32), "{kind:?}");
    }
}

#[tokio::test]
async fn who_waits_too_long_is_told_when_to_come_back() {
    let settings = PortraitSettings { patience: Duration::from_millis(1), ..PortraitSettings::default() };
    let portraits = ImagePortraits::new(&settings);
    let large = encoded(quarters(3000, 3000), ImageFormat::Png);
    let (one, other) = tokio::join!(portraits.portrait(large.clone()), async {
        // The first has the turn by now.
        tokio::time::sleep(Duration::from_millis(20)).await;
        portraits.portrait(large.clone()).await
    });
    assert!(one.is_ok(), "{one:?}");
    assert!(
        matches!(other, Err(PictureError::Busy { retry_after }) if retry_after >= Duration::from_secs(1)),
        "{other:?}"
    );
    let patient = ImagePortraits::new(&PortraitSettings { patience: Duration::from_secs(30), ..settings });
    let (one, other) = tokio::join!(patient.portrait(large.clone()), patient.portrait(large));
    assert!(one.is_ok() && other.is_ok());
}

#[tokio::test]
async fn a_dropped_portrait_keeps_its_turn_until_its_work_ends() {
    let settings = PortraitSettings { patience: Duration::from_secs(30), ..PortraitSettings::default() };
    let portraits = ImagePortraits::new(&settings);
    let large = encoded(quarters(3000, 3000), ImageFormat::Png);
    let began = Instant::now();
    portraits.portrait(large.clone()).await.expect("a portrait");
    let whole = began.elapsed();
    let dropped = tokio::time::timeout(whole / 10, portraits.portrait(large)).await;
    assert!(dropped.is_err(), "dropped in the middle");
    let small = encoded(quarters(4, 4), ImageFormat::Png);
    let began = Instant::now();
    portraits.portrait(small).await.expect("a portrait");
    assert!(began.elapsed() > whole / 4, "it waited: {:?} of {whole:?}", began.elapsed());
}
