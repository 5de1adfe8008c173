//! The two processes: a simulated API server, and a controller of it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The bearer token `t0ken`.
const SHA256: &str = "b46c09677343261f0b439a472422225e3a230c9c094d6ab16762e2036b597053";

/// A large cluster is made within ten seconds, and read within as many.
const PATIENCE: Duration = Duration::from_mins(3);

/// A simulated API server with a cluster.
pub(crate) struct Api {
    process: Child,
    kubeconfig: String,
}

/// A controller of that cluster.
pub(crate) struct Controller {
    process: Child,
    pub(crate) api: String,
    metrics: String,
    folder: TempDir,
    kubeconfig: String,
}

impl Api {
    pub(crate) fn start(pods: u32, nodes: u32, churn: u32) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keelwatch"));
        command.args(["demo", "--api-only", "--listen", "127.0.0.1:0"]).arg(format!("--churn={churn}"));
        command.arg(format!("--pods={pods}")).arg(format!("--nodes={nodes}")).stdout(Stdio::piped());
        let mut process = command.spawn().expect("the demo starts");
        let mut lines = BufReader::new(process.stdout.take().expect("stdout is piped")).lines().map_while(Result::ok);
        let line = lines.find(|line| line.contains("--kubeconfig ")).expect("a demo says where its kubeconfig is");
        let file = line.split("--kubeconfig ").nth(1).and_then(|rest| rest.split(' ').next()).expect("a path follows");
        Self { process, kubeconfig: file.to_owned() }
    }
}

impl Controller {
    pub(crate) fn start(api: &Api) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let file = write_settings(&folder, &api.kubeconfig, "");
        let mut command = Command::new(env!("CARGO_BIN_EXE_keelwatch"));
        command.arg("--settings").arg(file).arg("controller").stderr(Stdio::piped()).stdout(Stdio::null());
        let mut process = command.spawn().expect("the controller role starts");
        let log = process.stderr.take().expect("stderr is piped");
        let mut lines = BufReader::new(log).lines().map_while(Result::ok);
        let mut address = || {
            let line = lines.find(|line| line.contains("\"address\"")).expect("a controller says where it listens");
            let line: serde_json::Value = serde_json::from_str(&line).expect("the log is JSON");
            line["address"].as_str().expect("an address is text").to_owned()
        };
        // In the order of the start.
        let (metrics, api_address) = (address(), address());
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, api: api_address, metrics, folder, kubeconfig: api.kubeconfig.clone() }
    }

    /// Writes other settings; they hold a moment later.
    pub(crate) fn configure(&self, more: &str) {
        write_settings(&self.folder, &self.kubeconfig, more);
    }

    pub(crate) fn until_ready(&self) {
        let started = Instant::now();
        while !get(&self.api, "/ready").contains("podCount") {
            assert!(started.elapsed() < PATIENCE, "the controller does not become ready");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// User and system time since the start.
    pub(crate) fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap_or_default();
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let ticks: u64 = fields[11..13].iter().filter_map(|field| field.parse::<u64>().ok()).sum();
        // 100 clock ticks a second on every Linux that there is (sysconf(_SC_CLK_TCK)).
        Duration::from_millis(ticks * 10)
    }

    /// Resident memory once it has stayed the same for three seconds.
    pub(crate) fn steady_mib(&self) -> f64 {
        let started = Instant::now();
        let (mut last, mut since) = (0.0, Instant::now());
        while started.elapsed() < Duration::from_mins(1) && since.elapsed() < Duration::from_secs(3) {
            let now = self.memory_mib("VmRSS:");
            if (now - last).abs() > 0.5 {
                (last, since) = (now, Instant::now());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        last
    }

    pub(crate) fn peak_mib(&self) -> f64 {
        self.memory_mib("VmHWM:")
    }

    /// The peak counts from here on (proc_pid_clear_refs(5)).
    pub(crate) fn forget_peak(&self) {
        std::fs::write(format!("/proc/{}/clear_refs", self.process.id()), "5").expect("the peak can be reset");
    }

    /// The value of one series; 0 if there is none yet.
    pub(crate) fn metric(&self, series: &str) -> f64 {
        let scraped = get(&self.metrics, "/metrics");
        let value = scraped.lines().find_map(|line| line.strip_prefix(series));
        value.and_then(|value| value.trim().parse().ok()).unwrap_or_default()
    }

    fn memory_mib(&self, what: &str) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(what)).unwrap_or("0");
        let kib: f64 = line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or_default();
        kib / 1024.0
    }
}

fn write_settings(folder: &TempDir, kubeconfig: &str, more: &str) -> PathBuf {
    let text = format!(
        "listen: {{api: '127.0.0.1:0', metrics: '127.0.0.1:0'}}\nlog: {{format: json}}\n\
         auth: {{tokens: [{{name: bench, sha256: {SHA256}, scopes: [read]}}]}}\n\
         cluster: {{mode: required, kubeconfig: '{kubeconfig}'}}\nrelease: {{namespace: default}}\n\
         storage: {{url: 'sqlite::memory:'}}\n{more}\n"
    );
    let file = folder.path().join("keelwatch.yaml");
    std::fs::write(&file, text).expect("a temporary folder can be written");
    file
}

/// The answer to GET, head and body, over a connection of its own.
pub(crate) fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("a listener accepts");
    let head = format!("GET {path} HTTP/1.1\r\nhost: k\r\nauthorization: Bearer t0ken\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("a listener takes a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("a listener answers");
    answer
}

impl Drop for Api {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

/// By SIGTERM, so that no temporary file stays; it may have ended by itself, which the figures show.
fn end(process: &mut Child) {
    let _ = rustix::process::kill_process(rustix::process::Pid::from_child(process), rustix::process::Signal::TERM);
    let _ = process.wait();
}
