//! The command line of `cargo xtask`.
//!
//! Owns names, arguments and their help; each task is a module of its own.

use std::num::NonZeroU32;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{bench, check, docs, soak, test};

/// Development tasks of Keelwatch
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_version_flag = true)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Format, lints, tidy and generated docs: all that CI asks besides the tests
    Check,
    /// Run the tests, after installing the programs they need (Debian, as root)
    Test {
        /// Install nothing; name what is left out instead
        #[arg(long)]
        no_install: bool,
        /// Run only tests whose name contains this
        filter: Option<String>,
    },
    /// Measure in release and hold the results against their bars
    Bench {
        /// A file of `crates/keelwatch/benches` without `.rs`; all by default
        name: Option<String>,
        /// Print one JSON array instead of lines
        #[arg(long)]
        json: bool,
    },
    /// Run one long test of the suite in release
    Soak {
        /// What follows `soak_` in the test's name
        name: String,
        /// How long
        #[arg(long, default_value = "10")]
        minutes: NonZeroU32,
    },
    /// Write docs/reference from the code
    Docs,
}

/// Does what the arguments of this process ask for.
pub(crate) fn run() -> anyhow::Result<ExitCode> {
    match Cli::parse().task {
        Task::Check => check::run(),
        Task::Test { no_install, filter } => {
            let missing = if no_install { test::Missing::Name } else { test::Missing::Install };
            test::run(missing, filter.as_deref())
        }
        Task::Bench { name, json } => {
            let output = if json { bench::Output::Json } else { bench::Output::Lines };
            bench::run(name.as_deref(), output)
        }
        Task::Soak { name, minutes } => soak::run(&name, minutes),
        Task::Docs => docs::write(),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
