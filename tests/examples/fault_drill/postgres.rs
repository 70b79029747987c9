//! A PostgreSQL of our own, which can be stopped, frozen and started again.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use lyceum_e2e::{variable, wait::eventually};
use sqlx::{Connection as _, PgConnection, Row as _};
use tempfile::TempDir;

use crate::processes::{children_of, free_port, signal, user_for_servers};

/// The password of its superuser, whom nobody but this program reaches.
const PASSWORD: &str = "anchor-watch-4471";

/// A server in a folder of its own; it goes with this value.
pub struct Postgres {
    programs: PathBuf,
    folder: TempDir,
    port: u16,
    user: Option<(String, String)>,
    running: Option<Child>,
}

impl Postgres {
    /// Makes a cluster and starts its server; none if PostgreSQL is not installed.
    pub async fn start() -> Option<Self> {
        let programs = programs()?;
        let folder = tempfile::tempdir().expect("a folder");
        let user = user_for_servers();
        let password = folder.path().join("password");
        fs::write(&password, PASSWORD).expect("writes");
        if let Some((uid, _)) = &user {
            let given = Command::new("chown").arg(uid).arg(folder.path()).arg(&password).status();
            assert!(given.expect("chown runs").success());
        }
        let mut postgres = Self { programs, folder, port: free_port(), user, running: None };
        let made = postgres
            .command("initdb")
            .args(["-D", "db", "-U", "postgres", "-A", "scram-sha-256", "--pwfile=password", "-E", "UTF8", "--no-sync"])
            .output()
            .expect("initdb runs");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        postgres.run().await;
        Some(postgres)
    }

    /// Its address, with a database to connect to.
    pub fn url(&self) -> String {
        format!("postgres://postgres:{PASSWORD}@127.0.0.1:{}/postgres", self.port)
    }

    /// Starts it, at the same place as before, and waits until it lets people in.
    pub async fn run(&mut self) {
        let log = File::options().create(true).append(true).open(self.folder.path().join("server.log"));
        let log = log.expect("a file for its log");
        let mut command = self.command("postgres");
        command.args(["-D", "db", "-p", &self.port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
        // What it has acknowledged survives the end of its processes, if not that of the machine.
        command.args(["-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "synchronous_commit=on"]);
        command.stdout(log.try_clone().expect("a second handle")).stderr(log);
        self.running = Some(command.spawn().expect("postgres runs"));
        eventually("PostgreSQL", async || self.connect().await).await;
    }

    /// Ends it as a crash would: nobody is asked, and it has to recover when it starts again.
    pub fn crash(&mut self) {
        let mut running = self.running.take().expect("it runs");
        signal("QUIT", &[running.id()]);
        running.wait().expect("it ends");
    }

    /// Stops all its processes where they are: connections stay open, and nothing is answered.
    pub fn freeze(&self) {
        signal("STOP", &self.processes());
    }

    /// Lets them go on.
    pub fn thaw(&self) {
        signal("CONT", &self.processes());
    }

    fn processes(&self) -> Vec<u32> {
        let server = self.running.as_ref().expect("it runs").id();
        std::iter::once(server).chain(children_of(server)).collect()
    }

    /// A connection of the superuser, if the server is there.
    pub async fn connect(&self) -> Option<PgConnection> {
        PgConnection::connect(&self.url()).await.ok()
    }

    /// How many connections the server of Lyceum has, and how many of them are in a transaction in which nothing happens.
    pub async fn connections(&self) -> (usize, usize) {
        let mut db = self.connect().await.expect("PostgreSQL answers");
        let counted = sqlx::query(
            "SELECT count(*), count(*) FILTER (WHERE state LIKE 'idle in transaction%') \
             FROM pg_stat_activity WHERE application_name = 'lyceum'",
        );
        let row = counted.fetch_one(&mut db).await.expect("an answer");
        let count = |column: usize| usize::try_from(row.get::<i64, _>(column)).expect("a count");
        (count(0), count(1))
    }

    /// Ends all connections of the server of Lyceum, whatever they are at; how many.
    pub async fn kill_connections(&self) -> usize {
        let mut db = self.connect().await.expect("PostgreSQL answers");
        let killed = sqlx::query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'lyceum' AND pid <> pg_backend_pid()",
        );
        killed.fetch_all(&mut db).await.expect("an answer").len()
    }

    fn command(&self, program: &str) -> Command {
        let program = self.programs.join(program);
        let mut command = match &self.user {
            Some((uid, gid)) => {
                let mut command = Command::new("setpriv");
                command.args(["--reuid", uid, "--regid", gid, "--clear-groups"]).arg(program);
                command
            }
            None => Command::new(program),
        };
        command.current_dir(self.folder.path()).env_clear().stdin(Stdio::null());
        command.env("PATH", variable("PATH").unwrap_or_default()).env("LC_ALL", "C").env("HOME", self.folder.path());
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(mut running) = self.running.take() {
            signal("CONT", &[running.id()]);
            signal("QUIT", &[running.id()]);
            std::thread::sleep(Duration::from_millis(50));
            let _ = running.wait();
        }
    }
}

/// The folder of `initdb` and `postgres`: `TEST_POSTGRES_BIN`, or one on `PATH`, or where Debian puts the newest.
fn programs() -> Option<PathBuf> {
    let is_whole = |folder: &Path| folder.join("initdb").is_file() && folder.join("postgres").is_file();
    let path = variable("PATH").unwrap_or_default();
    let mut versions: Vec<_> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"))
        .collect();
    versions.sort();
    variable("TEST_POSTGRES_BIN")
        .map(PathBuf::from)
        .into_iter()
        .chain(std::env::split_paths(&path))
        .chain(versions.into_iter().rev())
        .find(|folder| is_whole(folder))
}
