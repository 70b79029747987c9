//! Which servers of this data folder are alive. Each holds a lock on a file of its own as long as it lives: the system lets
//! go of it however a process ends, so the next one to start knows at once whose answers nobody gives any more. Servers
//! with another data folder are taken for gone when they fall silent.

use std::{
    fs::{self, File, TryLockError},
    io,
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
        let entered = File::create_new(&draft)
            .and_then(|file| file.lock().and_then(|()| fs::rename(&draft, &path)).map(|()| file));
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
            if id != self.id && is_unlocked(&path)? {
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

impl Drop for Instance {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.folder.join(self.id.to_string()));
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
        // As a killed process leaves it: the file is there, and nobody holds it.
        let path = folder.path().join("instances").join(id.to_string());
        drop(first);
        fs::write(&path, "").expect("written");
        fs::write(folder.path().join("instances/README"), "").expect("written");
        assert_eq!(second.gone().expect("read"), [id]);
        second.forget(&[id]);
        assert_eq!(second.gone().expect("read"), vec![]);
        assert!(!path.exists());
    }
}
