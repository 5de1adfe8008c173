//! What the kernel keeps for whoever reads: inodes, directory entries and, for held descriptors, open files.
//!
//! Each side reads a population of its own from inside a control group of its own, since the kernel charges whoever
//! looks first.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use processes::{Settings, Watch, raise_open_files};
use runtime::clock::SystemClock;

use crate::passes::RESERVED;
use crate::{bare, population, remark, result, rules};

/// Measures in a pid namespace of its own: whoever else looks at /proc on this machine would be charged in our place.
pub(crate) fn run(size: usize) {
    let program = std::env::current_exe().expect("this program has a path");
    let mut command = Command::new("unshare");
    command.args(["--pid", "--fork", "--mount-proc"]).arg(program).args(["alone-kernel-memory", &size.to_string()]);
    if !command.status().is_ok_and(|status| status.success()) {
        remark("kernel memory is not measured: it needs root, unshare, and a control group with a memory controller");
    }
}

/// Measures in the namespace.
pub(crate) fn run_alone(size: usize) {
    let roles = ["child-bare", "child-bare-and-stat", "child-watch"];
    let [bare, with_stat, ours] = roles.map(|role| measure(role, size).expect("a control group of this kernel tells"));
    result(format_args!("kernel-memory-bare-{size}"), bare, "KiB", "-");
    result(format_args!("kernel-memory-bare-and-stat-{size}"), with_stat, "KiB", "-");
    result(format_args!("kernel-memory-ours-{size}"), ours, "KiB", "-");
    result(format_args!("kernel-memory-ours-over-bare-and-stat-{size}"), ours / with_stat, "x", "-");
    result(format_args!("kernel-memory-ours-over-bare-{size}"), ours / bare, "x", "<=1.2");
}

/// What a child of this program is charged for reading `size` new processes, in KiB.
fn measure(role: &str, size: usize) -> Option<f64> {
    let group = Group::new(role)?;
    let _population = population::start(size);
    let program = std::env::current_exe().expect("this program has a path");
    let mut child = Command::new(program)
        .arg(role)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program starts");
    group.take_in(&child);
    let before = group.kernel_kib();
    step(&mut child);
    let after = group.kernel_kib();
    drop(child.stdin.take());
    child.wait().expect("a child can be waited for");
    Some(after? - before?)
}

/// Lets the child read once, and waits until it has.
fn step(child: &mut Child) {
    let stdin = child.stdin.as_mut().expect("stdin is piped");
    stdin.write_all(b"go").and_then(|()| stdin.flush()).expect("the child waits for this");
    let mut done = [0; 1];
    child.stdout.as_mut().expect("stdout is piped").read_exact(&mut done).expect("the child says when it is done");
}

/// The child that does the bare reads.
pub(crate) fn read_barely() {
    wait_for_parent(2);
    bare::read(&bare::pids());
    done();
}

/// The child that also reads `stat`, without which no new process can be told from a kernel thread.
pub(crate) fn read_barely_and_stat() {
    wait_for_parent(2);
    let pids = bare::pids();
    bare::read(&pids);
    for pid in pids {
        // One that ended meanwhile shows nothing.
        let _ = std::fs::read(format!("/proc/{pid}/stat"));
    }
    done();
}

/// The child that watches.
pub(crate) fn read_by_watching() {
    wait_for_parent(2);
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let rules = rules::compiled(folder.path());
    let held = raise_open_files(RESERVED);
    let mut watch =
        Watch::open(Settings::default(), rules, held, Arc::new(SystemClock::new())).expect("/proc can be read");
    watch.pass();
    watch.pass();
    done();
}

fn wait_for_parent(bytes: usize) {
    let mut go = vec![0; bytes];
    std::io::stdin().read_exact(&mut go).expect("the parent says when to go on");
}

/// Says so, and keeps everything until the parent has measured.
fn done() {
    std::io::stdout().write_all(b".").and_then(|()| std::io::stdout().flush()).expect("the parent reads this");
    let mut rest = Vec::new();
    std::io::stdin().read_to_end(&mut rest).expect("the parent closes this");
}

/// A control group for one child, of version 1 or 2.
struct Group(PathBuf);

impl Group {
    fn new(role: &str) -> Option<Self> {
        let roots = [Path::new("/sys/fs/cgroup/memory"), Path::new("/sys/fs/cgroup")];
        let group = roots.iter().map(|root| root.join(format!("keelwatch-bench-{role}-{}", std::process::id())));
        let mut usable =
            group.map(Self).filter(|group| std::fs::create_dir(&group.0).is_ok() && group.kernel_kib().is_some());
        usable.next()
    }

    fn take_in(&self, child: &Child) {
        std::fs::write(self.0.join("cgroup.procs"), child.id().to_string()).expect("a child can be moved");
    }

    fn kernel_kib(&self) -> Option<f64> {
        let version_1 = std::fs::read_to_string(self.0.join("memory.kmem.usage_in_bytes")).ok();
        let version_2 = || {
            let stat = std::fs::read_to_string(self.0.join("memory.stat")).ok()?;
            stat.lines().find_map(|line| line.strip_prefix("kernel ")).map(str::to_owned)
        };
        let bytes: f64 = version_1.or_else(version_2)?.trim().parse().ok()?;
        Some(bytes / 1024.0)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // A group that still has a process stays, and the next run makes another.
        let _ = std::fs::remove_dir(&self.0);
    }
}
