//! Warm passes beside bare reads.
//!
//! Between two passes of a node others work, so nothing of a process is left in the CPU's caches. Each loop here starts
//! like that; otherwise 600 processes would be compared by what fits into a cache and 20,000 by what does not.

use std::sync::Arc;

use processes::{Settings, Watch, raise_open_files};
use runtime::clock::SystemClock;

use crate::{bare, cpu, cpu_since, median, remark, result, rules};

const ROUNDS: usize = 9;

/// What a node with default settings leaves to sockets and files.
pub(crate) const RESERVED: usize = 2 * 2_000 + 512;

/// Measures at this many processes; the CPU time of a warm pass per process comes back, in microseconds.
pub(crate) fn run(size: usize) -> f64 {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let held = raise_open_files(RESERVED);
    let clock = Arc::new(SystemClock::new());
    let mut watch =
        Watch::open(Settings::default(), rules::compiled(folder.path()), held, clock).expect("/proc can be read");
    let cold = cpu();
    let first = watch.pass();
    let cold = cpu_since(cold);
    remark(format_args!(
        "{size}: first pass {:.1} ms of CPU, {} held, {} by stat",
        cold.as_secs_f64() * 1e3,
        first.coverage.held,
        first.coverage.by_stat
    ));
    let pids = bare::pids();
    let mut caches = Caches::new();
    let (mut ratios, mut costs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        caches.evict();
        let before = cpu();
        bare::read(&pids);
        let bare = cpu_since(before);
        caches.evict();
        let before = cpu();
        watch.pass();
        let ours = cpu_since(before);
        ratios.push(ours.as_secs_f64() / bare.as_secs_f64());
        costs.push((ours.as_secs_f64() * 1e6 / pids.len() as f64, bare.as_secs_f64() * 1e6 / pids.len() as f64));
    }
    let (ours, bare): (Vec<f64>, Vec<f64>) = costs.into_iter().unzip();
    let cost = median(ours);
    result(format_args!("bare-reads-per-process-{size}"), median(bare), "us", "-");
    result(format_args!("warm-pass-per-process-{size}"), cost, "us", "-");
    result(
        format_args!("warm-pass-over-bare-reads-{size}"),
        median(ratios),
        "x",
        if size == 5_000 { "<=1.2" } else { "-" },
    );
    let before = cpu();
    watch.pass();
    watch.pass();
    let hot = cpu_since(before).as_secs_f64() * 1e6 / (2 * pids.len()) as f64;
    result(format_args!("warm-pass-per-process-{size}-caches-hot"), hot, "us", "-");
    cost
}

/// Something larger than any cache, to be read in their place.
struct Caches(Vec<u64>);

impl Caches {
    /// 256 MiB: the largest shared caches of today's servers.
    fn new() -> Self {
        Self(vec![1; 32 << 20])
    }

    fn evict(&mut self) {
        // One word of each line, written so that no reader can be left out.
        self.0.iter_mut().step_by(8).for_each(|word| *word = word.wrapping_add(1));
        std::hint::black_box(&self.0);
    }
}
