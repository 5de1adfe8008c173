//! The controller: a process of its own, so that its memory is its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The bearer token `t0ken`.
const SHA256: &str = "b46c09677343261f0b439a472422225e3a230c9c094d6ab16762e2036b597053";

/// No round takes longer.
const PATIENCE: Duration = Duration::from_mins(2);

pub(crate) struct Controller {
    process: Child,
    api: String,
    metrics: String,
    /// Of its settings and its store.
    _folder: TempDir,
}

/// What one round was.
pub(crate) struct Round {
    pub(crate) seconds: f64,
}

impl Controller {
    /// Starts it; its first round begins as soon as it knows the endpoints.
    pub(crate) fn start(kubeconfig: &Path, port: u16, timeout_s: u32) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let (config, home) = (kubeconfig.display(), folder.path().display());
        let text = format!(
            "listen: {{api: '127.0.0.1:0', metrics: '127.0.0.1:0'}}\nlog: {{format: json}}\n\
             auth: {{tokens: [{{name: bench, sha256: {SHA256}, scopes: [read, write]}}]}}\n\
             cluster: {{mode: required, kubeconfig: '{config}'}}\nrelease: {{namespace: default}}\n\
             storage: {{url: 'sqlite:{home}/keelwatch.db'}}\n\
             violations: {{controller: {{every: 1h, api_port: {port}, timeout: {timeout_s}s}}}}\n"
        );
        let file = folder.path().join("keelwatch.yaml");
        std::fs::write(&file, text).expect("a temporary folder can be written");
        let mut command = Command::new(env!("CARGO_BIN_EXE_keelwatch"));
        command.arg("--settings").arg(file).arg("controller").stderr(Stdio::piped()).stdout(Stdio::null());
        let mut process = command.spawn().expect("the controller role starts");
        let log = process.stderr.take().expect("stderr is piped");
        let mut lines = BufReader::new(log).lines().map_while(Result::ok);
        let mut address = || {
            let line = lines.find(|line| line.contains("listening for")).expect("a controller says where it listens");
            let line: serde_json::Value = serde_json::from_str(&line).expect("the log is JSON");
            line["address"].as_str().expect("an address is text").to_owned()
        };
        // In the order of the start.
        let (metrics, api) = (address(), address());
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, api, metrics, _folder: folder }
    }

    /// Waits until so many rounds have ended, and tells of the last.
    pub(crate) fn until(&self, rounds: u32, before: f64) -> Round {
        let begun = Instant::now();
        while self.metric("keelwatch_violations_collect_duration_seconds_count") < f64::from(rounds) {
            assert!(begun.elapsed() < PATIENCE, "round {rounds} does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
        Round { seconds: self.total_s() - before }
    }

    /// A round from now on.
    pub(crate) fn round(&self, number: u32) -> Round {
        let before = self.total_s();
        let begun = Instant::now();
        while !self.ask("POST", "/api/v1/violations/collect").contains("\"started\":true") {
            assert!(begun.elapsed() < PATIENCE, "round {number} does not begin");
            std::thread::sleep(Duration::from_millis(20));
        }
        self.until(number, before)
    }

    /// Seconds of all rounds so far.
    fn total_s(&self) -> f64 {
        self.metric("keelwatch_violations_collect_duration_seconds_sum")
    }

    /// The value of one series; 0 if there is none yet.
    pub(crate) fn metric(&self, series: &str) -> f64 {
        let scraped = ask(&self.metrics, "GET", "/metrics");
        let value = scraped.lines().find_map(|line| line.strip_prefix(series));
        value.and_then(|value| value.trim().parse().ok()).unwrap_or_default()
    }

    /// The most memory that it had, in MiB.
    pub(crate) fn peak_mib(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0");
        let kib: f64 = line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or_default();
        kib / 1024.0
    }

    /// User and system time so far, in seconds.
    pub(crate) fn cpu_s(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap_or_default();
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let ticks: f64 = fields[11..13].iter().filter_map(|field| field.parse::<f64>().ok()).sum();
        // 100 clock ticks a second on every Linux that there is (sysconf(_SC_CLK_TCK)).
        ticks / 100.0
    }

    /// The answer of its API, head and body.
    pub(crate) fn ask(&self, method: &str, path: &str) -> String {
        ask(&self.api, method, path)
    }
}

fn ask(address: &str, method: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("a listener accepts");
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: k\r\nauthorization: Bearer t0ken\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).expect("a listener takes a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("a listener answers");
    answer
}

impl Drop for Controller {
    fn drop(&mut self) {
        // By SIGTERM; it may have ended by itself, which the figures show.
        let pid = rustix::process::Pid::from_child(&self.process);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let _ = self.process.wait();
    }
}
