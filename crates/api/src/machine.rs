//! What the operating system says of the room that is left.

use std::{io, path::Path};

/// How many bytes the file system of a folder has left for us. `None` where the system does not say.
#[cfg(unix)]
pub fn free_bytes(folder: &Path) -> io::Result<Option<u64>> {
    let about = rustix::fs::statvfs(folder)?;
    Ok(Some(about.f_bavail.saturating_mul(about.f_frsize)))
}

/// How many bytes the file system of a folder has left for us. `None` where the system does not say.
#[cfg(not(unix))]
pub fn free_bytes(_: &Path) -> io::Result<Option<u64>> {
    Ok(None)
}

/// Whether something is mounted just there: a file system, or a folder or a file bound there. It cannot be renamed then.
#[cfg(unix)]
pub fn is_mounted(path: &Path) -> io::Result<bool> {
    use std::{fs, os::unix::fs::MetadataExt as _};
    #[cfg(target_os = "linux")]
    if let Some(is_one) = is_mount_root(path) {
        return Ok(is_one);
    }
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    Ok(fs::symlink_metadata(path)?.dev() != fs::metadata(folder)?.dev())
}

/// Whether something is mounted just there.
#[cfg(not(unix))]
pub fn is_mounted(_: &Path) -> io::Result<bool> {
    Ok(false)
}

/// What Linux itself says, since 5.8. It knows of folders that are bound from the same disk, which devices do not tell.
#[cfg(target_os = "linux")]
fn is_mount_root(path: &Path) -> Option<bool> {
    use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};
    let about = statx(CWD, path, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::TYPE).ok()?;
    let is_known = about.stx_attributes_mask.contains(StatxAttributes::MOUNT_ROOT);
    is_known.then(|| about.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

/// How many files and connections this process may have open. `None`: any number, or the system does not say.
pub fn open_files() -> Option<u64> {
    #[cfg(unix)]
    return rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    #[cfg(not(unix))]
    None
}

/// Bytes as people read them.
pub fn readable(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} bytes");
    }
    let mut tenths = bytes.saturating_mul(10) / 1024;
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_told_in_the_unit_that_fits() {
        let told = [0, 1023, 1024, 1536, (1 << 20) - 1, 1 << 20, 5 << 30, u64::MAX].map(readable);
        let expected =
            ["0 bytes", "1023 bytes", "1.0 KiB", "1.5 KiB", "1023.9 KiB", "1.0 MiB", "5.0 GiB"].map(str::to_owned);
        assert_eq!(told[..7], expected);
        assert!(told[7].ends_with("TiB"), "{}", told[7]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_mount_is_known_from_a_folder() {
        assert!(is_mounted(Path::new("/proc")).expect("there"));
        let folder = tempfile::tempdir().expect("a folder");
        assert!(!is_mounted(folder.path()).expect("there"));
        is_mounted(&folder.path().join("none")).expect_err("there is none");
    }

    #[test]
    fn the_room_of_a_folder_is_known_and_that_of_none_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(free_bytes(folder.path()).expect("there").is_none_or(|free| free > 0));
        #[cfg(unix)]
        free_bytes(&folder.path().join("none")).expect_err("there is none");
    }
}
