//! The metrics that every Prometheus client gives of its own process.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Entry, Kind, Registry, Sample};

/// Adds the `process_*` metrics, read from `self` and `stat` of the tree `proc` (`/proc`) at each scrape. What cannot be
/// read is left out.
pub fn process_metrics(registry: &mut Registry, proc: impl Into<PathBuf>) {
    let proc: Arc<Path> = proc.into().into();
    let mut add = |name, kind, help, read: fn(&Path) -> Option<f64>| {
        let proc = Arc::clone(&proc);
        let entry = Entry { name, kind, labels: &[], help };
        registry.read_at_scrape(entry, move || read(&proc).map(Sample::plain).into_iter().collect());
    };
    add("process_resident_memory_bytes", Kind::Gauge, "Resident memory in bytes", resident_bytes);
    add("process_cpu_seconds_total", Kind::Counter, "User and system CPU time in seconds", cpu_seconds);
    add("process_start_time_seconds", Kind::Gauge, "When the process started, in seconds since 1970", started_at);
    add("process_open_fds", Kind::Gauge, "Open file descriptors", open_files);
    add("process_max_fds", Kind::Gauge, "Most file descriptors that may be open", most_files);
}

fn resident_bytes(proc: &Path) -> Option<f64> {
    let status = fs::read_to_string(proc.join("self/status")).ok()?;
    let kib: f64 = value_of(&status, "VmRSS:")?.parse().ok()?;
    Some(kib * 1024.0)
}

fn cpu_seconds(proc: &Path) -> Option<f64> {
    let (user, system) = (stat_field(proc, 14)?, stat_field(proc, 15)?);
    Some((user + system) / ticks_per_second())
}

fn started_at(proc: &Path) -> Option<f64> {
    let machine = fs::read_to_string(proc.join("stat")).ok()?;
    let booted: f64 = value_of(&machine, "btime")?.parse().ok()?;
    Some(booted + stat_field(proc, 22)? / ticks_per_second())
}

#[expect(clippy::cast_precision_loss, reason = "a process has far fewer than 2^52 files open")]
fn open_files(proc: &Path) -> Option<f64> {
    let open = fs::read_dir(proc.join("self/fd")).ok()?.count();
    // The directory that is being listed is one of them.
    Some(open.saturating_sub(1) as f64)
}

fn most_files(proc: &Path) -> Option<f64> {
    let limits = fs::read_to_string(proc.join("self/limits")).ok()?;
    match value_of(&limits, "Max open files")? {
        "unlimited" => Some(f64::INFINITY),
        most => most.parse().ok(),
    }
}

/// The first word after `name` at the start of a line.
fn value_of<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()
}

/// A field of `/proc/self/stat`, the first is 1. The second, the name, may hold spaces and parentheses.
fn stat_field(proc: &Path, number: usize) -> Option<f64> {
    const FIRST_AFTER_NAME: usize = 3;
    let stat = fs::read_to_string(proc.join("self/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(number.checked_sub(FIRST_AFTER_NAME)?)?.parse().ok()
}

#[expect(clippy::cast_precision_loss, reason = "it is 100 everywhere, and at most 1,000")]
fn ticks_per_second() -> f64 {
    rustix::param::clock_ticks_per_second() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_from_its_directory() {
        let proc = tempfile::tempdir().unwrap();
        let own = proc.path().join("self");
        fs::create_dir_all(own.join("fd")).unwrap();
        for name in ["0", "1", "2", "3"] {
            fs::write(own.join("fd").join(name), "").unwrap();
        }
        fs::write(proc.path().join("stat"), "cpu 1 2 3\nbtime 1700000000\n").unwrap();
        fs::write(own.join("stat"), "7 (a) b) S 1 7 7 0 -1 0 0 0 0 0 250 50 0 0 20 0 4 0 1000 0 0").unwrap();
        fs::write(own.join("status"), "Name:\tx\nVmRSS:\t    2048 kB\n").unwrap();
        fs::write(own.join("limits"), "Limit  Soft Hard Units\nMax open files            1024   4096   files\n")
            .unwrap();
        let mut registry = Registry::default();
        process_metrics(&mut registry, proc.path());
        let text = registry.encode(super::super::Format::Prometheus);
        let samples: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let expected = [
            "process_resident_memory_bytes 2097152.0",
            "process_cpu_seconds_total 3.0",
            "process_start_time_seconds 1700000010.0",
            "process_open_fds 3.0",
            "process_max_fds 1024.0",
        ];
        assert_eq!(samples, expected);
    }

    #[test]
    fn what_cannot_be_read_is_left_out() {
        let mut registry = Registry::default();
        process_metrics(&mut registry, "/nowhere");
        assert_eq!(registry.encode(super::super::Format::Prometheus), "");
    }
}
