//! The list of a node as its reader gets it: 1,500 usual records, over one connection that is kept, as a controller keeps it.
//!
//! Owns the node's bar. The node is the real program; its processes are a tree of files.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::result;

/// As many as a node keeps.
const RECORDS: usize = 1_500;

const REQUESTS: usize = 3_000;

/// Ends with the bench.
struct Node(Child);

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended by itself, which the figures show.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn run() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    plant(folder.path()).expect("a temporary folder can be written");
    let settings = folder.path().join("keelwatch.yaml");
    let text = format!(
        "listen: {{api: '127.0.0.1:0', metrics: '127.0.0.1:0'}}\nauth: {{anonymous_reads: true}}\nlog: {{format: json}}\n\
         processes: {{proc: '{}'}}\n",
        folder.path().display()
    );
    fs::write(&settings, text).expect("a temporary folder can be written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_keelwatch"));
    command.arg("--settings").arg(&settings).arg("node").stderr(Stdio::piped()).stdout(Stdio::null());
    let mut node = Node(command.spawn().expect("the node role starts"));
    let mut stream = connect(&mut node);
    let tag = wait_for_all(&mut stream);
    let whole = measure(&mut stream, "");
    result("node-route-p99", percentile(&whole, 99), "ms", "<=2");
    result("node-route-median", percentile(&whole, 50), "ms", "-");
    let known = measure(&mut stream, &format!("if-none-match: {tag}\r\n"));
    result("node-route-not-modified-p99", percentile(&known, 99), "ms", "<=2");
}

/// A tree of miners in containers.
fn plant(tree: &Path) -> std::io::Result<()> {
    let container = "4f1c".repeat(16);
    fs::create_dir_all(tree.join("sys/kernel/random"))?;
    fs::write(tree.join("sys/kernel/random/boot_id"), "3f0c1d7e-6a52-4c0e-9a6d-0b8f4f6a1c11\n")?;
    fs::write(tree.join("stat"), "cpu  1 2 3 4 5 6 7 8 9 10\nctxt 1\nbtime 1763600000\nprocesses 5000\n")?;
    fs::write(tree.join("uptime"), "100000.00 1.00\n")?;
    symlink("1", tree.join("self"))?;
    for pid in 10_000..10_000 + RECORDS {
        let folder = tree.join(pid.to_string());
        fs::create_dir_all(folder.join("task").join(pid.to_string()))?;
        let rest = " 0".repeat(28);
        let stat =
            format!("{pid} (xmrig) S 1 {pid} {pid} 0 -1 4194304 0 0 0 0 150 50 0 0 20 0 1 0 {pid} 1000000 200{rest}\n");
        fs::write(folder.join("stat"), stat)?;
        fs::write(folder.join("comm"), "xmrig\n")?;
        fs::write(
            folder.join("cmdline"),
            "./xmrig\0-o\0stratum+tcp://pool.example:3333\0-u\0wallet\0--donate-level=1\0",
        )?;
        let pod = format!("8712f785-1a3e-41ec-a00b-{pid:012}");
        fs::write(folder.join("cgroup"), format!("0::/kubepods/burstable/pod{pod}/{container}\n"))?;
        fs::write(folder.join("status"), "Name:\txmrig\nPPid:\t1\nUid:\t1000\t1000\t1000\t1000\n")?;
        symlink("/app/xmrig", folder.join("exe"))?;
    }
    Ok(())
}

fn connect(node: &mut Node) -> TcpStream {
    let log = node.0.stderr.take().expect("stderr is piped");
    let mut lines = BufReader::new(log).lines().map_while(Result::ok);
    let line = lines.find(|line| line.contains("listening for api")).expect("a node says where it listens");
    std::thread::spawn(move || lines.for_each(drop));
    let line: serde_json::Value = serde_json::from_str(&line).expect("the log is JSON");
    TcpStream::connect(line["address"].as_str().expect("an address is text")).expect("a listener accepts")
}

/// Asks until every record is there; the tag of the list.
fn wait_for_all(stream: &mut TcpStream) -> String {
    let started = Instant::now();
    loop {
        let answer = ask(stream, "");
        let text = String::from_utf8_lossy(&answer);
        if text.matches("\"fingerprint\":").count() == RECORDS {
            println!("{RECORDS} records are {} KiB", answer.len() / 1024);
            let tag = text.lines().find_map(|line| line.strip_prefix("etag: "));
            return tag.expect("a list has a tag").to_owned();
        }
        assert!(started.elapsed() < Duration::from_mins(2), "{RECORDS} records do not come: {}", text.len());
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Milliseconds that each answer took, sorted. They are spread over many passes, each of which makes a new answer.
fn measure(stream: &mut TcpStream, header: &str) -> Vec<f64> {
    let mut took: Vec<f64> = (0..REQUESTS)
        .map(|_| {
            std::thread::sleep(Duration::from_millis(2));
            let asked = Instant::now();
            ask(stream, header);
            asked.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    took.sort_by(f64::total_cmp);
    took
}

/// One answer, head and body.
fn ask(stream: &mut TcpStream, header: &str) -> Vec<u8> {
    let request = format!("GET /api/violations HTTP/1.1\r\nhost: node\r\n{header}\r\n");
    stream.write_all(request.as_bytes()).expect("the listener takes a request");
    let (mut answer, mut chunk) = (Vec::new(), vec![0; 256 << 10]);
    loop {
        let read = stream.read(&mut chunk).expect("the listener answers");
        assert!(read > 0, "the listener closed the connection");
        answer.extend_from_slice(&chunk[..read]);
        if whole_bytes(&answer).is_some_and(|length| answer.len() >= length) {
            return answer;
        }
    }
}

/// Length of head and body, once the head is there. 304 has a length and no body.
fn whole_bytes(answer: &[u8]) -> Option<usize> {
    let head = answer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&answer[..head]).ok()?;
    if text.starts_with("HTTP/1.1 304") {
        return Some(head);
    }
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: "))?;
    Some(head + length.parse::<usize>().ok()?)
}

/// Of sorted values.
fn percentile(sorted: &[f64], percent: usize) -> f64 {
    sorted[(sorted.len() * percent).div_ceil(100) - 1]
}
