//! What a process takes of the machine, as Linux says it (proc(5)).

use std::fs;

/// What a process takes at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vitals {
    /// Memory that is really there, in KiB.
    pub memory: u64,
    /// Open files, sockets among them.
    pub files: u64,
    /// Threads.
    pub threads: u64,
}

impl Vitals {
    /// Of a process that runs.
    pub fn of(process: u32) -> Self {
        let status = fs::read_to_string(format!("/proc/{process}/status")).expect("the process runs, on Linux");
        let line = |name: &str| {
            let value = status.lines().find_map(|line| line.strip_prefix(name)).expect("the line");
            value.trim().trim_end_matches(" kB").parse().expect("a number")
        };
        let files = fs::read_dir(format!("/proc/{process}/fd")).expect("one's own process").count();
        Self { memory: line("VmRSS:"), files: files as u64, threads: line("Threads:") }
    }
}
