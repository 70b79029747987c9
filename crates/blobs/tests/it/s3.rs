//! A real store that speaks S3, where one is named: `TEST_S3_ENDPOINT`, `TEST_S3_BUCKET`, `TEST_S3_ACCESS_KEY_ID`,
//! `TEST_S3_SECRET_ACCESS_KEY`, and `TEST_S3_REGION` if it is not `us-east-1`.
//!
//! Without it each case says that it is skipped, and passes even where `LYCEUM_TESTS_SKIP_NOTHING` is set: the store is
//! optional, as the same cases run in a folder, and what is S3's own is tried against servers of the test's.

use std::{env, io::Write as _, sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use lyceum_blobs::{ObjectBlobs, PART, S3Settings};
use lyceum_domain::blobs::{BlobError, BlobKey, Blobs};
use lyceum_testkit::{
    ambient::SequentialIds,
    contract::blobs::{Subject, content, stuck_content},
};

mod contract {
    lyceum_testkit::blobs_contract!(super::bucket);
}

/// The settings of the store that is to be tested, unless there is none.
fn settings() -> Option<S3Settings> {
    let var = |name: &str| env::var_os(name).and_then(|value| value.into_string().ok());
    let Some(endpoint) = var("TEST_S3_ENDPOINT") else {
        // The terminal may be gone; the case is skipped all the same.
        let _ = std::io::stderr().write_all(b"SKIPPED S3: TEST_S3_ENDPOINT is not set\n");
        return None;
    };
    let needed = |name: &str| var(name).unwrap_or_else(|| panic!("{name} goes with TEST_S3_ENDPOINT"));
    Some(S3Settings {
        allow_http: endpoint.starts_with("http://"),
        endpoint: Some(endpoint),
        bucket: needed("TEST_S3_BUCKET"),
        region: var("TEST_S3_REGION").unwrap_or_else(|| "us-east-1".to_owned()),
        access_key_id: needed("TEST_S3_ACCESS_KEY_ID"),
        secret_access_key: needed("TEST_S3_SECRET_ACCESS_KEY").into(),
        timeout: Duration::from_secs(10),
        max_retries: 2,
    })
}

async fn bucket() -> Option<Subject> {
    let blobs = ObjectBlobs::s3(&settings()?).expect("good settings");
    Some(Subject::from(Arc::new(blobs)))
}

async fn refused(settings: &S3Settings) {
    let blobs = ObjectBlobs::s3(settings).expect("good settings");
    let key = BlobKey::document(&SequentialIds);
    let checked = blobs.check().await;
    assert!(matches!(checked, Err(BlobError::Unavailable(_))), "{checked:?}");
    for size in [10, 2 * PART] {
        let put = blobs.put(&key, content([vec![0; size]])).await;
        assert!(matches!(put, Err(BlobError::Unavailable(_))), "{put:?}");
    }
}

#[tokio::test]
async fn a_wrong_secret_is_unavailable() {
    let Some(mut settings) = settings() else { return };
    settings.secret_access_key = "not the secret".into();
    refused(&settings).await;
    let got = ObjectBlobs::s3(&settings).expect("good settings").get(&BlobKey::document(&SequentialIds), None).await;
    assert!(matches!(got, Err(BlobError::Unavailable(_))), "{got:?}");
}

#[tokio::test]
async fn a_wrong_key_id_is_unavailable() {
    let Some(mut settings) = settings() else { return };
    settings.access_key_id = "nobody".to_owned();
    refused(&settings).await;
}

#[tokio::test]
async fn a_dropped_upload_is_given_up() {
    let Some(settings) = settings() else { return };
    let blobs = ObjectBlobs::s3(&settings).expect("good settings");
    let key = BlobKey::document(&SequentialIds);
    let mut put = Box::pin(blobs.put(&key, stuck_content([vec![1; PART], vec![2; PART], vec![3; 1]])));
    tokio::select! {
        ended = &mut put => panic!("put before the end: {ended:?}"),
        () = tokio::time::sleep(Duration::from_millis(500)) => {}
    }
    assert!((&mut put).now_or_never().is_none());
    drop(put);
    blobs.settled().await;
    assert!(matches!(blobs.get(&key, None).await, Err(BlobError::Missing)));
}
