//! The zip format, read strictly.
//!
//! A zip says everything twice: in front of each entry, and in the directory at its end. Programs differ in whom they
//! believe, and archives made for harm live on that. Here both must say the same, entries must not lie over each
//! other, and nothing may stand behind the end.

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use flate2::{CrcReader, bufread::DeflateDecoder};

use crate::archive::{
    entries::Kind,
    unpacking::{Admitted, Bad, Halt, Unpacking},
};

const LOCAL: [u8; 4] = *b"PK\x03\x04";
const CENTRAL: [u8; 4] = *b"PK\x01\x02";
const END: [u8; 4] = *b"PK\x05\x06";
const END_64: [u8; 4] = *b"PK\x06\x06";
const LOCATOR_64: [u8; 4] = *b"PK\x06\x07";

const END_BYTES: usize = 22;
const END_64_BYTES: usize = 56;
const LOCATOR_64_BYTES: usize = 20;
const LOCAL_BYTES: u64 = 30;

/// Ways to say that an entry is encrypted.
const ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;
/// Checksum and sizes stand behind the entry.
const LATER: u16 = 1 << 3;
/// Programs do differ in the others, which only give advice.
const FLAGS_THAT_MATTER: u16 = ENCRYPTED | LATER;

const DAMAGED: &str = "it is damaged";
const CUT: &str = "it ends too early, or something follows its end";
const DISAGREES: &str = "what stands in front of it and the archive's directory do not agree";

/// Whether the bytes begin a zip.
pub(super) fn is_one(first: &[u8]) -> bool {
    first.starts_with(&LOCAL) || first.starts_with(&END)
}

/// An entry of the directory.
struct Entry {
    name: Vec<u8>,
    flags: u16,
    method: u16,
    crc: u32,
    packed: u64,
    size: u64,
    /// Where what stands in front of it begins.
    start: u64,
    mode: u32,
}

/// Where the directory is.
struct Directory {
    start: u64,
    end: u64,
    entries: u64,
}

/// Why a part of the archive was not read.
enum Fault {
    Io(io::Error),
    Reason(&'static str),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        // Lengths were checked against the file's own, so an end comes only where a length lies.
        if error.kind() == io::ErrorKind::UnexpectedEof { Self::Reason(DAMAGED) } else { Self::Io(error) }
    }
}

fn halt(target: &mut Unpacking<'_>, fault: Fault) -> Halt {
    match fault {
        Fault::Io(error) => Halt::Io(error),
        Fault::Reason(reason) => target.halt(reason),
    }
}

/// Unpacks all entries.
pub(super) fn unpack<R: Read + Seek>(file: &mut BufReader<R>, target: &mut Unpacking<'_>) -> Result<(), Halt> {
    let directory = directory(file).map_err(|fault| halt(target, fault))?;
    file.seek(SeekFrom::Start(directory.start)).map_err(Halt::Io)?;
    let mut listing = file.by_ref().take(directory.end - directory.start);
    let mut admitted = Vec::new();
    for _ in 0..directory.entries {
        target.count()?;
        let entry = listed(&mut listing, &directory).map_err(|fault| halt(target, fault))?;
        let to = judge(&entry, target)?;
        // One fault is enough to keep no more of a directory that may be all of the archive.
        if !target.is_refused() {
            admitted.push((entry, to));
        }
    }
    if listing.limit() > 0 {
        return Err(target.halt("its directory holds more than it says"));
    }
    if target.is_refused() {
        return Err(Halt::Refused);
    }
    let starts = contents(file, &admitted, &directory, target)?;
    if target.is_refused() {
        return Err(Halt::Refused);
    }
    for ((entry, to), start) in admitted.iter().zip(starts) {
        if matches!(to, Admitted::File(_)) {
            file.seek(SeekFrom::Start(start)).map_err(Halt::Io)?;
            extract(file, entry, to, target)?;
        }
    }
    Ok(())
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).and_then(|b| b.try_into().ok()).map_or(0, u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|b| b.try_into().ok()).map_or(0, u64::from_le_bytes)
}

/// Reads the end of the archive, which says where its directory is.
fn directory<R: Read + Seek>(file: &mut R) -> Result<Directory, Fault> {
    let length = file.seek(SeekFrom::End(0))?;
    let tail_start = length.saturating_sub((END_BYTES + LOCATOR_64_BYTES) as u64 + u64::from(u16::MAX));
    file.seek(SeekFrom::Start(tail_start))?;
    let mut tail = Vec::new();
    file.by_ref().take(length - tail_start).read_to_end(&mut tail)?;
    // The end may have a comment behind it, whose length it says.
    let is_end = |at: &usize| {
        let end = &tail[*at..];
        end.starts_with(&END) && end.len() >= END_BYTES && usize::from(u16_at(end, 20)) == end.len() - END_BYTES
    };
    let mut ends = (0..tail.len()).rev().filter(is_end);
    let at = ends.next().ok_or(Fault::Reason(CUT))?;
    if ends.next().is_some() {
        return Err(Fault::Reason("it has two ends"));
    }
    let end = &tail[at..];
    let at_in_file = tail_start + at as u64;
    let mut directory = Directory { start: u32_at(end, 16).into(), end: at_in_file, entries: u16_at(end, 10).into() };
    let mut bytes = u64::from(u32_at(end, 12));
    let one_disk = u32_at(end, 4) == 0 && u16_at(end, 8) == u16_at(end, 10);
    if !one_disk {
        return Err(Fault::Reason("it is one part of several"));
    }
    let locator = at.checked_sub(LOCATOR_64_BYTES).map(|before| &tail[before..at]);
    if let Some(locator) = locator.filter(|locator| locator.starts_with(&LOCATOR_64)) {
        let start = u64_at(locator, 8);
        let locator_start = at_in_file - LOCATOR_64_BYTES as u64;
        if locator_start.checked_sub(END_64_BYTES as u64) != Some(start) {
            return Err(Fault::Reason("its 64-bit end is not where it says"));
        }
        file.seek(SeekFrom::Start(start))?;
        let mut large = [0; END_64_BYTES];
        file.read_exact(&mut large)?;
        let entries = u64_at(&large, 32);
        let one_disk = u64_at(&large, 16) == 0 && u64_at(&large, 24) == entries;
        let (large_bytes, large_start) = (u64_at(&large, 40), u64_at(&large, 48));
        let agree = |small: u64, most: u64, large: u64| small == most || small == large;
        let good = large.starts_with(&END_64)
            && one_disk
            && agree(directory.entries, u16::MAX.into(), entries)
            && agree(bytes, u32::MAX.into(), large_bytes)
            && agree(directory.start, u32::MAX.into(), large_start);
        if !good {
            return Err(Fault::Reason("its two ends do not agree"));
        }
        directory = Directory { start: large_start, end: start, entries };
        bytes = large_bytes;
    }
    if directory.start.checked_add(bytes) != Some(directory.end) {
        return Err(Fault::Reason("its directory is not where it says"));
    }
    Ok(directory)
}

/// Reads the next entry of the directory.
fn listed(listing: &mut dyn Read, directory: &Directory) -> Result<Entry, Fault> {
    let mut fixed = [0; 46];
    listing.read_exact(&mut fixed)?;
    if !fixed.starts_with(&CENTRAL) {
        return Err(Fault::Reason(DAMAGED));
    }
    let mut name = vec![0; u16_at(&fixed, 28).into()];
    listing.read_exact(&mut name)?;
    let mut extra = vec![0; u16_at(&fixed, 30).into()];
    listing.read_exact(&mut extra)?;
    io::copy(&mut listing.take(u16_at(&fixed, 32).into()), &mut io::sink())?;

    // Numbers too large for their field stand in the 64-bit field, in this order.
    let mut large = large_numbers(&extra)?.into_iter();
    let mut number = |small: u32| match small {
        u32::MAX => large.next().ok_or(Fault::Reason("an entry lacks its 64-bit sizes")),
        small => Ok(u64::from(small)),
    };
    let size = number(u32_at(&fixed, 24))?;
    let packed = number(u32_at(&fixed, 20))?;
    let start = number(u32_at(&fixed, 42))?;
    if u16_at(&fixed, 34) != 0 {
        return Err(Fault::Reason("it is one part of several"));
    }
    if start >= directory.start {
        return Err(Fault::Reason(DAMAGED));
    }
    Ok(Entry {
        name,
        flags: u16_at(&fixed, 8),
        method: u16_at(&fixed, 10),
        crc: u32_at(&fixed, 16),
        packed,
        size,
        start,
        mode: u32_at(&fixed, 38) >> 16,
    })
}

/// The numbers of the 64-bit field among the extra ones; none if there is no such field.
fn large_numbers(mut extra: &[u8]) -> Result<Vec<u64>, Fault> {
    let mut found = None;
    while extra.len() >= 4 {
        let (id, length) = (u16_at(extra, 0), usize::from(u16_at(extra, 2)));
        let Some(field) = extra.get(4..4 + length) else { return Err(Fault::Reason(DAMAGED)) };
        if id == 1 && found.replace(field.chunks_exact(8).map(|number| u64_at(number, 0)).collect()).is_some() {
            return Err(Fault::Reason("an entry has its 64-bit sizes twice"));
        }
        extra = &extra[4 + length..];
    }
    Ok(found.unwrap_or_default())
}

/// Decides about an entry by what the directory says of it.
fn judge(entry: &Entry, target: &mut Unpacking<'_>) -> Result<Admitted, Halt> {
    let is_folder = entry.name.ends_with(b"/");
    let reason = match entry.mode & 0o170_000 {
        0o120_000 => Some("it is a symbolic link"),
        0o020_000 | 0o060_000 => Some("it is a device"),
        0o010_000 => Some("it is a pipe"),
        0o040_000 if is_folder => None,
        0o100_000 if !is_folder => None,
        0 => None,
        _ => Some("it is neither a file nor a folder"),
    };
    let reason = reason.or(match entry.method {
        _ if entry.flags & ENCRYPTED != 0 || entry.method == 99 => Some("it is encrypted"),
        _ if entry.flags & 1 << 5 != 0 => Some("it is a change to another archive's file"),
        _ if is_folder && entry.size > 0 => Some("it is a folder with content"),
        0 if entry.packed != entry.size => Some("it has two sizes"),
        0 | 8 => None,
        _ => Some("the method by which it is compressed is not known"),
    });
    if let Some(reason) = reason {
        target.entry_fault(&entry.name, reason);
        return Ok(Admitted::Nothing);
    }
    target.admit(&entry.name, if is_folder { Kind::Folder } else { Kind::File }, entry.size)
}

/// Where the content of each entry begins. What stands in front of it must agree with the directory, and no two may
/// lie over each other.
fn contents<R: Read + Seek>(
    file: &mut BufReader<R>,
    entries: &[(Entry, Admitted)],
    directory: &Directory,
    target: &mut Unpacking<'_>,
) -> Result<Vec<u64>, Halt> {
    let mut starts = Vec::with_capacity(entries.len());
    let mut ranges = Vec::with_capacity(entries.len());
    for (entry, _) in entries {
        match local(file, entry) {
            Ok(start) => {
                starts.push(start);
                ranges.push((entry.start, start.saturating_add(entry.packed), &entry.name));
            }
            Err(Fault::Io(error)) => return Err(Halt::Io(error)),
            Err(Fault::Reason(reason)) => {
                target.entry_fault(&entry.name, reason);
                starts.push(directory.end);
            }
        }
    }
    ranges.sort_unstable();
    let nexts = ranges.iter().skip(1).map(|(start, ..)| *start).chain([directory.start]);
    for ((_, end, name), next) in ranges.iter().zip(nexts) {
        if *end > next {
            target.entry_fault(name, "it lies over something else in the archive");
        }
    }
    if ranges.first().is_some_and(|(start, ..)| *start != 0) {
        target.fault("something stands before its first entry");
    }
    Ok(starts)
}

/// Checks what stands in front of an entry; says where its content begins.
fn local<R: Read + Seek>(file: &mut BufReader<R>, entry: &Entry) -> Result<u64, Fault> {
    file.seek(SeekFrom::Start(entry.start))?;
    let mut fixed = [0; 30];
    file.read_exact(&mut fixed)?;
    let (name_length, extra_length) = (u16_at(&fixed, 26), u16_at(&fixed, 28));
    let mut name = vec![0; name_length.into()];
    file.read_exact(&mut name)?;
    let mut extra = vec![0; extra_length.into()];
    file.read_exact(&mut extra)?;
    let large = large_numbers(&extra)?;
    // Whoever writes in one go knows checksum and sizes only afterwards, and leaves them out here.
    let is_later = entry.flags & LATER != 0;
    let sizes = [(22, entry.size), (18, entry.packed)].into_iter().enumerate().all(|(index, (at, said))| {
        let here = u32_at(&fixed, at);
        match here {
            u32::MAX => large.get(index).is_some_and(|large| *large == said || is_later && *large == 0),
            here => u64::from(here) == said || is_later && here == 0,
        }
    });
    let crc = u32_at(&fixed, 14);
    let agrees = fixed.starts_with(&LOCAL)
        && name == entry.name
        && (u16_at(&fixed, 6) ^ entry.flags) & FLAGS_THAT_MATTER == 0
        && u16_at(&fixed, 8) == entry.method
        && (crc == entry.crc || is_later && crc == 0)
        && sizes;
    if !agrees {
        return Err(Fault::Reason(DISAGREES));
    }
    Ok(entry.start + LOCAL_BYTES + u64::from(name_length) + u64::from(extra_length))
}

/// Unpacks the entry whose content begins here.
fn extract<R: Read>(
    file: &mut BufReader<R>,
    entry: &Entry,
    to: &Admitted,
    target: &mut Unpacking<'_>,
) -> Result<(), Halt> {
    let mut packed = file.take(entry.packed);
    // One byte more than it says is enough to know that it lies.
    let most = entry.size.saturating_add(1);
    let (written, crc) = if entry.method == 0 {
        write(&mut packed, most, entry, to, target)
    } else {
        write(&mut DeflateDecoder::new(&mut packed), most, entry, to, target)
    }?;
    let Some(written) = written else { return Ok(()) };
    let reason = if written != entry.size || packed.limit() > 0 {
        "it is not as long as it says"
    } else if crc != entry.crc {
        "its checksum is wrong"
    } else {
        return Ok(());
    };
    target.entry_fault(&entry.name, reason);
    Ok(())
}

/// Writes at most `most` bytes; `None` if they could not be read. With their checksum.
fn write(
    content: &mut dyn Read,
    most: u64,
    entry: &Entry,
    to: &Admitted,
    target: &mut Unpacking<'_>,
) -> Result<(Option<u64>, u32), Halt> {
    let mut content = CrcReader::new(content.take(most));
    let written = match target.write(&entry.name, to, &mut content) {
        Ok(written) => Some(written),
        Err(Bad::Source(error)) if is_damage(&error) => {
            target.entry_fault(&entry.name, DAMAGED);
            None
        }
        Err(Bad::Source(error)) => return Err(Halt::Io(error)),
        Err(Bad::Halt(halt)) => return Err(halt),
    };
    Ok((written, content.crc().sum()))
}

/// Whether decompressing failed, and not the disk.
fn is_damage(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
}
