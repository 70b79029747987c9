//! Mail into files.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use lyceum_domain::{
    ids::OutboxMailId,
    mail::{Mail, MailError, Mailer},
};
use tokio::task;

use crate::{
    message::{self, Transfer},
    sender::Sender,
};

/// Puts each mail into a file of its own, for development and tests: `{microseconds since 1970}-{id of the mail}.eml`,
/// so that the names sort by time. The log says where.
///
/// The folder is made when the first mail comes, for its owner alone, as the files are: they hold tokens. A file
/// appears under its name when it is whole. Neither text nor HTML is encoded unless a line is longer than mail may have, so
/// that a link can be found with `grep`.
#[derive(Debug, Clone)]
pub struct FolderMailer {
    folder: PathBuf,
    from: Sender,
}

impl FolderMailer {
    /// Mail into `folder`.
    pub fn new(folder: impl Into<PathBuf>, from: Sender) -> Self {
        Self { folder: folder.into(), from }
    }

    /// Does `work` on the folder, on a thread that may block.
    async fn with_folder<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, MailError> {
        let folder = self.folder.clone();
        let done = task::spawn_blocking(move || {
            make(&folder)?;
            work(&folder)
        });
        done.await
            .map_err(|broken| MailError::Unavailable(broken.into()))?
            .map_err(|error| MailError::Unavailable(error.into()))
    }
}

#[async_trait]
impl Mailer for FolderMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        message::check(mail)?;
        let bytes = message::build(mail, &self.from, Transfer::EightBit)?.formatted();
        let name = file_name(mail.id);
        let path = self.with_folder(move |folder| put(folder, &name, &bytes)).await?;
        tracing::info!(path = %path.display(), "a mail was put into the folder");
        Ok(())
    }

    /// Makes the folder and a file in it, which it removes again.
    async fn check(&self) -> Result<(), MailError> {
        let name = format!(".{:016}.check", later_micros());
        self.with_folder(move |folder| {
            let path = folder.join(name);
            create(&path)?;
            fs::remove_file(path)
        })
        .await
    }
}

/// Names the file of an attempt to send a mail.
fn file_name(id: OutboxMailId) -> String {
    format!("{:016}-{id}.eml", later_micros())
}

/// Microseconds since 1970, and never the same or fewer than this process was told before.
fn later_micros() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = u64::try_from(since_1970.as_micros()).unwrap_or(u64::MAX);
    let later = |last: u64| now.max(last.saturating_add(1));
    let last = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(later(last)));
    later(last.unwrap_or_else(|last| last))
}

fn make(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Writes beside and renames, so that nobody reads half a mail.
fn put(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
    let part = folder.join(format!(".{name}.part"));
    let path = folder.join(name);
    let written = create(&part).and_then(|mut file| file.write_all(bytes)).and_then(|()| fs::rename(&part, &path));
    if written.is_err() {
        // What is left of it is of no use; that the disk is full matters more than that this fails, too.
        let _ = fs::remove_file(&part);
    }
    written.map(|()| path)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_go_up() {
        let id: OutboxMailId = "01890a5d-ac96-774b-bcce-b302099a8057".parse().expect("an id");
        let names: Vec<_> = (0..1000).map(|_| file_name(id)).collect();
        assert!(names.is_sorted());
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), 1000);
    }
}
