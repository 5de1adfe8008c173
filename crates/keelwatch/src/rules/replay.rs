//! `keelwatch rules replay`: judges processes that were written down, and shows what other rules change.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::Path;

use anyhow::Context;
use api::Clock;
use processes::replay::{Against, Change, ChangeKind, Replay, replay};
use runtime::clock::SystemClock;

use crate::exit::{Exit, say, tolerate_closed};
use crate::rules::set;

pub(super) fn run(rules: &[String], against: &[String], file: &Path) -> anyhow::Result<Exit> {
    let (rules, against) = match set::load(rules).and_then(|rules| Ok((rules, set::load_some(against)?))) {
        Ok(sets) => sets,
        Err(refused) => return Ok(refused.unusable()),
    };
    let against = against.as_deref().map_or(Against::Recorded, Against::Rules);
    let lines = File::open(file).with_context(|| format!("failed to open {}", file.display()))?;
    let replayed = replay(BufReader::new(lines), &rules, against, SystemClock::new().now())
        .with_context(|| format!("failed to read {}", file.display()))?;
    tolerate_closed(write(&replayed.changes))?;
    say_more(&replayed, file);
    // A file without any record is another file than was meant, and not one where nothing changes.
    anyhow::ensure!(
        replayed.judged > 0 || replayed.malformed_count == 0,
        "{} has no record (accepted: lines of `keelwatch scan -o jsonl`)",
        file.display()
    );
    Ok(if replayed.changes.is_empty() { Exit::Clean } else { Exit::Findings })
}

fn write(changes: &[Change]) -> io::Result<()> {
    let mut out = BufWriter::new(anstream::stdout());
    changes.iter().try_for_each(|change| writeln!(out, "{change}"))?;
    out.flush()
}

fn say_more(replayed: &Replay, file: &Path) {
    let Replay { changes, judged, redacted, cut, malformed, malformed_count } = replayed;
    let gained = changes.iter().filter(|change| change.kind == ChangeKind::Gained).count();
    let lost = changes.len() - gained;
    say(format_args!("{judged} processes judged again: {gained} matches gained, {lost} lost"));
    if redacted + cut > 0 {
        say(format_args!(
            "note: {redacted} were redacted and {cut} cut when recorded, and may be judged otherwise live"
        ));
    }
    for bad in malformed {
        say(format_args!("note: {}:{}: no record, left out: {}", file.display(), bad.line, bad.reason));
    }
    let more = malformed_count - malformed.len() as u64;
    if more > 0 {
        say(format_args!("note: {more} more lines are no record"));
    }
}
