//! A load balancer as there are many: it asks each server often whether it is ready, sends each request to the next one that
//! is, keeps connections for the next requests, and tries nothing twice.

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use reqwest::{Client, Method, Response, header::HeaderMap};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

use crate::wait::eventually;

/// How often servers are asked whether they are ready.
const LOOK: Duration = Duration::from_millis(100);
/// How long they may take to say so.
const PATIENCE: Duration = Duration::from_secs(2);

/// The balancer; it ends when this value goes.
#[derive(Debug)]
pub struct Balancer {
    /// Where it listens.
    pub url: String,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    servers: Mutex<Vec<Backend>>,
    next: AtomicUsize,
    http: Client,
}

#[derive(Debug, Clone)]
struct Backend {
    url: String,
    is_ready: bool,
}

/// A request as it came.
struct Request {
    method: Method,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Balancer {
    /// One without servers.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let http = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        let shared = Arc::new(Shared { servers: Mutex::default(), next: AtomicUsize::new(0), http });
        let mut tasks = JoinSet::new();
        tasks.spawn(look(Arc::clone(&shared)));
        tasks.spawn(listen(listener, Arc::clone(&shared)));
        Self { url, shared, _tasks: tasks }
    }

    /// With one server more.
    pub fn add(&self, url: &str) {
        self.shared.servers.lock().expect("no panic").push(Backend { url: url.to_owned(), is_ready: false });
    }

    /// With one server less.
    pub fn remove(&self, url: &str) {
        self.shared.servers.lock().expect("no panic").retain(|server| server.url != url);
    }

    /// Waits until so many servers are ready.
    pub async fn has_ready(&self, count: usize) {
        let ready = || self.shared.servers.lock().expect("no panic").iter().filter(|server| server.is_ready).count();
        eventually("servers that are ready", async || (ready() >= count).then_some(())).await;
    }
}

impl Shared {
    /// The next one that is ready.
    fn server(&self) -> Option<String> {
        let servers = self.servers.lock().expect("no panic");
        let ready: Vec<_> = servers.iter().filter(|server| server.is_ready).collect();
        let place = self.next.fetch_add(1, Ordering::Relaxed).checked_rem(ready.len())?;
        Some(ready[place].url.clone())
    }
}

async fn look(shared: Arc<Shared>) {
    let mut beat = interval(LOOK);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        beat.tick().await;
        let servers = shared.servers.lock().expect("no panic").clone();
        let mut asking = JoinSet::new();
        for Backend { url, .. } in servers {
            let request = shared.http.get(format!("{url}/health/ready")).timeout(PATIENCE);
            asking.spawn(async move { (url, request.send().await.is_ok_and(|answer| answer.status() == 200)) });
        }
        for (url, is_ready) in asking.join_all().await {
            for server in shared.servers.lock().expect("no panic").iter_mut().filter(|server| server.url == url) {
                server.is_ready = is_ready;
            }
        }
    }
}

async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            // What broke, the client sees.
            let _ = serve(socket, &shared).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

/// Serves a client, one request after the other.
async fn serve(mut client: TcpStream, shared: &Shared) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut unread = Vec::new();
    while let Some(request) = read(&mut client, &mut unread).await? {
        let Some(server) = shared.server() else {
            refuse(&mut client, "503 Service Unavailable", "no server is ready").await?;
            continue;
        };
        let mut asking = shared.http.request(request.method, format!("{server}{}", request.path)).body(request.body);
        for (name, value) in request.headers {
            asking = asking.header(name, value);
        }
        match asking.send().await {
            Ok(response) => pass_on(&mut client, response).await?,
            Err(error) => refuse(&mut client, "502 Bad Gateway", &format!("{server}: {error:?}")).await?,
        }
    }
    Ok(())
}

/// Says what only a balancer says.
async fn refuse(client: &mut TcpStream, status: &str, why: &str) -> io::Result<()> {
    let length = why.len();
    let text = format!("HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\r\n{why}");
    client.write_all(text.as_bytes()).await
}

/// Passes an answer on as it comes. One that breaks off breaks the client's connection, too.
async fn pass_on(client: &mut TcpStream, mut response: Response) -> io::Result<()> {
    let status = response.status();
    let has_body = status != 204 && status != 304;
    client.write_all(head(status.as_u16(), response.headers(), has_body).as_bytes()).await?;
    if !has_body {
        return Ok(());
    }
    while let Some(chunk) = response.chunk().await.map_err(io::Error::other)? {
        if !chunk.is_empty() {
            client.write_all(format!("{:x}\r\n", chunk.len()).as_bytes()).await?;
            client.write_all(&chunk).await?;
            client.write_all(b"\r\n").await?;
        }
    }
    client.write_all(b"0\r\n\r\n").await
}

/// What is said of a connection is of that one alone.
fn is_of_the_connection(name: &str) -> bool {
    ["connection", "keep-alive", "transfer-encoding", "content-length"].contains(&name)
}

fn head(status: u16, headers: &HeaderMap, has_body: bool) -> String {
    let mut head = format!("HTTP/1.1 {status} -\r\n");
    for (name, value) in headers.iter().filter(|(name, _)| !is_of_the_connection(name.as_str())) {
        for part in [name.as_str(), ": ", value.to_str().expect("text"), "\r\n"] {
            head.push_str(part);
        }
    }
    head + if has_body { "Transfer-Encoding: chunked\r\n\r\n" } else { "\r\n" }
}

/// Reads a request; `None` if the client closes instead. Bodies say how long they are.
async fn read(client: &mut TcpStream, unread: &mut Vec<u8>) -> io::Result<Option<Request>> {
    loop {
        if let Some(end) = unread.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&unread[..end]).into_owned();
            let mut lines = head.lines();
            let mut first = lines.next().unwrap_or_default().split(' ');
            let (method, path) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
            let mut headers: Vec<_> = lines
                .filter_map(|line| line.split_once(':'))
                .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
                .collect();
            let length = headers.iter().find(|(name, _)| name == "content-length");
            let length: usize = length.map_or(Ok(0), |(_, value)| value.parse()).map_err(io::Error::other)?;
            let (body, method) = (end + 4, method.parse().map_err(io::Error::other)?);
            if unread.len() >= body + length {
                headers.retain(|(name, _)| !is_of_the_connection(name) && name != "host");
                let body = unread.drain(..body + length).skip(body).collect();
                return Ok(Some(Request { method, path: path.to_owned(), headers, body }));
            }
        }
        if client.read_buf(unread).await? == 0 {
            return Ok(None);
        }
    }
}
