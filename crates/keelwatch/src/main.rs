//! The program: reads the arguments, does what they say, and exits with the code that says how it went.

use std::process::ExitCode;

use clap::Parser;
use keelwatch::cli::Cli;

fn main() -> ExitCode {
    keelwatch::run(&Cli::parse()).into()
}
