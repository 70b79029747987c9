//! The HTTP server.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// Where to listen, and the limits of a request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct ServerSettings {
    /// Address or host name to listen on. Default `127.0.0.1`.
    pub host: String,
    /// TCP port to listen on; 0 takes a free one. Default 8080.
    pub port: u16,
    /// Where users reach the server, for links in mails; empty for `http://HOST:PORT`. Default empty. Use
    /// [`base_url`](Self::base_url).
    pub public_url: String,
    /// Worker threads; 0 for one per core. Default 0.
    pub workers: usize,
    /// Threads for blocking work per worker; 0 for the web server's own choice. Default 0.
    pub max_blocking_threads: usize,
    /// Open connections per worker. Default 4096.
    pub max_connections: usize,
    /// Connections that wait to be accepted. Default 1024.
    pub backlog: u32,
    /// The largest JSON body in bytes. Default 262144 (256 KiB).
    pub max_json_bytes: usize,
    /// How long an idle connection stays open, in seconds; 0 closes it after each answer. Default 75.
    pub keep_alive_seconds: u64,
    /// The longest time for a client to send the head of a request, in seconds. Default 5.
    pub client_request_timeout_seconds: u64,
    /// How long requests are still taken after a shutdown began, in seconds, while `/health/ready` says no already: the
    /// time that a load balancer needs to look away. Default 5, but 0 in development and test.
    pub shutdown_delay_seconds: u64,
    /// How long a shutdown then waits for running requests, in seconds. Default 10.
    pub shutdown_timeout_seconds: u64,
    /// Proxies that are believed when they say where a request comes from, in CIDR form (`10.0.0.0/8`). Default none: the
    /// other end of the connection is the client.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether to send `Strict-Transport-Security`. Default `true`, but `false` in development, test and staging.
    pub hsts: bool,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 8080,
            public_url: String::new(),
            workers: 0,
            max_blocking_threads: 0,
            max_connections: 4096,
            backlog: 1024,
            max_json_bytes: 262_144,
            keep_alive_seconds: 75,
            client_request_timeout_seconds: 5,
            shutdown_delay_seconds: 5,
            shutdown_timeout_seconds: 10,
            trusted_proxies: Vec::new(),
            hsts: true,
        }
    }
}

impl ServerSettings {
    /// How many worker threads there are: as many as is said, or one for each core.
    pub fn worker_threads(&self) -> usize {
        match self.workers {
            0 => std::thread::available_parallelism().map_or(2, usize::from),
            workers => workers,
        }
    }

    /// Where users reach the server, without a slash at its end: `public_url`, else made from the host and the port
    /// that was really taken.
    pub fn base_url(&self, port: u16) -> String {
        if !self.public_url.is_empty() {
            return self.public_url.clone();
        }
        match self.host.parse() {
            Ok(address) if std::net::IpAddr::is_unspecified(&address) => format!("http://localhost:{port}"),
            Ok(std::net::IpAddr::V6(address)) => format!("http://[{address}]:{port}"),
            _ => format!("http://{}:{port}", self.host),
        }
    }
}
