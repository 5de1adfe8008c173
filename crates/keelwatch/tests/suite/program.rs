//! Runs the program under test and keeps what it said.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::wait::within;

/// A demo ends within a tenth of this; a leader whose API server is gone would take longer.
const STOP: Duration = Duration::from_secs(2);

/// What one run said and how it ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A running program that ends with its test.
pub(crate) struct Running(pub(crate) Child);

/// Runs the program on node `worker-3`, with no settings but those among `args`.
pub(crate) fn keelwatch(args: &[&str]) -> Run {
    keelwatch_with(args, &[])
}

/// The same, with these variables in its environment.
pub(crate) fn keelwatch_with(args: &[&str], environment: &[(&str, &str)]) -> Run {
    let output = command(args).envs(environment.iter().copied()).output().unwrap();
    Run {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs the program while nobody reads what it says; how it exits.
pub(crate) fn unheard(args: &[&str]) -> i32 {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    command(args).stdout(writer).stderr(Stdio::null()).status().unwrap().code().unwrap()
}

/// Starts the program and leaves it running.
pub(crate) fn start(args: &[&str]) -> Running {
    start_with(args, &[])
}

/// The same, with these variables in its environment.
pub(crate) fn start_with(args: &[&str], environment: &[(&str, &str)]) -> Running {
    let mut command = command(args);
    command.envs(environment.iter().copied()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Running(command.spawn().unwrap())
}

#[expect(clippy::disallowed_methods, reason = "the program under test is a process")]
fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keelwatch"));
    command.args(args).env_clear().env("NODE_NAME", "worker-3").stdin(Stdio::null());
    command
}

impl Run {
    /// Standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// Each line of standard output as JSON.
    #[track_caller]
    pub(crate) fn lines(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Fails the test unless the run ended with 2 and one line that holds `text`, without a backtrace.
    #[track_caller]
    pub(crate) fn is_refused_with(&self, text: &str) {
        assert_eq!((self.code, self.stdout.as_str()), (2, ""), "{self:?}");
        assert!(self.stderr.contains(text), "{self:?}");
        assert!(!self.stderr.contains("backtrace") && !self.stderr.contains("panicked"), "{self:?}");
    }
}

impl Running {
    /// Sends SIGINT.
    pub(crate) fn interrupt(&self) {
        self.signal(rustix::process::Signal::INT);
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, signal).unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already, and then there is nothing left to end. A demo removes its files when it is asked to end;
        // who is too slow, or stopped, has nothing to remove.
        let pid = rustix::process::Pid::from_child(&self.0);
        let ended = matches!(self.0.try_wait(), Ok(Some(_)));
        if !ended && rustix::process::kill_process(pid, rustix::process::Signal::TERM).is_ok() {
            within(STOP, || self.0.try_wait().transpose());
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The text of a file, made for one test.
pub(crate) fn write(directory: &Path, name: &str, text: &str) -> String {
    let path = directory.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}
