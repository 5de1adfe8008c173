//! The page of the command line, from the grammar.

use clap::{Command, CommandFactory};

use crate::cli::Cli;
use crate::reference::head;

/// Columns of the help texts, so that the page is the same wherever it is written.
const WIDTH: usize = 100;

pub(super) fn page() -> String {
    let mut page = head("Command line", "What `--help` says of every command.");
    let mut root = Cli::command().term_width(WIDTH);
    root.build();
    section(&mut root, &mut page);
    page
}

fn section(command: &mut Command, page: &mut String) {
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name()).to_owned();
    let help = command.render_long_help().to_string();
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    let text = format!("\n## `{name}`\n\n```text\n{}\n```\n", help.join("\n").trim_end());
    page.push_str(&text);
    for inner in command.get_subcommands_mut().filter(|inner| inner.get_name() != "help") {
        section(inner, page);
    }
}
