//! `keelwatch rules import`: takes over the rules of ProcScan.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::Context;
use processes::rules::import;

use crate::exit::{Exit, say, tolerate_closed};

pub(super) fn run(file: &Path, output: Option<&Path>) -> anyhow::Result<Exit> {
    let text = fs::read_to_string(file).with_context(|| format!("failed to read {}", file.display()))?;
    let imported = match import(&file.display().to_string(), &text) {
        Ok(imported) => imported,
        Err(faults) => {
            for fault in faults {
                say(format_args!("{fault}"));
            }
            return Ok(Exit::Unusable);
        }
    };
    match output {
        Some(output) => {
            fs::write(output, &imported.yaml).with_context(|| format!("failed to write {}", output.display()))?;
        }
        None => tolerate_closed(anstream::stdout().write_all(imported.yaml.as_bytes()))?,
    }
    for note in &imported.report {
        match note.reason.advice() {
            Some(advice) => say(format_args!("{note} ({advice})")),
            None => say(format_args!("{note}")),
        }
    }
    Ok(if imported.report.is_empty() { Exit::Clean } else { Exit::Findings })
}
