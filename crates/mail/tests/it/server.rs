//! A mail server of a few lines, on the loopback.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What a server does otherwise than a good one.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manners {
    /// Answers the command that begins with the first text with the second, for ever.
    pub answer: Option<(&'static str, &'static str)>,
    /// Never answers the command that begins so.
    pub hang: Option<&'static str>,
    /// Takes ASCII alone.
    pub ascii: bool,
}

pub struct Server {
    pub address: String,
    /// The mails as they came.
    pub mails: Arc<Mutex<Vec<String>>>,
    pub connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Server {
    pub async fn start(manners: Manners) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let mails = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(AtomicUsize::new(0));
        let (kept, counted) = (Arc::clone(&mails), Arc::clone(&connections));
        #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
        let task = tokio::spawn(async move {
            let mut clients = tokio::task::JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                clients.spawn(serve(client, manners, Arc::clone(&kept)));
            }
        });
        Self { address, mails, connections, task }
    }

    pub fn mails(&self) -> Vec<String> {
        self.mails.lock().expect("not poisoned").clone()
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(client: TcpStream, manners: Manners, mails: Arc<Mutex<Vec<String>>>) -> Option<()> {
    let (reading, mut writing) = client.into_split();
    let mut reading = BufReader::new(reading);
    writing.write_all(b"220 test\r\n").await.ok()?;
    loop {
        let mut line = String::new();
        if reading.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let command = line.trim_end().to_owned();
        if manners.hang.is_some_and(|verb| command.starts_with(verb)) {
            std::future::pending::<()>().await;
        }
        let scripted = manners.answer.filter(|(verb, _)| command.starts_with(verb)).map(|(_, answer)| answer);
        let answer = match (scripted, command.split(' ').next().unwrap_or_default()) {
            (Some(answer), _) => answer,
            (None, "EHLO") if manners.ascii => "250-test\r\n250 AUTH PLAIN",
            (None, "EHLO") => "250-test\r\n250-8BITMIME\r\n250 AUTH PLAIN",
            (None, "AUTH") => "235 welcome",
            (None, "QUIT") => "221 bye",
            (None, "DATA") => {
                writing.write_all(b"354 go on\r\n").await.ok()?;
                let mut mail = String::new();
                while !mail.ends_with("\r\n.\r\n") {
                    reading.read_line(&mut mail).await.ok().filter(|read| *read > 0)?;
                }
                mails.lock().expect("not poisoned").push(mail);
                if manners.hang == Some("(the end of DATA)") {
                    std::future::pending::<()>().await;
                }
                "250 taken"
            }
            _ => "250 ok",
        };
        writing.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
    }
}
