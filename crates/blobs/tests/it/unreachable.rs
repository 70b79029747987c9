//! Servers that do not do what a store should, and settings that lead to none.

use std::time::{Duration, Instant};

use lyceum_blobs::{ObjectBlobs, S3Settings, S3SettingsError};
use lyceum_domain::blobs::{BlobError, BlobKey, Blobs};
use lyceum_testkit::{ambient::SequentialIds, contract::blobs::content};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

/// Generous to a machine that does other things as well; far below what hanging would take.
const SOON: Duration = Duration::from_secs(10);

fn settings(endpoint: &str) -> S3Settings {
    S3Settings {
        endpoint: Some(endpoint.to_owned()),
        bucket: "lyceum".to_owned(),
        region: "us-east-1".to_owned(),
        access_key_id: "somebody".to_owned(),
        secret_access_key: "the secret of somebody".into(),
        allow_http: true,
        timeout: Duration::from_millis(500),
        max_retries: 2,
    }
}

async fn all_is_unavailable(endpoint: &str) {
    let blobs = ObjectBlobs::s3(&settings(endpoint)).expect("good settings");
    let key = BlobKey::document(&SequentialIds);
    let began = Instant::now();
    let outcomes = [
        blobs.check().await,
        blobs.put(&key, content(["a"])).await.map(drop),
        blobs.put(&key, content([vec![0; 12_000_000]])).await.map(drop),
        blobs.get(&key, None).await.map(drop),
        blobs.get(&key, Some(0..1)).await.map(drop),
        blobs.delete(&key).await,
    ];
    for outcome in outcomes {
        assert!(matches!(outcome, Err(BlobError::Unavailable(_))), "{outcome:?}");
    }
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    all_is_unavailable(&format!("http://{address}")).await;
}

#[tokio::test]
async fn a_server_that_never_answers_is_unavailable() {
    // The system accepts, nobody ever reads.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    all_is_unavailable(&format!("http://{address}")).await;
}

#[tokio::test]
async fn a_server_that_hangs_up_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let endpoint = format!("http://{address}");
    let hang_up = async {
        loop {
            drop(listener.accept().await);
        }
    };
    tokio::select! {
        () = hang_up => {}
        () = all_is_unavailable(&endpoint) => {}
    }
}

/// Answers each request with the same refusal, as soon as its head is there.
async fn refuse_everybody(listener: &TcpListener, status: &str, code: &str) -> std::convert::Infallible {
    let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>No.</Message></Error>");
    let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    loop {
        let Ok((mut connection, _)) = listener.accept().await else { continue };
        let mut seen = Vec::new();
        while !seen.windows(4).any(|end| end == b"\r\n\r\n") && connection.read_buf(&mut seen).await.unwrap_or(0) > 0 {}
        // Who sends a large part may have hung up; the next one is asked all the same.
        let _ = connection.write_all(format!("{head}{body}").as_bytes()).await;
        let _ = connection.shutdown().await;
    }
}

#[tokio::test]
async fn a_store_that_forbids_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::select! {
        never = refuse_everybody(&listener, "403 Forbidden", "AccessDenied") => match never {},
        () = all_is_unavailable(&endpoint) => {}
    }
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_unavailable_to_writers() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let blobs = format!("http://{}", listener.local_addr().expect("an address"));
    let blobs = ObjectBlobs::s3(&settings(&blobs)).expect("good settings");
    let asking = async {
        let put = blobs.put(&BlobKey::document(&SequentialIds), content(["a"])).await;
        assert!(matches!(put, Err(BlobError::Unavailable(_))), "{put:?}");
        let checked = blobs.check().await;
        assert!(matches!(checked, Err(BlobError::Unavailable(_))), "{checked:?}");
    };
    tokio::select! {
        never = refuse_everybody(&listener, "404 Not Found", "NoSuchBucket") => match never {},
        () = asking => {}
    }
}

#[test]
fn settings_that_lead_nowhere_are_told() {
    let refusal = |settings: &S3Settings| ObjectBlobs::s3(settings).err();
    for endpoint in ["", "example.com", "ftp://example.com", "https://", "file:///tmp"] {
        assert!(matches!(refusal(&settings(endpoint)), Some(S3SettingsError::Endpoint)), "{endpoint}");
    }
    let open = S3Settings { allow_http: false, ..settings("http://example.com") };
    assert!(matches!(refusal(&open), Some(S3SettingsError::Endpoint)));
    let empty = S3Settings { secret_access_key: "".into(), ..settings("https://example.com") };
    assert!(matches!(refusal(&empty), Some(S3SettingsError::Empty("secret access key"))));
    let nameless = S3Settings { bucket: String::new(), ..settings("https://example.com") };
    assert!(matches!(refusal(&nameless), Some(S3SettingsError::Empty("bucket"))));
    assert!(refusal(&S3Settings { endpoint: None, ..settings("") }).is_none());
    assert!(refusal(&settings("https://example.com/")).is_none());
}

#[test]
fn no_secret_is_shown() {
    let settings = settings("https://example.com");
    let blobs = ObjectBlobs::s3(&settings).expect("good settings");
    for shown in [format!("{settings:?}"), format!("{blobs:?}")] {
        assert!(!shown.contains("the secret"), "{shown}");
    }
}
