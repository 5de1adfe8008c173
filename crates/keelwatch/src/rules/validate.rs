//! `keelwatch rules validate`: every error of a set, and what is risky about it.

use std::io::Write;

use crate::exit::{Exit, say, tolerate_closed};
use crate::rules::set;

pub(super) fn run(sources: &[String]) -> anyhow::Result<Exit> {
    let rules = match set::load(sources) {
        Ok(rules) => rules,
        Err(refused) => return Ok(refused.told()),
    };
    for warning in rules.warnings() {
        say(format_args!("warning: {warning}"));
    }
    let (count, exemptions, revision) = (rules.rules().len(), rules.exemptions().len(), rules.revision());
    let ok = format!("ok: {count} rules, {exemptions} exemptions, revision {revision}");
    tolerate_closed(writeln!(anstream::stdout(), "{ok}"))?;
    Ok(Exit::Clean)
}
