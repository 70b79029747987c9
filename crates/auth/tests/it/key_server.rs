//! A small HTTP server on loopback that publishes keys, well or badly, and counts who asks.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

/// What everybody gets who asks.
#[derive(Debug, Clone)]
pub enum Reply {
    /// Status, further header lines, and a body.
    Http(&'static str, String, Vec<u8>),
    /// The connection is closed at once.
    HangUp,
    /// Nothing comes, until the server ends.
    Silence,
    /// A byte now and then, until the client goes.
    Drip,
}

impl Reply {
    pub fn keys(keys: &[Value]) -> Self {
        Self::ok(json!({ "keys": keys }).to_string())
    }

    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self::Http("200 OK", "content-type: application/json\r\n".to_owned(), body.into())
    }

    pub fn with_header(self, line: &str) -> Self {
        match self {
            Self::Http(status, headers, body) => Self::Http(status, format!("{headers}{line}\r\n"), body),
            other => other,
        }
    }
}

struct State {
    reply: Reply,
    requests: usize,
    /// The newest request.
    last: String,
    is_held: bool,
    has_ended: bool,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic")
    }
}

pub struct KeyServer {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl KeyServer {
    pub fn start(reply: Reply) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = State { reply, requests: 0, last: String::new(), is_held: false, has_ended: false };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let server = Self { address, shared: Arc::clone(&shared) };
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                if shared.state().has_ended {
                    break;
                }
                let shared = Arc::clone(&shared);
                thread::spawn(move || answer(&shared, connection));
            }
        });
        server
    }

    pub fn url(&self) -> String {
        format!("http://{}/auth/.well-known/jwks.json", self.address)
    }

    pub fn set(&self, reply: Reply) {
        self.shared.state().reply = reply;
    }

    /// How many have asked.
    pub fn requests(&self) -> usize {
        self.shared.state().requests
    }

    /// The newest request, its head.
    pub fn last_request(&self) -> String {
        self.shared.state().last.clone()
    }

    /// From now on all have to wait for their answer, until [`release`](Self::release).
    pub fn hold(&self) {
        self.shared.state().is_held = true;
    }

    pub fn release(&self) {
        self.shared.state().is_held = false;
        self.shared.changed.notify_all();
    }

    /// Waits until so many have asked.
    pub async fn asked(&self, times: usize) {
        while self.requests() < times {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

impl Drop for KeyServer {
    fn drop(&mut self) {
        if let Ok(mut state) = self.shared.state.lock() {
            state.has_ended = true;
        }
        self.shared.changed.notify_all();
        // Wakes the thread that waits for connections.
        drop(TcpStream::connect(self.address));
    }
}

fn answer(shared: &Shared, mut connection: TcpStream) {
    let mut request = Vec::new();
    let mut piece = [0; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match connection.read(&mut piece) {
            Ok(read @ 1..) => request.extend_from_slice(&piece[..read]),
            _ => return,
        }
    }
    let mut state = shared.state();
    state.requests += 1;
    state.last = String::from_utf8_lossy(&request).into_owned();
    while state.is_held && !state.has_ended {
        state = shared.changed.wait(state).expect("no panic");
    }
    match state.reply.clone() {
        Reply::HangUp => {}
        Reply::Silence => {
            while !state.has_ended {
                state = shared.changed.wait(state).expect("no panic");
            }
        }
        Reply::Http(status, headers, body) => {
            drop(state);
            let head =
                format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n", body.len());
            // The client may have enough before the end.
            let _ = connection.write_all(head.as_bytes()).and_then(|()| connection.write_all(&body));
        }
        Reply::Drip => {
            drop(state);
            let head = "HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n";
            let mut sent = connection.write_all(head.as_bytes());
            while sent.is_ok() && !shared.state().has_ended {
                sent = connection.write_all(b" ");
                thread::sleep(Duration::from_millis(5));
            }
        }
    }
}
