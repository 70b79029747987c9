//! Archives byte by byte, since no library writes what an attacker writes.

use std::io::Write;

use flate2::{Compression, Crc, GzBuilder, write::DeflateEncoder};

/// An entry of a zip, as the directory at the end has it.
#[derive(Clone)]
pub struct ZipEntry {
    pub name: Vec<u8>,
    /// What stands in front of the content, if that is another name.
    pub local_name: Option<Vec<u8>>,
    pub flags: u16,
    pub method: u16,
    pub crc: u32,
    pub packed: Vec<u8>,
    pub size: u32,
    pub local_size: Option<u32>,
    pub mode: u32,
    pub extra: Vec<u8>,
    /// Where it begins, if not where it does.
    pub start: Option<u32>,
}

pub fn deflated(content: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

pub fn crc(content: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(content);
    crc.sum()
}

impl ZipEntry {
    pub fn new(name: impl AsRef<[u8]>, content: &[u8]) -> Self {
        Self {
            name: name.as_ref().to_vec(),
            local_name: None,
            flags: 0,
            method: 8,
            crc: crc(content),
            packed: deflated(content),
            size: u32::try_from(content.len()).unwrap(),
            local_size: None,
            mode: 0o100_644,
            extra: Vec::new(),
            start: None,
        }
    }
}

#[derive(Default)]
pub struct Zip {
    pub entries: Vec<ZipEntry>,
    pub comment: Vec<u8>,
    /// Added to the count of entries that the end tells.
    pub more: i32,
}

impl Zip {
    pub fn file(self, name: &str, content: &[u8]) -> Self {
        self.entry(ZipEntry::new(name, content))
    }

    pub fn entry(mut self, entry: ZipEntry) -> Self {
        self.entries.push(entry);
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut directory = Vec::new();
        for entry in &self.entries {
            let start = entry.start.unwrap_or(u32::try_from(out.len()).unwrap());
            let packed = u32::try_from(entry.packed.len()).unwrap();
            let middle = |size: u32, name: &[u8]| {
                let mut out = Vec::new();
                out.extend(entry.flags.to_le_bytes());
                out.extend(entry.method.to_le_bytes());
                out.extend([0; 4]);
                out.extend(entry.crc.to_le_bytes());
                out.extend(packed.to_le_bytes());
                out.extend(size.to_le_bytes());
                out.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
                out
            };
            if entry.start.is_none() {
                let name = entry.local_name.as_ref().unwrap_or(&entry.name);
                out.extend(b"PK\x03\x04\x14\x00");
                out.extend(middle(entry.local_size.unwrap_or(entry.size), name));
                out.extend([0; 2]);
                out.extend(name);
                out.extend(&entry.packed);
            }
            directory.extend(b"PK\x01\x02\x14\x03\x14\x00");
            directory.extend(middle(entry.size, &entry.name));
            directory.extend(u16::try_from(entry.extra.len()).unwrap().to_le_bytes());
            directory.extend([0; 6]);
            directory.extend((entry.mode << 16).to_le_bytes());
            directory.extend(start.to_le_bytes());
            directory.extend(&entry.name);
            directory.extend(&entry.extra);
        }
        let start = u32::try_from(out.len()).unwrap();
        out.extend(&directory);
        let count = u16::try_from(i32::try_from(self.entries.len()).unwrap() + self.more).unwrap();
        out.extend(b"PK\x05\x06\x00\x00\x00\x00");
        out.extend([count.to_le_bytes(), count.to_le_bytes()].concat());
        out.extend(u32::try_from(directory.len()).unwrap().to_le_bytes());
        out.extend(start.to_le_bytes());
        out.extend(u16::try_from(self.comment.len()).unwrap().to_le_bytes());
        out.extend(&self.comment);
        out
    }
}

/// A tar, header by header.
#[derive(Default)]
pub struct Tar(pub Vec<u8>);

impl Tar {
    /// An entry of any kind whose header says any size.
    pub fn raw(mut self, kind: u8, name: &[u8], size: u64, content: &[u8]) -> Self {
        let mut header = tar::Header::new_ustar();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name);
        header.set_entry_type(tar::EntryType::new(kind));
        header.set_mode(0o644);
        header.set_size(size);
        header.set_cksum();
        self.0.extend(header.as_bytes());
        self.0.extend(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    pub fn file(self, name: impl AsRef<[u8]>, content: &[u8]) -> Self {
        self.raw(b'0', name.as_ref(), content.len() as u64, content)
    }

    /// A description of the next entry.
    pub fn pax(self, kind: u8, key: &str, value: &[u8]) -> Self {
        let rest = [b" ", key.as_bytes(), b"=", value, b"\n"].concat();
        let length = (1..9).find(|digits| (rest.len() + digits).to_string().len() == *digits).unwrap() + rest.len();
        let content = [length.to_string().into_bytes(), rest].concat();
        self.raw(kind, b"pax", content.len() as u64, &content)
    }

    pub fn bytes(mut self) -> Vec<u8> {
        self.0.extend([0; 1024]);
        self.0
    }
}

pub fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzBuilder::new().write(Vec::new(), Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}
