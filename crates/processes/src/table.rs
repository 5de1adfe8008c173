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
mod tests {
    use super::*;
    use crate::look::Access;
    use crate::process::Identity;

    fn at(seconds: u64) -> Moment {
        Moment { now: Timestamp::UNIX_EPOCH, monotonic: Duration::from_secs(seconds) }
    }

    fn fresh(pid: u32, start_ticks: u64, shown: u64) -> Fresh {
        Fresh {
            identity: Identity { pid, start_ticks },
            parent: 1,
            cpu_ticks: 0,
            comm: b"sleep".to_vec(),
            cmdline: Vec::new(),
            exe: None,
            access: Access::default(),
            cut: false,
            shown: Shown(shown),
            held: None,
            inode: None,
        }
    }

    fn descriptor() -> Arc<OwnedFd> {
        Arc::new(std::fs::File::open("/dev/null").unwrap().into())
    }

    fn clean() -> Judged {
        Judged { verdict: Verdict::Clean(None), recheck: None, too_young: false }
    }

    fn met(table: &mut Table, pid: u32, moment: Moment) {
        let look = &table.looks_for(&[pid], moment)[0];
        table.met(look, None, moment);
    }

    #[test]
    fn a_process_that_a_pass_does_not_meet_is_forgotten_with_its_descriptor() {
        let mut table = Table::new(10);
        table.begin_pass();
        table.remember(&Fresh { held: Some(descriptor()), ..fresh(7, 1, 1) }, clean(), at(0));
        table.end_pass();
        assert_eq!(table.census(), Census { present: 1, held: 1, ..Census::default() });
        table.begin_pass();
        table.end_pass();
        assert_eq!(table.census(), Census::default());
    }

    #[test]
    fn a_process_that_cannot_be_read_stays_known() {
        let mut table = Table::new(10);
        table.begin_pass();
        table.remember(&fresh(7, 1, 1), clean(), at(0));
        table.begin_pass();
        table.met_unread(7);
        table.end_pass();
        assert_eq!(table.census().present, 1);
    }

    #[test]
    fn another_start_time_is_another_process() {
        let mut table = Table::new(10);
        table.remember(&fresh(7, 1, 1), clean(), at(0));
        assert!(table.before(&fresh(7, 1, 1)).unwrap().same_texts);
        assert!(!table.before(&fresh(7, 1, 2)).unwrap().same_texts);
        assert!(table.before(&fresh(7, 2, 1)).is_none());
    }

    #[test]
    fn descriptors_are_held_up_to_the_limit_and_given_back() {
        let mut table = Table::new(1);
        let hold = |table: &mut Table, pid| table.looks_for(&[pid], at(0))[0].hold;
        assert_eq!(hold(&mut table, 7), Hold::Yes);
        table.remember(&Fresh { held: Some(descriptor()), ..fresh(7, 1, 1) }, clean(), at(0));
        assert_eq!(hold(&mut table, 8), Hold::No);
        table.remember(&Fresh { held: None, ..fresh(7, 1, 2) }, clean(), at(0));
        assert_eq!(hold(&mut table, 8), Hold::No, "the descriptor of the same process is kept");
        table.forget(7);
        assert_eq!(hold(&mut table, 8), Hold::Yes);
    }

    #[test]
    fn one_batch_does_not_take_more_descriptors_than_are_left() {
        let mut table = Table::new(2);
        let holds: Vec<Hold> = table.looks_for(&[7, 8, 9], at(0)).iter().map(|look| look.hold).collect();
        assert_eq!(holds, [Hold::Yes, Hold::Yes, Hold::No]);
    }

    #[test]
    fn comm_is_compared_again_after_thirty_seconds() {
        let mut table = Table::new(1);
        table.remember(&fresh(7, 1, 1), clean(), at(100));
        let comm = |table: &mut Table, seconds| table.looks_for(&[7], at(seconds))[0].known.as_ref().unwrap().comm;
        assert_eq!(comm(&mut table, 129), Comm::Recent);
        assert_eq!(comm(&mut table, 130), Comm::Was(Comm::of(b"sleep")));
        met(&mut table, 7, at(130));
        assert_eq!(comm(&mut table, 131), Comm::Recent);
    }

    #[test]
    fn new_rules_and_a_verdict_that_is_due_make_everything_be_read_again() {
        let mut table = Table::new(1);
        let due = Judged { recheck: Some(Timestamp::UNIX_EPOCH), ..clean() };
        table.remember(&fresh(7, 1, 1), due, at(0));
        table.remember(&fresh(8, 1, 1), clean(), at(0));
        let comm = |table: &mut Table, pid| table.looks_for(&[pid], at(0))[0].known.as_ref().unwrap().comm;
        assert_eq!([comm(&mut table, 7), comm(&mut table, 8)], [Comm::Forgotten, Comm::Recent]);
        table.doubt_everything();
        assert_eq!(comm(&mut table, 8), Comm::Forgotten);
    }

    #[test]
    fn a_stuck_process_is_met_without_a_look_until_it_ends_or_its_time_has_passed() {
        let mut table = Table::new(1);
        table.begin_pass();
        table.remember(&fresh(7, 1, 1), clean(), at(0));
        table.set_stuck(7, Some(1), at(0));
        table.begin_pass();
        assert!(table.looks_for(&[7], at(1)).is_empty());
        table.end_pass();
        assert_eq!(table.census().present, 1);
        table.free_stuck(at(599), &[], |_| Some(1));
        assert!(table.looks_for(&[7], at(599)).is_empty());
        table.free_stuck(at(600), &[7], |_| Some(1));
        assert!(table.looks_for(&[7], at(600)).is_empty(), "a thread still waits for it");
        table.free_stuck(at(600), &[], |_| Some(1));
        assert!(!table.looks_for(&[7], at(600)).is_empty());
    }

    #[test]
    fn a_pid_that_belongs_to_another_process_now_is_stuck_no_more() {
        let mut table = Table::new(1);
        table.set_stuck(7, Some(1), at(0));
        table.free_stuck(at(1), &[7], |_| Some(2));
        assert!(!table.looks_for(&[7], at(1)).is_empty());
    }
}
