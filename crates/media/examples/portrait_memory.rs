//! How much memory the largest pictures take that are accepted: for each the peak of the whole process (`VmHWM`), which
//! holds the file once. Linux only.
//!
//! ```text
//! cargo run -p lyceum-media --example portrait_memory
//! ```
#![allow(clippy::expect_used, clippy::print_stdout, reason = "a program for the hand")]

use std::{fs, io::Cursor, time::Instant};

use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};
use lyceum_domain::users::Portraits as _;
use lyceum_media::{ImagePortraits, PortraitSettings};

#[path = "../tests/it/pictures.rs"]
#[allow(dead_code, reason = "the tests need more of it")]
mod pictures;

const WIDTH: u32 = 5000;

/// A kind, and what makes a picture of it of so many rows.
type Case<'a> = (&'a str, &'a dyn Fn(u32) -> Vec<u8>);

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let portraits = ImagePortraits::new(&PortraitSettings::default());
    let side = |height: u32| u16::try_from(height).expect("a side of a JPEG");
    let cases: [Case<'_>; 9] = [
        ("PNG, 8 bit, RGB", &|height| pictures::png(WIDTH, height, height)),
        ("PNG, 8 bit, RGBA", &|height| encoded(&canvas(height).into(), ImageFormat::Png)),
        ("PNG, 16 bit, RGBA", &|height| {
            encoded(&DynamicImage::from(canvas(height)).into_rgba16().into(), ImageFormat::Png)
        }),
        ("JPEG, baseline", &|height| {
            encoded(&DynamicImage::from(canvas(height)).into_rgb8().into(), ImageFormat::Jpeg)
        }),
        ("JPEG, progressive, 4:2:0", &|h| pictures::progressive(side(WIDTH), side(h), &[0x22, 0x11, 0x11], true, 9)),
        ("JPEG, progressive, 4:4:4", &|h| pictures::progressive(side(WIDTH), side(h), &[0x11; 3], true, 9)),
        ("JPEG, progressive, one by one", &|h| pictures::progressive(side(WIDTH), side(h), &[0x11; 3], false, 9)),
        ("WebP, without loss", &|height| {
            encoded(&DynamicImage::from(canvas(height)).into_rgb8().into(), ImageFormat::WebP)
        }),
        ("GIF", &|height| encoded(&canvas(height).into(), ImageFormat::Gif)),
    ];
    println!("{:32} {:>8} {:>10} {:>7} {:>10} {:>8}", "kind", "Mpx", "file KiB", "before", "peak MiB", "seconds");
    for (name, make) in cases {
        // The most rows that are accepted.
        for height in [4000, 3728, 3500, 3000] {
            let picture = make(height);
            let file = picture.len() / 1024;
            fs::write("/proc/self/clear_refs", "5").expect("the peak is forgotten");
            let before = status("VmRSS:") / 1024;
            let began = Instant::now();
            let made = runtime.block_on(portraits.portrait(picture));
            let took = began.elapsed().as_secs_f64();
            if let Err(error) = made {
                println!("{name:32} {:>8.1} {file:>10} refused: {error}", f64::from(WIDTH * height) / 1e6);
                continue;
            }
            println!(
                "{name:32} {:>8.1} {file:>10} {before:>7} {:>10} {took:>8.1}",
                f64::from(WIDTH * height) / 1e6,
                status("VmHWM:") / 1024
            );
            break;
        }
    }
}

fn canvas(height: u32) -> RgbaImage {
    RgbaImage::from_fn(
        WIDTH,
        height,
        |x, y| if (x / 64 + y / 64) % 2 == 0 { Rgba([200, 40, 10, 128]) } else { Rgba([9; 4]) },
    )
}

fn encoded(image: &DynamicImage, kind: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, kind).expect("encoded");
    bytes.into_inner()
}

/// In KiB.
fn status(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with(field)).expect("the field");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
}
