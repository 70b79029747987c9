//! An OpenAI-compatible model that does what the test says.

mod fault;

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{mpsc, oneshot},
    task::JoinSet,
};

pub use fault::{Fault, RIGHT, SAID};

use crate::wait::eventually;

/// The key that its clients must have.
pub const KEY: &str = "qb_lighthouse_keeper_7321";
/// The model's name.
pub const MODEL: &str = "harbour/rope-1";

/// What is answered to one question.
#[derive(Debug)]
pub enum Reply {
    /// A whole answer, in the way it was asked for, with 21 and 8 tokens as its cost.
    Says(String),
    /// The same, word by word with a pause before each.
    Paced(String, Duration),
    /// This status, these further header lines (each with its line end), this body.
    Plain(&'static str, &'static str, &'static str),
    /// Nothing, for ever.
    Nothing,
    /// What a provider with this fault does.
    Faulty(Fault),
    /// What the holder of the [`Lead`] says, when they say it.
    Led(Cues),
}

/// The other end of a [`Lead`].
#[derive(Debug)]
pub struct Cues {
    say: mpsc::UnboundedReceiver<Cue>,
    gone: oneshot::Sender<Instant>,
}

#[derive(Debug)]
enum Cue {
    Piece(String),
    End,
}

/// Leads one answer, piece by piece.
#[derive(Debug)]
pub struct Lead {
    say: mpsc::UnboundedSender<Cue>,
    gone: oneshot::Receiver<Instant>,
}

impl Lead {
    /// The next piece of the answer.
    pub fn says(&self, text: &str) {
        self.say.send(Cue::Piece(text.to_owned())).expect("is still asked");
    }

    /// The next piece, if anybody listens. False if not.
    pub fn says_to_whom_it_may_concern(&self, text: &str) -> bool {
        self.say.send(Cue::Piece(text.to_owned())).is_ok()
    }

    /// The end of the answer.
    pub fn ends(&self) {
        self.say.send(Cue::End).expect("is still asked");
    }

    /// Waits until whoever asked has hung up, and says how long after `since` that was.
    pub async fn hung_up_after(self, since: Instant) -> Duration {
        let gone = tokio::time::timeout(Duration::from_secs(10), self.gone).await;
        gone.expect("a hang-up").expect("the connection is watched").saturating_duration_since(since)
    }
}

/// What was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The head of the request.
    pub head: String,
    /// Its body.
    pub body: Value,
}

impl Asked {
    /// The question itself: what is said last.
    pub fn question(&self) -> String {
        let last = self.body["messages"].as_array().and_then(|messages| messages.last());
        last.and_then(|last| last["content"].as_str()).unwrap_or_default().to_owned()
    }

    /// All that the model was told, as one text.
    pub fn words(&self) -> String {
        let messages = self.body["messages"].as_array().expect("messages");
        messages.iter().map(|message| message["content"].as_str().expect("text")).collect::<Vec<_>>().join("\n\n")
    }
}

#[derive(Debug, Default)]
struct Script {
    replies: Mutex<VecDeque<Reply>>,
    usual: Mutex<Usual>,
    asked: Mutex<Vec<Asked>>,
    spans: Mutex<Vec<Span>>,
    in_flight: AtomicUsize,
}

/// When an answer was given word by word.
#[derive(Debug, Clone)]
pub struct Span {
    /// What was asked.
    pub question: String,
    /// When the question had come.
    pub began: Instant,
    /// When the end of the answer was sent.
    pub ended: Instant,
}

/// What is answered where nothing else was said.
#[derive(Debug, Clone, Default)]
enum Usual {
    #[default]
    Aye,
    Paced(String, Duration),
    Faulty(Fault),
}

impl Script {
    fn next(&self) -> Reply {
        let said = self.replies.lock().expect("no panic").pop_front();
        said.unwrap_or_else(|| match self.usual.lock().expect("no panic").clone() {
            Usual::Aye => Reply::Says("Aye.".to_owned()),
            Usual::Paced(text, pause) => Reply::Paced(text, pause),
            Usual::Faulty(fault) => Reply::Faulty(fault),
        })
    }
}

/// The model. Answers `Aye.` where nothing else was said.
#[derive(Debug)]
pub struct Upstream {
    /// Where its API begins.
    pub url: String,
    script: Arc<Script>,
    _listening: JoinSet<()>,
}

impl Upstream {
    /// Starts it.
    pub async fn start() -> Self {
        Self::start_at(0).await
    }

    /// Starts it at this port of this machine, where another one may have been.
    pub async fn start_at(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("the port is free");
        let url = format!("http://{}/v1", listener.local_addr().expect("an address"));
        let script = Arc::<Script>::default();
        let mut listening = JoinSet::new();
        listening.spawn(listen(listener, Arc::clone(&script)));
        Self { url, script, _listening: listening }
    }

    /// What it does when it is asked next; after what was said before.
    pub fn then(&self, reply: Reply) {
        self.script.replies.lock().expect("no panic").push_back(reply);
    }

    /// The next answer is this.
    pub fn then_says(&self, text: &str) {
        self.then(Reply::Says(text.to_owned()));
    }

    /// The next answer is led by the test.
    pub fn then_led(&self) -> Lead {
        let ((say, cues), (hang, gone)) = (mpsc::unbounded_channel(), oneshot::channel());
        self.then(Reply::Led(Cues { say: cues, gone: hang }));
        Lead { say, gone }
    }

    /// From now on it has this fault, or none.
    pub fn from_now_on(&self, fault: Option<Fault>) {
        *self.script.usual.lock().expect("no panic") = fault.map_or(Usual::Aye, Usual::Faulty);
    }

    /// From now on it says this, word by word.
    pub fn from_now_on_says(&self, text: &str, pause: Duration) {
        *self.script.usual.lock().expect("no panic") = Usual::Paced(text.to_owned(), pause);
    }

    /// The answers that were given word by word, and to their ends.
    pub fn spans(&self) -> Vec<Span> {
        self.script.spans.lock().expect("no panic").clone()
    }

    /// How many questions it is at: asked, and neither answered nor hung up.
    pub fn in_flight(&self) -> usize {
        self.script.in_flight.load(Ordering::SeqCst)
    }

    /// Waits until it is at no question, because each was answered or whoever asked has hung up.
    pub async fn is_left_alone(&self) {
        eventually("the last hang-up", async || (self.in_flight() == 0).then_some(())).await;
    }

    /// All questions so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.script.asked.lock().expect("no panic").clone()
    }

    /// Waits for this many questions in all, and answers the last of them.
    pub async fn asked_times(&self, count: usize) -> Asked {
        eventually("a question", async || self.asked().get(count - 1).cloned()).await
    }
}

async fn listen(listener: TcpListener, script: Arc<Script>) {
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        let script = Arc::clone(&script);
        connections.spawn(async move {
            // Whoever goes away is noticed where a test wants to know.
            let _ = serve(socket, &script).await;
        });
    }
}

async fn serve(mut socket: TcpStream, script: &Script) -> std::io::Result<()> {
    socket.set_nodelay(true)?;
    let Some(asked) = read(&mut socket).await? else { return Ok(()) };
    let is_stream = asked.body["stream"] == true;
    let (began, question) = (Instant::now(), asked.question());
    script.in_flight.fetch_add(1, Ordering::SeqCst);
    script.asked.lock().expect("no panic").push(asked);
    let next = script.next();
    let is_paced = matches!(next, Reply::Paced(..));
    let replied = reply(socket, next, is_stream).await;
    if is_paced && replied.is_ok() {
        let span = Span { question, began, ended: Instant::now() };
        script.spans.lock().expect("no panic").push(span);
    }
    script.in_flight.fetch_sub(1, Ordering::SeqCst);
    replied
}

/// Replies, and closes the connection.
async fn reply(mut socket: TcpStream, reply: Reply, is_stream: bool) -> std::io::Result<()> {
    match reply {
        Reply::Says(text) if is_stream => {
            let words: Vec<_> = text.split_inclusive(' ').map(piece).collect();
            let events = format!("{}{}", words.concat(), ending());
            socket.write_all(format!("{STREAM_HEAD}{}0\r\n\r\n", chunk(&events)).as_bytes()).await
        }
        Reply::Says(text) => socket.write_all(whole(&text).as_bytes()).await,
        Reply::Paced(text, pause) => paced(socket, &text, pause, is_stream).await,
        Reply::Plain(status, headers, body) => {
            let length = body.len();
            let text =
                format!("HTTP/1.1 {status}\r\n{headers}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}");
            socket.write_all(text.as_bytes()).await
        }
        Reply::Nothing => until_gone(&mut socket).await,
        Reply::Faulty(fault) => fault.reply(socket, is_stream).await,
        Reply::Led(cues) => led(socket, cues, is_stream).await,
    }
}

async fn led(mut socket: TcpStream, mut cues: Cues, is_stream: bool) -> std::io::Result<()> {
    let mut text = String::new();
    if is_stream {
        socket.write_all(STREAM_HEAD.as_bytes()).await?;
    }
    loop {
        let cue = tokio::select! {
            cue = cues.say.recv() => cue,
            _ = until_gone(&mut socket) => {
                let _ = cues.gone.send(Instant::now());
                return Ok(());
            }
        };
        match cue {
            Some(Cue::Piece(words)) if is_stream => socket.write_all(chunk(&piece(&words)).as_bytes()).await?,
            Some(Cue::Piece(words)) => text.push_str(&words),
            Some(Cue::End) if is_stream => {
                return socket.write_all(format!("{}0\r\n\r\n", chunk(&ending())).as_bytes()).await;
            }
            Some(Cue::End) => return socket.write_all(whole(&text).as_bytes()).await,
            // Who leads has left, but may still wait for the hang-up.
            None => {
                let _ = until_gone(&mut socket).await;
                let _ = cues.gone.send(Instant::now());
                return Ok(());
            }
        }
    }
}

async fn paced(mut socket: TcpStream, text: &str, pause: Duration, is_stream: bool) -> std::io::Result<()> {
    let (mut reading, mut writing) = socket.split();
    let answering = async {
        if !is_stream {
            tokio::time::sleep(pause * u32::try_from(text.split_inclusive(' ').count()).expect("few words")).await;
            return writing.write_all(whole(text).as_bytes()).await;
        }
        writing.write_all(STREAM_HEAD.as_bytes()).await?;
        let mut beat = tokio::time::interval(pause);
        for word in text.split_inclusive(' ') {
            beat.tick().await;
            writing.write_all(chunk(&piece(word)).as_bytes()).await?;
        }
        writing.write_all(format!("{}0\r\n\r\n", chunk(&ending())).as_bytes()).await
    };
    tokio::select! {
        answered = answering => answered,
        gone = until_gone(&mut reading) => gone,
    }
}

async fn until_gone(socket: &mut (impl AsyncRead + Unpin)) -> std::io::Result<()> {
    let mut buffer = [0; 256];
    while socket.read(&mut buffer).await? > 0 {}
    Ok(())
}

/// Reads a request; `None` if the connection is closed before one.
async fn read(socket: &mut TcpStream) -> std::io::Result<Option<Asked>> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let length =
                head.to_lowercase().lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
            let body = end + 4..end + 4 + length.unwrap_or(0_usize);
            if bytes.len() >= body.end {
                let body = serde_json::from_slice(&bytes[body]).expect("the question is JSON");
                return Ok(Some(Asked { head, body }));
            }
        }
        if socket.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    }
}

const STREAM_HEAD: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

fn piece(text: &str) -> String {
    let event = json!({"model": MODEL, "choices": [{"index": 0, "delta": {"content": text}}]});
    format!("data: {event}\n\n")
}

fn ending() -> String {
    let finish = json!({"model": MODEL, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
    let usage = json!({"choices": [], "usage": {"prompt_tokens": 21, "completion_tokens": 8}});
    format!("data: {finish}\n\ndata: {usage}\n\ndata: [DONE]\n\n")
}

fn whole(text: &str) -> String {
    let body = json!({
        "model": MODEL,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 21, "completion_tokens": 8},
    })
    .to_string();
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}
