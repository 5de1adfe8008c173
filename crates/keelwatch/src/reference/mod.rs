//! The reference pages: settings, metrics, routes, command line, rules, each written by the code that it is about.
//!
//! Owns which pages there are and what every page begins with.

mod cli;
mod metrics;
mod rules;
mod settings;

use std::fs;
use std::path::Path;

use anyhow::Context;

/// Writes every page into a directory that exists.
pub fn write(directory: &Path) -> anyhow::Result<()> {
    let pages = [
        ("cli.md", cli::page()),
        ("metrics.md", metrics::page()?),
        ("openapi-controller.json", crate::controller::openapi()?),
        ("openapi-node.json", crate::node::openapi()?),
        ("rules.md", rules::page()),
        ("settings.md", settings::page()),
        ("settings.schema.json", crate::config::schema()),
    ];
    for (name, text) in pages {
        let path = directory.join(name);
        fs::write(&path, text).with_context(|| format!("failed to write {}", path.display()))?;
    }
    Ok(())
}

/// The head of a page.
fn head(title: &str, lead: &str) -> String {
    format!("# {title}\n\n{lead}\n\n<!-- Written by `cargo xtask docs`. Change the code instead. -->\n")
}

/// A text as a cell of a table: in one line, and without the sign that ends a cell.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
