//! Archives that are whole, damaged, or made for harm.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read as _, Write},
    path::Path,
};

use flate2::{Compression, read::MultiGzDecoder, write::GzEncoder};
use lyceum_domain::blobs::BlobKey;
use tempfile::TempDir;

use super::*;

const SECONDS: u64 = 1_795_000_000;

fn blob(key: &str) -> Member {
    Member::Blob(BlobKey::parse(key).expect("a key"))
}

/// An archive of a few members, and the folder that it is in.
fn archive() -> (TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("lyceum.tar.gz");
    let mut packing = Packing::begin(&file, SECONDS).expect("begins");
    packing.add(&Member::kept("jwt-secret").expect("a path"), 6, &b"secret"[..]).expect("added");
    packing.add(&blob("documents/0192-1"), 100_000, io::repeat(7)).expect("added");
    packing.add(&blob("documents/0192-2"), 0, io::empty()).expect("added");
    packing.add(&Member::Database, 4, &b"rows"[..]).expect("added");
    let mut manifest = Manifest::begun("2026-11-25T20:00:00Z".to_owned());
    manifest.migrations = vec!["m1".to_owned(), "m2".to_owned()];
    packing.finish(manifest).expect("finished");
    (folder, file)
}

#[derive(Default)]
struct Kept {
    members: BTreeMap<String, u64>,
}

impl Target for Kept {
    fn accept(&mut self, manifest: &Manifest) -> anyhow::Result<()> {
        manifest.fits(&["m1".to_owned(), "m2".to_owned(), "m3".to_owned()])
    }

    fn place(&mut self, member: &Member) -> io::Result<Box<dyn Write>> {
        *self.members.entry(member.to_string()).or_default() += 1;
        Ok(Box::new(io::sink()))
    }
}

/// Why an archive is refused.
fn refused(file: &Path) -> String {
    format!("{:#}", read(file, &mut Kept::default()).expect_err("is refused"))
}

/// The tar in an archive.
fn unpacked(file: &Path) -> Vec<u8> {
    let mut tar = Vec::new();
    MultiGzDecoder::new(File::open(file).expect("there")).read_to_end(&mut tar).expect("gzip");
    tar
}

fn packed(tar: &[u8], file: &Path) {
    let mut gzip = GzEncoder::new(File::create(file).expect("a file"), Compression::fast());
    gzip.write_all(tar).expect("written");
    gzip.finish().expect("written");
}

fn header(name: &str, kind: tar::EntryType, size: u64) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    // What `set_path` refuses is what is looked for.
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o600);
    header.set_size(size);
    header.set_cksum();
    header.as_bytes().to_vec()
}

/// An archive with something before its last members.
fn with(file: &Path, entry: &[u8]) {
    let mut tar = unpacked(file);
    // Behind the manifest.
    let at = 512 + packing::MANIFEST;
    tar.splice(at..at, entry.iter().copied());
    packed(&tar, file);
}

#[test]
fn what_was_packed_is_read() {
    let (folder, file) = archive();
    let mut kept = Kept::default();
    let manifest = read(&file, &mut kept).expect("is whole");
    assert_eq!((manifest.members, manifest.bytes), (4, 100_010));
    let names: Vec<_> = kept.members.keys().map(String::as_str).collect();
    assert_eq!(names, ["blobs/documents/0192-1", "blobs/documents/0192-2", "kept/jwt-secret", "lyceum.db"]);
    let left: Vec<_> =
        fs::read_dir(folder.path()).expect("a folder").flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left, ["lyceum.tar.gz"], "nothing else is left");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn any_tar_reads_the_archive() {
    let (_folder, file) = archive();
    let tar = unpacked(&file);
    let mut archive = tar::Archive::new(&tar[..]);
    let names: Vec<_> = archive
        .entries()
        .expect("a tar")
        .map(|entry| entry.expect("an entry").path().expect("a name").display().to_string())
        .collect();
    assert_eq!(names.first().map(String::as_str), Some("manifest.json"));
    assert_eq!(names.last().map(String::as_str), Some("SHA256SUMS"));
    assert_eq!(names.len(), 6);
}

#[test]
fn an_archive_that_was_not_finished_is_nowhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("lyceum.tar.gz");
    fs::write(&file, "the one before").expect("written");
    let mut packing = Packing::begin(&file, SECONDS).expect("begins");
    packing.add(&Member::Database, 4, &b"rows"[..]).expect("added");
    drop(packing);
    assert_eq!(fs::read_to_string(&file).expect("there"), "the one before");
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
    // As a killed process leaves it.
    let left = folder.path().join(format!("{PARTIAL}killed"));
    fs::create_dir(&left).expect("a folder");
    fs::write(left.join("lock"), "").expect("written");
    let other = Packing::begin(&file, SECONDS).expect("begins");
    assert!(!left.exists(), "it is swept away");
    Packing::begin(&folder.path().join("another.tar.gz"), SECONDS).expect("begins");
    assert!(other.folder().exists(), "what is under way is not");
}

#[test]
fn a_file_that_shrinks_while_it_is_read_is_no_member() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut packing = Packing::begin(&folder.path().join("lyceum.tar.gz"), SECONDS).expect("begins");
    let short = packing.add(&Member::Database, 10, &b"rows"[..]).expect_err("too short");
    assert!(format!("{short:#}").contains("shorter"), "{short:#}");
}

#[test]
fn every_changed_byte_is_seen() {
    let (_folder, file) = archive();
    let whole = unpacked(&file);
    // In the manifest, a secret, a document, the database, the digests; padding and times are nobody's.
    for needle in ["\"version\"", "secret", "\u{7}\u{7}\u{7}", "rows", "  lyceum.db"] {
        let mut tar = whole.clone();
        let at = tar.windows(needle.len()).rposition(|bytes| bytes == needle.as_bytes()).expect("is there");
        tar[at + 1] ^= 1;
        packed(&tar, &file);
        let reason = refused(&file);
        assert!(!reason.is_empty(), "{needle}");
    }
    packed(&whole, &file);
    read(&file, &mut Kept::default()).expect("is whole again");
}

#[test]
fn an_archive_that_is_cut_anywhere_is_refused() {
    let (_folder, file) = archive();
    let whole = fs::read(&file).expect("there");
    for length in (0..whole.len()).step_by(whole.len() / 40).chain([whole.len() - 1]) {
        fs::write(&file, &whole[..length]).expect("written");
        refused(&file);
    }
    let tar = {
        fs::write(&file, &whole).expect("written");
        unpacked(&file)
    };
    for length in (0..tar.len() - 1024).step_by(512) {
        packed(&tar[..length], &file);
        refused(&file);
    }
}

#[test]
fn what_no_archive_of_ours_holds_is_refused() {
    let entries = [
        ("blobs/documents/link", tar::EntryType::Symlink, "is no file"),
        ("blobs/documents/link", tar::EntryType::Link, "is no file"),
        ("blobs/documents", tar::EntryType::Directory, "is no file"),
        ("blobs/pipe", tar::EntryType::Fifo, "is no file"),
        ("blobs/sparse", tar::EntryType::GNUSparse, "is no file"),
        ("kept/long", tar::EntryType::GNULongName, "is no file"),
        ("blobs/../lyceum.db", tar::EntryType::Regular, "it holds"),
        ("../lyceum.db", tar::EntryType::Regular, "it holds"),
        ("/etc/passwd", tar::EntryType::Regular, "it holds"),
        ("kept/../../x", tar::EntryType::Regular, "it holds"),
        ("kept//etc/passwd", tar::EntryType::Regular, "it holds"),
        ("kept/.env", tar::EntryType::Regular, "it holds"),
        ("kept/instances/x", tar::EntryType::Regular, "it holds"),
        ("blobs/C:\\x", tar::EntryType::Regular, "it holds"),
        ("README", tar::EntryType::Regular, "it holds"),
        ("manifest.json", tar::EntryType::Regular, "two manifests"),
        ("kept/more", tar::EntryType::Regular, "more than it says"),
    ];
    for (name, kind, reason) in entries {
        let (_folder, file) = archive();
        with(&file, &header(name, kind, 0));
        let told = refused(&file);
        assert!(told.contains(reason), "{name} {kind:?}: {told}");
    }
}

#[test]
fn more_than_an_archive_says_is_not_even_read() {
    let (_folder, file) = archive();
    // A member that says that it has a terabyte.
    with(&file, &header("kept/more", tar::EntryType::Regular, 1 << 40));
    assert!(refused(&file).contains("more than it says"));
    let (_folder, file) = archive();
    let mut tar = unpacked(&file);
    tar.extend([0; 512]);
    packed(&tar, &file);
    read(&file, &mut Kept::default()).expect("zeros at the end are nothing");
    tar.extend(b"and another thing");
    packed(&tar, &file);
    assert!(refused(&file).contains("after its end"));
}

#[test]
fn a_newer_schema_or_form_is_refused_before_anything_is_unpacked() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("lyceum.tar.gz");
    let mut manifest = Manifest::begun("2026-11-25T20:00:00Z".to_owned());
    manifest.migrations = vec!["m1".to_owned(), "m9".to_owned()];
    let pack = |manifest: &Manifest| {
        let mut packing = Packing::begin(&file, SECONDS).expect("begins");
        packing.add(&Member::Database, 4, &b"rows"[..]).expect("added");
        packing.finish(manifest.clone()).expect("finished");
    };
    pack(&manifest);
    let mut kept = Kept::default();
    let newer = format!("{:#}", read(&file, &mut kept).expect_err("is newer"));
    assert!(newer.contains("m9") && kept.members.is_empty(), "{newer}");
    manifest.format = 2;
    pack(&manifest);
    assert!(refused(&file).contains("newer release"));
}
