//! `keelwatch rules validate`: every error of a set, and what is risky about it.

use std::io::Write;

use crate::exit::{Exit, say};
use crate::rules::set;

pub(super) fn run(sources: &[String]) -> anyhow::Result<Exit> {
    let rules = match set::load(sources) {
        Ok(rules) => rules,
        Err(refused) => return Ok(refused.told()),
    };
    for warning in rules.warnings() {
        say(format_args!("warning: {warning}"));
    }
    let (count, revision) = (rules.rules().len(), rules.revision());
    writeln!(anstream::stdout(), "ok: {count} rules, {} exemptions, revision {revision}", rules.exemptions().len())?;
    Ok(Exit::Clean)
}
