//! Pictures that are made to break something.

use std::time::{Duration, Instant};

use image::ImageFormat;
use lyceum_domain::users::PictureError;
use proptest::prelude::*;

use crate::{
    pictures::{chunk, each_kind, encoded, png, progressive, quarters, with_segment},
    portraits::portrait,
};

/// Refusing takes no decoding. Generous to a machine that does other things as well.
const AT_ONCE: Duration = Duration::from_secs(2);

async fn refused(picture: Vec<u8>) -> PictureError {
    let began = Instant::now();
    let error = portrait(picture).await.expect_err("refused");
    assert!(began.elapsed() < AT_ONCE, "{error}: {:?}", began.elapsed());
    error
}

#[tokio::test]
async fn other_kinds_are_refused_by_their_content() {
    let tiff = b"II\x2A\0\x08\0\0\0".to_vec();
    let others: [&[u8]; 10] = [
        b"",
        b"\xFF\xD8",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<?xml version='1.0'?><svg/>",
        b"BM\x46\0\0\0\0\0\0\0",
        b"%PDF-1.7",
        b"PK\x03\x04",
        b"RIFF\x04\0\0\0WAVE",
        b"GIF88a\x01\0\x01\0\0\0\0;",
        &tiff,
    ];
    for other in others {
        let error = refused(other.to_vec()).await;
        assert!(matches!(error, PictureError::WrongKind), "{other:?}: {error}");
    }
}

#[tokio::test]
async fn a_huge_picture_is_refused_by_its_header() {
    let huge = png(50_000, 50_000, 10);
    for picture in [huge.clone(), huge[..60].to_vec()] {
        let error = refused(picture).await;
        assert!(matches!(error, PictureError::TooManyPixels { found: 2_500_000_000, max: 20_000_000 }), "{error}");
    }
}

#[tokio::test]
async fn a_bomb_is_refused_by_its_header() {
    // 21 million pixels, complete, in some 60 KB.
    let bomb = png(21_000, 1000, 1000);
    assert!(bomb.len() < 100_000);
    let error = refused(bomb).await;
    assert!(matches!(error, PictureError::TooManyPixels { found: 21_000_000, max: 20_000_000 }), "{error}");
}

#[tokio::test]
async fn a_side_that_is_too_long_is_refused() {
    for (width, height) in [(30_001, 2), (2, 30_001), (1_000_000, 1)] {
        let error = refused(png(width, height, 1)).await;
        assert!(
            matches!(error, PictureError::TooManyPixels { found, max } if found > max),
            "{width}×{height}: {error}"
        );
    }
}

#[tokio::test]
async fn a_picture_below_the_limit_is_made_though_it_is_packed_tightly() {
    let picture = png(19_000, 1000, 1000);
    assert!(picture.len() < 100_000);
    portrait(picture).await.expect("a portrait");
}

#[tokio::test]
async fn more_packed_data_than_pixels_costs_nothing() {
    // Says 10×10, brings 20,000 rows.
    let outcome = portrait(png(10, 10, 20_000)).await;
    assert!(matches!(outcome, Ok(_) | Err(PictureError::Damaged(_))), "{outcome:?}");
}

#[tokio::test]
async fn a_bomb_in_a_comment_is_not_unpacked() {
    use std::io::Write as _;
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(&vec![b'a'; 200_000_000]).expect("packed");
    let packed = packed.finish().expect("packed");
    let png = encoded(quarters(8, 8), ImageFormat::Png);
    for (name, head) in
        [(*b"zTXt", &b"Comment\0\0"[..]), (*b"iCCP", b"profile\0\0"), (*b"iTXt", b"Comment\0\x01\0\0\0")]
    {
        let body = [head, &packed].concat();
        let picture = [&png[..33], &chunk(name, &body), &png[33..]].concat();
        let began = Instant::now();
        let outcome = portrait(picture).await;
        assert!(matches!(outcome, Ok(_) | Err(PictureError::Damaged(_))), "{outcome:?}");
        assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn a_gif_with_a_huge_canvas_or_frame_is_refused() {
    let gif = |canvas: [u16; 2], frame: [u16; 2]| {
        let mut gif = b"GIF89a".to_vec();
        gif.extend(canvas.map(u16::to_le_bytes).concat());
        gif.extend([0x80, 0, 0, 0, 0, 0, 255, 255, 255, 0x2C, 0, 0, 0, 0]);
        gif.extend(frame.map(u16::to_le_bytes).concat());
        gif.extend([0, 2, 2, 0x44, 0x01, 0, 0x3B]);
        gif
    };
    for (canvas, frame) in [([65_535, 65_535], [1, 1]), ([1, 1], [65_535, 65_535]), ([6000, 6000], [6000, 6000])] {
        let error = refused(gif(canvas, frame)).await;
        assert!(matches!(error, PictureError::TooManyPixels { .. }), "{canvas:?} {frame:?}: {error}");
    }
    portrait(gif([1, 1], [1, 1])).await.expect("a portrait");
}

#[tokio::test]
async fn a_webp_that_could_define_endless_tables_is_refused() {
    let mut body = vec![0x2F, 0x07, 0xC0, 0x01, 0x00];
    body.extend(vec![0x5A; 600_000]);
    let size = u32::try_from(body.len()).expect("small");
    body.extend(vec![0; body.len() % 2]);
    let riff = u32::try_from(body.len() + 12).expect("small");
    let picture = [b"RIFF", &riff.to_le_bytes()[..], b"WEBPVP8L", &size.to_le_bytes(), &body].concat();
    let error = refused(picture).await;
    assert!(matches!(&error, PictureError::Damaged(why) if why.contains("packed")), "{error}");
}

#[tokio::test]
async fn a_progressive_picture_may_have_as_many_pixels_as_there_is_memory_for() {
    portrait(progressive(64, 64, &[0x11; 3], true, 3)).await.expect("a portrait");
    // Nine bytes a pixel: the coefficients of three whole components, and the result.
    let error = refused(progressive(5000, 4000, &[0x11; 3], true, 0)).await;
    assert!(matches!(error, PictureError::TooManyPixels { max: 18_641_351, .. }), "{error}");
    // Sixteen times the coefficients, if no unit of all components tells better.
    let error = refused(progressive(2000, 2000, &[0x44; 3], false, 0)).await;
    assert!(matches!(error, PictureError::TooManyPixels { max, .. } if max < 2_000_000), "{error}");
}

#[tokio::test]
async fn a_picture_of_endless_scans_is_refused() {
    let error = refused(progressive(512, 512, &[0x11; 3], true, 100)).await;
    assert!(matches!(&error, PictureError::Damaged(why) if why.contains("64 scans")), "{error}");
}

#[tokio::test]
async fn a_picture_that_is_cut_off_is_damaged() {
    for (kind, picture) in each_kind() {
        for end in [12, 20, 30, picture.len() / 3, picture.len() / 2, picture.len() * 3 / 4, picture.len() - 2] {
            let error = refused(picture[..end].to_vec()).await;
            assert!(matches!(error, PictureError::Damaged(_)), "{kind:?} cut at {end}: {error}");
        }
    }
}

#[tokio::test]
async fn a_picture_whose_middle_is_missing_is_damaged() {
    for (kind, picture) in each_kind() {
        // The ends are there. JPEG has no checksums, and says nothing of what is between its ends.
        if kind != ImageFormat::Jpeg {
            let whole = encoded(quarters(300, 300), kind);
            let middle = whole.len() / 2;
            let error = refused([&whole[..middle], &whole[middle + 9..]].concat()).await;
            assert!(matches!(error, PictureError::Damaged(_)), "{kind:?}: {error}");
        }
        drop(picture);
    }
}

#[tokio::test]
async fn something_behind_a_picture_makes_it_a_polyglot() {
    let archive = [&b"PK\x01\x02"[..], &[0; 42], b"PK\x05\x06", &[0; 18]].concat();
    let tails: [&[u8]; 5] = [&archive, b"<html><script>alert(1)</script>", b"x", b"\0\0\0/*", b"\xFF\xD8\xFFx"];
    for (kind, picture) in each_kind() {
        for tail in tails {
            let error = refused([&picture, tail].concat()).await;
            assert!(matches!(error, PictureError::Polyglot(_)), "{kind:?} and {tail:?}: {error}");
        }
    }
}

#[tokio::test]
async fn something_within_a_picture_makes_it_a_polyglot() {
    let archive = [&b"PK\x03\x04file"[..], b"PK\x01\x02", &[0; 42], b"PK\x05\x06", &[0; 18]].concat();
    let cases: [(&[u8], &str); 9] = [
        (&archive, "a ZIP archive"),
        (b"%PDF-1.4\n1 0 obj", "a PDF"),
        (b"*/=1;<ScRiPt>alert(1)</script>", "a script"),
        (b"<HTML>", "a page"),
        (b"<?PHP system($_GET[0]); ?>", "a PHP program"),
        (b"<Svg onload=alert(1)>", "an SVG"),
        (b"Rar!\x1A\x07\x01\0", "a RAR archive"),
        (b"7z\xBC\xAF\x27\x1C", "a 7z archive"),
        (b"<svg/onload=alert(1)>", "an SVG"),
    ];
    let jpeg = encoded(quarters(8, 8), ImageFormat::Jpeg);
    let png = encoded(quarters(8, 8), ImageFormat::Png);
    let gif = encoded(quarters(8, 8), ImageFormat::Gif);
    let webp = encoded(quarters(8, 8), ImageFormat::WebP);
    for (hidden, expected) in cases {
        let length = u8::try_from(hidden.len()).expect("short");
        let comment = [&[0x21, 0xFE, length][..], hidden, &[0]].concat();
        let gif_end = gif.len() - 1;
        let mut part = [b"EXIF", &u32::from(length).to_le_bytes()[..], hidden].concat();
        part.extend(vec![0; hidden.len() % 2]);
        let size = u32::try_from(webp.len() + part.len() - 8).expect("small");
        let pictures = [
            with_segment(&jpeg, 0xFE, hidden),
            [&png[..33], &chunk(*b"tEXt", hidden), &png[33..]].concat(),
            [&gif[..gif_end], &comment, &gif[gif_end..]].concat(),
            [b"RIFF", &size.to_le_bytes()[..], &webp[8..], &part].concat(),
        ];
        for picture in pictures {
            let error = refused(picture).await;
            assert!(matches!(error, PictureError::Polyglot(found) if found == expected), "{expected}: {error}");
        }
    }
}

#[tokio::test]
async fn a_gif_that_is_a_script_is_refused() {
    // GIF89a=/*…*/alert(1): as a script, the size is the beginning of a comment.
    let error = refused(b"GIF89a/*\0\0\0\0*/=1;alert(1)//;".to_vec()).await;
    assert!(matches!(error, PictureError::Damaged(_) | PictureError::TooManyPixels { .. }), "{error}");
}

#[tokio::test]
async fn what_looks_like_a_tag_by_chance_is_none() {
    let jpeg = encoded(quarters(8, 8), ImageFormat::Jpeg);
    for noise in [&b"<sVg\x81"[..], b"PK\x05\x06", b"<h<s<?p", b"<script"] {
        let outcome = portrait(with_segment(&jpeg, 0xFE, noise)).await;
        assert_eq!(outcome.is_ok(), noise != b"<script", "{noise:?}: {outcome:?}");
    }
    // Behind the first kilobyte no reader of PDF looks.
    let late = [&[b' '; 1100][..], b"%PDF-1.4"].concat();
    portrait(with_segment(&jpeg, 0xFE, &late)).await.expect("a portrait");
}

fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), any::<u8>(), 0..4_u8);
    (0..4_usize, prop::collection::vec(change, 1..12)).prop_map(|(kind, changes)| {
        let [.., mut picture] = [each_kind()[kind].1.clone()];
        for (at, byte, how) in changes {
            if picture.is_empty() {
                break;
            }
            let at = at.index(picture.len());
            match how {
                0 => picture[at] = byte,
                1 => picture[at] ^= 1 << (byte % 8),
                2 => picture.truncate(at.max(4)),
                _ => picture.insert(at, byte),
            }
        }
        picture
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_happens_to_a_picture_it_is_a_portrait_or_refused(picture in mutated()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        match runtime.block_on(portrait(picture)) {
            Ok(jpeg) => prop_assert!(jpeg.starts_with(&[0xFF, 0xD8]) && jpeg.ends_with(&[0xFF, 0xD9])),
            Err(error) => prop_assert!(
                !matches!(error, PictureError::Failed(_) | PictureError::Busy { .. }), "{error}"
            ),
        }
    }
}
