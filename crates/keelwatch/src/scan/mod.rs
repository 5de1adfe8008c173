//! `keelwatch scan`: judges the processes of this host and tells what it found.
//!
//! Owns the order of one scan, its outputs and its exit. Reading and judging is `processes`' job; going on is `watch`'s.
//!
//! ```text
//! processes::Watch ─► PassReport ─► Item ─► table | json | jsonl | sarif   (standard output)
//!                                      └──► summary and caveats            (standard error)
//! ```

#[cfg(test)]
mod fixture;
mod item;
mod json;
mod notes;
mod sarif;
mod table;
mod watch;

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;

use api::{Clock, Time};
use processes::matches::{Outcome, PassReport};
use processes::rules::RuleSet;
use processes::{Keep, Verdict, Watch};
use runtime::clock::SystemClock;

use crate::cli::{self, Output};
use crate::exit::{Exit, say, tolerate_closed};
use crate::{rules, settings};
use item::{Item, Word};
use table::{Columns, Look, Verdicts};

/// What a scan is made of.
struct Scan<'a> {
    args: &'a cli::Scan,
    host: &'a str,
    settings: processes::Settings,
    rules: Arc<RuleSet>,
    clock: Arc<dyn Clock>,
}

/// Scans as the arguments say.
pub(crate) fn run(args: &cli::Scan, settings: Option<&Path>) -> anyhow::Result<Exit> {
    let settings = settings::read(settings)?.settings();
    let host = settings.node_name();
    let mut processes = settings.processes.clone();
    if let Some(proc) = &args.proc {
        processes.proc.clone_from(proc);
    }
    if !args.rules.is_empty() {
        processes.rules.clone_from(&args.rules);
    }
    let faults = processes.check();
    if !faults.is_empty() {
        for (key, what) in faults {
            say(format_args!("processes.{key}: {what}"));
        }
        return Ok(Exit::Unusable);
    }
    let rules = match rules::load(&processes.rules) {
        Ok(rules) => rules,
        Err(refused) => return Ok(refused.unusable()),
    };
    Scan { args, host: &host, settings: processes, rules, clock: Arc::new(SystemClock::new()) }.run()
}

impl Scan<'_> {
    /// Scans once, or until interrupted.
    fn run(self) -> anyhow::Result<Exit> {
        if self.args.watch { watch::run(&self) } else { self.once() }
    }

    fn once(&self) -> anyhow::Result<Exit> {
        // Whoever looks once has nothing to gain from a descriptor that stays open.
        let report = self.open(0)?.pass();
        let items = self.items(&report);
        anyhow::ensure!(report.outcome != Outcome::Failed, "failed to list {}", self.settings.proc_root().display());
        tolerate_closed(self.write(&items, &report))?;
        say(format_args!("{}", notes::summary(&items, &report.coverage)));
        for caveat in notes::caveats(&report.coverage, report.too_young, notes::User::of_this_process()) {
            say(format_args!("note: {caveat}"));
        }
        Ok(self.exit(&items))
    }

    /// Opens the tree; keeps at most `max_held` descriptors of processes open.
    fn open(&self, max_held: usize) -> anyhow::Result<Watch> {
        let watch = Watch::open(self.settings.clone(), self.rules.clone(), max_held, self.clock.clone())?;
        Ok(watch.keep(if self.args.all { Keep::Everything } else { Keep::Matches }))
    }

    /// What a pass found, the worst first.
    fn items(&self, report: &PassReport) -> Vec<Item> {
        let matches = report.matches.iter().map(|found| (Word::Match, found));
        let others = report.others.iter().filter_map(|verdict| match verdict {
            Verdict::Match(found) => Some((Word::Match, found)),
            Verdict::Exempt(found) => Some((Word::Exempt, found)),
            Verdict::Clean(found) => found.as_ref().map(|found| (Word::Clean, found)),
        });
        let wanted = matches.chain(others).filter(|(word, _)| self.args.all || *word == Word::Match);
        let mut items: Vec<Item> = wanted.map(|(word, found)| Item::new(word, found.clone(), self.host)).collect();
        item::sort(&mut items);
        items
    }

    fn write(&self, items: &[Item], report: &PassReport) -> io::Result<()> {
        let mut out = BufWriter::new(anstream::stdout());
        match self.args.output {
            Output::Table | Output::Wide if items.is_empty() => {}
            Output::Table | Output::Wide => table::write(items, self.look(), &mut out)?,
            Output::Json => json::write(self.host, &report.coverage, items, &mut out)?,
            Output::Jsonl => json::write_lines(items, &mut out)?,
            Output::Sarif => sarif::write(self.host, items, &sarif::texts(&self.rules), &mut out)?,
        }
        out.flush()
    }

    fn look(&self) -> Look {
        let verdicts = if self.args.all { Verdicts::Shown } else { Verdicts::Hidden };
        let columns = Columns::of(self.args.output, verdicts);
        Look { columns, width: terminal_width(), now: Time::of(self.clock.now()) }
    }

    fn exit(&self, items: &[Item]) -> Exit {
        let fails = items.iter().any(|item| item.fails(self.args.fail_on.0));
        if fails { Exit::Findings } else { Exit::Clean }
    }
}

/// Width of the terminal that standard output is; `None` if it is none.
fn terminal_width() -> Option<u16> {
    let stdout = io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(&stdout).ok()?;
    // A terminal that does not know its width says 0.
    Some(size.ws_col).filter(|columns| *columns > 0)
}
