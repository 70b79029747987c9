//! What a book is written into.

use std::{
    fs::{self, OpenOptions},
    io::{self, Seek, Write},
    path::{Path, PathBuf},
};

use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use crate::export::ExportError;

/// Takes files. Their paths are plain names with `/` between them.
pub(super) trait Sink {
    fn file(&mut self, path: &str, bytes: &[u8]) -> io::Result<()>;
}

pub(super) struct ZipSink<W: Write + Seek>(ZipWriter<W>);

impl<W: Write + Seek> ZipSink<W> {
    pub(super) fn new(out: W) -> Self {
        Self(ZipWriter::new(out))
    }

    pub(super) fn finish(self) -> io::Result<()> {
        self.0.finish()?.flush()
    }
}

impl<W: Write + Seek> Sink for ZipSink<W> {
    fn file(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        // No time: the same course gives the same bytes.
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(zip::DateTime::DEFAULT)
            .unix_permissions(0o644);
        self.0.start_file(path, options)?;
        self.0.write_all(bytes)
    }
}

pub(super) struct FolderSink(PathBuf);

impl FolderSink {
    pub(super) fn new(folder: &Path) -> Result<Self, ExportError> {
        fs::create_dir_all(folder)?;
        if fs::read_dir(folder)?.next().is_some() {
            return Err(ExportError::NotEmpty);
        }
        Ok(Self(folder.to_owned()))
    }
}

impl Sink for FolderSink {
    fn file(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.0.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        OpenOptions::new().write(true).create_new(true).open(path)?.write_all(bytes)
    }
}
