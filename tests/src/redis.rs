//! A Redis of the test's own.

use std::{
    env,
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use tokio::net::TcpStream;

use crate::{variable, wait::eventually};

const PASSWORD: &str = "half-hitch-4096";

/// A server on a free port of this machine, with nothing on disk; it is killed when this value goes.
#[derive(Debug)]
pub struct Redis {
    program: PathBuf,
    port: u16,
    child: Option<Child>,
}

impl Redis {
    /// Starts one. Without the program, in `TEST_REDIS_BIN` or on `PATH`, the test says that it is skipped, or fails if
    /// `LYCEUM_TESTS_SKIP_NOTHING` is set.
    pub async fn start(test: &str) -> Option<Self> {
        let Some(program) = program() else {
            assert!(variable("LYCEUM_TESTS_SKIP_NOTHING").is_none(), "{test} must run, but there is no redis-server");
            eprintln!("SKIPPED {test}: there is no redis-server");
            return None;
        };
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        let mut redis = Self { program, port, child: None };
        redis.start_again().await;
        Some(redis)
    }

    /// Its address, with the password.
    pub fn url(&self) -> String {
        format!("redis://default:{PASSWORD}@127.0.0.1:{}/0", self.port)
    }

    /// Starts it where it was, empty.
    pub async fn start_again(&mut self) {
        let child = Command::new(&self.program)
            .args(["--bind", "127.0.0.1", "--port", &self.port.to_string(), "--requirepass", PASSWORD])
            .args(["--save", "", "--appendonly", "no", "--daemonize", "no"])
            .current_dir(env::temp_dir())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn();
        self.child = Some(child.expect("Redis runs"));
        eventually("Redis", async || TcpStream::connect(("127.0.0.1", self.port)).await.ok()).await;
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

fn program() -> Option<PathBuf> {
    let folders = match variable("TEST_REDIS_BIN") {
        Some(folder) => vec![folder.into()],
        None => env::split_paths(&variable("PATH")?).collect::<Vec<_>>(),
    };
    folders.into_iter().map(|folder| folder.join("redis-server")).find(|file| file.is_file())
}
