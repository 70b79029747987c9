//! Multipart forms, as clients send them.

use reqwest::{RequestBuilder, header};

const BOUNDARY: &str = "----the-tide-goes-out-7d1a";

/// A form that is being filled in.
#[derive(Debug, Clone, Default)]
pub struct Form(Vec<u8>);

impl Form {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// One with a file in the part `file`.
    pub fn of_file(name: &str, content: &[u8]) -> Self {
        Self::new().file(name, content)
    }

    /// With a part of text.
    #[must_use]
    pub fn text(self, part: &str, value: &str) -> Self {
        self.part(&format!("name=\"{part}\""), value.as_bytes())
    }

    /// With a file in the part `file`.
    #[must_use]
    pub fn file(self, name: &str, content: &[u8]) -> Self {
        self.part(&format!("name=\"file\"; filename=\"{name}\""), content)
    }

    fn part(mut self, disposition: &str, content: &[u8]) -> Self {
        let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n");
        self.0.extend_from_slice(head.as_bytes());
        self.0.extend_from_slice(content);
        self.0.extend_from_slice(b"\r\n");
        self
    }

    /// The value of `Content-Type`.
    pub fn content_type() -> String {
        format!("multipart/form-data; boundary={BOUNDARY}")
    }

    /// The whole body.
    pub fn body(mut self) -> Vec<u8> {
        self.0.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        self.0
    }

    /// The request with this form as its body.
    pub fn on(self, request: RequestBuilder) -> RequestBuilder {
        request.header(header::CONTENT_TYPE, Self::content_type()).body(self.body())
    }
}
