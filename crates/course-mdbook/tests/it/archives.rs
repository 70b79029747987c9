//! Good archives give what their folder gives; hostile ones are refused as a whole.

pub mod bytes;
mod hostile;

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use lyceum_course_mdbook::{Book, BookError, Limits, open_any, open_archive};
use tempfile::TempDir;

use self::bytes::Zip;
use super::tide_pools;

/// The files below a folder, with their paths from it.
fn files_below(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                files.push((name, fs::read(path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

fn fixture() -> Vec<(String, Vec<u8>)> {
    files_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tidepools"))
}

/// The archive as a file, named so that the name is of no help.
fn stored(bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("archive");
    fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn open(bytes: &[u8], limits: &Limits) -> Result<Book, BookError> {
    let (_folder, path) = stored(bytes);
    open_archive(&path, "knots.tar.gz", limits, &mut |_| {})
}

fn reasons(bytes: &[u8], limits: &Limits) -> Vec<String> {
    match open(bytes, limits) {
        Err(BookError::Archive { reasons, .. }) => reasons,
        other => panic!("not refused: {other:?}"),
    }
}

/// As the usual programs write it: with entries for folders, names of any length, both methods.
fn good_zip(top: &str) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    writer.add_directory(format!("{top}src"), options).unwrap();
    for (index, (name, bytes)) in fixture().into_iter().enumerate() {
        let method = if index % 2 == 0 { zip::CompressionMethod::Stored } else { zip::CompressionMethod::Deflated };
        writer.start_file(format!("{top}{name}"), options.compression_method(method)).unwrap();
        writer.write_all(&bytes).unwrap();
    }
    writer.start_file(format!("__MACOSX/{top}._book.toml"), options).unwrap();
    writer.start_file(format!("{top}src/.DS_Store"), options).unwrap();
    writer.finish().unwrap().into_inner()
}

/// As a program writes it that cannot go back: sizes and checksums follow the entries.
fn streamed_zip() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = zip::ZipWriter::new_stream(&mut bytes);
    for (name, content) in fixture() {
        writer.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(&content).unwrap();
    }
    writer.finish().unwrap();
    bytes
}

fn good_tar(top: &str) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in fixture() {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, format!("{top}{name}"), &bytes[..]).unwrap();
    }
    builder.into_inner().unwrap()
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn an_archive_gives_what_its_folder_gives() {
    // Longer than the hundred bytes that the tar format has for a name.
    let long = format!("{}/", "a-folder-with-a-long-name/".repeat(6));
    let members = good_tar("./tidepools/").chunks(5_000).map(gzipped).collect::<Vec<_>>().concat();
    let good = [
        ("zip", good_zip("")),
        ("zip with a top folder", good_zip("tidepools/")),
        ("zip in one go", streamed_zip()),
        ("zip by hand", fixture().into_iter().fold(Zip::default(), |zip, (name, c)| zip.file(&name, &c)).bytes()),
        ("tar", good_tar("")),
        ("tar with a top folder", good_tar("tidepools/")),
        ("tar with long names", good_tar(&long)),
        ("tar.gz", gzipped(&good_tar("tidepools/"))),
        ("tar.gz of several members", members),
    ];
    for (what, bytes) in good {
        let mut book = open(&bytes, &Limits::default()).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(*book.draft(), tide_pools(), "{what}");
        let draft = book.take_draft();
        let gauge = book.read_file(&draft.files[3].path).unwrap();
        assert!(gauge.starts_with(b"<svg"), "{what}");
    }
}

#[test]
fn kinds_are_told_apart_by_content() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in [("a.tar", good_zip("")), ("b.zip", gzipped(&good_tar(""))), ("c.txt", good_tar(""))] {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        assert_eq!(*open_any(&path, &Limits::default(), &mut |_| {}).unwrap().draft(), tide_pools(), "{name}");
    }
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tidepools");
    assert_eq!(*open_any(&fixture, &Limits::default(), &mut |_| {}).unwrap().draft(), tide_pools());
    let missing = open_any(&folder.path().join("missing"), &Limits::default(), &mut |_| {}).unwrap_err();
    assert!(matches!(missing, BookError::Open { .. }), "{missing}");
}

#[test]
fn a_book_begins_at_its_topmost_sign() {
    let title = |zip: Zip| open(&zip.bytes(), &Limits::default()).map(|book| book.draft().title.clone());
    let toml = |title: &str| format!("[book]\ntitle = \"{title}\"\n").into_bytes();
    let zip = Zip::default()
        .file("docs/book/book.toml", &toml("Inner"))
        .file("docs/book/src/SUMMARY.md", b"")
        .file("docs/book.toml", &toml("Outer"))
        .file("docs/src/SUMMARY.md", b"")
        .file(".cache/book.toml", &toml("Hidden"))
        .file("SUMMARY.md", b"");
    assert_eq!(title(zip).unwrap(), "Outer");
    let zip = Zip::default().file("deep/down/src/SUMMARY.md", b"[A](a.md)\n").file("deep/down/src/a.md", b"x");
    assert_eq!(title(zip).unwrap(), "down");
    let zip = Zip::default().file("SUMMARY.md", b"[A](a.md)\n").file("a.md", b"x");
    assert_eq!(title(zip).unwrap(), "knots");

    let zip = Zip::default().file("b/book.toml", b"").file("a/book.toml", b"").file("x/y/book.toml", b"");
    let error = title(zip).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the archive holds several books, in the folders `a`, `b`; one book is imported at a time"
    );
    let error = title(Zip::default().file("readme.md", b"")).unwrap_err();
    assert!(matches!(error, BookError::NoSummary { .. }), "{error}");
}

#[cfg(unix)]
#[test]
fn what_is_unpacked_is_private_and_goes_with_the_book() {
    use std::os::unix::fs::PermissionsExt;
    let before = unpacked_folders();
    let book = open(&good_zip(""), &Limits::default()).unwrap();
    let made: Vec<_> = unpacked_folders().into_iter().filter(|folder| !before.contains(folder)).collect();
    for folder in &made {
        assert_eq!(fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700);
    }
    let ours: Vec<_> = made.into_iter().filter(|folder| folder.join("notes/warning.md").exists()).collect();
    assert!(!ours.is_empty());
    drop(book);
    // Another test's may come and go meanwhile, but not all of them are others'.
    assert!(ours.iter().any(|folder| !folder.exists()));
}

#[cfg(unix)]
fn unpacked_folders() -> Vec<PathBuf> {
    let all = fs::read_dir(std::env::temp_dir()).unwrap().filter_map(|entry| Some(entry.ok()?.path()));
    all.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("lyceum-book-")).collect()
}
