//! Other processes, as the system shows them (Linux: proc(5)).

use std::{
    fs,
    hash::{BuildHasher as _, RandomState},
    net::TcpListener,
    process::{Command, Stdio},
};

/// A port that nobody listens at. Below the range that outgoing connections draw from, so that nobody has it either while
/// who listens there is away.
pub fn free_port() -> u16 {
    let draw = || 20_000 + u16::try_from(random(12_000)).expect("a small number");
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    std::iter::repeat_with(draw).find(is_free).expect("there is no end of them")
}

/// Below `limit`.
pub fn random(limit: u64) -> u64 {
    RandomState::new().hash_one(0) % limit
}

/// Sends a signal to processes, of which some may have ended.
pub fn signal(name: &str, processes: &[u32]) {
    let mut command = Command::new("kill");
    command.arg(format!("-{name}")).args(processes.iter().map(ToString::to_string));
    // Those that are gone need no signal.
    let _ = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
}

/// The processes that this one started.
pub fn children_of(parent: u32) -> Vec<u32> {
    let mut children = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(process) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        // The name, in parentheses, may hold anything.
        let mut fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        if fields.nth(1) == Some(parent.to_string().as_str()) {
            children.push(process);
        }
    }
    children
}

/// Whether this is root.
pub fn is_root() -> bool {
    output("id", &["-u"]).as_deref() == Some("0")
}

/// The user and group, as numbers, that a server runs as which refuses root; none where this is not root.
pub fn user_for_servers() -> Option<(String, String)> {
    if !is_root() {
        return None;
    }
    let user = ["postgres", "nobody"].into_iter().find(|user| output("id", &["-u", user]).is_some())?;
    Some((output("id", &["-u", user])?, output("id", &["-g", user])?))
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let done = Command::new(program).args(arguments).stderr(Stdio::null()).output().ok()?;
    done.status.success().then(|| String::from_utf8_lossy(&done.stdout).trim().to_owned())
}
