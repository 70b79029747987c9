//! Files that are a picture and something else as well.
//!
//! What follows a picture is refused already. What remains are programs that search a file for their beginning (or, as
//! ZIP, their end) and so find themselves in the comments of a picture. Programs that look only at the first bytes (ELF,
//! Windows) cannot be fooled by what begins as a picture.

use lyceum_domain::users::PictureError;

/// Where PDF readers look for their first line.
const PDF_HEAD: usize = 1024;

/// Where ZIP readers look for the record that ends an archive: its own 22 bytes and the longest comment.
const ZIP_TAIL: usize = 22 + 65_535;

/// What a page may begin with, lower-case. The last byte of a match must not be a letter where that tells a tag from
/// the noise of a photograph.
const PAGES: [(&[u8], &str); 4] =
    [(b"<script", "a script"), (b"<html", "a page"), (b"<?php", "a PHP program"), (b"<svg", "an SVG")];

pub(super) fn refuse(picture: &[u8]) -> Result<(), PictureError> {
    match found(picture) {
        Some(what) => Err(PictureError::Polyglot(what)),
        None => Ok(()),
    }
}

fn found(picture: &[u8]) -> Option<&'static str> {
    if contains(&picture[..picture.len().min(PDF_HEAD)], b"%PDF-") {
        return Some("a PDF");
    }
    // Both records: alone, four bytes are found by chance in one photograph of a thousand.
    let tail = &picture[picture.len().saturating_sub(ZIP_TAIL)..];
    if contains(tail, b"PK\x05\x06") && contains(picture, b"PK\x01\x02") {
        return Some("a ZIP archive");
    }
    if contains(picture, b"Rar!\x1A\x07") {
        return Some("a RAR archive");
    }
    if contains(picture, b"7z\xBC\xAF\x27\x1C") {
        return Some("a 7z archive");
    }
    page(picture)
}

fn page(picture: &[u8]) -> Option<&'static str> {
    let starts = picture.iter().enumerate().filter(|(_, byte)| **byte == b'<').map(|(at, _)| &picture[at..]);
    for rest in starts {
        for (tag, what) in PAGES {
            let Some((head, after)) = rest.split_at_checked(tag.len()) else { continue };
            if head.eq_ignore_ascii_case(tag) && ends_tag(tag, after.first().copied()) {
                return Some(what);
            }
        }
    }
    None
}

/// Three letters of any case come by chance too: `<svg` counts with what must follow it.
fn ends_tag(tag: &[u8], next: Option<u8>) -> bool {
    tag != b"<svg" || next.is_none_or(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0x0C | b'>' | b'/' | b':'))
}

fn contains(bytes: &[u8], what: &[u8]) -> bool {
    let Some(first) = what.first() else { return true };
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| byte == first) {
        rest = &rest[at..];
        if rest.starts_with(what) {
            return true;
        }
        rest = &rest[1..];
    }
    false
}
