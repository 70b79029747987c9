//! Putting what was in an archive into the data folder, so that there is the old or the new, whenever the power goes.
//!
//! All of it happens within the data folder, which may be a volume of its own that cannot be renamed. The archive is
//! unpacked into a folder beside what is there. When all is there and on the disk, that folder gets the name that says
//! so: from then on the new is what counts. What was there moves aside, what was unpacked moves in; whoever finds this
//! half done (a restore that was killed is followed by some start) carries on.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};

use super::packing::sync_folder;
use crate::{instance, machine};

/// All names of what we put into the data folder begin so.
const OURS: &str = ".restore-";
const LOCK: &str = ".restore-lock";
/// Being filled; worth nothing if nobody holds the lock.
const UNPACKING: &str = ".restore-unpacking";
/// Whole: what is there has to move aside. The time of the restore follows.
const READY: &str = ".restore-ready-";
/// What was there has moved aside: the new moves in. The time follows.
const MOVING: &str = ".restore-moving-";
/// What was there. The time follows.
const ASIDE: &str = "before-restore-";

/// A restore that may still be given up: dropping it leaves the data folder as it was.
pub struct Placing {
    data: PathBuf,
    lock: File,
}

impl Placing {
    /// Begins: makes the folder if it is missing, and waits for nobody. Refused if a server runs on it, or another
    /// restore; if something is in it, unless `force`; and if what is in it cannot be moved aside, since it is mounted there.
    pub fn begin(data: &Path, force: bool) -> anyhow::Result<Self> {
        let failed = || format!("the data folder {} cannot be used", data.display());
        fs::create_dir_all(data).with_context(failed)?;
        let lock = lock_file(data).with_context(failed)?;
        ensure!(lock.try_lock().is_ok(), "another restore is under way in {}", data.display());
        carry_on(data)?;
        remove(&data.join(UNPACKING)).with_context(failed)?;
        unused(data)?;
        let there = entries(data)?;
        // Later would be too late: a start that cannot end the restore is no start.
        for entry in &there {
            let path = data.join(entry);
            ensure!(
                !machine::is_mounted(&path).with_context(failed)?,
                "{} is mounted there by itself, and cannot be moved aside. Unmount it, restore, move what is then in {} to \
                 where it was mounted from, and mount that again",
                path.display(),
                path.display()
            );
        }
        if !force && let Some(found) = there.first() {
            bail!(
                "{} is not empty: it has {found}. With --force what is there is moved aside, into a folder in it",
                data.display()
            );
        }
        fs::create_dir(data.join(UNPACKING)).with_context(failed)?;
        Ok(Self { data: data.to_owned(), lock })
    }

    /// Where to unpack to: what is in it will be in the data folder.
    pub fn folder(&self) -> PathBuf {
        self.data.join(UNPACKING)
    }

    /// Makes what was unpacked the data, and answers where the old is, if there was any. `stamp` is part of its name.
    pub fn commit(self, stamp: &str) -> anyhow::Result<Option<PathBuf>> {
        sync_all(&self.data).context("what was unpacked cannot be brought to the disk")?;
        let ready = self.data.join(format!("{READY}{stamp}"));
        fs::rename(self.folder(), &ready)?;
        sync_folder(&self.data)?;
        // A server that starts says that it is there, and then looks for a restore; we do it the other way round. So one
        // of the two sees the other.
        if let Err(in_use) = unused(&self.data) {
            fs::rename(&ready, self.folder())?;
            return Err(in_use);
        }
        carry_on(&self.data)?;
        self.lock.unlock()?;
        let aside = self.data.join(format!("{ASIDE}{stamp}"));
        Ok(aside.exists().then_some(aside))
    }
}

impl Drop for Placing {
    fn drop(&mut self) {
        // The next restore tries again.
        let _ = fs::remove_dir_all(self.folder());
    }
}

/// Whether a restore has begun to change the data, and not ended.
pub fn is_placing(data: &Path) -> io::Result<bool> {
    Ok(under_way(data)?.is_some())
}

/// Ends a restore that was killed after it had begun to change the data, so that the new is there and not a mixture; one
/// that still runs is waited for. To be called before anything of the data folder is used.
pub fn finish_placing(data: &Path) -> anyhow::Result<()> {
    let failed = || format!("a restore into {} cannot be ended", data.display());
    if under_way(data).with_context(failed)?.is_none() {
        return Ok(());
    }
    let lock = lock_file(data).with_context(failed)?;
    lock.lock().with_context(failed)?;
    carry_on(data).with_context(failed)
}

/// Each step leaves a state that this goes on from.
fn carry_on(data: &Path) -> anyhow::Result<()> {
    while let Some(name) = under_way(data)? {
        let from = data.join(&name);
        if let Some(stamp) = name.strip_prefix(READY) {
            let aside = data.join(format!("{ASIDE}{stamp}"));
            for entry in entries(data)? {
                fs::create_dir_all(&aside)?;
                fs::rename(data.join(&entry), aside.join(&entry))?;
            }
            sync_folder(data)?;
            fs::rename(&from, data.join(format!("{MOVING}{stamp}")))?;
        } else {
            for entry in fs::read_dir(&from)? {
                let entry = entry?;
                fs::rename(entry.path(), data.join(entry.file_name()))?;
            }
            sync_folder(data)?;
            fs::remove_dir(&from)?;
        }
        sync_folder(data)?;
    }
    Ok(())
}

/// The folder that says how far a restore has come.
fn under_way(data: &Path) -> io::Result<Option<String>> {
    let is_one = |name: &String| name.starts_with(READY) || name.starts_with(MOVING);
    Ok(names(data)?.into_iter().find(is_one))
}

/// What is in the data folder but for what restores put there, and what file systems do.
fn entries(data: &Path) -> anyhow::Result<Vec<String>> {
    let mut entries = names(data)?;
    entries.retain(|name| !name.starts_with(OURS) && !name.starts_with(ASIDE) && name != "lost+found");
    Ok(entries)
}

/// In order; a folder that is not there has none.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let found = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        found => found?,
    };
    let mut names = Vec::new();
    for entry in found {
        let name = entry?.file_name().into_string();
        names.push(name.map_err(|name| io::Error::other(format!("{} is no Unicode name", name.display())))?);
    }
    names.sort();
    Ok(names)
}

fn unused(data: &Path) -> anyhow::Result<()> {
    ensure!(!instance::is_in_use(data)?, "a server runs on {}: stop it first", data.display());
    Ok(())
}

fn lock_file(data: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).open(data.join(LOCK))
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Everything of the file system, at once: file by file takes many times as long.
fn sync_all(folder: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::fs::syncfs(File::open(folder)?)?;
    #[cfg(not(target_os = "linux"))]
    for file in files(folder)? {
        File::open(file)?.sync_all()?;
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { files.extend(self::files(&path)?) } else { files.push(path) }
    }
    Ok(files)
}

#[cfg(test)]
mod tests;
