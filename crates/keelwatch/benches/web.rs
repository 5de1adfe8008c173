//! `cargo xtask bench web`: what clients that waste connections cost everybody else.
//!
//! Owns the bars of runtime.md, vector 6, on the listener of the real node: 1,000 idle connections, 200 slow headers, a
//! 1 MB header and a 10 GB body load the API, while `/livez` is asked on the metrics listener.
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a bench prints, waits and starts processes")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const IDLE: usize = 1_000;
const SLOW: usize = 200;
const LONG_HEADER: usize = 1 << 20;
const LONG_BODY: u64 = 10 << 30;

/// Header and body are sent again and again for so long.
const FOR: Duration = Duration::from_secs(10);

/// The running node.
struct Node {
    process: Child,
    api: String,
    metrics: String,
    _folder: tempfile::TempDir,
}

fn main() {
    let room = processes::raise_open_files(256);
    let idle = IDLE.min(room.saturating_sub(SLOW));
    if idle < IDLE {
        println!("{idle} idle connections could be opened instead of {IDLE}");
    }
    let node = Node::start();
    let alone = ask_livez(&node.metrics, Duration::from_secs(2));
    result("livez-alone-p99", percentile(&alone, 99), "ms", "-");
    let before = node.resident_mib();
    let load = load(&node, idle);
    let over = AtomicBool::new(false);
    let (over, address) = (&over, node.api.as_str());
    let loaded = std::thread::scope(|scope| {
        for head in [long_header(), long_body()] {
            scope.spawn(move || flood_until(over, address, &head));
        }
        let loaded = ask_livez(&node.metrics, FOR);
        over.store(true, Ordering::Relaxed);
        loaded
    });
    result("livez-loaded-p99", percentile(&loaded, 99), "ms", "<=100");
    result("livez-loaded-max", percentile(&loaded, 100), "ms", "<=100");
    result("resident-growth", node.resident_mib() - before, "MiB", "<=40");
    println!("{} requests of /livez beside {} open connections", loaded.len(), load.len());
}

impl Node {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let settings = folder.path().join("keelwatch.yaml");
        let text = "listen: {api: '127.0.0.1:0', metrics: '127.0.0.1:0'}\nauth: {anonymous_reads: true}\nlog: {format: json}\n";
        std::fs::write(&settings, text).expect("a temporary folder can be written");
        let mut command = Command::new(env!("CARGO_BIN_EXE_keelwatch"));
        command.arg("--settings").arg(&settings).arg("node").stderr(Stdio::piped()).stdout(Stdio::null());
        let mut process = command.spawn().expect("the node role starts");
        let log = process.stderr.take().expect("stderr is piped");
        let mut lines = BufReader::new(log).lines().map_while(Result::ok);
        let mut address = || {
            let line = lines.find(|line| line.contains("\"address\"")).expect("a node says where it listens");
            let line: serde_json::Value = serde_json::from_str(&line).expect("the log is JSON");
            line["address"].as_str().expect("an address is text").to_owned()
        };
        // In the order of the start.
        let (metrics, api) = (address(), address());
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, api, metrics, _folder: folder }
    }

    fn resident_mib(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
        let kib: f64 = line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or_default();
        kib / 1024.0
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended by itself, which the figures show.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Connections that ask nothing, and others whose headers never end.
fn load(node: &Node, idle: usize) -> Vec<TcpStream> {
    let mut open: Vec<TcpStream> = (0..idle).map(|_| connect(&node.api)).collect();
    for _ in 0..SLOW {
        let mut slow = connect(&node.api);
        slow.write_all(b"GET /health HTTP/1.1\r\nhost: no").expect("a connection takes a few bytes");
        open.push(slow);
    }
    open
}

fn long_header() -> (String, u64) {
    ("GET /health HTTP/1.1\r\nhost: node\r\nx: ".to_owned(), LONG_HEADER as u64)
}

fn long_body() -> (String, u64) {
    (format!("POST /api/violations HTTP/1.1\r\nhost: node\r\ncontent-length: {LONG_BODY}\r\n\r\n"), LONG_BODY)
}

/// Sends the head and so many bytes, as far as the server takes them, on one connection after another.
fn flood_until(over: &AtomicBool, address: &str, (head, bytes): &(String, u64)) {
    let chunk = vec![b'a'; 64 << 10];
    while !over.load(Ordering::Relaxed) {
        let mut stream = connect(address);
        let mut left = *bytes;
        let mut sent = stream.write_all(head.as_bytes());
        while left > 0 && sent.is_ok() && !over.load(Ordering::Relaxed) {
            sent = stream.write_all(&chunk);
            left = left.saturating_sub(chunk.len() as u64);
        }
    }
}

/// Milliseconds that each answer took, sorted; over one connection that is kept.
fn ask_livez(address: &str, time: Duration) -> Vec<f64> {
    let mut stream = connect(address);
    let mut took = Vec::new();
    let started = Instant::now();
    while started.elapsed() < time {
        let asked = Instant::now();
        stream.write_all(b"GET /livez HTTP/1.1\r\nhost: node\r\n\r\n").expect("the metrics listener takes a request");
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\nok") {
            let mut bytes = [0; 512];
            let read = stream.read(&mut bytes).expect("the metrics listener answers");
            assert!(read > 0, "the metrics listener closed the connection");
            answer.extend_from_slice(&bytes[..read]);
        }
        took.push(asked.elapsed().as_secs_f64() * 1000.0);
        std::thread::sleep(Duration::from_millis(1));
    }
    took.sort_by(f64::total_cmp);
    took
}

fn connect(address: &str) -> TcpStream {
    TcpStream::connect(address).expect("a listener accepts")
}

/// Of sorted values.
fn percentile(sorted: &[f64], percent: usize) -> f64 {
    sorted[(sorted.len() * percent).div_ceil(100) - 1]
}

/// One line of the protocol.
fn result(name: &str, value: f64, unit: &str, bar: &str) {
    println!("bench: name={name} value={value:.3} unit={unit} bar={bar}");
}
