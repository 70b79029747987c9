//! An installation of Lyceum: folder, database, settings. Servers and commands run in it.

use std::{
    collections::BTreeMap,
    fmt::{Display, Write as _},
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Output, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    binary,
    by_hand::ByHand,
    database::Database,
    secrets,
    server::Server,
    traces,
    upstream::{KEY, MODEL, Upstream},
    variable,
    wait::eventually,
};

/// The secret that access tokens are signed with.
pub const JWT_SECRET: &str = "the-tide-goes-out-and-the-tide-comes-in-0192";

/// An installation.
#[derive(Debug)]
pub struct House {
    settings: BTreeMap<String, String>,
    ground: Arc<Ground>,
}

/// What an installation stands on; it goes with the house and the last of its servers.
#[derive(Debug)]
pub(crate) struct Ground {
    database: Database,
    folder: TempDir,
}

impl House {
    /// An empty one.
    pub fn new(database: Database) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let config = concat!(env!("CARGO_MANIFEST_DIR"), "/../config");
        let data = folder.path().join("data").display().to_string();
        let settings = [
            ("LYCEUM_ENV", "test"),
            ("LYCEUM_CONFIG_DIR", config),
            ("LYCEUM__DATA_DIR", &data),
            ("HOST", "127.0.0.1"),
            ("PORT", "0"),
            ("JWT_SECRET", JWT_SECRET),
            ("LYCEUM__RATE_LIMIT__ENABLED", "false"),
            // Each worker keeps threads, and many servers run at once.
            ("LYCEUM__SERVER__WORKERS", "2"),
        ];
        let mut settings: BTreeMap<_, _> =
            settings.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        settings.extend(database.url().map(|url| ("DATABASE_URL".to_owned(), url)));
        for (name, value) in &settings {
            secrets::keep_setting(name, value);
        }
        Self { settings, ground: Arc::new(Ground { database, folder }) }
    }

    /// One on SQLite.
    pub fn small() -> Self {
        Self::new(Database::Sqlite)
    }

    /// With this model as the mentor, which is asked once for each answer.
    #[must_use]
    pub fn with_mentor(self, upstream: &Upstream) -> Self {
        self.with("LYCEUM__LLM__PROVIDER", "qubrid")
            .with("QUBRID_BASE_URL", &upstream.url)
            .with("QUBRID_API_KEY", KEY)
            .with("QUBRID_MODEL", MODEL)
            .with("LYCEUM__LLM__MAX_RETRIES", 0)
    }

    /// With another setting.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Display) -> Self {
        let value = value.to_string();
        secrets::keep_setting(name, &value);
        self.settings.insert(name.to_owned(), value);
        self
    }

    /// A setting, if it has it.
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(String::as_str)
    }

    /// Without a setting.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.settings.remove(name);
        self
    }

    /// The folder that commands run in; `data` in it is the data folder.
    pub fn folder(&self) -> &Path {
        self.ground.folder.path()
    }

    /// The data folder.
    pub fn data(&self) -> std::path::PathBuf {
        self.folder().join("data")
    }

    /// Starts a server and waits until it listens.
    pub async fn start(&self) -> Server {
        Server::start(self.command(), self.data(), Arc::clone(&self.ground)).await
    }

    /// Starts a server as another machine does: over the same database, with a data folder of its own.
    pub async fn start_elsewhere(&self) -> Server {
        let (data, mut command) = (self.folder().join("elsewhere"), self.command());
        command.env("LYCEUM__DATA_DIR", &data);
        Server::start(command, data, Arc::clone(&self.ground)).await
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Done {
        self.run_with_input(arguments, "")
    }

    /// Runs a command that is told this.
    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> Done {
        let mut command = self.command();
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary runs");
        let mut stdin = child.stdin.take().expect("is piped");
        let input = input.to_owned();
        // The command may end without reading.
        let writing = thread::spawn(move || stdin.write_all(input.as_bytes()));
        let output = child.wait_with_output().expect("ends");
        let _ = writing.join();
        Done::new(arguments, &output)
    }

    /// Starts a command and ends it after so long, as a power cut would; it may have ended before.
    pub fn run_and_kill(&self, arguments: &[&str], after: Duration) {
        let mut command = self.command();
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the binary runs");
        thread::sleep(after);
        let _ = child.kill();
        child.wait().expect("ends");
    }

    /// Imports a book, and lets everybody see it. Answers the report.
    pub fn import(&self, book: &Path) -> Value {
        let path = book.display().to_string();
        let done = self.run(&["course", "import", &path, "--publish", "--json"]).succeeded();
        serde_json::from_str(&done.stdout).unwrap_or_else(|_| panic!("the report is no JSON: {}", done.stdout))
    }

    /// Writes and imports a book of this many lessons, `lesson-1` and so on.
    pub fn import_long_book(&self, lessons: usize) -> Value {
        let book = self.folder().join("long-book");
        fs::create_dir_all(book.join("src")).expect("a folder");
        fs::write(book.join("book.toml"), "[book]\ntitle = \"Long Lines\"\n").expect("writes");
        let mut summary = "# Summary\n\n".to_owned();
        for number in 1..=lessons {
            writeln!(summary, "- [Lesson {number}](lesson-{number}.md)").expect("a string takes all");
            let text = format!("# Lesson {number}\n\nA line of {number} fathoms.\n");
            fs::write(book.join(format!("src/lesson-{number}.md")), text).expect("writes");
        }
        fs::write(book.join("src/SUMMARY.md"), summary).expect("writes");
        self.import(&book)
    }

    /// The address of its database, unless that is a file in the data folder.
    pub fn database_url(&self) -> Option<String> {
        self.ground.database.url()
    }

    /// Where in the whole database one of these stands: each as `table.column`. Ids are looked for in their own form too.
    pub async fn traces(&self, of: &[&str]) -> Vec<String> {
        traces::find(self.ground.database.url().as_deref(), &self.data().join("lyceum.db"), of).await
    }

    /// A connection to its database, which must have been migrated.
    pub async fn by_hand(&self) -> ByHand {
        ByHand::open(self.ground.database.url().as_deref(), &self.data().join("lyceum.db")).await
    }

    /// What stands open of answers that have ended: how many messages are streaming, turns under way, pieces of answers
    /// and calls that are not settled there are.
    pub async fn left_open(&self) -> [i64; 4] {
        let (url, file) = (self.ground.database.url(), self.data().join("lyceum.db"));
        let mut counts = [0; 4];
        for (count, statement) in counts.iter_mut().zip(traces::COUNT_OPEN) {
            *count = traces::number(url.as_deref(), &file, statement).await;
        }
        counts
    }

    /// Waits until nothing stands open.
    pub async fn is_settled(&self) {
        let mut left = [0; 4];
        let look = async || {
            left = self.left_open().await;
            (left == [0; 4]).then_some(())
        };
        eventually("the end of all answers in the store", look).await;
    }

    /// How many blobs are noted to be removed.
    pub async fn removals(&self) -> i64 {
        traces::number(self.ground.database.url().as_deref(), &self.data().join("lyceum.db"), traces::COUNT_REMOVALS)
            .await
    }

    /// Lets the time pass after which a blob that is noted is removed.
    pub async fn make_removals_due(&self) {
        let (url, file) = (self.ground.database.url(), self.data().join("lyceum.db"));
        traces::number(url.as_deref(), &file, traces::MAKE_REMOVALS_DUE).await;
    }

    /// The binary, with this house's settings and nothing else of the tests' own environment.
    fn command(&self) -> Command {
        let mut command = Command::new(binary::lyceum());
        command.current_dir(self.folder()).env_clear().envs(&self.settings);
        for name in ["PATH", "TMPDIR", "LLVM_PROFILE_FILE"] {
            if let Some(value) = variable(name) {
                command.env(name, value);
            }
        }
        command
    }
}

/// A command that has ended.
#[derive(Debug)]
pub struct Done {
    /// What was run.
    pub command: String,
    /// Its exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// What it wrote for programs.
    pub stdout: String,
    /// What it wrote for people.
    pub stderr: String,
}

impl Done {
    fn new(arguments: &[&str], output: &Output) -> Self {
        Self {
            command: arguments.join(" "),
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Checks the exit code.
    #[track_caller]
    pub fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "lyceum {}\n{}{}", self.command, self.stdout, self.stderr);
        self
    }

    /// Checks that all went well.
    #[track_caller]
    pub fn succeeded(self) -> Self {
        self.ended(0)
    }
}
