//! `keelwatch scan --watch`: goes on and tells what changes, until interrupted.
//!
//! Owns what counts as a change and how it is told. It opens nothing that others can reach and keeps nothing: that is
//! the node role.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::thread;

use anyhow::Context;
use api::Time;
use processes::matches::{Event, Outcome, PassReport};
use processes::{ConnectorState, Handle};
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::Output;
use crate::exit::{Exit, say, tolerate_closed};
use crate::scan::item::{Item, Word};
use crate::scan::{Scan, json, notes};

/// What is known while the watch goes on.
struct Changes<'a> {
    scan: &'a Scan<'a>,
    present: BTreeMap<Key, Item>,
    worst: Exit,
    first: First,
    written: io::Result<()>,
}

/// Whether a pass has ended yet.
#[derive(Clone, Copy, PartialEq, Eq)]
enum First {
    Awaited,
    Ended,
}

/// One process under one verdict. Another primary rule, or another verdict, is another line.
type Key = (u32, u64, Word, String);

/// Descriptors for everything but processes.
const RESERVED: usize = 128;

/// Watches until SIGINT or SIGTERM.
pub(super) fn run(scan: &Scan<'_>) -> anyhow::Result<Exit> {
    anyhow::ensure!(
        scan.args.output != Output::Sarif,
        "--watch writes changes, and SARIF has none (accepted with --watch: table, wide, json, jsonl)"
    );
    let watch = scan.open(processes::raise_open_files(RESERVED))?;
    stop_on_signal(watch.handle())?;
    let handle = watch.handle();
    let mut changes =
        Changes { scan, present: BTreeMap::new(), worst: Exit::Clean, first: First::Awaited, written: Ok(()) };
    watch.run(&mut |event| {
        changes.take(event);
        if changes.written.is_err() {
            handle.stop();
        }
    });
    tolerate_closed(changes.written)?;
    Ok(changes.worst)
}

/// Ends the watch at SIGINT or SIGTERM; a pass under way ends with the batch it is at.
fn stop_on_signal(handle: Handle) -> anyhow::Result<()> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_io().build().context("failed to prepare for signals")?;
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        let interrupt = signal(SignalKind::interrupt()).context("failed to listen for SIGINT")?;
        (interrupt, signal(SignalKind::terminate()).context("failed to listen for SIGTERM")?)
    };
    let wait = move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        });
        handle.stop();
    };
    thread::Builder::new().name("signals".to_owned()).spawn(wait).context("failed to start a thread")?;
    Ok(())
}

impl Changes<'_> {
    fn take(&mut self, event: Event) {
        match event {
            Event::Pass(report) if report.outcome == Outcome::Failed => {
                say(format_args!("note: failed to list {}; trying again", self.scan.settings.proc_root().display()));
            }
            Event::Pass(report) => self.pass(&report),
            Event::Exec(found) => {
                let item = Item::new(Word::Match, found, self.scan.host);
                if !self.present.contains_key(&key(&item)) {
                    self.came(item);
                }
            }
            Event::PassBegins | Event::Connector(ConnectorState::Listening { .. }) => {}
            Event::Connector(ConnectorState::Failing(why)) => {
                say(format_args!("note: no exec events, passes only: {why}"));
            }
        }
    }

    fn pass(&mut self, report: &PassReport) {
        let items = self.scan.items(report);
        if self.first == First::Awaited {
            self.first = First::Ended;
            let (summary, every) = (notes::summary(&items, &report.coverage), notes::tenths(report.interval));
            say(format_args!("{summary}; watching every {every:?}"));
            for caveat in notes::caveats(&report.coverage, report.too_young, notes::User::of_this_process()) {
                say(format_args!("note: {caveat}"));
            }
        }
        let mut gone = std::mem::take(&mut self.present);
        for item in items {
            let known = gone.remove(&key(&item));
            match known {
                Some(_) => drop(self.present.insert(key(&item), item)),
                None => self.came(item),
            }
        }
        for item in gone.into_values() {
            self.tell("-", &item);
        }
    }

    fn came(&mut self, item: Item) {
        self.tell("+", &item);
        if item.fails(self.scan.args.fail_on.0) {
            self.worst = Exit::Findings;
        }
        self.present.insert(key(&item), item);
    }

    fn tell(&mut self, change: &'static str, item: &Item) {
        if self.written.is_ok() {
            self.written = self.write(change, item);
        }
    }

    fn write(&self, change: &'static str, item: &Item) -> io::Result<()> {
        let mut out = anstream::stdout().lock();
        match self.scan.args.output {
            Output::Json | Output::Jsonl | Output::Sarif => json::write_change(change, item, &mut out)?,
            Output::Table | Output::Wide => {
                let now = Time::of(self.scan.clock.now());
                let line = super::table::change(change, item, now);
                writeln!(out, "{line}")?;
            }
        }
        out.flush()
    }
}

fn key(item: &Item) -> Key {
    (item.found.identity.pid, item.found.identity.start_ticks, item.word, item.found.rule.clone())
}
