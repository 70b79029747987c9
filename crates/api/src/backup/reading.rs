//! Reading an archive: strictly, for it may have been damaged, or made for harm.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, Read, Seek as _, Write},
    path::Path,
};

use anyhow::{Context as _, bail, ensure};
use flate2::bufread::MultiGzDecoder;
use sha2::{Digest as _, Sha256};

use super::{Manifest, Member, packing::MANIFEST};

/// Where the members of an archive go.
pub trait Target {
    /// Called first: whether to go on.
    fn accept(&mut self, manifest: &Manifest) -> anyhow::Result<()>;

    /// Where this member goes. One that was asked for before is a fault of the archive.
    fn place(&mut self, member: &Member) -> io::Result<Box<dyn Write>>;
}

/// Keeps nothing: for whoever only wants to know whether the archive is whole.
#[derive(Debug)]
pub struct Discard;

impl Target for Discard {
    fn accept(&mut self, _: &Manifest) -> anyhow::Result<()> {
        Ok(())
    }

    fn place(&mut self, _: &Member) -> io::Result<Box<dyn Write>> {
        Ok(Box::new(io::sink()))
    }
}

/// Reads all of an archive and compares it with what it says of itself: members, sizes, digests. Links, devices, names
/// that no archive of ours has, more than the manifest says, and anything after the end are refused.
pub fn read(archive: &Path, target: &mut dyn Target) -> anyhow::Result<Manifest> {
    let file = File::open(archive).with_context(|| format!("{} cannot be opened", archive.display()))?;
    ensure!(file.metadata()?.is_file(), "{} is no file", archive.display());
    let name = || format!("{} is refused", archive.display());
    let mut archive = tar::Archive::new(MultiGzDecoder::new(BufReader::with_capacity(1 << 17, file)));
    let manifest = members(&mut archive, target).with_context(name)?;
    let mut rest = archive.into_inner();
    // The end of a tar is followed by zeros at most.
    let after = io::copy(&mut (&mut rest).take(1 << 20), &mut OnlyZeros).context("it goes on after its end");
    ensure!(after.with_context(name)? < 1 << 20, "{}: it goes on after its end", name());
    Ok(manifest)
}

fn members(
    archive: &mut tar::Archive<MultiGzDecoder<BufReader<File>>>,
    target: &mut dyn Target,
) -> anyhow::Result<Manifest> {
    const CUT: &str = "it breaks off: SHA256SUMS is missing";
    let mut entries = archive.entries()?.raw(true);
    let (member, mut first) = next(&mut entries)?.context("it is empty")?;
    ensure!(member == Member::Manifest, "it begins with {member}, not with its manifest: no archive of Lyceum's");
    ensure!(first.size() <= MANIFEST as u64, "its manifest is too large");
    let mut json = Vec::with_capacity(MANIFEST);
    first.read_to_end(&mut json)?;
    drop(first);
    let manifest = Manifest::parse(&json)?;
    target.accept(&manifest)?;

    let mut found = tempfile::tempfile()?;
    writeln!(found, "{:x}  {}", Sha256::digest(&json), Member::Manifest)?;
    let (mut count, mut bytes, mut databases) = (0, 0, 0);
    loop {
        let (member, mut entry) = next(&mut entries)?.context(CUT)?;
        match member {
            Member::Manifest => bail!("it has two manifests"),
            Member::Digests => {
                compare(&mut found, &mut entry)?;
                break;
            }
            Member::Kept(_) | Member::Blob(_) | Member::Database => {}
        }
        count += 1;
        bytes += entry.size();
        databases += u32::from(member == Member::Database);
        let is_said = count <= manifest.members && bytes <= manifest.bytes && databases <= 1;
        ensure!(is_said, "it holds more than it says: {member}");
        let mut copy =
            Digesting { into: target.place(&member).with_context(|| member.to_string())?, digest: Sha256::new() };
        let copied = io::copy(&mut entry, &mut copy).with_context(|| format!("{member} cannot be read or written"))?;
        ensure!(copied == entry.size(), "{member} breaks off");
        copy.into.flush()?;
        writeln!(found, "{:x}  {member}", copy.digest.finalize())?;
    }
    ensure!(next(&mut entries)?.is_none(), "it goes on after SHA256SUMS");
    ensure!(
        (count, bytes, databases) == (manifest.members, manifest.bytes, 1),
        "it holds less than it says: {count} members with {bytes} bytes instead of {} with {}",
        manifest.members,
        manifest.bytes
    );
    Ok(manifest)
}

type Entry<'a> = tar::Entry<'a, MultiGzDecoder<BufReader<File>>>;

fn next<'a>(
    entries: &mut tar::Entries<'a, MultiGzDecoder<BufReader<File>>>,
) -> anyhow::Result<Option<(Member, Entry<'a>)>> {
    let Some(entry) = entries.next() else { return Ok(None) };
    let entry = entry.context("it is no tar.gz, or damaged")?;
    let member = Member::parse(&entry.path_bytes())?;
    let kind = entry.header().entry_type();
    ensure!(kind == tar::EntryType::Regular, "{member} is no file but {kind:?}");
    Ok(Some((member, entry)))
}

/// Compares the digests that were made on the way with those that the archive has.
fn compare(found: &mut File, said: &mut dyn Read) -> anyhow::Result<()> {
    /// A digest, two spaces, the longest name, the end of the line.
    const LINE: u64 = 64 + 2 + 255 + 1;
    found.rewind()?;
    let mut said = BufReader::new(said);
    for line in BufReader::new(found).lines() {
        let line = line?;
        let (digest, member) = line.split_once("  ").context("a line without a name")?;
        let mut other = String::new();
        (&mut said).take(LINE).read_line(&mut other).context("SHA256SUMS cannot be read")?;
        match other.trim_end_matches('\n').split_once("  ") {
            Some((_, name)) if name != member => bail!("{member} is not where SHA256SUMS has it"),
            Some((said, _)) if said == digest => {}
            Some(_) => bail!("{member} is not what it was: its digest is another"),
            None => bail!("SHA256SUMS says nothing of {member}"),
        }
    }
    ensure!(said.fill_buf()?.is_empty(), "SHA256SUMS names members that are not there");
    Ok(())
}

/// Digests what is written.
struct Digesting {
    into: Box<dyn Write>,
    digest: Sha256,
}

impl Write for Digesting {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.into.write(buffer)?;
        self.digest.update(&buffer[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.into.flush()
    }
}

/// Takes zeros, and nothing else.
struct OnlyZeros;

impl Write for OnlyZeros {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        if buffer.iter().any(|byte| *byte != 0) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "there is something after the end"));
        }
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
