//! How a command ended, as the shell sees it.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context;

use crate::settings::Refused;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It did what was asked, and nothing is wrong: 0.
    Clean,
    /// It did what was asked, and something is wrong: 1.
    Findings,
    /// It could not do what was asked: 2.
    Unusable,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Clean => 0,
            Exit::Findings => 1,
            Exit::Unusable => 2,
        })
    }
}

/// Says on standard error why a command could not do what was asked: one line, or one a fault of the settings.
pub(crate) fn complain(error: &anyhow::Error) {
    match error.downcast_ref::<Refused>() {
        Some(refused) => refused.lines().for_each(|line| say(format_args!("{line}"))),
        None => say(format_args!("keelwatch: {error:#}")),
    }
}

/// Writes one line to standard error. Nobody is left to tell when that fails.
pub(crate) fn say(line: std::fmt::Arguments<'_>) {
    writeln!(anstream::stderr(), "{line}").unwrap_or_default();
}

/// A reader that has seen enough, as `head` has, is no error.
pub(crate) fn tolerate_closed(written: io::Result<()>) -> anyhow::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("failed to write to standard output"),
    }
}
