//! Every process that is known, by pid, and how it was judged.
//!
//! Owns identity and memory: what is new, what is to be read again, what is gone. Pure: reading is `look`'s job,
//! judging `judge`'s.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::look::{Comm, Fresh, Hold, Inode, Known, Look, Shown};
use crate::matches::Verdict;

/// A comm can change without exec (PR_SET_NAME), and only `stat` tells: it is read again this often.
const COMM_EVERY: Duration = Duration::from_secs(30);

/// A process that cannot be read without getting stuck is left alone for this long.
const STUCK_FOR: Duration = Duration::from_mins(10);

/// The table. At 20,000 processes it takes about 3 MiB, so texts are not in it but their hash.
#[derive(Debug)]
pub(crate) struct Table {
    entries: HashMap<u32, Entry>,
    stuck: HashMap<u32, Stuck>,
    held: usize,
    max_held: usize,
    pass: u32,
    /// Counts what makes every verdict void: new rules, new limits.
    epoch: u32,
}

/// One process.
#[derive(Debug)]
pub(crate) struct Entry {
    start_ticks: u64,
    shown: Shown,
    held: Option<Arc<OwnedFd>>,
    inode: Option<Inode>,
    comm: [u8; 16],
    /// Whole seconds of the monotonic clock.
    comm_read_at: u32,
    pass: u32,
    epoch: u32,
    marks: Marks,
    recheck: Option<Timestamp>,
    verdict: Verdict,
}

/// What every pass counts again, whether the process is read again or not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    pub(crate) exe_denied: bool,
    pub(crate) cut: bool,
    pub(crate) too_young: bool,
}

/// A process whose read did not return.
#[derive(Debug)]
struct Stuck {
    start_ticks: Option<u64>,
    until: Duration,
}

/// What was judged, to be remembered.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) verdict: Verdict,
    pub(crate) recheck: Option<Timestamp>,
    pub(crate) too_young: bool,
}

/// What the table remembers of a process that shows something fresh.
#[derive(Debug)]
pub(crate) struct Before {
    pub(crate) verdict: Verdict,
    /// It shows the same texts as then; only the rules, or the time, are others.
    pub(crate) same_texts: bool,
}

/// The moment of a pass or an event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) now: Timestamp,
    pub(crate) monotonic: Duration,
}

/// What the table holds after a pass.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Census {
    pub(crate) present: u64,
    pub(crate) exe_unreadable: u64,
    pub(crate) cut: u64,
    pub(crate) too_young: usize,
    pub(crate) held: u64,
}

impl Table {
    /// An empty table that keeps at most `max_held` descriptors.
    pub(crate) fn new(max_held: usize) -> Self {
        Self { entries: HashMap::new(), stuck: HashMap::new(), held: 0, max_held, pass: 0, epoch: 0 }
    }

    /// A pass begins: what it does not meet is gone at its end.
    pub(crate) fn begin_pass(&mut self) {
        self.pass += 1;
    }

    /// Every verdict is void: each process is read and judged again.
    pub(crate) fn doubt_everything(&mut self) {
        self.epoch += 1;
    }

    /// What to look at, without the processes that would only get the reader stuck: they are met without a look.
    pub(crate) fn looks_for(&mut self, pids: &[u32], moment: Moment) -> Vec<Look> {
        let mut room = self.max_held - self.held;
        let mut looks = Vec::with_capacity(pids.len());
        for pid in pids {
            if self.stuck.contains_key(pid) {
                self.met_unread(*pid);
                continue;
            }
            let hold = if room > 0 { Hold::Yes } else { Hold::No };
            let look = self.look_for(*pid, hold, moment);
            // Every look that may bring a descriptor takes its room, whether it then does or not.
            let has_one = look.known.as_ref().is_some_and(|known| known.held.is_some());
            room = room.saturating_sub(usize::from(!has_one));
            looks.push(look);
        }
        looks
    }

    fn look_for(&self, pid: u32, hold: Hold, moment: Moment) -> Look {
        let known = self.entries.get(&pid).map(|entry| Known {
            start_ticks: entry.start_ticks,
            held: entry.held.clone(),
            inode: entry.inode,
            shown: entry.shown,
            comm: entry.comm_to_compare(self.epoch, moment),
        });
        Look { pid, known, hold }
    }

    /// The process shows what it showed; `held` is a descriptor to keep from now on.
    pub(crate) fn met(&mut self, look: &Look, held: Option<Arc<OwnedFd>>, moment: Moment) {
        let Some(entry) = self.entries.get_mut(&look.pid) else { return };
        entry.pass = self.pass;
        if look.known.as_ref().is_some_and(|known| known.comm != Comm::Recent) {
            entry.comm_read_at = whole_seconds(moment.monotonic);
        }
        if let Some(held) = held.filter(|_| entry.held.is_none()) {
            entry.held = Some(held);
            self.held += 1;
        }
    }

    /// The process is there and cannot be read: what was known of it stays.
    pub(crate) fn met_unread(&mut self, pid: u32) {
        if let Some(entry) = self.entries.get_mut(&pid) {
            entry.pass = self.pass;
        }
    }

    /// What is known of the process that shows this; `None` if it is new.
    pub(crate) fn before(&self, fresh: &Fresh) -> Option<Before> {
        let entry = self.entries.get(&fresh.identity.pid)?;
        if entry.start_ticks != fresh.identity.start_ticks {
            return None;
        }
        let same_texts = entry.shown == fresh.shown && entry.comm == Comm::of(&fresh.comm);
        Some(Before { verdict: entry.verdict.clone(), same_texts })
    }

    /// Remembers a process and how it was judged.
    pub(crate) fn remember(&mut self, fresh: &Fresh, judged: Judged, moment: Moment) {
        let pid = fresh.identity.pid;
        let old = self.forget(pid);
        let kept = old.filter(|old| old.start_ticks == fresh.identity.start_ticks).and_then(|old| old.held);
        let held = fresh.held.clone().or(kept);
        self.held += usize::from(held.is_some());
        let Judged { verdict, recheck, too_young } = judged;
        let entry = Entry {
            start_ticks: fresh.identity.start_ticks,
            shown: fresh.shown,
            held,
            inode: fresh.inode,
            comm: Comm::of(&fresh.comm),
            comm_read_at: whole_seconds(moment.monotonic),
            pass: self.pass,
            epoch: self.epoch,
            marks: Marks { exe_denied: fresh.access.exe_denied, cut: fresh.cut, too_young },
            recheck,
            verdict,
        };
        self.entries.insert(pid, entry);
    }

    /// The process has ended.
    pub(crate) fn forget(&mut self, pid: u32) -> Option<Entry> {
        let entry = self.entries.remove(&pid)?;
        self.held -= usize::from(entry.held.is_some());
        Some(entry)
    }

    /// Reading this process did not return.
    pub(crate) fn set_stuck(&mut self, pid: u32, start_ticks: Option<u64>, moment: Moment) {
        self.stuck.insert(pid, Stuck { start_ticks, until: moment.monotonic + STUCK_FOR });
    }

    /// Lets go of stuck processes that have ended, and of those whose time has passed unless a thread still waits for
    /// them. `start_of` tells the start time that a pid has now.
    pub(crate) fn free_stuck(&mut self, moment: Moment, waiting: &[u32], start_of: impl Fn(u32) -> Option<u64>) {
        self.stuck.retain(|pid, stuck| {
            let same = start_of(*pid).is_some_and(|now| stuck.start_ticks.is_none_or(|then| then == now));
            same && (moment.monotonic < stuck.until || waiting.contains(pid))
        });
    }

    /// The pass is over: forgets every process that it did not meet.
    pub(crate) fn end_pass(&mut self) {
        let (pass, held) = (self.pass, &mut self.held);
        self.entries.retain(|_, entry| {
            let met = entry.pass == pass;
            if !met {
                *held -= usize::from(entry.held.is_some());
            }
            met
        });
    }

    /// Every verdict.
    pub(crate) fn verdicts(&self) -> impl Iterator<Item = &Verdict> {
        self.entries.values().map(|entry| &entry.verdict)
    }

    /// What the table holds.
    pub(crate) fn census(&self) -> Census {
        let mut census = Census { held: self.held as u64, ..Census::default() };
        for entry in self.entries.values() {
            census.present += 1;
            census.exe_unreadable += u64::from(entry.marks.exe_denied);
            census.cut += u64::from(entry.marks.cut);
            census.too_young += usize::from(entry.marks.too_young);
        }
        census
    }
}

impl Entry {
    fn comm_to_compare(&self, epoch: u32, moment: Moment) -> Comm {
        if self.epoch != epoch || self.recheck.is_some_and(|due| due <= moment.now) {
            return Comm::Forgotten;
        }
        let age = whole_seconds(moment.monotonic).saturating_sub(self.comm_read_at);
        if u64::from(age) >= COMM_EVERY.as_secs() { Comm::Was(self.comm) } else { Comm::Recent }
    }
}

/// 136 years of seconds fit.
fn whole_seconds(monotonic: Duration) -> u32 {
    u32::try_from(monotonic.as_secs()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
