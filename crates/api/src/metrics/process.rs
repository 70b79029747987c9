//! What the operating system knows of this process: `/proc/self`, where there is one.

use std::{fs, time::Duration};

use prometheus::{Counter, Gauge, IntGauge, Registry, Result};

use super::{registered, show};

/// Clock ticks a second, as Linux shows them to every process (`USER_HZ`), whatever the kernel's own.
const TICKS: f64 = 100.0;
/// The size of a page where nobody says otherwise.
const PAGE: u64 = 4096;

pub(super) struct ProcessMetrics {
    resident: IntGauge,
    virtual_memory: IntGauge,
    cpu: Counter,
    start: Gauge,
    threads: IntGauge,
    files: IntGauge,
    max_files: IntGauge,
}

impl ProcessMetrics {
    pub(super) fn new(registry: &Registry) -> Result<Self> {
        let gauge = |name: &str, help: &str| registered(registry, IntGauge::new(name, help)?);
        Ok(Self {
            resident: gauge("process_resident_memory_bytes", "Memory that is really there.")?,
            virtual_memory: gauge("process_virtual_memory_bytes", "Memory that was asked for.")?,
            cpu: registered(
                registry,
                Counter::new("process_cpu_seconds_total", "Processor time, of users and of the system.")?,
            )?,
            start: registered(
                registry,
                Gauge::new("process_start_time_seconds", "When the process began, in seconds since 1970.")?,
            )?,
            threads: gauge("process_threads", "Threads.")?,
            files: gauge("process_open_fds", "Open files and connections.")?,
            max_files: gauge("process_max_fds", "Files and connections that may be open.")?,
        })
    }

    /// Looks. What the system does not say stays as it was.
    pub(super) fn look(&self) {
        if let Some(process) = fs::read_to_string("/proc/self/stat").ok().as_deref().and_then(Stat::read) {
            // The system counts; this only repeats it, and what it repeats never falls.
            self.cpu.inc_by((process.cpu.as_secs_f64() - self.cpu.get()).max(0.0));
            show(&self.threads, process.threads);
            show(&self.virtual_memory, process.virtual_bytes);
            show(&self.resident, process.resident_pages.saturating_mul(PAGE));
            let boot = fs::read_to_string("/proc/stat").ok().and_then(|text| boot_time(&text));
            if let Some(boot) = boot {
                self.start.set(boot + process.started.as_secs_f64());
            }
        }
        if let Some(resident) = fs::read_to_string("/proc/self/status").ok().as_deref().and_then(resident_bytes) {
            show(&self.resident, resident);
        }
        if let Ok(files) = fs::read_dir("/proc/self/fd") {
            // Without the one that looks.
            show(&self.files, files.count().saturating_sub(1));
        }
        if let Some(max) = fs::read_to_string("/proc/self/limits").ok().as_deref().and_then(max_files) {
            show(&self.max_files, max);
        }
    }
}

/// What is wanted of `/proc/self/stat` (`proc_pid_stat(5)`).
#[derive(Debug, PartialEq)]
struct Stat {
    cpu: Duration,
    threads: u64,
    /// After the start of the machine.
    started: Duration,
    virtual_bytes: u64,
    resident_pages: u64,
}

impl Stat {
    fn read(text: &str) -> Option<Self> {
        // The second field is a name in brackets, which may hold anything.
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        // The first of these is the third of all.
        let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
        let time = |ticks: u64| Duration::from_secs_f64(f64::from(u32::try_from(ticks).unwrap_or(u32::MAX)) / TICKS);
        Some(Self {
            cpu: time(number(14)? + number(15)?),
            threads: number(20)?,
            started: time(number(22)?),
            virtual_bytes: number(23)?,
            resident_pages: number(24)?,
        })
    }
}

/// In seconds since 1970.
fn boot_time(text: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok())
}

/// More exact than pages, whose size depends on the machine.
fn resident_bytes(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? << 10)
}

fn max_files(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_whatever_its_name() {
        let text = "4242 (a) b (c) S 1 4242 4242 0 -1 4194560 10 0 0 0 150 50 0 0 20 0 9 0 12345 222298112 2048 \
                    18446744073709551615 1 1 0 0 0 0 0 4096 1088 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0";
        let expected = Stat {
            cpu: Duration::from_secs(2),
            threads: 9,
            started: Duration::from_millis(123_450),
            virtual_bytes: 222_298_112,
            resident_pages: 2048,
        };
        assert_eq!(Stat::read(text), Some(expected));
        assert_eq!(Stat::read("nonsense"), None);
        assert_eq!(Stat::read("1 (x) S 1"), None);
    }

    #[test]
    fn the_other_files_are_read() {
        assert_eq!(boot_time("cpu 1 2 3\nbtime 1700000000\nprocesses 7\n"), Some(1_700_000_000.0));
        assert_eq!(resident_bytes("VmPeak:\t  9 kB\nVmRSS:\t   2048 kB\n"), Some(2 << 20));
        assert_eq!(
            max_files("Max open files            1024                 4096                 files\n"),
            Some(1024)
        );
        assert_eq!(max_files("Max open files            unlimited            unlimited            files\n"), None);
    }
}
