//! Real programs that tests start: found by the test runner, or left out.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::program::Running;

/// The path of a real program that the test runner found. Without it the test says so and is to return; where nothing
/// may be left out (`CI=true`), it fails.
#[track_caller]
#[expect(clippy::print_stderr, reason = "what a run left out is to be seen")]
pub(crate) fn real_program(name: &str) -> Option<PathBuf> {
    let listed = variable("KEELWATCH_TEST_SERVERS").unwrap_or_default();
    let found: BTreeMap<&str, &str> = listed.split(':').filter_map(|entry| entry.split_once('=')).collect();
    if let Some(path) = found.get(name) {
        return Some(PathBuf::from(path));
    }
    assert_ne!(variable("CI").as_deref(), Some("true"), "no `{name}` on this machine");
    eprintln!("left out: no `{name}` on this machine; `cargo xtask test` installs or names what is missing");
    None
}

#[expect(clippy::disallowed_methods, reason = "the test runner tells by the environment what it found")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// A command to be started.
#[expect(clippy::disallowed_methods, reason = "tests start real programs")]
pub(crate) fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Starts a process that ends with its test.
#[track_caller]
pub(crate) fn start(command: &mut Command) -> Running {
    let child: Child = command.spawn().unwrap_or_else(|error| panic!("{error}: {command:?}"));
    Running(child)
}

/// Runs a command to its end.
#[track_caller]
pub(crate) fn run(command: &mut Command) {
    let status = command.status().unwrap_or_else(|error| panic!("{error}: {command:?}"));
    assert!(status.success(), "{status}: {command:?}");
}
