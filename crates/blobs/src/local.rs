//! A folder of the machine.

use std::{
    fs::{self, DirBuilder, DirEntry, File},
    io::{self, Read as _, Seek as _, SeekFrom},
    ops::Range,
    path::Path,
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use lyceum_domain::{blobs::BlobStream, mentor::Cause};
use object_store::local::LocalFileSystem;
use tokio::task::spawn_blocking;

/// What was not written to for so long belongs to a process that is gone.
const STALE: Duration = Duration::from_hours(24);

/// How many bytes are read from a file at once.
const PIECE: u64 = 256 * 1024;

/// Makes the folder if it is missing, and removes what killed processes left. Blocks.
pub(crate) fn open(folder: &Path) -> Result<LocalFileSystem, Cause> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let failed = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", folder.display()));
    builder.create(folder).map_err(failed)?;
    let swept = sweep(folder).map_err(failed)?;
    if swept > 0 {
        tracing::info!(folder = %folder.display(), files = swept, "removed files that were never written to their end");
    }
    Ok(LocalFileSystem::new_with_prefix(folder)?.with_fsync(true).with_automatic_cleanup(true))
}

/// Removes the stale files below a folder and says how many there were. What it may not remove or look into stays.
fn sweep(folder: &Path) -> io::Result<usize> {
    let mut swept = 0;
    for entry in fs::read_dir(folder)?.flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            swept += sweep(&entry.path()).unwrap_or(0);
        } else if kind.is_file() && is_unfinished(&entry) && is_stale(&entry) && fs::remove_file(entry.path()).is_ok() {
            swept += 1;
        }
    }
    Ok(swept)
}

/// `object_store` writes to `name#1`, `name#2`, … and renames at the end. No key has a `#`.
fn is_unfinished(entry: &DirEntry) -> bool {
    let name = entry.file_name();
    let number = name.to_str().and_then(|name| name.rsplit_once('#')).map(|(_, number)| number);
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

fn is_stale(entry: &DirEntry) -> bool {
    let age = entry.metadata().and_then(|found| found.modified()).map(|written| written.elapsed());
    matches!(age, Ok(Ok(age)) if age > STALE)
}

/// The bytes `range` of a file. Not what `object_store` offers: that reads 8 KiB at a time, each on another thread, and
/// reads for ever from a file that has become shorter.
pub(crate) fn content(file: File, range: Range<u64>) -> BlobStream {
    let read = |(mut file, range): (File, Range<u64>)| async move {
        if range.is_empty() {
            return Ok(None);
        }
        let size = PIECE.min(range.end - range.start);
        let read = move || -> io::Result<_> {
            let mut piece = vec![0; usize::try_from(size).map_err(io::Error::other)?];
            file.seek(SeekFrom::Start(range.start))?;
            file.read_exact(&mut piece)?;
            Ok(Some((Bytes::from(piece), (file, range.start + size..range.end))))
        };
        Ok::<_, Cause>(spawn_blocking(read).await??)
    };
    stream::try_unfold((file, range), read).boxed()
}
