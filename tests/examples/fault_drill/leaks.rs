//! What a server holds, and what it should have let go of.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    time::{Duration, Instant},
};

use lyceum_e2e::{house::House, server::Server};
use sqlx::{Connection as _, PgConnection, Row as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::time::sleep;

use crate::postgres::Postgres;

/// How long a server may take to let go of things.
const PATIENCE: Duration = Duration::from_secs(15);
/// Connections to PostgreSQL at most: eight for those who serve, eight for the chores.
const MOST_CONNECTIONS: usize = 16;
/// How many files more than before may be open.
const SLACK: usize = 3;

/// What is none where nobody is at work.
const AT_REST: [&str; 6] = [
    "lyceum_tasks",
    "lyceum_answers_under_way",
    "lyceum_streams_open",
    "lyceum_lanes_taken",
    "lyceum_lanes_waiting",
    "lyceum_password_hashing_waiting",
];

/// The gauges without labels that a server shows.
async fn gauges(house: &House) -> BTreeMap<String, usize> {
    let address = house.setting("LYCEUM__TELEMETRY__METRICS_BIND").expect("metrics are shown");
    let text = match reqwest::get(format!("http://{address}/metrics")).await {
        Ok(answer) => answer.text().await.unwrap_or_default(),
        Err(_) => String::new(),
    };
    let gauge = |line: &str| {
        let (name, value) = line.split_once(' ')?;
        Some((name.to_owned(), value.parse().ok()?))
    };
    text.lines().filter_map(gauge).collect()
}

/// What a process has open.
#[derive(Debug, Clone, Copy, Default)]
pub struct Held {
    /// Files of a SQLite database.
    pub database: usize,
    /// Connections that others opened to it.
    pub inbound: usize,
    /// Those of them whose other side is gone.
    pub forgotten: usize,
    /// Connections that it opened.
    pub outbound: usize,
    /// Anything else.
    pub others: usize,
    /// Tasks of the runtime beside the requests.
    pub tasks: usize,
}

impl Held {
    /// By a server of this house.
    pub async fn by(house: &House, server: &Server) -> Self {
        Self { tasks: gauges(house).await.get("lyceum_runtime_tasks").copied().unwrap_or(0), ..Self::files(server) }
    }

    fn files(server: &Server) -> Self {
        let port: u16 = server.url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
        let sockets = sockets();
        let mut held = Self::default();
        for entry in fs::read_dir(format!("/proc/{}/fd", server.pid())).into_iter().flatten().flatten() {
            let Ok(target) = fs::read_link(entry.path()) else { continue };
            let target = target.to_string_lossy().into_owned();
            if target.contains("lyceum.db") {
                held.database += 1;
            } else if let Some(socket) = inode(&target).and_then(|inode| sockets.get(&inode)) {
                if socket.local == port {
                    held.inbound += 1;
                    held.forgotten += usize::from(socket.is_closed_by_other);
                } else {
                    held.outbound += 1;
                }
            } else {
                held.others += 1;
            }
        }
        held
    }
}

struct Socket {
    local: u16,
    is_closed_by_other: bool,
}

fn inode(target: &str) -> Option<u64> {
    target.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

/// All TCP sockets of the machine, by inode.
fn sockets() -> BTreeMap<u64, Socket> {
    let mut sockets = BTreeMap::new();
    for file in ["/proc/net/tcp", "/proc/net/tcp6"] {
        for line in fs::read_to_string(file).unwrap_or_default().lines().skip(1) {
            let fields: Vec<_> = line.split_whitespace().collect();
            let (Some(local), Some(state), Some(inode)) = (fields.get(1), fields.get(3), fields.get(9)) else {
                continue;
            };
            let port = local.rsplit(':').next().and_then(|port| u16::from_str_radix(port, 16).ok());
            if let (Some(local), Ok(inode)) = (port, inode.parse()) {
                // Waiting for our side to close.
                sockets.insert(inode, Socket { local, is_closed_by_other: *state == "08" });
            }
        }
    }
    sockets
}

/// Waits until a server has let go of all that it no longer needs. What it still holds is an offence.
pub async fn check(house: &House, server: &Server, postgres: Option<&Postgres>, before: Held) -> Vec<String> {
    let began = Instant::now();
    loop {
        let leaks = look(house, server, postgres, before).await;
        if leaks.is_empty() || began.elapsed() > PATIENCE {
            return leaks;
        }
        sleep(Duration::from_millis(500)).await;
    }
}

async fn look(house: &House, server: &Server, postgres: Option<&Postgres>, before: Held) -> Vec<String> {
    let mut leaks = Vec::new();
    let held = Held::by(house, server).await;
    let gauges = gauges(house).await;
    for name in AT_REST {
        match gauges.get(name) {
            None => leaks.push(format!("{name} is not shown")),
            Some(0) => {}
            Some(count) => leaks.push(format!("{name} is {count} and nobody is at work")),
        }
    }
    if held.tasks > before.tasks + SLACK {
        leaks.push(format!("{} tasks run beside the requests, {} did before", held.tasks, before.tasks));
    }
    if held.others > before.others + SLACK {
        leaks.push(format!("{} files are open, {} were before", held.others, before.others));
    }
    if held.forgotten > 0 {
        leaks.push(format!("{} connections are open whose clients are gone", held.forgotten));
    }
    let mut outbound = held.outbound;
    if let Some(postgres) = postgres {
        let (connections, idle) = postgres.connections().await;
        outbound = outbound.saturating_sub(connections);
        if connections > MOST_CONNECTIONS {
            leaks.push(format!("{connections} connections to PostgreSQL"));
        }
        if idle > 0 {
            leaks.push(format!("{idle} transactions are open in which nothing happens"));
        }
    } else if held.database > before.database + 3 * SLACK {
        leaks.push(format!("{} files of the database are open, {} were before", held.database, before.database));
    }
    if outbound > SLACK {
        leaks.push(format!("{outbound} connections to others are open"));
    }
    let open = house.left_open().await;
    if open != [0; 4] {
        let [streaming, turns, pieces, calls] = open;
        leaks.push(format!("{streaming} answers streaming, {turns} turns, {pieces} pieces, {calls} calls are open"));
    }
    let spooled = files_below(&house.data().join("uploads"));
    if !spooled.is_empty() {
        leaks.push(format!("{} files of uploads are left", spooled.len()));
    }
    let (blobs, known) = (files_below(&house.data().join("blobs")), known_keys(house, postgres).await);
    // What a killed process was writing has a number behind its key, and is swept away a day later.
    let is_counted = |key: &&String| !key.starts_with("health/") && !key.contains('#');
    let unknown: Vec<_> = blobs.difference(&known).filter(is_counted).collect();
    if let Some(first) = unknown.first() {
        leaks.push(format!("{} blobs have neither a row nor a note, {first} for one", unknown.len()));
    }
    leaks
}

/// The paths of all files, relative to the folder.
fn files_below(folder: &Path) -> BTreeSet<String> {
    let (mut files, mut folders) = (BTreeSet::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else if let Ok(path) = entry.path().strip_prefix(folder) {
                files.insert(path.to_string_lossy().into_owned());
            }
        }
    }
    files
}

/// The keys of all blobs that a row names, or a note that they are to go.
async fn known_keys(house: &House, postgres: Option<&Postgres>) -> BTreeSet<String> {
    const KEYS: &str = "SELECT blob_key FROM documents UNION SELECT blob_key FROM course_files \
                        UNION SELECT portrait_key FROM users WHERE portrait_key IS NOT NULL \
                        UNION SELECT key FROM blob_removals";
    if postgres.is_some() {
        let mut db = PgConnection::connect(&house.database_url().expect("a database")).await.expect("connects");
        let rows = sqlx::query(KEYS).fetch_all(&mut db).await.expect("keys");
        return rows.iter().map(|row| row.get(0)).collect();
    }
    let options = SqliteConnectOptions::new().filename(house.data().join("lyceum.db")).read_only(true);
    let mut db = SqliteConnection::connect_with(&options).await.expect("connects");
    let rows = sqlx::query(KEYS).fetch_all(&mut db).await.expect("keys");
    rows.iter().map(|row| row.get(0)).collect()
}
