//! Bodies of uploads (RFC 7578), written by hand so that a test can send what no client would.

/// The boundary of all bodies made here.
const BOUNDARY: &str = "----lyceum-test-boundary-7d1f";

/// The value of `Content-Type` for these bodies.
pub fn content_type() -> String {
    format!("multipart/form-data; boundary={BOUNDARY}")
}

/// A body with one part `file`.
pub fn file(name: &str, media_type: &str, content: &[u8]) -> Vec<u8> {
    let mut body = head(name, media_type).into_bytes();
    body.extend_from_slice(content);
    body.extend_from_slice(tail().as_bytes());
    body
}

/// What stands before the content of the part `file`.
pub fn head(name: &str, media_type: &str) -> String {
    format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         Content-Type: {media_type}\r\n\r\n"
    )
}

/// What stands after it.
pub fn tail() -> String {
    format!("\r\n--{BOUNDARY}--\r\n")
}
