//! A /proc tree in a temporary folder, for tests.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// A tree of a host that booted at 2026-11-21T04:00:00Z, 1,000 s ago, with init and kthreadd.
#[derive(Debug)]
pub(crate) struct ProcTree(tempfile::TempDir);

/// One process of the tree; what is not set is ordinary.
#[derive(Debug, Clone)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    pub(crate) comm: &'static str,
    pub(crate) args: &'static [&'static str],
    pub(crate) exe: &'static str,
    pub(crate) cgroup: &'static str,
    pub(crate) parent: u32,
    pub(crate) state: char,
    pub(crate) threads: u32,
    pub(crate) flags: u32,
    pub(crate) start_ticks: u64,
}

impl Process {
    /// A shell, started 100 s after boot.
    pub(crate) fn new(pid: u32) -> Self {
        Self {
            pid,
            comm: "sh",
            args: &["sh"],
            exe: "/bin/sh",
            cgroup: "0::/system.slice/app.service",
            parent: 1,
            state: 'S',
            threads: 1,
            flags: 0x0040_0000,
            start_ticks: 10_000,
        }
    }

    /// A miner by every name.
    pub(crate) fn miner(pid: u32) -> Self {
        Self { comm: "xmrig", args: &["./xmrig", "--pass=hunter2"], exe: "/opt/xmrig", ..Self::new(pid) }
    }
}

impl ProcTree {
    pub(crate) fn new() -> Self {
        let tree = Self(tempfile::tempdir().expect("a temporary folder can be made"));
        tree.write("stat", "cpu  1 2 3\nbtime 1795233600\nprocesses 500\n");
        tree.write("uptime", "1000.00 900.00\n");
        tree.write("sys/kernel/random/boot_id", "3f0c1d7e-6a52-4c0e-9a6d-0b8f4f6a1c11\n");
        tree.put(&Process { comm: "init", args: &["/sbin/init"], exe: "/sbin/init", parent: 0, ..Process::new(1) });
        tree.put(&Process { comm: "kthreadd", args: &[], exe: "", parent: 0, flags: 0x0020_8040, ..Process::new(2) });
        tree.write("2/comm", "kthreadd\n");
        tree
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Adds a process, or changes it.
    pub(crate) fn put(&self, process: &Process) {
        let Process { pid, comm, parent, state, threads, flags, start_ticks, .. } = process;
        self.write(
            format!("{pid}/stat"),
            &format!("{pid} ({comm}) {state} {parent} 1 1 0 -1 {flags} 1 0 0 0 250 50 0 0 20 0 {threads} 0 {start_ticks} 4096 1\n"),
        );
        self.put_files(&pid.to_string(), process);
        self.write(format!("{pid}/status"), &format!("Name:\t{comm}\nUid:\t1000\t1000\t1000\t1000\n"));
    }

    /// Adds another thread of a process, with files of its own.
    pub(crate) fn put_thread(&self, process: &Process, tid: u32) {
        self.put_files(&format!("{}/task/{tid}", process.pid), process);
    }

    fn put_files(&self, folder: &str, process: &Process) {
        let terminated: Vec<String> = process.args.iter().map(|arg| format!("{arg}\0")).collect();
        self.write(format!("{folder}/cmdline"), &terminated.concat());
        self.write(format!("{folder}/cgroup"), process.cgroup);
        let link = self.path().join(folder).join("exe");
        if link.symlink_metadata().is_ok() {
            fs::remove_file(&link).expect("the link is ours");
        }
        if !process.exe.is_empty() {
            symlink(process.exe, link).expect("a link can be made");
        }
    }

    /// Writes any file of the tree.
    pub(crate) fn write(&self, path: impl Into<PathBuf>, text: &str) {
        let file = self.path().join(path.into());
        fs::create_dir_all(file.parent().expect("files are in folders")).expect("a folder can be made");
        fs::write(file, text).expect("a file can be written");
    }
}
