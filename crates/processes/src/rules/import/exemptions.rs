//! What becomes of former exemptions.
//!
//! Owns that none becomes wider than it was, and that none covers a rule that was not taken over with it: a former
//! whitelist must not excuse a miner.

use super::dialect;
use super::former::{Former, Item};
use super::note::{Notes, Reason};
use super::rules::{Rules, without_anchors};
use super::yaml::{Draft, Group, Text};

/// Anything shorter is in command lines by chance.
const COMMAND_BYTES_MIN: usize = 4;

/// What an item turns into.
struct Turned {
    text: Text,
    change: Option<Reason>,
}

/// Writes the exemptions into the draft.
pub(super) fn take_over(former: &Former, rules: &Rules, draft: &mut Draft, notes: &mut Notes) {
    let limit = |count: usize| if count == 0 { Err(Reason::NothingToExempt) } else { Ok(()) };
    let for_keywords = limit(rules.keywords);
    let for_all = limit(rules.keywords + rules.names);
    let name = |item: &Item| for_keywords.and_then(|()| of_process(&item.text, rules));
    let command = |item: &Item| for_keywords.and_then(|()| of_command(&item.text, rules));
    let namespace = |item: &Item| for_all.and_then(|()| of_namespace(&item.text));
    take(&former.exempt_processes, Group::Processes, name, draft, notes);
    take(&former.exempt_commands, Group::Commands, command, draft, notes);
    take(&former.exempt_namespaces, Group::Namespaces, namespace, draft, notes);
}

fn take(
    items: &[Item],
    group: Group,
    turn: impl Fn(&Item) -> Result<Turned, Reason>,
    draft: &mut Draft,
    notes: &mut Notes,
) {
    for item in items {
        let taken = turn(item).and_then(|Turned { text, change }| {
            draft.exempt(group, item, text)?;
            Ok(change)
        });
        match taken {
            Ok(Some(reason)) => notes.changed(item, reason),
            Ok(None) => {}
            Err(reason) => notes.left_out(item, reason),
        }
    }
}

/// Only a whole name exempts: a pattern of names also covers whatever a tenant calls a program.
fn of_process(text: &str, rules: &Rules) -> Result<Turned, Reason> {
    refuse_what_cannot_be_read(text, rules)?;
    let text = text.trim();
    let name = dialect::literal(without_anchors(text)).filter(|name| !name.is_empty()).ok_or(Reason::Pattern)?;
    if name.contains([' ', '/']) {
        // The former scanner compared it with base names.
        return Err(Reason::Unused);
    }
    let is_whole = text.starts_with('^') && dialect::strip_end(text).is_some();
    Ok(Turned { text: Text::Exact(name), change: (!is_whole).then_some(Reason::Narrowed) })
}

fn of_command(text: &str, rules: &Rules) -> Result<Turned, Reason> {
    refuse_what_cannot_be_read(text, rules)?;
    if without_anchors(text).len() < COMMAND_BYTES_MIN {
        return Err(Reason::TooShort);
    }
    if !dialect::alternatives(text).iter().all(|alternative| alternative.starts_with('^')) {
        return Err(Reason::Unanchored);
    }
    Ok(Turned { text: Text::Regex(text.to_owned()), change: None })
}

fn of_namespace(text: &str) -> Result<Turned, Reason> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Reason::Empty);
    }
    let body = without_anchors(text);
    if body == ".*" {
        return Err(Reason::MatchesEverything);
    }
    let (name, star) = match body.strip_suffix(".*") {
        Some(prefix) => (prefix, "*"),
        None => (body, ""),
    };
    let name = dialect::literal(name).filter(|name| is_namespace(name)).ok_or(Reason::Pattern)?;
    let has_end = dialect::strip_end(text).is_some() || !star.is_empty();
    let is_whole = text.starts_with('^') && has_end;
    Ok(Turned { text: Text::Exact(format!("{name}{star}")), change: (!is_whole).then_some(Reason::Narrowed) })
}

fn refuse_what_cannot_be_read(text: &str, rules: &Rules) -> Result<(), Reason> {
    match text {
        _ if text.trim().is_empty() => Err(Reason::Empty),
        _ if rules.have(text) => Err(Reason::Shadowed),
        _ if !dialect::is_shared(text) => Err(Reason::Dialect),
        _ => Ok(()),
    }
}

fn is_namespace(name: &str) -> bool {
    let accepted = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&name.len()) && !name.starts_with('-') && name.bytes().all(accepted)
}
