//! Which servers of this data folder are alive. Each holds a lock on a file of its own as long as it lives: the system lets
//! go of it however a process ends, so the next one to start knows at once whose answers nobody gives any more. The file
//! stays behind, also of one that ended well: it may have left something open. Servers with another data folder are taken
//! for gone when they fall silent, and so are those of other machines, whose locks not every file system shows.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use lyceum_domain::ids::{IdGenerator, InstanceId};

use crate::backup::is_placing;

/// This server among those of its data folder.
pub struct Instance {
    id: InstanceId,
    folder: PathBuf,
    /// Locked until it is dropped.
    _file: File,
}

impl Instance {
    /// Makes a name for this process and locks its file.
    pub fn enter(data_dir: &Path, ids: &dyn IdGenerator) -> anyhow::Result<Self> {
        let folder = data_dir.join("instances");
        fs::create_dir_all(&folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
        let id = InstanceId::new(ids);
        // Locked before it has its name: nobody ever finds it unlocked.
        let (draft, path) = (folder.join(format!(".{id}")), folder.join(id.to_string()));
        let entered = File::create_new(&draft).and_then(|mut file| {
            file.lock()?;
            file.write_all(this_machine().as_bytes())?;
            fs::rename(&draft, &path)?;
            Ok(file)
        });
        let file = entered.with_context(|| format!("the file {} cannot be made and locked", path.display()))?;
        let instance = Self { id, folder, _file: file };
        // Looked for only now: a restore gives way to a server that it sees, and begins before it looks.
        anyhow::ensure!(!is_placing(data_dir)?, "{} is being restored", data_dir.display());
        Ok(instance)
    }

    /// Its name.
    pub fn id(&self) -> InstanceId {
        self.id
    }

    /// Those whose process has ended. They are found until they are [forgotten](Self::forget).
    pub fn gone(&self) -> io::Result<Vec<InstanceId>> {
        let mut gone = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let Some(id) = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok()) else {
                continue;
            };
            if id != self.id && is_unlocked(&path)? && is_from_here(&path) {
                gone.push(id);
            }
        }
        Ok(gone)
    }

    /// Forgets servers whose answers were closed.
    pub fn forget(&self, gone: &[InstanceId]) {
        for id in gone {
            // Somebody else may have been faster.
            let _ = fs::remove_file(self.folder.join(id.to_string()));
        }
    }
}

/// Whether a server of this data folder is alive.
pub fn is_in_use(data_dir: &Path) -> io::Result<bool> {
    let files = match fs::read_dir(data_dir.join("instances")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        files => files?,
    };
    for entry in files {
        let entry = entry?;
        // Drafts too: theirs is about to start. What is gone meanwhile is nobody's any more.
        if entry.file_type()?.is_file() && !is_unlocked(&entry.path())? && entry.path().exists() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A name that this machine has from its start to its end; none where the system has none.
fn this_machine() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default()
}

/// Whether a server of this machine made the file: those of others may seem not to hold theirs.
fn is_from_here(path: &Path) -> bool {
    // Whoever is faster has removed it.
    fs::read_to_string(path).is_ok_and(|machine| machine.is_empty() || machine == this_machine())
}

/// Whether nobody holds the file.
fn is_unlocked(path: &Path) -> io::Result<bool> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ambient::UuidV7Ids;

    #[test]
    fn a_server_is_there_until_its_process_lets_go_of_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = Instance::enter(folder.path(), &UuidV7Ids).expect("entered");
        let second = Instance::enter(folder.path(), &UuidV7Ids).expect("entered");
        assert_eq!((first.gone().expect("read"), second.gone().expect("read")), (vec![], vec![]));
        let id = first.id();
        let path = folder.path().join("instances").join(id.to_string());
        drop(first);
        fs::write(folder.path().join("instances/README"), "").expect("written");
        assert_eq!(second.gone().expect("read"), [id]);
        second.forget(&[id]);
        assert_eq!(second.gone().expect("read"), vec![]);
        assert!(!path.exists());
    }

    /// On a folder that several machines mount without sharing its locks.
    #[test]
    fn a_server_of_another_machine_is_not_taken_for_gone() {
        let folder = tempfile::tempdir().expect("a folder");
        let server = Instance::enter(folder.path(), &UuidV7Ids).expect("entered");
        let (here, there) = (InstanceId::new(&UuidV7Ids), InstanceId::new(&UuidV7Ids));
        let file = |id: InstanceId| folder.path().join("instances").join(id.to_string());
        fs::write(file(here), this_machine()).expect("written");
        fs::write(file(there), "0e95b2d1-5d0c-4b2e-8a0e-d3f2a1b0c9d8\n").expect("written");
        assert_eq!(server.gone().expect("read"), [here]);
    }
}
