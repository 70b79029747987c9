//! A collector of traces (OTLP over HTTP, protobuf) that keeps what it is sent.

use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value as Any},
    trace::v1::Span,
};
use prost::Message as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::wait::eventually;

/// A span, as far as tests look at it.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// Its trace, as 32 hexadecimal digits.
    pub trace: String,
    /// Itself, as 16 of them.
    pub id: String,
    /// What it is part of; empty if nothing.
    pub parent: String,
    /// What it is called.
    pub name: String,
    /// 2 server, 3 client.
    pub kind: i32,
    /// What is known of it, and of the service that recorded it.
    pub attributes: Vec<(String, String)>,
}

impl Recorded {
    /// What is known under a name.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A collector.
#[derive(Debug)]
pub struct Collector {
    /// The value of `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub url: String,
    spans: Arc<Mutex<Vec<Recorded>>>,
    _serving: JoinSet<()>,
}

impl Collector {
    /// One that listens.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let spans = Arc::<Mutex<Vec<Recorded>>>::default();
        let kept = Arc::clone(&spans);
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut clients = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                clients.spawn(serve(client, Arc::clone(&kept)));
            }
        });
        Self { url, spans, _serving: serving }
    }

    /// All that came so far.
    pub fn spans(&self) -> Vec<Recorded> {
        self.spans.lock().expect("nobody panics").clone()
    }

    /// The first span like this; waits for one.
    pub async fn span(&self, what: &str, is_meant: impl Fn(&Recorded) -> bool) -> Recorded {
        eventually(what, async || self.spans().into_iter().find(&is_meant)).await
    }
}

async fn serve(mut client: TcpStream, spans: Arc<Mutex<Vec<Recorded>>>) {
    let mut bytes = Vec::new();
    let mut piece = [0; 16 << 10];
    loop {
        let Ok(count @ 1..) = client.read(&mut piece).await else { return };
        bytes.extend_from_slice(&piece[..count]);
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
        let (body, length) = (end + 4, length.unwrap_or(0usize));
        if bytes.len() < body + length {
            continue;
        }
        if head.starts_with("post /v1/traces ") {
            let request = ExportTraceServiceRequest::decode(&bytes[body..body + length]).expect("a request");
            spans.lock().expect("nobody panics").extend(read(request));
        }
        bytes.drain(..body + length);
        let answer = "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n";
        if client.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn read(request: ExportTraceServiceRequest) -> Vec<Recorded> {
    let mut recorded = Vec::new();
    for resource in request.resource_spans {
        let known = resource.resource.map(|resource| attributes(resource.attributes)).unwrap_or_default();
        for span in resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            recorded.push(one(span, &known));
        }
    }
    recorded
}

fn one(span: Span, of_service: &[(String, String)]) -> Recorded {
    Recorded {
        trace: hex(&span.trace_id),
        id: hex(&span.span_id),
        parent: hex(&span.parent_span_id),
        name: span.name,
        kind: span.kind,
        attributes: attributes(span.attributes).into_iter().chain(of_service.iter().cloned()).collect(),
    }
}

fn attributes(all: Vec<KeyValue>) -> Vec<(String, String)> {
    let text = |value: KeyValue| {
        let text = match value.value?.value? {
            Any::StringValue(text) => text,
            Any::IntValue(number) => number.to_string(),
            Any::BoolValue(flag) => flag.to_string(),
            Any::DoubleValue(number) => number.to_string(),
            other => format!("{other:?}"),
        };
        Some((value.key, text))
    };
    all.into_iter().filter_map(text).collect()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
