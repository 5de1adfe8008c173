//! `keelwatch storage`: checks, copies and measures the store that the settings name.
//!
//! Owns what each verb prints and how it exits. Looking at the store is `storage::care`'s job.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use api::Clock;
use runtime::clock::SystemClock;
use storage::OpenError;
use storage::care::{self, Backup, CareError, Checked, Info, Looked};

use crate::cli;
use crate::exit::{Exit, say, tolerate_closed};
use crate::settings;

/// Does what the verb says.
pub(crate) fn run(verb: &cli::Storage, named: Option<&Path>) -> anyhow::Result<Exit> {
    let settings = settings::read(named)?.settings().storage.clone();
    let worker = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let worker = worker.context("failed to start the runtime")?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    match verb {
        cli::Storage::Check => check(worker.block_on(care::check(&settings, clock))),
        cli::Storage::Info => print(&told(&worker.block_on(care::info(&settings, clock))?), Exit::Clean),
        cli::Storage::Backup { file } => backup(worker.block_on(care::backup(&settings, clock, file))?, file),
    }
}

/// A damaged store is what a check looks for, so it is an answer.
fn check(checked: Result<Checked, CareError>) -> anyhow::Result<Exit> {
    match checked {
        Err(CareError::Open(damaged @ OpenError::Damaged { .. })) => print(&format!("{damaged}\n"), Exit::Findings),
        Err(error) => Err(error.into()),
        Ok(checked) => print(&outcome(&checked), if checked.faults.is_empty() { Exit::Clean } else { Exit::Findings }),
    }
}

fn outcome(checked: &Checked) -> String {
    let Checked { address, schema, looked, faults } = checked;
    let sound = faults.is_empty().then(|| format!("ok: {address}, schema {schema}\n"));
    let faults = faults.iter().map(|fault| format!("{address}: {fault}\n"));
    let limits = match looked {
        Looked::Pages => None,
        Looked::Tables => Some("pages were not checked: on PostgreSQL, pg_amcheck does that\n".to_owned()),
    };
    sound.into_iter().chain(faults).chain(limits).collect()
}

fn backup(backup: Backup, file: &Path) -> anyhow::Result<Exit> {
    match backup {
        Backup::Made { bytes } => print(&format!("{}: {bytes} bytes\n", file.display()), Exit::Clean),
        Backup::Command(command) => {
            say(format_args!("keelwatch: nothing was copied: PostgreSQL brings the command for it"));
            print(&format!("{command}\n"), Exit::Unusable)
        }
    }
}

fn told(info: &Info) -> String {
    let Info { address, schema, program, bytes, tables } = info;
    let head = format!("address  {address}\nschema   {schema} (keelwatch {program})\nbytes    {bytes}\n");
    let tables = tables.iter().map(|(table, bytes)| format!("  {table:<24} {bytes}\n"));
    std::iter::once(head).chain(tables).collect()
}

fn print(text: &str, exit: Exit) -> anyhow::Result<Exit> {
    tolerate_closed(anstream::stdout().write_all(text.as_bytes()))?;
    Ok(exit)
}
