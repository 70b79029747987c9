use actix_web::{error::PayloadError, test::TestRequest};
use futures_util::TryStreamExt as _;

use super::*;

const FILE: &str = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.md\"\r\n\r\nA\r\n--B\r\n";
const OTHER: &str = "--x\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nTides\r\n";
const END: &str = "--x--\r\n";

const PATIENCE: Patience = Patience { silence: Duration::from_secs(1), total: Duration::from_secs(5) };

async fn upload(content_type: &str, body: impl Into<Bytes>) -> Result<Upload, Problem> {
    let request = TestRequest::post().insert_header((header::CONTENT_TYPE, content_type));
    let (request, mut payload) = request.set_payload(body).to_http_parts();
    Upload::from_request(&request, &mut payload).await
}

/// Reads a body as a whole: the name and the bytes of its file.
async fn read(body: impl Into<Bytes>, max: u64) -> Result<(String, String), Problem> {
    let upload = upload("multipart/form-data; boundary=x", body).await?;
    let (mut reader, name) = upload.open(PATIENCE, max).await?;
    let (sender, receiver) = mpsc::channel(BACKLOG);
    let taken =
        content(receiver).try_fold(Vec::new(), |whole, piece| async move { Ok([whole, piece.to_vec()].concat()) });
    let (read, taken) = tokio::join!(reader.pump(sender), taken);
    assert_eq!(read.is_ok(), taken.is_ok(), "whoever takes the file sees whether all was well");
    read?;
    Ok((name, String::from_utf8(taken.expect("the file")).expect("text")))
}

async fn refused(body: impl Into<Bytes>, max: u64) -> (u16, &'static str) {
    let problem = read(body, max).await.expect_err("refused");
    (problem.status.as_u16(), problem.code)
}

#[actix_web::test]
async fn the_file_is_found_among_other_parts() {
    let expected = ("a.md".to_owned(), "A\r\n--B".to_owned());
    for body in [[FILE, END, "", ""], [OTHER, FILE, OTHER, END]] {
        assert_eq!(read(body.concat(), 100).await.expect("a file"), expected);
    }
}

#[actix_web::test]
async fn one_file_is_needed_and_no_more() {
    assert_eq!(refused([OTHER, END].concat(), 100).await, (422, "validation_failed"));
    assert_eq!(refused([FILE, FILE, END].concat(), 100).await, (422, "validation_failed"));
    assert_eq!(refused(END.to_owned(), 100).await, (422, "validation_failed"));
}

#[actix_web::test]
async fn what_is_no_form_is_a_400() {
    for body in ["", "nothing", "--x", "--x\r\n\r\nno name\r\n--x--\r\n", FILE, &FILE[..FILE.len() - 3]] {
        assert_eq!(refused(body.to_owned(), 100).await, (400, "malformed_multipart"), "{body:?}");
    }
    let no_boundary = upload("multipart/form-data", FILE).await.expect("not read yet");
    assert!(no_boundary.open(PATIENCE, 100).await.is_err());
}

#[actix_web::test]
async fn another_kind_of_body_is_a_415() {
    for kind in ["application/json", "multipart/mixed; boundary=x", "", "text/plain"] {
        assert_eq!(upload(kind, FILE).await.err().map(|problem| problem.status.as_u16()), Some(415), "{kind}");
    }
}

#[actix_web::test]
async fn what_is_too_large_is_counted() {
    assert!(read([FILE, END].concat(), 6).await.is_ok());
    assert_eq!(refused([FILE, END].concat(), 5).await, (413, "too_large"));
    let long = OTHER.replace("Tides", &"x".repeat(70 << 10));
    assert_eq!(refused([&long, FILE, END].concat(), 100).await, (413, "too_large"));
    assert_eq!(refused([FILE, &long, END].concat(), 100).await, (413, "too_large"));
    assert_eq!(refused([&OTHER.repeat(17), FILE, END].concat(), 100).await, (400, "malformed_multipart"));
}

#[actix_web::test]
async fn what_says_that_it_is_too_large_is_not_read() {
    let request = TestRequest::post()
        .insert_header((header::CONTENT_TYPE, "multipart/form-data; boundary=x"))
        .insert_header((header::CONTENT_LENGTH, "100000000"))
        .to_http_request();
    let silent: Payload = Payload::Stream { payload: Box::pin(stream::pending()) };
    let upload = Upload::from_request(&request, &mut { silent }).await.expect("not read yet");
    let problem = upload.open(PATIENCE, 1 << 20).await.err().expect("refused");
    assert_eq!((problem.status.as_u16(), problem.code), (413, "too_large"));
}

/// What becomes of a body whose beginning is followed by these pieces.
async fn slowly(
    patience: Patience,
    pieces: impl futures_util::Stream<Item = Result<Bytes, PayloadError>> + 'static,
) -> &'static str {
    let request = TestRequest::post().insert_header((header::CONTENT_TYPE, "multipart/form-data; boundary=x"));
    let beginning = stream::iter([Ok(Bytes::from_static(FILE.as_bytes()))]);
    let mut payload: Payload = Payload::Stream { payload: Box::pin(beginning.chain(pieces)) };
    let upload = Upload::from_request(&request.to_http_request(), &mut payload).await.expect("not read yet");
    let (mut reader, _) = upload.open(patience, 1 << 20).await.expect("a file");
    let (sender, receiver) = mpsc::channel(BACKLOG);
    let taken = content(receiver).try_for_each(|_| async { Ok(()) });
    let (read, taken) = tokio::join!(reader.pump(sender), taken);
    assert!(taken.is_err());
    read.expect_err("refused").code
}

#[actix_web::test]
async fn who_is_silent_for_too_long_is_not_waited_for() {
    let patience = Patience { silence: Duration::from_millis(20), ..PATIENCE };
    assert_eq!(slowly(patience, stream::pending()).await, "request_timeout");
}

#[actix_web::test]
async fn who_trickles_for_ever_is_not_waited_for() {
    let trickle = stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_millis(5)).await;
        Some((Ok(Bytes::from_static(b"x")), ()))
    });
    let patience = Patience { total: Duration::from_millis(100), ..PATIENCE };
    assert_eq!(slowly(patience, trickle).await, "request_timeout");
}

#[actix_web::test]
async fn who_leaves_is_noticed() {
    let gone = stream::once(async {
        tokio::time::sleep(Duration::from_millis(5)).await;
        Err(PayloadError::Incomplete(None))
    });
    assert_eq!(slowly(PATIENCE, gone).await, "malformed_multipart");
}
