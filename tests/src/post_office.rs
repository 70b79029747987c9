//! A mail server (RFC 5321) that keeps what it is given, and can be closed and opened again. Whoever is called `reject…` has
//! no mailbox there.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// A mail server. Its address stays the same while it is closed.
#[derive(Debug)]
pub struct PostOffice {
    address: String,
    mails: Arc<Mutex<Vec<String>>>,
    open: JoinSet<()>,
}

impl PostOffice {
    /// One that has an address and is closed.
    pub async fn closed() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        Self { address, mails: Arc::default(), open: JoinSet::new() }
    }

    /// The value of `SMTP_URL`.
    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    /// From now on it takes mail.
    pub async fn open(&mut self) {
        let listener = TcpListener::bind(&self.address).await.expect("the port is still free");
        let mails = Arc::clone(&self.mails);
        self.open.spawn(async move {
            let mut clients = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                clients.spawn(serve(client, Arc::clone(&mails)));
            }
        });
    }

    /// From now on nobody answers.
    pub fn close(&mut self) {
        self.open.abort_all();
    }

    /// All mails, oldest first.
    pub fn mails(&self) -> Vec<String> {
        self.mails.lock().expect("nobody panics").clone()
    }
}

/// Talks with one client until it leaves.
async fn serve(client: TcpStream, mails: Arc<Mutex<Vec<String>>>) {
    let (reader, mut writer) = client.into_split();
    let mut lines = BufReader::new(reader).lines();
    let mut mail: Option<String> = None;
    if writer.write_all(b"220 ready\r\n").await.is_err() {
        return;
    }
    while let Ok(Some(line)) = lines.next_line().await {
        let quoted;
        let answer = match &mut mail {
            Some(text) if line == "." => {
                mails.lock().expect("nobody panics").push(std::mem::take(text));
                mail = None;
                "250 taken\r\n"
            }
            Some(text) => {
                text.push_str(line.strip_prefix('.').unwrap_or(&line));
                text.push('\n');
                continue;
            }
            None => match line.get(..4).unwrap_or_default().to_ascii_uppercase().as_str() {
                "EHLO" => "250-here\r\n250 8BITMIME\r\n",
                "DATA" => {
                    mail = Some(String::new());
                    "354 go on\r\n"
                }
                // Servers quote whom they refuse.
                "RCPT" if line.to_ascii_lowercase().contains("<reject") => {
                    quoted = format!("550 5.1.1 {}: no such mailbox\r\n", &line["RCPT TO:".len()..]);
                    &quoted
                }
                "QUIT" => "221 bye\r\n",
                _ => "250 ok\r\n",
            },
        };
        if writer.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}
