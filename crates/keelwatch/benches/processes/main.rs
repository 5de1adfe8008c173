//! `cargo xtask bench processes`: what watching costs, beside the bare reads of the same run.
//!
//! Owns the bars of the processes room. A pass is compared with a loop that opens, reads and closes `cmdline` and reads
//! the `exe` link of the same processes; figures of the node role are taken from the real program.
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a bench prints, waits and starts processes")]
#![expect(clippy::cast_precision_loss, reason = "counts and times here are far below 2^52")]

mod bare;
mod events;
mod kernel_memory;
mod matching;
mod node;
mod passes;
mod population;
mod rules;

use std::fmt::Display;

/// Numbers of processes; a machine that lets fewer start is told of in a remark.
const SIZES: [usize; 3] = [600, 5_000, 20_000];

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("child-bare") => return kernel_memory::read_barely(),
        Some("child-bare-and-stat") => return kernel_memory::read_barely_and_stat(),
        Some("child-watch") => return kernel_memory::read_by_watching(),
        Some("alone-kernel-memory") => return kernel_memory::run_alone(arguments[2].parse().expect("a number")),
        _ => {}
    }
    matching::run();
    events::run();
    let mut cost_at_least = None;
    for size in SIZES {
        let population = population::start(size);
        let started = population.len();
        if started < size {
            remark(format_args!("{started} processes could be started instead of {size}"));
        }
        let cost = passes::run(size);
        let first = *cost_at_least.get_or_insert(cost);
        if size == 20_000 {
            result("cost-per-process-20000-over-600", cost / first, "x", "<=1.2");
        }
        node::run(size);
    }
    for size in [600, 5_000] {
        kernel_memory::run(size);
    }
}

/// One line of the protocol.
pub(crate) fn result(name: impl Display, value: f64, unit: &str, bar: &str) {
    println!("bench: name={name} value={value:.3} unit={unit} bar={bar}");
}

/// A line for people.
pub(crate) fn remark(text: impl Display) {
    println!("{text}");
}

/// CPU time of this process.
pub(crate) fn cpu() -> std::time::Duration {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    spent.try_into().expect("CPU time is never negative")
}

/// CPU time of this process since then.
pub(crate) fn cpu_since(before: std::time::Duration) -> std::time::Duration {
    cpu().saturating_sub(before)
}

/// The median of measured values.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
