//! `keelwatch rules list`: what is in a set.

use std::io::Write;

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use processes::rules::{Rule, RuleSet};
use serde::Serialize;

use crate::exit::{Exit, tolerate_closed};
use crate::rules::set;

/// How rules are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Columns for people.
    Table,
    /// One JSON array.
    Json,
}

/// A rule as JSON has it.
#[derive(Serialize)]
struct Told<'a> {
    id: &'a str,
    name: &'a str,
    description: &'a str,
    pack: String,
    severity: api::Severity,
    action: api::Action,
    enabled: bool,
    min_age_s: u64,
    tags: &'a [String],
    references: &'a [String],
}

pub(super) fn run(sources: &[String], form: Form) -> anyhow::Result<Exit> {
    let rules = match set::load(sources) {
        Ok(rules) => rules,
        Err(refused) => return Ok(refused.told()),
    };
    let text = match form {
        Form::Table => table(&rules),
        Form::Json => serde_json::to_string_pretty(&rules.rules().iter().map(Told::of).collect::<Vec<_>>())?,
    };
    tolerate_closed(writeln!(anstream::stdout(), "{text}"))?;
    Ok(Exit::Clean)
}

fn table(rules: &RuleSet) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(["ID", "PACK", "SEVERITY", "ACTION", "ENABLED", "NAME"]);
    for Rule { id, pack, severity, action, enabled, name, .. } in rules.rules() {
        let enabled = if *enabled { "yes" } else { "no" };
        table.add_row([id, &pack.to_string(), severity.as_str(), action.as_str(), enabled, name]);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt()
}

impl<'a> Told<'a> {
    fn of(rule: &'a Rule) -> Self {
        let Rule { id, name, description, pack, severity, action, enabled, min_age, tags, references, .. } = rule;
        Self {
            id,
            name,
            description,
            pack: pack.to_string(),
            severity: *severity,
            action: *action,
            enabled: *enabled,
            min_age_s: min_age.as_secs(),
            tags,
            references,
        }
    }
}
