//! Writes the reference pages into the directory that is its only argument; `cargo xtask docs` runs it.

use std::path::PathBuf;

use anyhow::Context;

fn main() -> anyhow::Result<()> {
    let directory = std::env::args_os().nth(1).context("usage: reference DIRECTORY")?;
    keelwatch::reference::write(&PathBuf::from(directory))
}
