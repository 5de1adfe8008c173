//! `cargo xtask check`: everything that CI asks besides the tests.
//!
//! Owns the list of steps and their order. A failing step does not hide the next one's faults.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::bail;

use crate::{docs, step, tidy};

/// One thing that is checked.
struct Step {
    name: &'static str,
    run: fn() -> anyhow::Result<()>,
}

const STEPS: [Step; 4] = [
    Step { name: "fmt", run: || cargo(&["fmt", "--all", "--check"]) },
    Step { name: "clippy", run: clippy },
    Step { name: "tidy", run: tidy::run },
    Step { name: "docs fresh", run: docs::check },
];

/// Runs all steps, each with its name and seconds.
pub(crate) fn run() -> anyhow::Result<ExitCode> {
    let mut failed = Vec::new();
    for Step { name, run } in STEPS {
        println!("check: {name} …");
        let started = Instant::now();
        let result = run();
        let seconds = started.elapsed().as_secs_f64();
        match result {
            Ok(()) => println!("check: {name} ok, {seconds:.1} s"),
            Err(error) => {
                println!("check: {name} FAILED, {seconds:.1} s: {error:#}");
                failed.push(name);
            }
        }
    }
    if !failed.is_empty() {
        bail!("check failed: {}", failed.join(", "));
    }
    Ok(ExitCode::SUCCESS)
}

fn clippy() -> anyhow::Result<()> {
    cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"])
}

fn cargo(arguments: &[&str]) -> anyhow::Result<()> {
    let mut command = step::cargo(arguments);
    let (status, _) = step::wait(&mut command)?;
    if !status.success() {
        bail!("`{}` said what is wrong above", step::shown(&command));
    }
    Ok(())
}
