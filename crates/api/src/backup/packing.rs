//! Writing an archive.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek as _, SeekFrom, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::{Manifest, Member};

/// How the folders begin in which archives are made, beside where they will be.
pub const PARTIAL: &str = ".lyceum-backup-";

/// How many bytes are kept for the manifest.
pub(super) const MANIFEST: usize = 64 * 1024;

/// Most of what is packed is packed already.
const COMPRESSION: Compression = Compression::new(3);

/// An archive that is being written, in a folder of its own beside the file that it will be. Dropping it leaves nothing.
pub struct Packing {
    archive: tar::Builder<GzEncoder<File>>,
    digests: File,
    seconds: u64,
    members: u64,
    bytes: u64,
    room: usize,
    to: PathBuf,
    /// Locked as long as its process lives.
    _lock: File,
    // Last, for it goes with all that is in it.
    folder: TempDir,
}

impl Packing {
    /// Begins. What killed processes left beside `to` is removed. `seconds` since 1970 is the time of all members.
    pub fn begin(to: &Path, seconds: u64) -> anyhow::Result<Self> {
        if to.file_name().is_none() || to.is_dir() {
            bail!("{} is a folder; name the file to write", to.display());
        }
        let beside = folder_of(to);
        sweep(&beside);
        let folder = tempfile::Builder::new().prefix(PARTIAL).tempdir_in(&beside);
        let folder = folder.with_context(|| format!("nothing can be written to {}", beside.display()))?;
        let lock = private(&folder.path().join("lock"))?;
        lock.try_lock()?;
        let mut file = private(&folder.path().join("archive"))?;
        let room = manifest_part(&[], seconds)?;
        file.write_all(&room)?;
        Ok(Self {
            archive: tar::Builder::new(GzEncoder::new(file, COMPRESSION)),
            digests: tempfile::tempfile_in(folder.path())?,
            seconds,
            members: 0,
            bytes: 0,
            room: room.len(),
            to: to.to_owned(),
            _lock: lock,
            folder,
        })
    }

    /// A folder for what has to lie somewhere meanwhile; only its owner may look into it, and it goes with the rest.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Adds a member of this many bytes; it has to have as many.
    pub fn add(&mut self, member: &Member, size: u64, content: impl Read) -> anyhow::Result<()> {
        let header = header(member, size, self.seconds)?;
        let mut content = Counting { inner: content.take(size), digest: Sha256::new(), bytes: 0 };
        self.archive.append(&header, &mut content).with_context(|| format!("{member} cannot be added"))?;
        if content.bytes != size {
            bail!("{member} became shorter while it was read");
        }
        writeln!(self.digests, "{:x}  {member}", content.digest.finalize())?;
        self.members += 1;
        self.bytes += size;
        Ok(())
    }

    /// Adds the digests, writes the manifest, and gives the archive its name: before, there is none of that name, or the
    /// one that was there. Answers how many bytes it has.
    pub fn finish(self, mut manifest: Manifest) -> anyhow::Result<u64> {
        let Self { mut archive, mut digests, seconds, members, bytes, room, to, folder, _lock } = self;
        (manifest.members, manifest.bytes) = (members, bytes);
        let json = padded(&serde_json::to_vec_pretty(&manifest)?)?;
        let own = format!("{:x}  {}\n", Sha256::digest(&json), Member::Manifest);
        let rest = digests.stream_position()?;
        digests.rewind()?;
        let size = own.len() as u64 + rest;
        archive.append(&header(&Member::Digests, size, seconds)?, own.as_bytes().chain(digests))?;
        let mut file = archive.into_inner()?.finish()?;
        let first = manifest_part(&json, seconds)?;
        if first.len() != room {
            bail!("the manifest does not fit into the room that was kept for it");
        }
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&first)?;
        file.sync_all()?;
        let size = file.metadata()?.len();
        fs::rename(folder.path().join("archive"), &to)
            .with_context(|| format!("the archive cannot be put at {}", to.display()))?;
        sync_folder(&folder_of(&to))?;
        Ok(size)
    }
}

/// The gzip member with the manifest: stored, not compressed, so that it always takes the same room.
fn manifest_part(json: &[u8], seconds: u64) -> anyhow::Result<Vec<u8>> {
    let mut tar = header(&Member::Manifest, MANIFEST as u64, seconds)?.as_bytes().to_vec();
    tar.extend(padded(json)?);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::none());
    gzip.write_all(&tar)?;
    Ok(gzip.finish()?)
}

/// White space after it is nothing to JSON.
fn padded(json: &[u8]) -> anyhow::Result<Vec<u8>> {
    if json.len() > MANIFEST {
        bail!("the manifest has {} bytes; there is room for {MANIFEST}", json.len());
    }
    let mut padded = json.to_vec();
    padded.resize(MANIFEST, b'\n');
    Ok(padded)
}

fn header(member: &Member, size: u64, seconds: u64) -> anyhow::Result<tar::Header> {
    let mut header = tar::Header::new_ustar();
    header.set_path(member.to_string()).with_context(|| format!("{member} has too long a name"))?;
    header.set_entry_type(tar::EntryType::Regular);
    header.set_mode(0o600);
    header.set_size(size);
    header.set_mtime(seconds);
    header.set_cksum();
    Ok(header)
}

/// A new file that only its owner may read.
pub fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn folder_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// That a name is on the disk.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// Removes the folders of processes that did not live to do it.
fn sweep(beside: &Path) {
    for entry in fs::read_dir(beside).into_iter().flatten().flatten() {
        let is_ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PARTIAL));
        let lock = is_ours.then(|| File::open(entry.path().join("lock")).ok()).flatten();
        if lock.is_some_and(|lock| lock.try_lock().is_ok()) {
            // Whoever comes next tries again.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Digests and counts what is read.
struct Counting<R> {
    inner: R,
    digest: Sha256,
    bytes: u64,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.digest.update(&buffer[..read]);
        self.bytes += read as u64;
        Ok(read)
    }
}
