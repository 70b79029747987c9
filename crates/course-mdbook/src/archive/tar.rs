//! The tar format, read strictly: files and folders, with the long names of GNU and of POSIX, and nothing else.

use std::io::{self, Read};

use ::tar::{EntryType, Header};

use crate::archive::{
    entries::Kind,
    unpacking::{Admitted, Bad, Halt, Unpacking},
};

/// Everything in a tar is made of blocks of this many bytes.
pub(super) const BLOCK: usize = 512;

/// The most that the description of one entry may take.
const MAX_DESCRIPTION: u64 = 64 * 1024;

const CUT: &str = "it ends too early: the rest is missing";
const DAMAGED: &str = "it is damaged";

/// Whether the bytes begin a tar.
pub(super) fn is_one(first: &[u8]) -> bool {
    first.get(..BLOCK).is_some_and(is_header)
}

fn is_header(block: &[u8]) -> bool {
    let header = Header::from_byte_slice(block);
    // The sum is made as if its own field held spaces.
    let sum = block.iter().enumerate().map(|(at, b)| u32::from(if (148..156).contains(&at) { b' ' } else { *b }));
    header.cksum().is_ok_and(|said| said == sum.sum::<u32>())
}

/// What was said about the next entry ahead of it.
#[derive(Default)]
struct Ahead {
    gnu_name: Option<Vec<u8>>,
    pax: Option<Pax>,
    gnu_link: bool,
}

impl Ahead {
    fn is_empty(&self) -> bool {
        self.gnu_name.is_none() && self.pax.is_none() && !self.gnu_link
    }
}

#[derive(Default)]
struct Pax {
    path: Option<Vec<u8>>,
    size: Option<u64>,
    is_link: bool,
    is_sparse: bool,
}

/// Unpacks all entries.
pub(super) fn unpack(source: &mut dyn Read, target: &mut Unpacking<'_>) -> Result<(), Halt> {
    let mut ahead = Ahead::default();
    let mut block = [0; BLOCK];
    let mut is_first = true;
    loop {
        match read_full(source, &mut block) {
            Ok(true) => {}
            Ok(false) => return Err(target.halt(CUT)),
            Err(error) => return Err(broken(target, &error)),
        }
        target.spend(BLOCK as u64)?;
        if block.iter().all(|b| *b == 0) && !is_first {
            break;
        }
        if !is_header(&block) {
            return Err(target.halt(if is_first { "what was compressed is no tar archive" } else { DAMAGED }));
        }
        is_first = false;
        target.count()?;
        let header = Header::from_byte_slice(&block);
        let Ok(size) = header.entry_size() else { return Err(target.halt(DAMAGED)) };
        entry(header, size, &mut ahead, source, target)?;
    }
    if !ahead.is_empty() {
        return Err(target.halt(DAMAGED));
    }
    // After its end a tar is filled up with zeros.
    loop {
        let read = match source.read(&mut block) {
            Ok(0) => return Ok(()),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(broken(target, &error)),
        };
        target.spend(read as u64)?;
        if block[..read].iter().any(|b| *b != 0) {
            return Err(target.halt("something follows its end"));
        }
    }
}

fn entry(
    header: &Header,
    size: u64,
    ahead: &mut Ahead,
    source: &mut dyn Read,
    target: &mut Unpacking<'_>,
) -> Result<(), Halt> {
    let own_name = header.path_bytes();
    let kind = header.entry_type();
    match kind {
        EntryType::GNULongName | EntryType::GNULongLink => {
            let mut name = description(size, source, target)?;
            if let Some(end) = name.iter().position(|b| *b == 0) {
                name.truncate(end);
            }
            if kind == EntryType::GNULongLink {
                ahead.gnu_link = true;
            } else if ahead.gnu_name.replace(name).is_some() {
                return Err(target.halt(DAMAGED));
            }
            return Ok(());
        }
        EntryType::XHeader => {
            let pax = pax(&description(size, source, target)?).ok_or_else(|| target.halt(DAMAGED))?;
            if ahead.pax.replace(pax).is_some() {
                return Err(target.halt(DAMAGED));
            }
            return Ok(());
        }
        EntryType::XGlobalHeader => {
            let pax = pax(&description(size, source, target)?).ok_or_else(|| target.halt(DAMAGED))?;
            if pax.path.is_some() || pax.size.is_some() || pax.is_link || pax.is_sparse {
                return Err(target.halt("it says one path or size for all of its entries"));
            }
            return Ok(());
        }
        _ => {}
    }
    let Ahead { gnu_name, pax, gnu_link } = std::mem::take(ahead);
    let pax = pax.unwrap_or_default();
    let name = pax.path.or(gnu_name).unwrap_or_else(|| own_name.into_owned());
    let name = &name[..];
    if pax.size.is_some_and(|said| said != size) {
        target.entry_fault(name, "it has two sizes");
        return Err(Halt::Refused);
    }
    let refused = match kind {
        _ if pax.is_sparse || kind == EntryType::GNUSparse => Some("it is a file with holes"),
        EntryType::Regular | EntryType::Continuous | EntryType::Directory if pax.is_link || gnu_link => {
            Some("it is a link")
        }
        EntryType::Regular | EntryType::Continuous if name.ends_with(b"/") && size > 0 => {
            Some("it is a folder with content")
        }
        EntryType::Directory if size > 0 => Some("it is a folder with content"),
        EntryType::Regular | EntryType::Continuous | EntryType::Directory => None,
        EntryType::Symlink => Some("it is a symbolic link"),
        EntryType::Link => Some("it is a hard link"),
        EntryType::Char | EntryType::Block => Some("it is a device"),
        EntryType::Fifo => Some("it is a pipe"),
        _ => Some("it is neither a file nor a folder"),
    };
    let admitted = if let Some(reason) = refused {
        target.entry_fault(name, reason);
        Admitted::Nothing
    } else {
        let is_folder = kind == EntryType::Directory || name.ends_with(b"/");
        target.admit(name, if is_folder { Kind::Folder } else { Kind::File }, size)?
    };
    if size > target.limits.max_entry_bytes {
        if refused.is_some() {
            target.entry_fault(name, "it is too large");
        }
        return Err(Halt::Refused);
    }
    let mut content = source.take(size);
    match target.write(name, &admitted, &mut content) {
        Ok(read) if read == size => {}
        Ok(_) => return Err(target.halt(CUT)),
        Err(Bad::Source(error)) => return Err(broken(target, &error)),
        Err(Bad::Halt(halt)) => return Err(halt),
    }
    fill(size, source, target)
}

/// Reads what follows a content up to the next block.
fn fill(size: u64, source: &mut dyn Read, target: &mut Unpacking<'_>) -> Result<(), Halt> {
    let over = usize::try_from(size % BLOCK as u64).unwrap_or_default();
    let mut rest = [0; BLOCK];
    let rest = &mut rest[..if over == 0 { 0 } else { BLOCK - over }];
    match read_full(source, rest) {
        Ok(true) => Ok(()),
        Ok(false) => Err(target.halt(CUT)),
        Err(error) => Err(broken(target, &error)),
    }
}

/// The content of an entry that describes the next one.
fn description(size: u64, source: &mut dyn Read, target: &mut Unpacking<'_>) -> Result<Vec<u8>, Halt> {
    if size > MAX_DESCRIPTION {
        return Err(target.halt(format!("the description of an entry has more than {MAX_DESCRIPTION} bytes")));
    }
    target.spend(size)?;
    let mut content = vec![0; usize::try_from(size).unwrap_or_default()];
    match read_full(source, &mut content) {
        Ok(true) => {}
        Ok(false) => return Err(target.halt(CUT)),
        Err(error) => return Err(broken(target, &error)),
    }
    fill(size, source, target)?;
    Ok(content)
}

/// Lines of the form `length key=value`, where the length counts the whole line. `None` if they are not, or if one
/// that matters is there twice.
fn pax(mut content: &[u8]) -> Option<Pax> {
    let mut pax = Pax::default();
    while !content.is_empty() {
        let digits = content.iter().position(|b| *b == b' ')?;
        let length: usize = std::str::from_utf8(&content[..digits]).ok()?.parse().ok()?;
        let line = content.get(digits + 1..length)?.strip_suffix(b"\n")?;
        content = &content[length..];
        let equals = line.iter().position(|b| *b == b'=')?;
        let (key, value) = (&line[..equals], &line[equals + 1..]);
        let twice = match key {
            b"path" => pax.path.replace(value.to_vec()).is_some(),
            b"size" => pax.size.replace(std::str::from_utf8(value).ok()?.parse().ok()?).is_some(),
            b"linkpath" => std::mem::replace(&mut pax.is_link, true),
            key if key.starts_with(b"GNU.sparse") => {
                pax.is_sparse = true;
                false
            }
            _ => false,
        };
        if twice {
            return None;
        }
    }
    Some(pax)
}

/// Fills the buffer; `false` if the source ends before.
fn read_full(source: &mut dyn Read, buffer: &mut [u8]) -> io::Result<bool> {
    match source.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// The archive could not be read on. gzip says so of what was cut off or changed.
fn broken(target: &mut Unpacking<'_>, error: &io::Error) -> Halt {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => target.halt(CUT),
        _ => target.halt(format!("{DAMAGED}: {error}")),
    }
}
