//! Reads that never return, over the real /proc: a file system whose server is silent, and a memory lock that is held.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::node::{Node, OPEN};
use crate::program::{Run, Running, keelwatch, write};
use crate::real_host::{copy_of_sleep, folder};
use crate::real_programs::{command, real_program, run, start};
use crate::wait::until;

const SUITE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/suite");

/// A rule for the program that the file system serves, whose comm is `program`.
const RULES: &str = "version: 1\nrules: [{id: served, name: Served, severity: low, match: {process: program}}]\n";

/// A file system that can fall silent; unmounted with its test.
struct HangingFs {
    server: Running,
    says: BufReader<ChildStdout>,
    mountpoint: TempDir,
}

/// A process whose memory nobody can read; the only one at a time, so that what a pass counts is known.
struct Held {
    process: Running,
    _alone: File,
}

impl HangingFs {
    /// Mounts it, or says why that is left out.
    #[expect(clippy::print_stderr, reason = "what a run left out is to be seen")]
    fn mount(python: &Path) -> Option<Self> {
        if !rustix::process::geteuid().is_root() || !Path::new("/dev/fuse").exists() {
            eprintln!("left out: no file system can be mounted; run the tests as root, with /dev/fuse");
            return None;
        }
        let mountpoint = TempDir::new().unwrap();
        let script = format!("{SUITE}/hanging_fs.py");
        let mut serve = command(python);
        serve.arg(script).arg(mountpoint.path()).arg("/bin/sleep").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut server = start(serve.stderr(Stdio::inherit()));
        let mut says = BufReader::new(server.0.stdout.take().unwrap());
        let mut first = String::new();
        says.read_line(&mut first).unwrap();
        if first.trim_end() != "mounted" {
            eprintln!("left out: this root may not mount; see the line above");
            return None;
        }
        Some(Self { server, says, mountpoint })
    }

    #[track_caller]
    fn waits_for(&mut self, word: &str) {
        let mut line = String::new();
        self.says.read_line(&mut line).unwrap();
        assert_eq!(line.trim_end(), word);
    }

    fn file(&self, name: &str) -> PathBuf {
        self.mountpoint.path().join(name)
    }

    /// Runs the program that it serves, asleep.
    fn run_program(&self) -> Running {
        let program = start(command(self.file("program")).arg("600"));
        asleep(&program);
        program
    }

    fn fall_silent(&mut self) {
        self.server.0.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
        self.waits_for("silent");
    }

    /// Runs a process whose memory nobody can read, and waits until that is so.
    fn hold_memory(&mut self, python: &Path) -> Held {
        // Tests may run in processes of their own, so what they share is a file.
        let alone = File::create(std::env::temp_dir().join("keelwatch-test-held-memory.lock")).unwrap();
        alone.lock().unwrap();
        let process = start(command(python).arg(format!("{SUITE}/held_memory.py")).arg(self.file("page")));
        self.waits_for("silent");
        hangs(&format!("/proc/{}/cmdline", process.0.id()));
        Held { process, _alone: alone }
    }

    /// Takes it out of every list of mounts, while whoever uses it goes on.
    fn detach(&self) {
        run(command("umount").arg("-l").arg(self.mountpoint.path()));
    }
}

impl Drop for HangingFs {
    fn drop(&mut self) {
        // Without its server the kernel fails whatever waits; it may have been detached already.
        let _ = self.server.0.kill();
        let _ = self.server.0.wait();
        let _ = command("umount").arg("-l").arg(self.mountpoint.path()).status();
    }
}

/// Waits until the process has read its program and its libraries, and sleeps.
#[track_caller]
fn asleep(process: &Running) {
    let stat = format!("/proc/{}/stat", process.0.id());
    until("the process to sleep", || std::fs::read_to_string(&stat).unwrap().contains(") S ").then_some(()));
}

/// Waits until a read of this file does not return.
fn hangs(file: &str) {
    let mut reads = 0;
    let mut reader = start(command("cat").arg(file));
    until("a read that does not return", || {
        reads += 1;
        if reader.0.try_wait().unwrap().is_some() {
            reads = 0;
            reader = start(command("cat").arg(file));
        }
        // A second of waiting for what takes microseconds.
        (reads > 50).then_some(())
    });
}

fn scan(rules: &str) -> Run {
    let run = keelwatch(&["scan", "-o", "jsonl", "--rules", "builtin", "--rules", rules]);
    assert_eq!(run.code, 1, "{run:?}");
    run
}

/// Rule and hash of the match of this process.
#[track_caller]
fn rule_and_hash(run: &Run, process: &Running) -> Value {
    let found = run.lines().into_iter().find(|line| line["pid"] == process.0.id());
    let found = found.unwrap_or_else(|| panic!("{} is not named: {run:?}", process.0.id()));
    json!([found["rule"], found["evidence"]["sha256_skipped"]])
}

#[test]
fn a_program_on_a_file_system_with_a_server_is_named_without_its_hash() {
    let Some(python) = real_program("python3") else { return };
    let Some(fs) = HangingFs::mount(&python) else { return };
    let program = fs.run_program();
    let folder = folder();
    let run = scan(&write(folder.path(), "rules.yaml", RULES));
    assert_eq!(rule_and_hash(&run, &program), json!(["served", "remote-filesystem"]));
}

#[test]
fn a_silent_server_is_not_asked_and_its_program_is_named_beside_the_others() {
    let Some(python) = real_program("python3") else { return };
    let Some(mut fs) = HangingFs::mount(&python) else { return };
    let program = fs.run_program();
    fs.fall_silent();
    let folder = folder();
    let miner = start(command(copy_of_sleep(folder.path(), "xmrig")).arg("600"));
    let run = scan(&write(folder.path(), "rules.yaml", RULES));
    assert_eq!(rule_and_hash(&run, &program), json!(["served", "remote-filesystem"]));
    assert_eq!(rule_and_hash(&run, &miner), json!(["miner-name", null]));
}

#[test]
fn a_silent_server_that_no_list_of_mounts_names_costs_its_program_the_hash() {
    let Some(python) = real_program("python3") else { return };
    let Some(mut fs) = HangingFs::mount(&python) else { return };
    let program = fs.run_program();
    fs.fall_silent();
    fs.detach();
    let folder = folder();
    let miner = start(command(copy_of_sleep(folder.path(), "xmrig")).arg("600"));
    let run = scan(&write(folder.path(), "rules.yaml", RULES));
    assert_eq!(rule_and_hash(&run, &program), json!(["served", "stuck"]));
    assert_eq!(rule_and_hash(&run, &miner), json!(["miner-name", null]));
}

#[test]
fn a_scan_says_how_many_processes_it_could_not_read_and_names_the_others() {
    let Some(python) = real_program("python3") else { return };
    let Some(mut fs) = HangingFs::mount(&python) else { return };
    let _held = fs.hold_memory(&python);
    let folder = folder();
    let miner = start(command(copy_of_sleep(folder.path(), "xmrig")).arg("600"));
    let run = scan(&write(folder.path(), "rules.yaml", RULES));
    assert_eq!(rule_and_hash(&run, &miner), json!(["miner-name", null]));
    assert!(run.stderr.contains("1 process could not be read at all"), "{run:?}");
}

/// A node over the real /proc.
fn node() -> Node {
    Node::with(&format!(
        "listen: {{api: '127.0.0.1:0', metrics: '127.0.0.1:0'}}\nlog: {{format: json}}\n{OPEN}\n\
         processes: {{proc: /proc, every: 500ms, cpu_share: 1.0}}\n"
    ))
}

/// Waits for a pass that cannot read so many processes.
async fn until_unreadable(node: &Node, count: u64) {
    node.until("/api/v1/coverage", async |answer| {
        let coverage: Value = answer.json().await.ok()?;
        (coverage["last_pass"]["unreadable"] == count).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_process_whose_memory_is_held_is_counted_and_skipped_while_the_others_are_judged() {
    const STUCK: &str = "keelwatch_processes_unread_total{reason=\"stuck\"}";
    const PARTIAL: &str = "keelwatch_processes_passes_total{result=\"partial\"}";
    let Some(python) = real_program("python3") else { return };
    let Some(mut fs) = HangingFs::mount(&python) else { return };
    let held = fs.hold_memory(&python);
    let folder = folder();
    let miner = start(command(copy_of_sleep(folder.path(), "xmrig")).arg("600"));
    let node = node();
    node.until("/api/violations", async |answer| {
        let found: Vec<Value> = answer.json().await.ok()?;
        found.iter().any(|record| record["pid"] == miner.0.id()).then_some(())
    })
    .await;
    // One pass waited for it and counted it. Those that follow would count it again if they did not leave it alone.
    node.until("/api/v1/coverage", async |_| (node.metric(PARTIAL).await >= Some(4.0)).then_some(())).await;
    until_unreadable(&node, 1).await;
    assert_eq!(node.metric(STUCK).await, Some(1.0));

    drop(held.process);
    until_unreadable(&node, 0).await;
    assert_eq!(node.metric(STUCK).await, Some(1.0));
}

#[tokio::test]
async fn a_node_stops_cleanly_while_a_read_does_not_return() {
    let Some(python) = real_program("python3") else { return };
    let Some(mut fs) = HangingFs::mount(&python) else { return };
    let _held = fs.hold_memory(&python);
    let mut node = node();
    until_unreadable(&node, 1).await;
    node.program.signal(rustix::process::Signal::TERM);
    assert_eq!(node.program.0.wait().unwrap().code(), Some(0));
}
