//! Compiling and matching a thousand rules.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use processes::Texts;
use processes::rules::Subject;

use crate::{cpu, cpu_since, median, result, rules};

const LINES: usize = 200_000;

pub(crate) fn run() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let times = (0..5).map(|_| {
        let started = Instant::now();
        rules::compiled(folder.path());
        started.elapsed().as_secs_f64() * 1e3
    });
    result("compile-1000-rules", median(times.collect()), "ms", "<=500");
    let set = rules::compiled(folder.path());
    let mut scratch = set.scratch();
    let lines: Vec<String> = (0..1_000)
        .map(|n| format!("/usr/bin/worker\0--queue=jobs-{n:05}\0--config=/etc/worker.yaml\0-v=3\0"))
        .collect();
    let mut judge_all = || {
        let before = cpu();
        for line in lines.iter().cycle().take(LINES) {
            let texts = Texts { comm: b"worker", cmdline: line.as_bytes(), exe: None };
            let subject = Subject { texts, age: Duration::from_mins(1), now: Timestamp::UNIX_EPOCH };
            let judgement = set.judge(&mut scratch, &subject, &mut || None);
            assert!(std::hint::black_box(judgement).matched.is_none(), "no rule of the bench matches this line");
        }
        cpu_since(before).as_secs_f64() * 1e6 / LINES as f64
    };
    let costs = (0..5).map(|_| judge_all());
    result("match-1000-rules", median(costs.collect()), "us", "<=0.3");
}
