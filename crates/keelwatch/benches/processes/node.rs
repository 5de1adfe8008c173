//! Memory of the node role, the real program, while it watches.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::{remark, result, rules};

/// Measures the resident memory after a few passes.
pub(crate) fn run(size: usize) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let rules = folder.path().join("rules.yaml");
    std::fs::write(&rules, rules::thousand()).expect("a temporary folder can be written");
    let settings = folder.path().join("keelwatch.yaml");
    let text = format!(
        "listen: {{api: '127.0.0.1:0', metrics: '127.0.0.1:0'}}\nauth: {{anonymous_reads: true}}\nlog: {{format: json}}\n\
         processes: {{every: 500ms, cpu_share: 1.0, rules: [builtin, '{}']}}\n",
        rules.display()
    );
    std::fs::write(&settings, text).expect("a temporary folder can be written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_keelwatch"));
    command.arg("--settings").arg(&settings).arg("node").stderr(Stdio::piped()).stdout(Stdio::null());
    let node = Node(command.spawn().expect("the node role starts"));
    let resident = node.resident_after_passes();
    let bar = match size {
        600 => "<=20",
        20_000 => "<=40",
        _ => "-",
    };
    result(format_args!("node-resident-{size}"), resident, "MiB", bar);
}

struct Node(Child);

impl Node {
    /// Waits until memory has stayed the same for three seconds, which takes in several passes; in MiB.
    fn resident_after_passes(mut self) -> f64 {
        let log = self.0.stderr.take().expect("stderr is piped");
        std::thread::spawn(move || {
            for line in BufReader::new(log).lines().map_while(Result::ok).take(3) {
                remark(line);
            }
        });
        let started = Instant::now();
        let (mut last, mut since) = (0.0, Instant::now());
        while started.elapsed() < Duration::from_mins(1) && since.elapsed() < Duration::from_secs(3) {
            let now = resident_mib(self.0.id());
            if (now - last).abs() > 0.1 {
                (last, since) = (now, Instant::now());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        last
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended by itself, which the figure shows.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn resident_mib(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
    let kib: f64 = line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or_default();
    kib / 1024.0
}
