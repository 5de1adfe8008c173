//! `keelwatch get`: asks a controller and writes what it answers.
//!
//! Owns where the controller is and how lists are written. What is asked is in the module of its noun; the answers are
//! `web`'s and the rooms'.

mod pods;

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use comfy_table::presets::NOTHING;
use comfy_table::{Cell, ContentArrangement, Row, Table};
use serde_json::Value;
use web::Client;
use web::client::ClientSettings;

use crate::cli::{self, Listing};
use crate::exit::{Exit, tolerate_closed};
use crate::settings;

/// One page of a large list takes well under a second.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Asks, and writes the answer to standard output.
pub(crate) fn run(what: &cli::Get) -> anyhow::Result<Exit> {
    let workers = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let text = workers.context("failed to start the runtime")?.block_on(async {
        match what {
            cli::Get::Pods(args) => pods::get(args).await,
        }
    })?;
    tolerate_closed(anstream::stdout().write_all(text.as_bytes()))?;
    Ok(Exit::Clean)
}

/// A client of the controller that the arguments name.
fn client(asked: &cli::Connection) -> anyhow::Result<Client> {
    let read = |path: &Path| std::fs::read(path).with_context(|| format!("failed to read {}", path.display()));
    let token = match &asked.token_file {
        Some(path) => String::from_utf8_lossy(&read(path)?).trim_end().to_owned(),
        None => settings::environment().variable("KEELWATCH_TOKEN").unwrap_or_default().to_owned(),
    };
    let authorities = asked.ca_file.as_deref().map(read).transpose()?;
    let url = asked.server.clone();
    Ok(Client::new(&ClientSettings { url, token, authorities, timeout: TIMEOUT })?)
}

/// The answer as it is, in one of the forms for programs.
fn as_document(answer: &Value, output: Listing) -> anyhow::Result<Option<String>> {
    Ok(match output {
        Listing::Json => Some(serde_json::to_string_pretty(answer)? + "\n"),
        Listing::Yaml => Some(serde_saphyr::to_string(answer).context("failed to write YAML")?),
        Listing::Table | Listing::Wide => None,
    })
}

/// Columns under a header; as wide as the terminal, or as they need.
fn columns(header: &[&str], rows: Vec<Vec<String>>, output: Listing) -> String {
    let one_line = |cells: Vec<String>| {
        let mut row = Row::from(cells.into_iter().map(Cell::new).collect::<Vec<_>>());
        row.max_height(1);
        row
    };
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(one_line(header.iter().map(|&name| name.to_owned()).collect()));
    table.set_truncation_indicator("…");
    let count = rows.len();
    for cells in rows {
        table.add_row(one_line(cells));
    }
    if let Some(width) = width().filter(|_| output == Listing::Table && count > 0) {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    }
    let last = header.len().saturating_sub(1);
    for (index, column) in table.column_iter_mut().enumerate() {
        const GAP: u16 = 2;
        column.set_padding((0, if index == last { 0 } else { GAP }));
        // Never in a text, so that it is cut at a character and not at a space.
        column.set_delimiter('\u{0}');
    }
    table.lines().flat_map(|line| [line.trim_end().to_owned(), "\n".to_owned()]).collect()
}

/// Cells of the terminal; `None` in a pipe.
fn width() -> Option<u16> {
    if !io::stdout().is_terminal() {
        return None;
    }
    rustix::termios::tcgetwinsize(io::stdout()).ok().map(|size| size.ws_col).filter(|&columns| columns > 0)
}
