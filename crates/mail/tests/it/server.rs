//! A mail server of a few lines, on the loopback.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
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
    /// Offers protection, as `localhost`.
    pub tls: Option<Tls>,
    /// Takes mail only from who signs in so (`PLAIN`, RFC 4616, in base64).
    pub account: Option<&'static str>,
}

/// When the server begins to speak TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// From the start.
    Always,
    /// When it is asked to (RFC 3207).
    StartTls,
}

pub struct Server {
    pub address: String,
    /// The mails as they came.
    pub mails: Arc<Mutex<Vec<String>>>,
    /// The commands, each with whether it came over TLS.
    pub commands: Arc<Mutex<Vec<(bool, String)>>>,
    pub connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Server {
    pub async fn start(manners: Manners) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let connections = Arc::new(AtomicUsize::new(0));
        let (mails, commands) = <(Arc<Mutex<_>>, Arc<Mutex<_>>)>::default();
        let host = Host { manners, mails: Arc::clone(&mails), commands: Arc::clone(&commands) };
        let counted = Arc::clone(&connections);
        #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
        let task = tokio::spawn(async move {
            let mut clients = tokio::task::JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                clients.spawn(host.clone().receive(client));
            }
        });
        Self { address, mails, commands, connections, task }
    }

    /// The address by the name that the certificate is for.
    pub fn named_address(&self) -> String {
        self.address.replace("127.0.0.1", "localhost")
    }

    /// The commands that begin so, each with whether it came over TLS.
    pub fn commands(&self, verb: &str) -> Vec<bool> {
        let commands = self.commands.lock().expect("not poisoned");
        commands.iter().filter(|(_, command)| command.starts_with(verb)).map(|(over_tls, _)| *over_tls).collect()
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

/// What became of a conversation.
enum End {
    /// The client has gone.
    Gone,
    /// The client wants to go on over TLS.
    StartTls,
}

#[derive(Clone)]
struct Host {
    manners: Manners,
    mails: Arc<Mutex<Vec<String>>>,
    commands: Arc<Mutex<Vec<(bool, String)>>>,
}

impl Host {
    async fn receive(self, mut client: TcpStream) -> Option<()> {
        if self.manners.tls != Some(Tls::Always) {
            client.write_all(b"220 test\r\n").await.ok()?;
            if let End::Gone = self.serve(&mut client, false).await? {
                return Some(());
            }
        }
        let mut client = acceptor().accept(client).await.ok()?;
        if self.manners.tls == Some(Tls::Always) {
            client.write_all(b"220 test\r\n").await.ok()?;
        }
        self.serve(&mut client, true).await.map(drop)
    }

    /// What the server can do, after the greeting.
    fn abilities(&self, over_tls: bool) -> String {
        let mut lines = vec!["test"];
        if !self.manners.ascii {
            lines.push("8BITMIME");
        }
        if self.manners.tls == Some(Tls::StartTls) && !over_tls {
            lines.push("STARTTLS");
        }
        lines.push("AUTH PLAIN");
        let last = lines.len() - 1;
        let line = |(n, line): (usize, &&str)| format!("250{}{line}", if n == last { ' ' } else { '-' });
        lines.iter().enumerate().map(line).collect::<Vec<_>>().join("\r\n")
    }

    async fn serve(&self, client: &mut (impl AsyncRead + AsyncWrite + Unpin), over_tls: bool) -> Option<End> {
        let Manners { answer, hang, tls, account, .. } = self.manners;
        let mut client = BufReader::new(client);
        let mut signed_in = false;
        loop {
            let mut line = String::new();
            if client.read_line(&mut line).await.ok()? == 0 {
                return Some(End::Gone);
            }
            let command = line.trim_end().to_owned();
            self.commands.lock().expect("not poisoned").push((over_tls, command.clone()));
            if hang.is_some_and(|verb| command.starts_with(verb)) {
                std::future::pending::<()>().await;
            }
            let scripted = answer.filter(|(verb, _)| command.starts_with(verb)).map(|(_, answer)| answer.to_owned());
            let answer = match (scripted, command.split(' ').next().unwrap_or_default()) {
                (Some(answer), _) => answer,
                (None, "EHLO") => self.abilities(over_tls),
                (None, "STARTTLS") if tls == Some(Tls::StartTls) && !over_tls => {
                    client.write_all(b"220 go on\r\n").await.ok()?;
                    return Some(End::StartTls);
                }
                (None, "AUTH") => {
                    signed_in = account.is_none_or(|account| command == format!("AUTH PLAIN {account}"));
                    if signed_in { "235 welcome" } else { "535 who are you" }.to_owned()
                }
                (None, "MAIL") if account.is_some() && !signed_in => "530 sign in first".to_owned(),
                (None, "QUIT") => "221 bye".to_owned(),
                (None, "DATA") => {
                    client.write_all(b"354 go on\r\n").await.ok()?;
                    let mut mail = String::new();
                    while !mail.ends_with("\r\n.\r\n") {
                        client.read_line(&mut mail).await.ok().filter(|read| *read > 0)?;
                    }
                    self.mails.lock().expect("not poisoned").push(mail);
                    if hang == Some("(the end of DATA)") {
                        std::future::pending::<()>().await;
                    }
                    "250 taken".to_owned()
                }
                _ => "250 ok".to_owned(),
            };
            client.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
            client.flush().await.ok()?;
        }
    }
}

/// Proves to be `localhost` to who trusts the authority in `certificates/`.
fn acceptor() -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_slice(include_bytes!("certificates/server.pem")).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("certificates/server.key")).expect("a key");
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key);
    TlsAcceptor::from(Arc::new(config.expect("they belong together")))
}
