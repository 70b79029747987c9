//! What an archive must not hold.

use std::collections::BTreeSet;

use flate2::{Compress, Compression, FlushCompress};
use lyceum_course_mdbook::{Limits, open_any};

use super::{
    bytes::{Tar, Zip, ZipEntry, crc, gzip},
    files_below, open, reasons, stored,
};

fn small() -> Limits {
    Limits {
        max_archive_bytes: 1024 * 1024,
        max_entries: 60,
        max_entry_bytes: 100_000,
        max_unpacked_bytes: 150_000,
        max_path_depth: 5,
        max_path_bytes: 300,
        ..Limits::default()
    }
}

fn named(name: impl AsRef<[u8]>) -> Vec<(&'static str, Vec<u8>)> {
    let name = name.as_ref();
    let zip = Zip::default().file("book.toml", b"").entry(ZipEntry::new(name, b"x")).bytes();
    let tar = Tar::default().file("book.toml", b"").pax(b'x', "path", name).file("x", b"x").bytes();
    vec![("zip", zip), ("tar", tar.clone()), ("tar.gz", gzip(&tar))]
}

/// Each trick with a part of the reason for which it is refused.
fn names() -> Vec<(String, &'static str, Vec<u8>)> {
    let deep = "d/".repeat(5) + "x";
    let long_name = "n".repeat(256);
    let long_path = format!("{}/{}", "p".repeat(200), "q".repeat(200));
    let tricks: Vec<(&[u8], &str)> = vec![
        (b"/etc/evil", "its path is absolute"),
        (b"//server/share", "its path is absolute"),
        (b"C:/evil", "its path holds a drive letter"),
        (b"src/c:evil", "its path holds a drive letter"),
        (b"..\\evil", "its path holds a backslash"),
        (b"../evil", "its path holds `..`"),
        (b"src/../src/x", "its path holds `..`"),
        (b"src/..", "its path holds `..`"),
        (b"..", "its path holds `..`"),
        (b"src/a\0.md", "its path holds a control character"),
        (b"src/a\x1b[2J", "its path holds a control character"),
        ("src/\u{9b}2J".as_bytes(), "its path holds a control character"),
        (b"src/caf\xe9.md", "its name is not UTF-8"),
        (b"src/\xc0\xae\xc0\xae/x", "its name is not UTF-8"),
        (b"", "its name is empty"),
        (b".", "its name is empty"),
        (b"book.toml", "it is there twice"),
        (b"./book.toml", "it is there twice"),
        (b"BOOK.toml", "`book.toml` differs only in case"),
        (b"book.toml/x", "it needs a folder where there is a file"),
        (deep.as_bytes(), "its path is more than 5 deep"),
        (long_name.as_bytes(), "a name in its path has more than 255 bytes"),
        (long_path.as_bytes(), "its path has more than 300 bytes"),
    ];
    let all = tricks.into_iter().flat_map(|(name, reason)| {
        named(name).into_iter().map(move |(kind, bytes)| (format!("{kind} {}", name.escape_ascii()), reason, bytes))
    });
    all.collect()
}

fn zips() -> Vec<(String, &'static str, Vec<u8>)> {
    let entry = || ZipEntry::new("src/a.md", b"some text that is long enough to be cut");
    let one = |entry: ZipEntry| Zip::default().file("book.toml", b"").entry(entry).bytes();
    let good = one(entry());
    let cut = good[..good.len() - 30].to_vec();
    let mut damaged = good.clone();
    let at = damaged.windows(8).position(|bytes| bytes == b"src/a.md").unwrap() + 12;
    damaged[at] ^= 0x55;
    let two_ends = {
        let mut end = b"PK\x05\x06".to_vec();
        end.resize(22, 0);
        Zip { comment: end, ..Zip::default().file("book.toml", b"") }.bytes()
    };
    let zip64 = |numbers: &[u64]| {
        let field: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        [&1_u16.to_le_bytes()[..], &u16::try_from(field.len()).unwrap().to_le_bytes(), &field].concat()
    };
    let folder = ZipEntry { mode: 0o040_755, ..ZipEntry::new("src/a/", b"content") };
    let many = (0..70).fold(Zip::default(), |zip, n| zip.file(&format!("src/{n}.md"), b""));
    // The content of one entry is the whole of another.
    let inner = ZipEntry::new("b", b"x");
    let whole = Zip::default().entry(inner.clone()).bytes()[..31 + inner.packed.len()].to_vec();
    let size = u32::try_from(whole.len()).unwrap();
    let outer = ZipEntry { method: 0, crc: crc(&whole), packed: whole, size, ..ZipEntry::new("a", b"") };
    let overlap = Zip::default().entry(outer).entry(ZipEntry { start: Some(31), ..inner });
    let tricks: Vec<(&str, &str, Vec<u8>)> = vec![
        ("symbolic link", "it is a symbolic link", one(ZipEntry { mode: 0o120_777, ..entry() })),
        ("device", "it is a device", one(ZipEntry { mode: 0o060_644, ..entry() })),
        ("pipe", "it is a pipe", one(ZipEntry { mode: 0o010_644, ..entry() })),
        ("socket", "it is neither a file nor a folder", one(ZipEntry { mode: 0o140_644, ..entry() })),
        ("folder with content", "it is a folder with content", one(folder)),
        ("file with a folder's name", "it is neither a file nor a folder", one(ZipEntry::new("src/a/", b""))),
        (
            "file and folder",
            "it needs a folder where there is a file",
            one(ZipEntry { mode: 0o040_755, ..ZipEntry::new("book.toml/", b"") }),
        ),
        ("encrypted", "it is encrypted", one(ZipEntry { flags: 1, ..entry() })),
        ("AES", "it is encrypted", one(ZipEntry { method: 99, ..entry() })),
        ("bzip2", "the method by which it is compressed is not known", one(ZipEntry { method: 12, ..entry() })),
        ("patch", "a change to another archive's file", one(ZipEntry { flags: 1 << 5, ..entry() })),
        ("longer than said", "it is not as long as it says", one(ZipEntry { size: 3, ..entry() })),
        ("shorter than said", "it is not as long as it says", one(ZipEntry { size: 9_000, ..entry() })),
        ("two sizes", "it has two sizes", one(ZipEntry { method: 0, size: 2, ..entry() })),
        ("too large by its own word", "at most 100000 are allowed", one(ZipEntry { size: 900_000, ..entry() })),
        ("another name in front", "do not agree", one(ZipEntry { local_name: Some(b"src/b.md".into()), ..entry() })),
        ("another size in front", "do not agree", one(ZipEntry { local_size: Some(1), ..entry() })),
        ("wrong checksum", "its checksum is wrong", one(ZipEntry { crc: 7, ..entry() })),
        ("damaged content", "`src/a.md`: it", damaged),
        ("cut off", "it ends too early", cut),
        ("text behind the end", "something follows its end", [&good[..], b"garbage"].concat()),
        (
            "a tar behind the end",
            "something follows its end",
            [&good[..], &Tar::default().file("x", b"").bytes()].concat(),
        ),
        ("two ends", "it has two ends", two_ends),
        ("before the first entry", "its directory is not where it says", [b"PK\x03\x04", &good[..]].concat()),
        (
            "fewer entries than listed",
            "its directory holds more",
            Zip { more: -1, ..Zip::default().file("a", b"").file("b", b"") }.bytes(),
        ),
        ("more entries than listed", "it is damaged", Zip { more: 1, ..Zip::default().file("a", b"") }.bytes()),
        ("overlap", "it lies over something else", overlap.bytes()),
        ("no 64-bit size", "lacks its 64-bit sizes", one(ZipEntry { size: u32::MAX, ..entry() })),
        (
            "huge 64-bit size",
            "at most 100000 are allowed",
            one(ZipEntry { size: u32::MAX, extra: zip64(&[u64::MAX]), ..entry() }),
        ),
        (
            "two 64-bit fields",
            "64-bit sizes twice",
            one(ZipEntry { extra: [zip64(&[1]), zip64(&[2])].concat(), ..entry() }),
        ),
        ("many entries", "more than 60 files and folders", many.bytes()),
        ("large archive", "at most 1048576 are allowed", vec![b'P'; 1024 * 1024 + 1]),
        ("nothing known", "it is no zip, tar or tar.gz archive", b"%PDF-1.7".to_vec()),
    ];
    tricks.into_iter().map(|(what, reason, bytes)| (format!("zip: {what}"), reason, bytes)).collect()
}

fn tars() -> Vec<(String, &'static str, Vec<u8>)> {
    let book = || Tar::default().file("book.toml", b"");
    let link = |kind: u8| {
        let mut header = tar::Header::new_gnu();
        header.as_mut_bytes()[..5].copy_from_slice(b"src/a");
        header.as_mut_bytes()[157..168].copy_from_slice(b"/etc/passwd");
        header.set_entry_type(tar::EntryType::new(kind));
        header.set_size(0);
        header.set_cksum();
        let mut tar = book();
        tar.0.extend(header.as_bytes());
        tar.bytes()
    };
    let long = book().raw(b'L', b"././@LongLink", 9, b"../evil\0\0").file("x", b"").bytes();
    let many_folders = (0..15).fold(book(), |tar, n| tar.file(format!("{n}/a/b/c/x"), b"")).bytes();
    let unended = book().file("src/a.md", b"x").0;
    let mut damaged = book().file("src/a.md", b"x").bytes();
    damaged[512] ^= 1;
    let whole = book().file("src/a.md", &[b'x'; 3_000]).bytes();
    let mut changed = gzip(&whole);
    let end = changed.len();
    changed[end - 6] ^= 1;
    let gz = gzip(&whole);
    let tricks: Vec<(&str, &str, Vec<u8>)> = vec![
        ("symbolic link", "`src/a`: it is a symbolic link", link(b'2')),
        ("hard link", "`src/a`: it is a hard link", link(b'1')),
        ("character device", "it is a device", link(b'3')),
        ("block device", "it is a device", link(b'4')),
        ("pipe", "it is a pipe", link(b'6')),
        ("several volumes", "it is neither a file nor a folder", link(b'M')),
        ("GNU's file with holes", "it is a file with holes", link(b'S')),
        (
            "POSIX's file with holes",
            "it is a file with holes",
            book().pax(b'x', "GNU.sparse.realsize", b"99999999").file("x", b"").bytes(),
        ),
        ("a link in its description", "it is a link", book().pax(b'x', "linkpath", b"/etc").file("x", b"").bytes()),
        ("GNU's long name", "its path holds `..`", long),
        ("two sizes", "it has two sizes", book().pax(b'x', "size", b"99999999999").file("x", b"").bytes()),
        ("one name for all", "one path or size for all", book().pax(b'g', "path", b"../evil").file("x", b"").bytes()),
        ("a long description", "the description of an entry has more", book().raw(b'x', b"pax", 1 << 40, b"").bytes()),
        ("description of nothing", "it is damaged", book().pax(b'x', "path", b"x").bytes()),
        ("a bad description", "it is damaged", book().raw(b'x', b"pax", 9, b"99999 a=b").file("x", b"").bytes()),
        ("folder with content", "it is a folder with content", book().raw(b'5', b"src/", 3, b"abc").bytes()),
        ("file and folder", "there is a folder of its name", book().file("src/a/b", b"").file("src/a", b"").bytes()),
        (
            "too large by its own word",
            "at most 100000 are allowed",
            book().raw(b'0', b"x", u64::from(u32::MAX), b"").bytes(),
        ),
        ("cut off in a content", "it ends too early", book().raw(b'0', b"x", 90_000, b"abc").0),
        ("no end", "it ends too early", unended),
        ("damaged header", "it is damaged", damaged),
        ("behind the end", "something follows its end", [whole.clone(), b"PK\x05\x06".to_vec()].concat()),
        ("many folders", "more than 60 files and folders", many_folders),
        ("gzip cut off", "it ends too early", gz[..gz.len() - 9].to_vec()),
        ("gzip with a wrong checksum", "it is damaged", changed),
        ("gzip with garbage behind it", "it is damaged", [gz.clone(), vec![b'x'; 40]].concat()),
        ("gzip of text", "what was compressed is no tar archive", gzip(&[b'x'; 600])),
        ("gzip of gzip", "what was compressed is no tar archive", gzip(&[gz.clone(), vec![0; 600]].concat())),
        ("gzip of zip", "what was compressed is no tar archive", gzip(&[&b"PK\x03\x04"[..], &[0; 600]].concat())),
    ];
    tricks.into_iter().map(|(what, reason, bytes)| (format!("tar: {what}"), reason, bytes)).collect()
}

#[test]
fn a_hostile_archive_is_refused_for_what_it_is() {
    let tricks = [names(), zips(), tars()].concat();
    assert!(tricks.len() > 100);
    for (what, reason, bytes) in tricks {
        let (folder, path) = stored(&bytes);
        let reasons = reasons(&bytes, &small());
        assert!(reasons.iter().any(|given| given.contains(reason)), "{what}: {reasons:?}");
        let error = open_any(&path, &small(), &mut |_| {}).unwrap_err();
        assert!(!error.to_string().chars().any(char::is_control), "{what}: {error}");
        // Nothing came to lie beside it.
        let files: BTreeSet<_> = files_below(folder.path()).into_iter().map(|(name, _)| name).collect();
        assert_eq!(files, BTreeSet::from(["archive".to_owned()]), "{what}");
    }
    for place in ["/etc/evil", "../evil", "evil"] {
        assert!(!std::env::temp_dir().join(place).exists(), "{place}");
    }
}

#[test]
fn all_faults_are_told_up_to_twenty() {
    let name = format!("../{}\u{202e}", "long".repeat(40));
    let zip = (0..25).fold(Zip::default(), |zip, _| zip.file(&name, b"x")).bytes();
    let error = open(&zip, &Limits::default()).unwrap_err();
    let reasons = reasons(&zip, &Limits::default());
    assert_eq!(reasons.len(), 20);
    assert_eq!(reasons[0], format!("`../{}…`: its path holds `..`", &"long".repeat(40)[..77]));
    assert!(error.to_string().ends_with("; and 5 more faults"), "{error}");
    let hidden = super::reasons(&Zip::default().file("../\u{202e}x", b"x").bytes(), &Limits::default());
    assert_eq!(hidden, [r"`../\u{202e}x`: its path holds `..`"]);
}

/// A mebibyte of zeros as a piece of a compressed text that can be repeated.
fn zeros() -> Vec<u8> {
    let zeros = vec![0; 1024 * 1024];
    let mut piece = Vec::with_capacity(64 * 1024);
    Compress::new(Compression::best(), false).compress_vec(&zeros, &mut piece, FlushCompress::Full).unwrap();
    piece
}

/// Five mebibytes that would become gigabytes.
fn bombs() -> [(&'static str, Vec<u8>); 3] {
    const SIZE: usize = 5 * 1024 * 1024;
    let piece = zeros();
    let mut packed = piece.repeat(SIZE / piece.len());
    packed.extend([3, 0]);
    let liar = ZipEntry { packed, size: 90_000, crc: crc(b""), ..ZipEntry::new("src/a.md", b"") };
    let zip = Zip::default().file("book.toml", b"").entry(liar).bytes();

    // Many members, each with a file of its own.
    let file = |n: usize| Tar::default().raw(b'0', format!("{n:06}").as_bytes(), 1024 * 1024, b"").0;
    let zeros = gzip(&vec![0; 1024 * 1024]);
    let mut many = Vec::with_capacity(SIZE);
    for n in 0.. {
        if many.len() >= SIZE {
            break;
        }
        many.extend(gzip(&file(n)));
        many.extend(&zeros);
    }
    // A good end, and then zeros for ever.
    let mut end = gzip(&Tar::default().file("book.toml", b"").bytes());
    end.extend(zeros.repeat((SIZE - end.len()) / zeros.len()));
    [("zip", zip), ("tar.gz", many), ("tar.gz that does not end", end)]
}

#[test]
fn a_bomb_does_not_go_off() {
    for (what, bytes) in bombs() {
        assert!(bytes.len() > 4 * 1024 * 1024, "{what}");
        for max_ratio in [3, u64::MAX] {
            let limits = Limits { max_unpacked_bytes: 30 * 1024 * 1024, max_ratio, ..Limits::default() };
            let started = std::time::Instant::now();
            let reasons = reasons(&bytes, &limits);
            let expected = match (what, max_ratio) {
                ("zip", _) => "`src/a.md`: it is not as long as it says",
                (_, 3) => "it becomes more than 3 times as large when unpacked",
                _ => "it holds more than 31457280 bytes when unpacked",
            };
            assert_eq!(reasons, [expected], "{what}");
            assert!(started.elapsed().as_secs() < 60, "{what}");
        }
    }
}
