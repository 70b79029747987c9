//! A folder.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use futures_util::FutureExt as _;
use lyceum_blobs::{ObjectBlobs, PART};
use lyceum_domain::blobs::{BlobError, BlobKey, Blobs};
use lyceum_testkit::{
    ambient::SequentialIds,
    contract::blobs::{Subject, broken_content, content, read, stuck_content},
};
use tempfile::TempDir;

mod contract {
    lyceum_testkit::blobs_contract!(super::fresh);
}

async fn fresh() -> Option<Subject> {
    let (blobs, folder) = blobs().await;
    Some(Subject::holding(Arc::new(blobs), folder))
}

async fn blobs() -> (ObjectBlobs, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    (ObjectBlobs::local(folder.path()).await.expect("opened"), folder)
}

fn key() -> BlobKey {
    BlobKey::document(&SequentialIds)
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        if entry.file_type().expect("a kind").is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}

async fn until(case: &str, holds: impl Fn() -> bool) {
    for _ in 0..500 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {case}");
}

#[tokio::test]
async fn a_blob_is_a_file_under_its_key() {
    let (blobs, folder) = blobs().await;
    let key = key();
    blobs.put(&key, content(["some ", "bytes"])).await.expect("put");
    assert_eq!(fs::read(folder.path().join(key.as_str())).expect("a file"), b"some bytes");
    blobs.delete(&key).await.expect("deleted");
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0, "no file and no empty folder is left");
}

#[tokio::test]
async fn a_folder_is_no_blob() {
    let (blobs, _folder) = blobs().await;
    let key = key();
    blobs.put(&key, content(["some bytes"])).await.expect("put");
    let parent = BlobKey::parse("documents").expect("a key");
    for range in [None, Some(0..1)] {
        assert!(matches!(blobs.get(&parent, range).await, Err(BlobError::Missing)));
    }
}

#[tokio::test]
async fn another_process_reads_what_was_written() {
    let (blobs, folder) = blobs().await;
    let key = key();
    blobs.put(&key, content(["some bytes"])).await.expect("put");
    let other = ObjectBlobs::local(folder.path()).await.expect("opened");
    assert_eq!(read(other.get(&key, None).await.expect("found")).await.expect("read"), "some bytes");
}

#[cfg(unix)]
#[tokio::test]
async fn a_folder_that_is_made_is_for_nobody_else() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let below = folder.path().join("data/blobs");
    ObjectBlobs::local(&below).await.expect("opened");
    for made in [&below, &folder.path().join("data")] {
        assert_eq!(fs::metadata(made).expect("made").permissions().mode() & 0o777, 0o700, "{}", made.display());
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_folder_that_is_there_keeps_its_rights() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o750)).expect("set");
    ObjectBlobs::local(folder.path()).await.expect("opened");
    assert_eq!(fs::metadata(folder.path()).expect("there").permissions().mode() & 0o777, 0o750);
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_unavailable() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    for path in [file.path().to_owned(), file.path().join("below")] {
        let opened = ObjectBlobs::local(&path).await;
        assert!(matches!(opened, Err(BlobError::Unavailable(_))), "{opened:?}");
    }
}

#[tokio::test]
async fn a_folder_that_goes_away_is_unavailable_to_writers() {
    let (blobs, folder) = blobs().await;
    // Nobody can make folders where a file is, not even the superuser.
    fs::write(folder.path().join("documents"), b"").expect("written");
    for size in [10, 2 * PART] {
        let put = blobs.put(&key(), content([vec![0; size]])).await;
        assert!(matches!(put, Err(BlobError::Unavailable(_))), "{put:?}");
    }
    fs::remove_file(folder.path().join("documents")).expect("removed");
    fs::write(folder.path().join("health"), b"").expect("written");
    assert!(matches!(blobs.check().await, Err(BlobError::Unavailable(_))));
    fs::remove_file(folder.path().join("health")).expect("removed");
    blobs.check().await.expect("well again");
}

#[tokio::test]
async fn a_check_leaves_nothing() {
    let (blobs, folder) = blobs().await;
    blobs.check().await.expect("all is well");
    assert_eq!(files(folder.path()), <[PathBuf; 0]>::default());
}

#[tokio::test]
async fn a_large_blob_lies_beside_its_name_until_it_is_whole() {
    let (blobs, folder) = blobs().await;
    let key = key();
    let sent = [vec![1; PART], vec![2; PART]];
    let mut put = Box::pin(blobs.put(&key, stuck_content(sent)));
    let unfinished = folder.path().join(format!("{key}#1"));
    let began = until("the upload began", || files(folder.path()) == [unfinished.clone()]);
    tokio::select! {
        ended = &mut put => panic!("put before the end: {ended:?}"),
        () = began => {}
    }
    assert!((&mut put).now_or_never().is_none());
    drop(put);
    blobs.settled().await;
    until("the dropped upload is gone", || files(folder.path()).is_empty()).await;
}

#[tokio::test]
async fn a_large_content_that_breaks_off_leaves_no_file() {
    let (blobs, folder) = blobs().await;
    let put = blobs.put(&key(), broken_content([vec![0; 3 * PART]])).await;
    assert!(matches!(put, Err(BlobError::Interrupted(_))));
    until("the upload is gone", || files(folder.path()).is_empty()).await;
}

#[tokio::test]
async fn what_a_killed_process_left_is_no_blob_and_is_swept_away_a_day_later() {
    let (blobs, folder) = blobs().await;
    let key = key();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("documents/deep")).expect("made");
    let (young, old) = (at(&format!("{key}#1")), at("documents/deep/a#12"));
    let whole = ["documents/old", "documents/deep/a#", "documents/deep/a#1b"].map(at);
    for path in whole.iter().chain([&young, &old]) {
        fs::write(path, b"half").expect("written");
    }
    for path in whole.iter().chain([&old]) {
        let then = SystemTime::now() - Duration::from_hours(25);
        File::options().write(true).open(path).and_then(|file| file.set_modified(then)).expect("dated");
    }

    assert!(matches!(blobs.get(&key, None).await, Err(BlobError::Missing)));
    blobs.put(&key, content(["whole"])).await.expect("put beside what was left");
    drop(blobs);
    let blobs = ObjectBlobs::local(folder.path()).await.expect("opened");
    assert!(!old.exists(), "what is old and unfinished goes");
    assert!(young.exists(), "another process may be writing it");
    assert!(whole.iter().all(|path| path.exists()), "what is finished stays");
    assert_eq!(read(blobs.get(&key, None).await.expect("found")).await.expect("read"), "whole");
}

#[tokio::test]
async fn a_file_that_became_shorter_is_an_error_and_no_end() {
    let (blobs, folder) = blobs().await;
    let key = key();
    blobs.put(&key, content([vec![0; 1_000_000]])).await.expect("put");
    let blob = blobs.get(&key, None).await.expect("found");
    let file = File::options().write(true).open(folder.path().join(key.as_str())).expect("a file");
    file.set_len(400_000).expect("cut");
    assert!(read(blob).await.is_err());
}

#[tokio::test]
async fn a_blob_is_read_to_its_end_though_it_is_deleted_meanwhile() {
    let (blobs, _folder) = blobs().await;
    let key = key();
    let whole = Bytes::from(vec![7; 1_000_000]);
    blobs.put(&key, content([whole.clone()])).await.expect("put");
    let blob = blobs.get(&key, None).await.expect("found");
    blobs.delete(&key).await.expect("deleted");
    assert!(read(blob).await.expect("read") == whole);
}
