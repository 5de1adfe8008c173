//! One pass over the tree.
//!
//! Owns the order: list, look in batches, judge what is fresh, forget what is gone, report. Judging one process is
//! `verdict`'s part of the watch.

use std::sync::Arc;
use std::time::Duration;

use api::Time;
use api::coverage::PassCoverage;

use crate::budget::thread_cpu;
use crate::inbox::Answer;
use crate::look::{Look, Seen};
use crate::matches::{Outcome, PassReport, Verdict};
use crate::reader::{Ask, Unanswered};
use crate::table::Moment;
use crate::tree::Listing;
use crate::watch::{By, Watch};

/// Processes asked for in one go: 250 µs of reading, so that exec events that came meanwhile wait no longer.
const BATCH: usize = 256;

/// No process has this pid.
const NOBODY: u32 = 0;

/// What one pass counts.
#[derive(Debug, Default)]
struct Tally {
    seen: u64,
    new: u64,
    unreadable: u64,
    exited: u64,
    stopped_short: bool,
}

impl Watch {
    /// Looks at every process once.
    pub fn pass(&mut self) -> PassReport {
        self.begin();
        let started = self.moment();
        let before = thread_cpu();
        self.carried.cpu = Duration::ZERO;
        let Some((listing, uptime)) = self.list() else {
            return self.report(started, thread_cpu().saturating_sub(before), None);
        };
        self.uptime = (uptime.unwrap_or_default(), started.monotonic);
        self.table.begin_pass();
        self.free_stuck(started);
        let mut tally = Tally::default();
        let others = listing.pids.iter().copied().filter(|pid| Some(*pid) != listing.own).collect::<Vec<_>>();
        for batch in others.chunks(BATCH) {
            if self.is_stopping() {
                tally.stopped_short = true;
                break;
            }
            self.look_at(batch, &mut tally);
        }
        // What a pass that stopped short did not meet is not gone.
        if !tally.stopped_short {
            self.table.end_pass();
        }
        let cpu = thread_cpu().saturating_sub(before);
        self.counters.cpu += cpu;
        self.report(started, cpu, Some((&listing, tally)))
    }

    /// The processes of this moment, and the time since boot.
    fn list(&mut self) -> Option<(Listing, Option<Duration>)> {
        match self.ask(Ask::List) {
            Ok(Answer::List(listed, uptime)) => Some((listed.ok()?, uptime)),
            Ok(_) => None,
            Err(Unanswered) => {
                // No process is to blame, but the thread is lost. Without another one the next pass fails as well.
                let _ = self.leave_behind(NOBODY);
                None
            }
        }
    }

    /// Looks at these processes and judges what is fresh.
    fn look_at(&mut self, pids: &[u32], tally: &mut Tally) {
        let moment = self.moment();
        let looks = self.table.looks_for(pids, moment);
        let left_out = (pids.len() - looks.len()) as u64;
        tally.seen += left_out;
        tally.unreadable += left_out;
        for (look, seen) in self.ask_looks(looks, moment, tally) {
            self.settle(&look, seen, moment, tally);
        }
    }

    fn settle(&mut self, look: &Look, seen: Seen, moment: Moment, tally: &mut Tally) {
        tally.seen += u64::from(!matches!(seen, Seen::KernelThread | Seen::Ended));
        match seen {
            Seen::Same(held) => self.table.met(look, held, moment),
            Seen::KernelThread => drop(self.table.forget(look.pid)),
            Seen::Ended => {
                tally.exited += 1;
                self.counters.unread.exited += 1;
                drop(self.table.forget(look.pid));
            }
            Seen::Forbidden => {
                tally.unreadable += 1;
                self.counters.unread.forbidden += 1;
                self.table.met_unread(look.pid);
            }
            Seen::Io => {
                tally.unreadable += 1;
                self.counters.unread.io += 1;
                self.table.met_unread(look.pid);
            }
            Seen::Fresh(fresh) => {
                self.counters.unread.forbidden += u64::from(fresh.access.cmdline_denied);
                tally.new += u64::from(self.table.before(&fresh).is_none());
                self.take_in(&fresh, By::Pass);
            }
        }
    }

    /// Asks for these looks. A process that the reader gets stuck at is left out.
    fn ask_looks(&mut self, looks: Vec<Look>, moment: Moment, tally: &mut Tally) -> Vec<(Look, Seen)> {
        let mut looks = Arc::new(looks);
        loop {
            if let Ok(Answer::Look(seen)) = self.ask(Ask::Look(looks.clone())) {
                return looks.iter().cloned().zip(seen).collect();
            }
            let mut left = Arc::unwrap_or_clone(looks);
            let at = self.reader.at().min(left.len() - 1);
            let stuck = left.swap_remove(at);
            tally.seen += 1;
            tally.unreadable += 1;
            self.set_stuck(stuck.pid, moment);
            if left.is_empty() {
                return Vec::new();
            }
            looks = Arc::new(left);
        }
    }

    /// A read of this process did not return: another thread goes on without it.
    pub(crate) fn set_stuck(&mut self, pid: u32, moment: Moment) {
        self.counters.unread.stuck += 1;
        self.table.set_stuck(pid, self.tree.start_ticks(pid), moment);
        self.table.met_unread(pid);
        // Without another thread the next question is not answered either, and the pass ends as failed.
        let _ = self.leave_behind(pid);
    }

    fn free_stuck(&mut self, moment: Moment) {
        let waiting = self.reader.stuck_at();
        let tree = self.tree.clone();
        self.table.free_stuck(moment, &waiting, |pid| tree.start_ticks(pid));
    }

    /// What this pass found; without a listing it has failed, and says nothing about any process.
    fn report(&mut self, started: Moment, own_cpu: Duration, listed: Option<(&Listing, Tally)>) -> PassReport {
        let took = self.clock.monotonic().saturating_sub(started.monotonic);
        let cpu = own_cpu + self.carried.cpu;
        let census = self.table.census();
        let outcome = match &listed {
            None => Outcome::Failed,
            Some((_, tally)) if tally.unreadable > 0 || tally.stopped_short => Outcome::Partial,
            Some(_) => Outcome::Ok,
        };
        let (listing, tally) = listed.map_or((None, Tally::default()), |(listing, tally)| (Some(listing), tally));
        let forks = listing.map_or(0, |listing| self.count_forks(listing.forks));
        let coverage = PassCoverage {
            started: Time::of(started.now),
            took_ms: millis(took),
            cpu_ms: millis(cpu),
            seen: tally.seen,
            new: tally.new,
            unreadable: tally.unreadable,
            exited: tally.exited,
            exe_unreadable: census.exe_unreadable,
            held: census.held,
            by_stat: census.present - census.held,
            cut: census.cut,
            host_view: listing.is_some_and(|listing| listing.host_view),
        };
        let mut report = PassReport {
            outcome,
            matches: Vec::new(),
            others: Vec::new(),
            cleared: std::mem::take(&mut self.carried.cleared),
            coverage,
            forks,
            exec_events: self.exec_coverage(),
            interval: self.interval(took, cpu),
            too_young: census.too_young,
            counters: self.counters.clone(),
            rules: self.judge.rules.clone(),
        };
        for verdict in self.table.verdicts() {
            match verdict {
                Verdict::Match(found) => report.matches.push(found.clone()),
                Verdict::Exempt(_) | Verdict::Clean(Some(_)) => report.others.push(verdict.clone()),
                Verdict::Clean(None) => {}
            }
        }
        report.matches.sort_by_key(|found| found.identity);
        report.others.sort_by_key(|verdict| verdict.words().map(|words| words.identity));
        report
    }

    /// Forks since the last pass; unknown before the first one.
    fn count_forks(&mut self, forks: u64) -> u64 {
        let before = self.forks_before.replace(forks).unwrap_or(forks);
        let new = forks.saturating_sub(before);
        self.counters.forks += new;
        new
    }
}

/// To the nearest microsecond: the digits of a float beyond that are noise.
fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
