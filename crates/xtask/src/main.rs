//! Development tasks: what CI runs and what a contributor runs, one command each.
//!
//! Owns checking, testing, measuring and generating. It knows the product by its files and by cargo only and depends on
//! no room, so that it builds in seconds and works while they do not compile.
//!
//! ```text
//! cargo xtask ─► check   fmt · clippy · tidy · docs fresh
//!             ─► test    programs that tests need ─► build ─► nextest or cargo test
//!             ─► bench   cargo bench ─► lines ─► bars
//!             ─► soak    ignored tests of the suite, for minutes
//!             ─► docs    docs/reference
//! ```
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a development tool starts programs, reads the environment and talks to a terminal"
)]

mod bench;
mod check;
mod cli;
mod debian;
mod docs;
mod programs;
mod soak;
mod step;
mod test;
mod tidy;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run().unwrap_or_else(|error| {
        eprintln!("xtask: {error:#}");
        ExitCode::FAILURE
    })
}
