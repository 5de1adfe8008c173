//! `cargo xtask bench pods`: what the pod index costs, and how fast it answers.
//!
//! Owns the bars of pods.md, section 5. Controller and simulated API server are the real program, a process each, so that each
//! one's memory and CPU are its own.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a bench prints")]
#![expect(clippy::disallowed_methods, reason = "a bench waits and starts processes")]

mod churn;
mod in_process;
mod process;
mod requests;

use std::fmt::Display;
use std::time::{Duration, Instant};

use process::{Api, Controller};

/// As many as a large cluster has.
const PODS: u32 = 150_000;
const NODES: u32 = 5_000;

fn main() {
    in_process::run();
    let api = Api::start(PODS, NODES, 0);
    memory(&api);
    requests::run(&api);
    drop(api);
    churn::run();
}

/// Memory and CPU of a controller that takes everything in, and takes it in again.
fn memory(api: &Api) {
    let controller = Controller::start(api);
    controller.until_ready();
    let cpu = controller.cpu();
    let steady = controller.steady_mib();
    result("cpu-of-first-sync-150000", cpu.as_secs_f64(), "s", "<=3");
    result("resident-150000", steady, "MiB", "<=150");
    result("peak-of-first-sync-over-steady", controller.peak_mib() / steady, "x", "<=1.5");
    // What is kept of annotations changes, so everything is listed again.
    controller.forget_peak();
    let lists = controller.metric("keelwatch_pods_relists_total{reason=\"settings\"}");
    controller.configure("pods: {annotations: ['*', '!nothing']}");
    let asked = Instant::now();
    let again = || controller.metric("keelwatch_pods_relists_total{reason=\"settings\"}") > lists;
    while !again() && asked.elapsed() < Duration::from_mins(3) {
        std::thread::sleep(Duration::from_millis(200));
    }
    let steady = controller.steady_mib();
    result("peak-of-relist-over-steady", controller.peak_mib() / steady, "x", "<=1.5");
}

/// One line of the protocol.
fn result(name: &str, value: f64, unit: &str, bar: &str) {
    println!("bench: name={name} value={value:.3} unit={unit} bar={bar}");
}

/// What people should know beside the figures.
fn remark(text: impl Display) {
    eprintln!("{text}");
}
