//! Look-ups over HTTP, beside nginx serving a file of equal size: one connection each of 32, one core to load them.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::process::{Api, Controller, get};
use crate::{remark, result};

const RUNS: usize = 5;
const SECONDS: &str = "5s";

/// What wrk says of a run.
struct Run {
    per_second: f64,
    p99_ms: f64,
    errors: f64,
}

struct Nginx {
    process: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

pub(crate) fn run(api: &Api) {
    let (Some(wrk), Some(nginx)) = (program("wrk"), program("nginx")) else {
        remark("wrk or nginx is missing (Debian: apt-get install wrk nginx-light): requests are not measured");
        return;
    };
    let controller = Controller::start(api);
    controller.until_ready();
    let list = get(&controller.api, "/api/v1/pods?limit=1");
    let uid = list.split("\"uid\":\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a pod has a uid");
    let path = format!("/api/v1/pod?uid={uid}");
    let answer = get(&controller.api, &path);
    let body = answer.split("\r\n\r\n").nth(1).expect("an answer has a body");
    let nginx = Nginx::start(&nginx, body);
    let ours = format!("http://{}{path}", controller.api);
    let theirs = format!("http://127.0.0.1:{}/pod.json", nginx.port);
    let (mut pods, mut files): (Vec<Run>, Vec<Run>) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        pods.push(Run::of(&wrk, &ours));
        files.push(Run::of(&wrk, &theirs));
    }
    let (rate, theirs) = (median(&pods, |run| run.per_second), median(&files, |run| run.per_second));
    result("lookups-per-second", rate, "1/s", "-");
    result("nginx-per-second", theirs, "1/s", "-");
    result("lookups-over-nginx", rate / theirs, "x", ">=1");
    result("lookup-p99", median(&pods, |run| run.p99_ms), "ms", "<=2");
    result("lookup-errors", pods.iter().map(|run| run.errors).sum(), "requests", "<=0");
    result("resident-under-load", controller.steady_mib(), "MiB", "-");
}

impl Run {
    fn of(wrk: &Path, url: &str) -> Self {
        let mut command = Command::new(wrk);
        command.args(["-t1", "-c32", "--latency", "-H", "Authorization: Bearer t0ken", "-d", SECONDS, url]);
        let output = command.output().expect("wrk runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let after = |label: &str| {
            let line = text.lines().find_map(|line| line.trim().strip_prefix(label));
            line.and_then(|rest| rest.split_whitespace().next()).unwrap_or_default().to_owned()
        };
        let errors = text.lines().any(|line| line.contains("Non-2xx") || line.contains("Socket errors"));
        Self {
            per_second: after("Requests/sec:").parse().unwrap_or_default(),
            p99_ms: milliseconds(&after("99%")),
            errors: if errors { 1.0 } else { 0.0 },
        }
    }
}

impl Nginx {
    fn start(program: &Path, body: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let root = folder.path().display();
        std::fs::write(folder.path().join("pod.json"), body).expect("a temporary folder can be written");
        let port = free_port();
        let text = format!(
            "worker_processes 1; daemon off; pid {root}/pid; error_log {root}/error.log;\nevents {{}}\n\
             http {{ access_log off; keepalive_requests 1000000000; types {{ application/json json; }}\n\
             client_body_temp_path {root}/b; proxy_temp_path {root}/p; fastcgi_temp_path {root}/f;\n\
             uwsgi_temp_path {root}/u; scgi_temp_path {root}/s;\n\
             server {{ listen 127.0.0.1:{port}; root {root}; }} }}\n"
        );
        let settings = folder.path().join("nginx.conf");
        std::fs::write(&settings, text).expect("a temporary folder can be written");
        // Its worker is another user, who must get to the file.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open).expect("a folder of ours can be opened");
        let mut command = Command::new(program);
        command.arg("-c").arg(settings).stderr(Stdio::null()).stdout(Stdio::null());
        let process = command.spawn().expect("nginx starts");
        let started = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() && started.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { process, port, _folder: folder }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = rustix::process::kill_process(
            rustix::process::Pid::from_child(&self.process),
            rustix::process::Signal::TERM,
        );
        let _ = self.process.wait();
    }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("a listener has an address").port()
}

fn median(runs: &[Run], value: impl Fn(&Run) -> f64) -> f64 {
    let mut values: Vec<f64> = runs.iter().map(value).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// `1.23ms`, `456.00us`, `1.20s`.
fn milliseconds(text: &str) -> f64 {
    let units = [("us", 0.001), ("ms", 1.0), ("s", 1000.0)];
    let parsed = units.iter().find_map(|(unit, factor)| Some(text.strip_suffix(unit)?.parse::<f64>().ok()? * factor));
    parsed.unwrap_or(f64::MAX)
}

fn program(name: &str) -> Option<PathBuf> {
    let folders = ["/usr/local/bin", "/usr/bin", "/usr/sbin", "/usr/local/sbin"];
    folders.iter().map(|folder| Path::new(folder).join(name)).find(|path| path.is_file())
}
