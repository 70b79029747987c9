//! Books packed as clients send them.

use std::{
    fs,
    io::{Cursor, Write as _},
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use zip::{ZipWriter, write::SimpleFileOptions};

/// All files below a folder, by name.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<_> = entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect();
    files.sort();
    files
}

/// A zip archive of the folder, in which all lies below `top`.
pub fn zip(folder: &Path, top: &str) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for file in files(folder) {
        let name = Path::new(top).join(file.strip_prefix(folder).expect("below"));
        archive.start_file(name.to_string_lossy(), SimpleFileOptions::default()).expect("a file");
        archive.write_all(&fs::read(&file).expect("can be read")).expect("is written");
    }
    archive.finish().expect("an archive").into_inner()
}

/// A gzipped tar archive of the folder, in which all lies below `top`.
pub fn tar_gz(folder: &Path, top: &str) -> Vec<u8> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for file in files(folder) {
        let name = Path::new(top).join(file.strip_prefix(folder).expect("below"));
        archive.append_path_with_name(&file, name).expect("is written");
    }
    archive.into_inner().expect("an archive").finish().expect("ends")
}

/// The folder and all that lies in it, somewhere else.
pub fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let copied = to.join(file.strip_prefix(from).expect("below"));
        fs::create_dir_all(copied.parent().expect("a folder")).expect("a folder");
        fs::copy(file, copied).expect("is copied");
    }
}
