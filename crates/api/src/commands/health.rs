//! `lyceum health`: asks a running server whether it is ready, as health checks of containers do.

use std::{net::IpAddr, time::Duration};

use clap::Args;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use url::Url;

use super::{Failure, Outcome};
use crate::{
    output::say,
    settings::{LoadOptions, ServerSettings, Settings},
};

/// What is asked.
const READY: &str = "/health/ready";
/// A server's answer is shorter; what goes on after it is not read.
const MAX_ANSWER: u64 = 64 << 10;

#[derive(Debug, Args)]
pub struct Health {
    /// Where the server is: `http://HOST:PORT`, or a whole address to ask instead of `/health/ready`. Without it, where
    /// the settings say that it listens.
    #[arg(long)]
    url: Option<String>,
    /// How long the answer may take, in seconds.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=300))]
    timeout: u64,
}

pub async fn run(command: Health) -> Outcome {
    let url = match command.url {
        Some(url) => parsed(&url)?,
        None => of_settings()?,
    };
    match timeout(Duration::from_secs(command.timeout), ask(&url)).await {
        Ok(Ok(())) => {
            say!("{url} is ready");
            Ok(())
        }
        Ok(Err(error)) => Err(Failure::Failed(error.context(format!("{url} is not ready")))),
        Err(_) => Err(Failure::Failed(anyhow::anyhow!("{url} did not answer within {} s", command.timeout))),
    }
}

fn parsed(text: &str) -> Result<Url, Failure> {
    let mut url = Url::parse(text).map_err(|error| Failure::Usage(format!("--url {text}: {error}")))?;
    if url.scheme() != "http" {
        return Err(Failure::Usage(format!("--url {text}: only http:// is asked, on this machine or in its network")));
    }
    if url.path() == "/" {
        url.set_path(READY);
    }
    Ok(url)
}

/// Settings are read without a word on warnings: this runs every few seconds.
fn of_settings() -> Result<Url, Failure> {
    let loaded = Settings::load(&LoadOptions::from_process()).map_err(|errors| Failure::Usage(errors.to_string()))?;
    let ServerSettings { host, port, .. } = loaded.settings.server;
    if port == 0 {
        return Err(Failure::Usage("PORT is 0, which is any: say --url http://HOST:PORT".to_owned()));
    }
    let host = match host.parse() {
        // Who listens on all addresses listens on the loopback too.
        Ok(IpAddr::V4(address)) if address.is_unspecified() => "127.0.0.1".to_owned(),
        Ok(IpAddr::V6(address)) if address.is_unspecified() => "[::1]".to_owned(),
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        _ => host,
    };
    parsed(&format!("http://{host}:{port}"))
}

/// One request, one look at the first line of its answer.
async fn ask(url: &Url) -> anyhow::Result<()> {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or(80);
    let mut stream = TcpStream::connect((host.trim_start_matches('[').trim_end_matches(']'), port)).await?;
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {host}:{port}\r\nUser-Agent: lyceum-health\r\nConnection: close\r\n\r\n",
        &url[url::Position::BeforePath..url::Position::AfterQuery]
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer);
    let line = answer.lines().next().unwrap_or_default();
    let status =
        line.strip_prefix("HTTP/1.").and_then(|rest| rest.split(' ').nth(1)).and_then(|code| code.parse().ok());
    match status {
        Some(200..=299) => Ok(()),
        Some(status @ 100..=599_u16) => Err(anyhow::anyhow!("it answers {status}")),
        _ => Err(anyhow::anyhow!("what answers there does not speak HTTP")),
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// Somebody who hears one request and says this.
    #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
    async fn server(says: &'static str) -> (Url, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = parsed(&format!("http://{}", listener.local_addr().unwrap())).unwrap_or_else(|_| unreachable!());
        let heard = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut heard = vec![0; 1024];
            let read = stream.read(&mut heard).await.unwrap();
            stream.write_all(says.as_bytes()).await.unwrap();
            String::from_utf8_lossy(&heard[..read]).into_owned()
        });
        (url, heard)
    }

    async fn asked(says: &'static str) -> Result<(), String> {
        let (url, _) = server(says).await;
        ask(&url).await.map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn a_server_is_ready_that_says_so() {
        let (url, heard) = server("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
        ask(&url).await.unwrap();
        let heard = heard.await.unwrap();
        assert!(heard.starts_with("GET /health/ready HTTP/1.1\r\nHost: 127.0.0.1:"), "{heard}");
        assert!(heard.contains("\r\nConnection: close\r\n") && heard.ends_with("\r\n\r\n"), "{heard}");
    }

    #[tokio::test]
    async fn whoever_says_anything_else_is_not_ready() {
        let stopping = asked("HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\n\r\n").await;
        assert_eq!(stopping.unwrap_err(), "it answers 503");
        assert_eq!(asked("HTTP/1.1 301 Moved\r\nlocation: /\r\n\r\n").await.unwrap_err(), "it answers 301");
        for noise in ["", "220 mail.example.com ESMTP\r\n", "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1\r\n\r\n"] {
            assert_eq!(asked(noise).await.unwrap_err(), "what answers there does not speak HTTP", "{noise:?}");
        }
    }

    #[tokio::test]
    async fn nobody_there_is_not_ready() {
        let (url, heard) = server("").await;
        heard.abort();
        let _ = heard.await;
        assert!(ask(&url).await.is_err());
    }

    #[test]
    fn an_address_without_a_path_means_readiness() {
        let url = |text| parsed(text).map(String::from).ok();
        assert_eq!(url("http://[::1]:8080").as_deref(), Some("http://[::1]:8080/health/ready"));
        assert_eq!(url("http://localhost:1/health").as_deref(), Some("http://localhost:1/health"));
        assert_eq!(url("https://learn.example.org"), None);
        assert_eq!(url("localhost:8080"), None);
    }
}
