//! What the operating system knows of this process: `/proc/self`, where there is one.

use std::{fs, time::Duration};

use lyceum_domain::time::Clock as _;
use prometheus::{Counter, IntGauge, Registry, Result};

use super::{registered, show};
use crate::ambient::SystemClock;

/// A clock tick in milliseconds, as Linux shows them to every process (`USER_HZ`), whatever the kernel's own.
const TICK: u64 = 10;
/// The size of a page where nobody says otherwise.
const PAGE: u64 = 4096;

pub(super) struct ProcessMetrics {
    resident: IntGauge,
    virtual_memory: IntGauge,
    cpu: Counter,
    threads: IntGauge,
    files: IntGauge,
    max_files: IntGauge,
}

impl ProcessMetrics {
    pub(super) fn new(registry: &Registry) -> Result<Self> {
        let gauge = |name: &str, help: &str| registered(registry, IntGauge::new(name, help)?);
        // As the clock stood: what the system can say of it is hidden from services, and moves when the clock is set.
        let started = gauge("process_start_time_seconds", "When the process began, in seconds since 1970.")?;
        started.set(SystemClock.now().as_unix_seconds());
        Ok(Self {
            resident: gauge("process_resident_memory_bytes", "Memory that is really there.")?,
            virtual_memory: gauge("process_virtual_memory_bytes", "Memory that was asked for.")?,
            cpu: registered(
                registry,
                Counter::new("process_cpu_seconds_total", "Processor time, of users and of the system.")?,
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
        let time = |ticks: u64| Duration::from_millis(ticks.saturating_mul(TICK));
        Some(Self {
            cpu: time(number(14)?.saturating_add(number(15)?)),
            threads: number(20)?,
            virtual_bytes: number(23)?,
            resident_pages: number(24)?,
        })
    }
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
        let expected =
            Stat { cpu: Duration::from_secs(2), threads: 9, virtual_bytes: 222_298_112, resident_pages: 2048 };
        assert_eq!(Stat::read(text), Some(expected));
        let years = text.replace(" 150 50 ", " 9000000000 50 ");
        let cpu = Stat::read(&years).expect("a process").cpu;
        assert_eq!(cpu, Duration::from_millis(90_000_000_500), "many processors, many years");
        assert_eq!(Stat::read("nonsense"), None);
        assert_eq!(Stat::read("1 (x) S 1"), None);
    }

    #[test]
    fn the_start_is_known_without_the_system_and_stays_as_it_is() {
        let registry = Registry::new();
        let before = SystemClock.now().as_unix_seconds();
        let metrics = ProcessMetrics::new(&registry).expect("metrics");
        let started = || {
            let families = registry.gather();
            let family = families.iter().find(|family| family.name() == "process_start_time_seconds").expect("there");
            family.get_metric()[0].get_gauge().get_value()
        };
        let first = started();
        #[expect(clippy::cast_precision_loss, reason = "seconds of this century")]
        let span = before as f64..=SystemClock.now().as_unix_seconds() as f64;
        assert!(span.contains(&first), "{first}");
        metrics.look();
        assert!((started() - first).abs() < f64::EPSILON, "nothing that is looked at moves it");
    }

    #[test]
    fn the_other_files_are_read() {
        assert_eq!(resident_bytes("VmPeak:\t  9 kB\nVmRSS:\t   2048 kB\n"), Some(2 << 20));
        assert_eq!(
            max_files("Max open files            1024                 4096                 files\n"),
            Some(1024)
        );
        assert_eq!(max_files("Max open files            unlimited            unlimited            files\n"), None);
    }
}
