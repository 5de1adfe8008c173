//! `keelwatch rules import`: takes over the rules of ProcScan.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use anyhow::Context;
use processes::rules::import;

use crate::exit::{Exit, say, tolerate_closed};

/// No more is read: a rules file has no more either, and a device would never end.
const FORMER_BYTES_MAX: u64 = 4 << 20;

pub(super) fn run(file: &Path, output: Option<&Path>) -> anyhow::Result<Exit> {
    let text = read(file).with_context(|| format!("failed to read {}", file.display()))?;
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
        say(format_args!("{note}"));
    }
    Ok(if imported.report.is_empty() { Exit::Clean } else { Exit::Findings })
}

/// Reads the former file, which may be a pipe.
fn read(file: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(file)?.take(FORMER_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FORMER_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 4 MiB"));
    }
    String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.utf8_error()))
}
