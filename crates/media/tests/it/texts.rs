//! What is read from documents.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use lyceum_domain::{
    blobs::BlobStream,
    mentor::Cause,
    subjects::{DocumentKind, ExtractError, ExtractedText, TextExtractor as _},
};
use lyceum_media::{BoundedTexts, PdfTool};

use crate::pdfs::{objects, packed, page, pdf, shows, stream as pdf_stream, with_trailer};

/// Longer than any of these takes, also on a machine that does other things as well.
pub const SOON: Duration = Duration::from_secs(30);

fn tool() -> PdfTool {
    PdfTool { program: PathBuf::from(env!("CARGO_BIN_EXE_lyceum-pdf-text")), args: Vec::new() }
}

fn texts() -> BoundedTexts {
    BoundedTexts::new(tool(), SOON)
}

pub fn content(bytes: &[u8]) -> BlobStream {
    let pieces: Vec<Result<Bytes, Cause>> =
        bytes.chunks(10_000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    stream::iter(pieces).boxed()
}

async fn read(kind: DocumentKind, bytes: Vec<u8>) -> Result<ExtractedText, ExtractError> {
    texts().text(kind, content(&bytes)).await
}

async fn unreadable(bytes: Vec<u8>) -> String {
    match read(DocumentKind::Pdf, bytes).await {
        Err(ExtractError::Unreadable(why)) => why,
        other => panic!("read: {other:?}"),
    }
}

#[tokio::test]
async fn text_is_text() {
    for kind in [DocumentKind::Markdown, DocumentKind::Plain] {
        let found = read(kind, "\u{feff}# Größe\r\nzwei\u{0}\u{7}\tdrei 🦀\r".into()).await.expect("read");
        assert_eq!(found, ExtractedText { text: "# Größe\nzwei\tdrei 🦀\n".to_owned(), is_cut: false });
    }
}

#[tokio::test]
async fn what_is_no_text_is_unreadable() {
    let cases: [(&[u8], &str); 5] = [
        (b"caf\xE9", "it is not UTF-8"),
        (b"\xFF\xFEa\0", "it is not UTF-8"),
        (b"cut off \xF0\x9F\xA6", "it is not UTF-8"),
        (b"", "it has no text"),
        (b" \n\t\x01", "it has no text"),
    ];
    for (bytes, expected) in cases {
        match read(DocumentKind::Plain, bytes.to_vec()).await {
            Err(ExtractError::Unreadable(why)) => assert_eq!(why, expected, "{bytes:?}"),
            other => panic!("{bytes:?}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_long_text_is_cut_between_two_characters() {
    let max = ExtractedText::MAX;
    for (letter, count, is_cut) in [("a", max, false), ("a", max + 1, true), ("🦀", max, false), ("🦀", max + 1, true)]
    {
        let found = read(DocumentKind::Plain, letter.repeat(count).into()).await.expect("read");
        assert_eq!((found.text.chars().count(), found.is_cut), (max, is_cut), "{count} × {letter}");
    }
    // One byte more than is read, in the middle of a character.
    let odd = format!("a{}", "🦀".repeat(max));
    let found = read(DocumentKind::Plain, odd.into()).await.expect("read");
    assert_eq!((found.text.chars().count(), found.is_cut), (max, true));
}

#[tokio::test]
async fn a_content_that_breaks_off_is_interrupted() {
    for kind in [DocumentKind::Plain, DocumentKind::Pdf] {
        let broken = content(b"%PDF-1.4").chain(stream::iter([Err("the store left".into())])).boxed();
        let outcome = texts().text(kind, broken).await;
        assert!(matches!(outcome, Err(ExtractError::Interrupted(_))), "{kind:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn the_text_of_a_pdf_is_read() {
    let plain = page(pdf_stream("", &shows("The bowline holds.")));
    let small = page(pdf_stream("/Filter /FlateDecode", &packed(&shows("The bowline holds."))));
    for bytes in [plain, small] {
        let found = read(DocumentKind::Pdf, bytes).await.expect("read");
        assert_eq!((found.text.trim(), found.is_cut), ("The bowline holds.", false));
    }
}

#[tokio::test]
async fn the_text_of_each_page_is_read_in_order() {
    let mut objects = objects(pdf_stream("", &shows("one")));
    objects[1] = b"<< /Type /Pages /Kids [3 0 R 6 0 R] /Count 2 /MediaBox [0 0 612 792] >>".to_vec();
    objects.push(b"<< /Type /Page /Parent 2 0 R /Contents 7 0 R /Resources << /Font << /F1 5 0 R >> >> >>".to_vec());
    objects.push(pdf_stream("", &shows("two")));
    let found = read(DocumentKind::Pdf, pdf(&objects)).await.expect("read");
    assert_eq!(found.text.split_whitespace().collect::<Vec<_>>(), ["one", "two"]);
}

#[tokio::test]
async fn what_is_no_pdf_is_unreadable() {
    for bytes in [b"".to_vec(), b"%PDF-1.7\n%%EOF".to_vec(), b"no PDF".to_vec(), vec![0; 100_000]] {
        let why = unreadable(bytes).await;
        assert!(why.starts_with("it is damaged"), "{why}");
    }
}

#[tokio::test]
async fn a_pdf_that_is_cut_off_is_never_a_fault_of_ours() {
    let whole = page(pdf_stream("/Filter /FlateDecode", &packed(&shows("The bowline holds."))));
    for end in (20..whole.len()).step_by(97) {
        let outcome = read(DocumentKind::Pdf, whole[..end].to_vec()).await;
        assert!(matches!(outcome, Ok(_) | Err(ExtractError::Unreadable(_))), "cut at {end}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_pdf_of_pictures_has_no_text() {
    let why = unreadable(page(pdf_stream("", b"0 0 612 792 re f"))).await;
    assert_eq!(why, "it has no text; its pages may be pictures");
}

#[tokio::test]
async fn an_encrypted_pdf_is_unreadable() {
    let mut objects = objects(pdf_stream("", &shows("secret")));
    let key = "11".repeat(32);
    objects.push(format!("<< /Filter /Standard /V 1 /R 2 /O <{key}> /U <{key}> /P -44 >>").into_bytes());
    let why = unreadable(with_trailer(&objects, "/Encrypt 6 0 R /ID [<11> <11>] ")).await;
    assert!(why.contains("encrypted") || why.contains("password"), "{why}");
}

#[tokio::test]
async fn a_bomb_takes_its_bound_and_no_more() {
    // Half a gibibyte of blanks in half a megabyte.
    let bomb = packed(&vec![b' '; 1 << 29]);
    let began = Instant::now();
    let why = unreadable(page(pdf_stream("/Filter /FlateDecode", &bomb))).await;
    assert!(why.contains("memory"), "{why}");
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
}

#[tokio::test]
async fn nesting_as_deep_as_the_file_costs_only_the_document() {
    for (open, close) in [("[", "]"), ("<< /A ", ">>"), ("(", ")"), ("q ", "Q "), ("BI ", "EI ")] {
        let deep = [open.repeat(100_000), close.repeat(100_000)].concat().into_bytes();
        let mut as_object = objects(pdf_stream("", &shows("text")));
        as_object.push(deep.clone());
        for bytes in [pdf(&as_object), page(pdf_stream("", &deep))] {
            let outcome = read(DocumentKind::Pdf, bytes).await;
            assert!(matches!(outcome, Ok(_) | Err(ExtractError::Unreadable(_))), "{open:?}: {outcome:?}");
        }
    }
}

#[tokio::test]
async fn references_that_go_in_circles_cost_only_the_document() {
    let good = || objects(pdf_stream("", &shows("text")));
    let replaced = |number: usize, object: &str| {
        let mut objects = good();
        objects[number - 1] = object.as_bytes().to_vec();
        pdf(&objects)
    };
    let cases = [
        replaced(2, "<< /Type /Pages /Kids [2 0 R 3 0 R] /Count 1 /Parent 2 0 R >>"),
        replaced(3, "<< /Type /Page /Parent 3 0 R /Contents 4 0 R >>"),
        replaced(4, "4 0 R"),
        replaced(4, "<< /Length 4 0 R >>\nstream\nBT ET\nendstream"),
        replaced(5, "5 0 R"),
        replaced(5, "<< /Type /Font /Subtype /Type0 /BaseFont /A /DescendantFonts [5 0 R] /ToUnicode 5 0 R >>"),
    ];
    for (case, bytes) in cases.into_iter().enumerate() {
        let outcome = read(DocumentKind::Pdf, bytes).await;
        assert!(matches!(outcome, Ok(_) | Err(ExtractError::Unreadable(_))), "{case}: {outcome:?}");
    }
    // A form that draws itself.
    let mut objects = good();
    objects[2] = b"<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /XObject << /X 6 0 R >> >> >>".to_vec();
    objects[3] = pdf_stream("", b"/X Do");
    objects.push(pdf_stream("/Type /XObject /Subtype /Form /Resources << /XObject << /X 6 0 R >> >>", b"/X Do /X Do"));
    let why = unreadable(pdf(&objects)).await;
    assert!(!why.is_empty());
}

#[tokio::test]
async fn pdfs_are_read_one_at_a_time() {
    let texts = texts();
    let bytes = page(pdf_stream("", &shows("text")));
    let read = || texts.text(DocumentKind::Pdf, content(&bytes));
    let (one, two, three) = tokio::join!(read(), read(), read());
    assert!([one, two, three].iter().all(Result::is_ok));
}
