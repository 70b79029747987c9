//! Archives: zip, tar and tar.gz, unpacked into a folder of their own and read from there.
//!
//! An archive that holds anything a book cannot need (a link, a path that leads out, a size that is not true) is
//! refused as a whole: it was damaged, or made for harm. What is unpacked passes through one small buffer and is
//! counted on its way, so that neither memory nor disk depends on what the archive says of itself.

pub(crate) mod entries;
mod tar;
mod unpacking;
mod zip;

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek},
    path::{Path, PathBuf},
};

use flate2::bufread::MultiGzDecoder;
use tempfile::TempDir;

use crate::{
    archive::unpacking::{Halt, Unpacking},
    error::BookError,
    limits::Limits,
};

/// An archive's content. The folder goes when this does.
#[derive(Debug)]
pub(crate) struct Unpacked {
    /// Keeps the files.
    pub(crate) folder: TempDir,
    /// The folder with the book, in it.
    pub(crate) root: PathBuf,
    /// The name of that folder, if the archive gives it one.
    pub(crate) name: Option<String>,
}

/// Unpacks the archive in the file `path`; what kind it is, its first bytes say.
pub(crate) fn unpack(path: &Path, limits: &Limits) -> Result<Unpacked, BookError> {
    let opening = |source| BookError::Open { path: path.to_owned(), source };
    let unpacking = |source| BookError::Unpacking { source };
    let mut file = File::open(path).map_err(opening)?;
    let about = file.metadata().map_err(opening)?;
    if !about.is_file() {
        return Err(opening(io::Error::new(io::ErrorKind::InvalidInput, "it is neither a file nor a folder")));
    }
    let size = about.len();
    if size > limits.max_archive_bytes {
        let reason = format!("it has {size} bytes; at most {} are allowed", limits.max_archive_bytes);
        return Err(BookError::Archive { reasons: vec![reason], unlisted: 0 });
    }
    let mut first = Vec::with_capacity(tar::BLOCK);
    file.by_ref().take(tar::BLOCK as u64).read_to_end(&mut first).map_err(opening)?;
    file.rewind().map_err(opening)?;

    let folder = private_folder().map_err(unpacking)?;
    let mut target = Unpacking::new(folder.path(), limits, size);
    let mut file = BufReader::new(file);
    let halted = if zip::is_one(&first) {
        zip::unpack(&mut file, &mut target)
    } else if first.starts_with(&[0x1f, 0x8b]) {
        tar::unpack(&mut MultiGzDecoder::new(file), &mut target)
    } else if tar::is_one(&first) {
        tar::unpack(&mut file, &mut target)
    } else {
        target.fault("it is no zip, tar or tar.gz archive");
        Ok(())
    };
    if let Err(Halt::Io(source)) = halted {
        return Err(unpacking(source));
    }
    let found = target.finish()?;
    let root = folder.path().join(&found);
    let name = root.file_name().filter(|_| !found.is_empty()).map(|name| name.to_string_lossy().into_owned());
    Ok(Unpacked { folder, root, name })
}

/// A new folder that only we can look into.
fn private_folder() -> io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("lyceum-book-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    builder.tempdir()
}
