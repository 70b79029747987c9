//! A Redis of our own, which can be killed and started again.

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use lyceum_e2e::{variable, wait::eventually};
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::processes::{free_port, signal};

/// Whoever is on this machine needs it.
const PASSWORD: &str = "slack-water-2218";

/// A server that keeps nothing; it goes with this value.
pub struct Redis {
    program: PathBuf,
    folder: TempDir,
    port: u16,
    running: Option<Child>,
}

impl Redis {
    /// Starts one; none if Redis is not installed.
    pub async fn start() -> Option<Self> {
        let path = variable("TEST_REDIS_BIN").or_else(|| variable("PATH"))?;
        let program =
            std::env::split_paths(&path).map(|folder| folder.join("redis-server")).find(|file| file.is_file())?;
        let mut redis =
            Self { program, folder: tempfile::tempdir().expect("a folder"), port: free_port(), running: None };
        redis.run().await;
        Some(redis)
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("redis://default:{PASSWORD}@127.0.0.1:{}/0", self.port)
    }

    /// Starts it, at the same place as before and empty, and waits until it listens.
    pub async fn run(&mut self) {
        let mut command = Command::new(&self.program);
        command.current_dir(self.folder.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.args(["--bind", "127.0.0.1", "--port", &self.port.to_string(), "--save", "", "--appendonly", "no"]);
        self.running = Some(command.args(["--requirepass", PASSWORD]).spawn().expect("redis-server runs"));
        eventually("Redis", async || TcpStream::connect(("127.0.0.1", self.port)).await.ok()).await;
    }

    /// Kills it.
    pub fn kill(&mut self) {
        let mut running = self.running.take().expect("it runs");
        signal("KILL", &[running.id()]);
        running.wait().expect("it ends");
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        if let Some(mut running) = self.running.take() {
            let _ = running.kill();
            let _ = running.wait();
        }
    }
}
