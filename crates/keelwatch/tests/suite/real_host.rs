//! `keelwatch scan` over the real /proc of the machine that runs the tests.
//!
//! Whatever was there before a test is remembered by its fingerprint and not counted: it may be a true match.

use std::collections::BTreeSet;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::program::{Running, keelwatch, write};
use crate::real_programs::{command, start};
use crate::wait::until;

/// Everything at `/tmp`, since a rule asks for that.
pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("keelwatch-test-").tempdir_in("/tmp").unwrap()
}

/// A copy of sleep under another name.
pub(crate) fn copy_of_sleep(folder: &Path, name: &str) -> PathBuf {
    let program = folder.join(name);
    std::fs::copy("/bin/sleep", &program).unwrap();
    program
}

/// What a scan finds, by fingerprint.
fn scan(rules: &str) -> Vec<Value> {
    let run = keelwatch(&["scan", "-o", "jsonl", "--rules", "builtin", "--rules", rules]);
    assert!(run.code < 2, "{run:?}");
    run.lines()
}

fn fingerprints(found: &[Value]) -> BTreeSet<String> {
    found.iter().map(|line| line["fingerprint"].as_str().unwrap().to_owned()).collect()
}

/// What a scan finds of these processes.
fn found_of<'a>(found: &'a [Value], process: &Running) -> Vec<&'a Value> {
    found.iter().filter(|line| line["pid"] == process.0.id()).collect()
}

/// Runs sleep from a file that lives in memory only.
fn from_memory() -> Running {
    let file = rustix::fs::memfd_create("keelwatch-test", rustix::fs::MemfdFlags::empty()).unwrap();
    let mut file = std::fs::File::from(file);
    file.write_all(&std::fs::read("/bin/sleep").unwrap()).unwrap();
    start(command(format!("/proc/self/fd/{}", file.as_raw_fd())).arg("600"))
}

/// A shell that has become sleep under the name of a kernel thread.
fn kernel_thread_by_name() -> Running {
    let shell = start(command("bash").args(["-c", "exec -a '[kworker/0:1]' sleep 600"]));
    let cmdline = format!("/proc/{}/cmdline", shell.0.id());
    until("the shell to become sleep", || std::fs::read(&cmdline).unwrap().starts_with(b"[kworker").then_some(()));
    shell
}

#[test]
fn four_ways_to_hide_are_named_with_rule_severity_and_evidence() {
    let folder = folder();
    let rules = write(folder.path(), "young.yaml", "version: 1\noverrides: [{rules: [exe-memfd], min_age: 0s}]\n");
    let before = fingerprints(&scan(&rules));
    let miner = start(command(copy_of_sleep(folder.path(), "xmrig")).arg("600"));
    let deleted = start(command(copy_of_sleep(folder.path(), "nap")).arg("600"));
    std::fs::remove_file(folder.path().join("nap")).unwrap();
    let in_memory = from_memory();
    let kernel_thread = kernel_thread_by_name();

    let mut after = scan(&rules);
    after.retain(|line| !before.contains(line["fingerprint"].as_str().unwrap()));

    let named = |process: &Running| -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        found_of(&after, process).iter().map(|line| (text(&line["rule"]), text(&line["severity"]))).collect()
    };
    let owned = |rule: &str, severity: &str| vec![(rule.to_owned(), severity.to_owned())];
    assert_eq!(named(&miner), owned("miner-name", "critical"));
    assert_eq!(named(&deleted), owned("exe-deleted-tmp", "high"));
    assert_eq!(named(&in_memory), owned("exe-memfd", "high"));
    assert_eq!(named(&kernel_thread), owned("fake-kernel-thread", "high"));

    let evidence = |process: &Running| found_of(&after, process)[0]["evidence"].clone();
    let sleep = sha256_of_sleep();
    for process in [&miner, &deleted, &in_memory, &kernel_thread] {
        assert_eq!(evidence(process)["sha256"], Value::from(sleep.as_str()));
        assert_eq!(evidence(process)["parents"][0]["pid"], std::process::id());
    }
    assert_eq!(evidence(&deleted)["exe_flags"], serde_json::json!(["deleted"]));
    assert_eq!(evidence(&in_memory)["exe"], "memfd:keelwatch-test");
}

fn sha256_of_sleep() -> String {
    use sha2::{Digest, Sha256};
    api::hex(&Sha256::digest(std::fs::read("/bin/sleep").unwrap()))
}

#[test]
fn an_executable_in_memory_is_too_young_until_its_rule_says_otherwise() {
    let in_memory = from_memory();
    let run = keelwatch(&["scan", "-o", "jsonl"]);
    assert!(found_of(&run.lines(), &in_memory).is_empty(), "{run:?}");
    assert!(run.stderr.contains("too young"), "{run:?}");
}

#[test]
fn a_process_in_a_pods_cgroup_is_reported_with_its_pod_and_container() {
    const UID: &str = "8712f785-1a3e-41ec-a00b-e2dcc77431cb";
    let container = "4f1c".repeat(16);
    let Some(group) = Cgroup::new(&format!("kubepods/burstable/pod{UID}/{container}")) else {
        eprintln!("left out: no cgroup can be made below /sys/fs/cgroup; run the tests as root");
        return;
    };
    let folder = folder();
    let miner = start(command(copy_of_sleep(folder.path(), "xmrig")).arg("600"));
    group.take_in(&miner);
    let run = keelwatch(&["scan", "-o", "jsonl"]);
    let found = run.lines();
    let ours = found_of(&found, &miner);
    let told = ["pod_uid", "container_id", "attribution", "attribution_reason", "name"].map(|key| ours[0][key].clone());
    let expected = [UID, container.as_str(), "unresolved", "no-cluster", UID].map(Value::from);
    assert_eq!(told, expected);
}

/// A cgroup below the machine's own tree, removed with its parents.
struct Cgroup {
    root: PathBuf,
    path: PathBuf,
}

impl Cgroup {
    /// In the unified hierarchy, or in that of the pids controller.
    fn new(path: &str) -> Option<Self> {
        let mut roots = ["/sys/fs/cgroup", "/sys/fs/cgroup/pids"].map(PathBuf::from).into_iter();
        let root = roots.find(|root| root.join("cgroup.procs").exists())?;
        let path = root.join(path);
        std::fs::create_dir_all(&path).ok().map(|()| Self { root, path })
    }

    fn take_in(&self, process: &Running) {
        std::fs::write(self.path.join("cgroup.procs"), process.0.id().to_string()).unwrap();
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let gone = || std::fs::remove_dir(&self.path).is_ok() || !self.path.exists();
        until("the cgroup to be empty", || gone().then_some(()));
        let mut parent = self.path.parent();
        // A parent that somebody else uses stays.
        while let Some(folder) = parent.filter(|folder| *folder != self.root && std::fs::remove_dir(folder).is_ok()) {
            parent = folder.parent();
        }
    }
}
