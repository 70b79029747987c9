//! A small HTTP server over a bare socket: it sends bytes when and how a test says, and notices who leaves.

use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

/// What a server does with each connection, in order.
#[derive(Clone)]
pub enum Act {
    /// Sends these bytes at once.
    Send(Vec<u8>),
    /// Waits.
    Pause(Duration),
    /// Sends nothing more, and reports when the client leaves.
    Stay,
}

pub struct Server {
    pub url: String,
    left: mpsc::Receiver<()>,
    asked: mpsc::UnboundedReceiver<String>,
}

impl Server {
    /// Serves each connection with the next of these, the last of them for ever.
    pub async fn start(connections: Vec<Vec<Act>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/v1", listener.local_addr().expect("an address"));
        let (leaving, left) = mpsc::channel(16);
        let (asking, asked) = mpsc::unbounded_channel();
        let connections = Arc::new(connections);
        #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
        tokio::spawn(async move {
            let mut count = 0;
            while let Ok((mut socket, _)) = listener.accept().await {
                let _ = socket.set_nodelay(true);
                let acts = connections[count.min(connections.len() - 1)].clone();
                count += 1;
                let (leaving, asking) = (leaving.clone(), asking.clone());
                tokio::spawn(async move {
                    let Some(request) = read_request(&mut socket).await else { return };
                    let _ = asking.send(request);
                    serve(socket, acts, leaving).await;
                });
            }
        });
        Self { url, left, asked }
    }

    /// One act list for every connection.
    pub async fn always(acts: Vec<Act>) -> Self {
        Self::start(vec![acts]).await
    }

    /// Whether a client left early; waits for it.
    pub async fn was_left(&mut self) -> bool {
        self.left.recv().await.is_some()
    }

    /// The requests so far, head and body.
    pub fn requests(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.asked.try_recv().ok()).collect()
    }

    /// Resolves when a client leaves early.
    pub async fn into_left(mut self) -> bool {
        self.was_left().await
    }
}

async fn read_request(socket: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let n = socket.read(&mut buffer).await.ok().filter(|n| *n > 0)?;
        bytes.extend_from_slice(&buffer[..n]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length =
            head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if body.len() >= length.unwrap_or(0) {
            return Some(text.into_owned());
        }
    }
}

async fn serve(mut socket: TcpStream, acts: Vec<Act>, leaving: mpsc::Sender<()>) {
    for act in acts {
        match act {
            Act::Send(bytes) => {
                if socket.write_all(&bytes).await.is_err() {
                    let _ = leaving.send(()).await;
                    return;
                }
            }
            Act::Pause(time) => tokio::time::sleep(time).await,
            Act::Stay => {
                let mut buffer = [0; 64];
                while socket.read(&mut buffer).await.is_ok_and(|n| n > 0) {}
                let _ = leaving.send(()).await;
                return;
            }
        }
    }
}

pub const SSE_HEAD: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n";

/// A chunk of a chunked body.
pub fn chunk(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// An event with a piece of an answer.
pub fn piece(text: &str) -> String {
    let content = serde_json::to_string(text).expect("JSON");
    format!("data: {{\"model\":\"x/y\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":{content}}}}}]}}\n\n")
}

pub const ROLE: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\"}}]}\n\n";
pub const FINISH: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
pub const DONE: &str = "data: [DONE]\n\n";

/// A stream of these events, in one go, with the end of the body behind it.
pub fn stream(events: &str) -> Vec<Act> {
    vec![Act::Send([SSE_HEAD.as_bytes(), &chunk(events), b"0\r\n\r\n"].concat())]
}

/// A response with this status line, headers and body.
pub fn plain(status: &str, headers: &str, body: &str) -> Vec<Act> {
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    vec![Act::Send((head + body).into_bytes())]
}
