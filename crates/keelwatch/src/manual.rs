//! `keelwatch completions` and `keelwatch man`: what shells and people read about the command line.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::Context;
use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::cli::Cli;
use crate::exit::{Exit, tolerate_closed};

/// Writes the completion script of a shell to standard output.
pub(crate) fn completions(shell: Shell) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "keelwatch", &mut script);
    tolerate_closed(anstream::stdout().write_all(&script))?;
    Ok(Exit::Clean)
}

/// Writes the page of the program to standard output, or one page a command into a directory.
pub(crate) fn man(directory: Option<&Path>) -> anyhow::Result<Exit> {
    if let Some(directory) = directory {
        let place = || format!("failed to write pages into {}", directory.display());
        fs::create_dir_all(directory).with_context(place)?;
        clap_mangen::generate_to(Cli::command(), directory).with_context(place)?;
        return Ok(Exit::Clean);
    }
    let mut page = Vec::new();
    Man::new(Cli::command()).render(&mut page).context("failed to write the page")?;
    tolerate_closed(anstream::stdout().write_all(&page))?;
    Ok(Exit::Clean)
}
