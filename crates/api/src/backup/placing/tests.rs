//! Restores that end, are given up, killed, or refused.

use std::{collections::BTreeMap, fs, path::Path};

use tempfile::TempDir;

use super::*;

/// A data folder with a few things in it.
fn data() -> TempDir {
    let data = tempfile::tempdir().expect("a folder");
    fs::write(data.path().join("lyceum.db"), "old").expect("written");
    fs::create_dir_all(data.path().join("blobs/documents")).expect("a folder");
    fs::write(data.path().join("blobs/documents/a"), "old").expect("written");
    data
}

fn fill(folder: &Path) {
    fs::write(folder.join("lyceum.db"), "new").expect("written");
    fs::create_dir_all(folder.join("blobs/documents")).expect("a folder");
    fs::write(folder.join("blobs/documents/b"), "new").expect("written");
}

/// Every file with what is in it.
fn content(folder: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).expect("a folder").flatten() {
            let name = entry.path().strip_prefix(folder).expect("below").display().to_string();
            if entry.path().is_dir() {
                open.push(entry.path());
            } else if name != ".restore-lock" {
                files.insert(name, fs::read_to_string(entry.path()).expect("text"));
            }
        }
    }
    files
}

fn files(files: &[(&str, &str)]) -> BTreeMap<String, String> {
    files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

#[test]
fn the_new_takes_the_place_of_the_old_which_moves_aside() {
    let data = data();
    let refused = Placing::begin(data.path(), false).err().expect("it is not empty");
    assert!(refused.to_string().contains("--force"), "{refused}");
    let before = content(data.path());
    let given_up = Placing::begin(data.path(), true).expect("begins");
    fill(&given_up.folder());
    let second = Placing::begin(data.path(), true).err().expect("one at a time");
    assert!(second.to_string().contains("another restore"), "{second}");
    drop(given_up);
    assert_eq!(content(data.path()), before, "what was given up leaves nothing");

    let placing = Placing::begin(data.path(), true).expect("begins");
    fill(&placing.folder());
    let aside = placing.commit("1").expect("done").expect("there was something");
    assert_eq!(aside, data.path().join("before-restore-1"));
    let expected = files(&[
        ("lyceum.db", "new"),
        ("blobs/documents/b", "new"),
        ("before-restore-1/lyceum.db", "old"),
        ("before-restore-1/blobs/documents/a", "old"),
    ]);
    assert_eq!(content(data.path()), expected);

    let empty = tempfile::tempdir().expect("a folder");
    let placing = Placing::begin(&empty.path().join("data"), false).expect("a folder that is not there is empty");
    fill(&placing.folder());
    assert_eq!(placing.commit("2").expect("done"), None);
}

#[test]
fn a_restore_that_is_killed_leaves_the_old_or_the_new() {
    let new = files(&[
        ("lyceum.db", "new"),
        ("blobs/documents/b", "new"),
        ("before-restore-1/lyceum.db", "old"),
        ("before-restore-1/blobs/documents/a", "old"),
    ]);
    let old = files(&[("lyceum.db", "old"), ("blobs/documents/a", "old")]);
    let at = |state: &str, moved: &[(&str, &str)]| {
        let data = data();
        fs::create_dir(data.path().join(state)).expect("a folder");
        fill(&data.path().join(state));
        for (from, to) in moved {
            let to = data.path().join(to);
            fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
            fs::rename(data.path().join(from), to).expect("moved");
        }
        data
    };
    // While it unpacked.
    let data = at(".restore-unpacking", &[]);
    assert!(!is_placing(data.path()).expect("read"));
    finish_placing(data.path()).expect("nothing to do");
    assert_eq!(fs::read_to_string(data.path().join("lyceum.db")).expect("there"), "old");
    drop(Placing::begin(data.path(), true).expect("begins anew"));
    assert_eq!(content(data.path()), old);

    let aside = [("lyceum.db", "before-restore-1/lyceum.db"), ("blobs", "before-restore-1/blobs")];
    let moving = ".restore-moving-1";
    for data in [
        at(".restore-ready-1", &[]),
        at(".restore-ready-1", &aside[..1]),
        at(".restore-ready-1", &aside),
        at(moving, &aside),
        at(moving, &[aside[0], aside[1], (".restore-moving-1/lyceum.db", "lyceum.db")]),
    ] {
        assert!(is_placing(data.path()).expect("read"));
        finish_placing(data.path()).expect("ended");
        assert_eq!(content(data.path()), new);
        assert!(!is_placing(data.path()).expect("read"));
    }
}

#[test]
fn a_server_keeps_a_restore_away_and_the_other_way_round() {
    use crate::{ambient::UuidV7Ids, instance::Instance};
    let data = data();
    let server = Instance::enter(data.path(), &UuidV7Ids).expect("entered");
    let refused = Placing::begin(data.path(), true).err().expect("it is in use");
    assert!(refused.to_string().contains("a server runs"), "{refused}");
    drop(server);

    let placing = Placing::begin(data.path(), true).expect("begins");
    fill(&placing.folder());
    let server = Instance::enter(data.path(), &UuidV7Ids).expect("the old is still what counts");
    let refused = placing.commit("1").expect_err("it came in between");
    assert!(refused.to_string().contains("a server runs"), "{refused}");
    assert_eq!(fs::read_to_string(data.path().join("lyceum.db")).expect("there"), "old");
    drop(server);

    fs::create_dir(data.path().join(".restore-ready-1")).expect("a folder");
    let refused = Instance::enter(data.path(), &UuidV7Ids).err().expect("it is being restored");
    assert!(refused.to_string().contains("being restored"), "{refused}");
}

/// Something of this machine that is mounted at a folder, until it is dropped.
#[cfg(target_os = "linux")]
struct Mounted(PathBuf);

#[cfg(target_os = "linux")]
impl Mounted {
    /// `None`: nobody lets us.
    fn bound(from: &Path, to: &Path) -> Option<Self> {
        let done = std::process::Command::new("mount").arg("--bind").args([from, to]).output();
        done.is_ok_and(|output| output.status.success()).then(|| Self(to.to_owned()))
    }
}

#[cfg(target_os = "linux")]
impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(&self.0).output();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_mounted_in_the_data_folder_stops_a_restore_before_it_begins() {
    let (data, elsewhere) = (data(), tempfile::tempdir().expect("a folder"));
    // The same disk, so nothing but the mount is in the way.
    let Some(mounted) = Mounted::bound(elsewhere.path(), &data.path().join("blobs")) else {
        return eprintln!("not tested: only root may mount");
    };
    for force in [false, true] {
        let refused = Placing::begin(data.path(), force).err().expect("it cannot be moved aside");
        assert!(refused.to_string().contains("is mounted there"), "{refused}");
    }
    assert_eq!(content(data.path()), files(&[("lyceum.db", "old")]), "nothing was changed");
    drop(mounted);

    let placing = Placing::begin(data.path(), true).expect("begins");
    fill(&placing.folder());
    placing.commit("1").expect("done");
    assert_eq!(fs::read_to_string(data.path().join("blobs/documents/b")).expect("there"), "new");
}
