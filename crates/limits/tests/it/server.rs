//! A Redis of the test's own, which it starts, stops and ends.

use std::{
    env,
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// A server on a port of its own, with a password and without anything on disk; ended when it is dropped.
pub struct Server {
    program: PathBuf,
    port: u16,
    child: Option<Child>,
}

const PASSWORD: &str = "not a secret";

impl Server {
    /// Starts one; `None` if there is no Redis here.
    pub async fn start() -> Option<Self> {
        let program = program()?;
        let port =
            TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr()).expect("a port").port();
        let mut server = Self { program, port, child: None };
        server.start_again().await;
        Some(server)
    }

    /// The address, with the password.
    pub fn url(&self) -> String {
        Self::url_by(self.port)
    }

    /// The same by way of another port of this machine.
    pub fn url_by(port: u16) -> String {
        format!("redis://default:{}@127.0.0.1:{port}/0", PASSWORD.replace(' ', "%20"))
    }

    /// The same for somebody else than its master.
    pub fn url_of(&self, user: &str, password: &str) -> String {
        format!("redis://{user}:{password}@127.0.0.1:{}/0", self.port)
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Starts it where it was.
    pub async fn start_again(&mut self) {
        let child = Command::new(&self.program)
            .args(["--bind", "127.0.0.1", "--port", &self.port.to_string(), "--requirepass", PASSWORD])
            .args(["--save", "", "--appendonly", "no", "--daemonize", "no", "--loglevel", "warning"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir(env::temp_dir())
            .spawn()
            .expect("Redis starts");
        self.child = Some(child);
        let began = Instant::now();
        while tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
            assert!(began.elapsed() < Duration::from_secs(20), "Redis does not listen");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Ends it as a crash does.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("it was ours");
            child.wait().expect("it was ours");
        }
    }

    /// Stops it in the middle of whatever it does: it takes connections, and never answers.
    pub fn hang(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub fn go_on(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let process = self.child.as_ref().expect("it runs").id().to_string();
        assert!(Command::new("kill").args([signal, &process]).status().expect("kill").success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself; whatever is stopped is killed all the same.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Where the program is.
fn program() -> Option<PathBuf> {
    let folders: Vec<PathBuf> = match env::var_os("TEST_REDIS_BIN") {
        Some(folder) => vec![folder.into()],
        None => env::split_paths(&env::var_os("PATH")?).collect(),
    };
    folders.into_iter().map(|folder| folder.join("redis-server")).find(|file| file.is_file())
}
