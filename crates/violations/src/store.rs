//! The life of violations on a node: opened, seen again, resolved, forgotten.
//!
//! Owns the records and every decision about them; pure and in memory only. Who calls it, and when, is `node`'s job;
//! turning records into an answer is `listing`'s.
//!
//! ```text
//!            seen                 absent twice, rule removed, exempt         retain
//!   (none) ───────► open ◄──────────────────────────────────────► resolved ─────────► (none)
//!                                      seen again
//! ```
//!
//! Beside its life a record learns whose process it is, at once or late; see `asking`.

mod asked;
mod asking;
mod entry;

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use api::violation::{ExemptScope, ResolvedReason};
use api::{Fingerprint, Severity, Time, Violation};
use processes::matches::{Cleared, Match};

use crate::attribution::Whose;
use crate::record::fingerprint;
use crate::settings::NodeSettings;
pub(crate) use entry::Record;
use entry::{Rank, Seen, Source};

/// Completed passes without a process after which its record resolves: one may have missed it.
const ABSENT_PASSES: u32 = 2;

/// Keeps the violations of one node.
#[derive(Debug)]
pub struct Store {
    whose: Whose,
    limits: Limits,
    records: HashMap<Fingerprint, Record>,
    /// Matches of the last pass, and events since, that a scope exempts.
    exempt: HashMap<Fingerprint, ExemptScope>,
    /// Open records that had no room at the last pass or since.
    left_out: HashSet<Fingerprint>,
    tally: Tally,
    version: Version,
    turns: Vec<Turn>,
}

/// How much is kept, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long a resolved record stays, on the monotonic clock.
    pub retain: Duration,
    /// Records kept, open and resolved together.
    pub max_records: usize,
}

/// Both kinds of time at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// What records show.
    pub wall: Time,
    /// What `retain` is measured on.
    pub monotonic: Duration,
}

/// Everything counted since the start; it only grows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Records opened, or opened again.
    pub opened: BTreeMap<Severity, u64>,
    /// Records resolved.
    pub resolved: BTreeMap<ResolvedReason, u64>,
    /// Open records left out because the store was full.
    pub dropped: u64,
}

/// A change that people should know of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// A record was opened, or opened again.
    Opened(Fingerprint),
    /// A record was resolved.
    Resolved(Fingerprint),
    /// It is known now whose process the record is about.
    Attributed(Fingerprint),
    /// A match began to be exempt, because its pod is in this scope.
    Exempted {
        /// Pack of the primary rule.
        pack: String,
        /// What exempts it.
        scope: ExemptScope,
    },
}

/// How often the records changed. Two equal versions mean equal answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Version {
    /// Changes that the ETag covers.
    pub(crate) stable: u64,
    /// All changes: every completed pass moves `last_seen` and `count`.
    pub(crate) all: u64,
}

impl From<&NodeSettings> for Limits {
    fn from(settings: &NodeSettings) -> Self {
        Self { retain: settings.retain, max_records: settings.max_records }
    }
}

impl Store {
    /// An empty store of the node of this name. Until [`Store::ask_of`] nobody knows pods.
    pub fn new(node: String, limits: Limits) -> Self {
        Self {
            whose: Whose::without_index(node),
            limits,
            records: HashMap::new(),
            exempt: HashMap::new(),
            left_out: HashSet::new(),
            tally: Tally::default(),
            version: Version::default(),
            turns: Vec::new(),
        }
    }

    /// Takes other limits from now on. Records over `max_records` go at the next pass.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Takes what a completed pass found: all matches, and the processes that match no more. A failed pass is not told
    /// here: it says nothing about anybody.
    pub fn pass(&mut self, matches: &[Arc<Match>], cleared: &[(Arc<Match>, Cleared)], now: Moment) -> Vec<Turn> {
        self.expire(now.monotonic);
        for (found, why) in cleared {
            self.clear(found, *why, now);
        }
        let present = self.without_exempt(matches, now);
        self.miss_all_but(&present, now);
        let had_no_room = std::mem::take(&mut self.left_out);
        self.see(present, Source::Pass, now);
        self.tally.dropped += self.left_out.difference(&had_no_room).count() as u64;
        self.ask(now);
        self.version.all += 1;
        std::mem::take(&mut self.turns)
    }

    /// Takes a match that an exec event showed between two passes.
    pub fn event(&mut self, found: &Arc<Match>, now: Moment) -> Vec<Turn> {
        self.expire(now.monotonic);
        let id = fingerprint(found, self.whose.node());
        if let Some(scope) = self.exemption_of(&id, found, now) {
            self.exempt_match(id, found, scope, now);
        } else {
            let had_no_room = self.left_out.clone();
            self.see(HashMap::from([(id, found)]), Source::Event, now);
            self.tally.dropped += self.left_out.difference(&had_no_room).count() as u64;
        }
        self.version.all += 1;
        std::mem::take(&mut self.turns)
    }

    /// Forgets records that have been resolved for `retain`.
    pub fn expire(&mut self, now: Duration) {
        let retain = self.limits.retain;
        let before = self.records.len();
        self.records.retain(|_, record| !record.is_over(now, retain));
        if self.records.len() != before {
            self.changed();
        }
    }

    /// All records, in no order.
    pub fn violations(&self) -> impl Iterator<Item = &Violation> {
        self.records.values().map(|record| &record.violation)
    }

    /// Open records that match and have no room.
    pub fn left_out(&self) -> usize {
        self.left_out.len()
    }

    /// What was counted since the start.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The record of this fingerprint.
    pub fn violation(&self, id: &Fingerprint) -> Option<&Violation> {
        self.records.get(id).map(|record| &record.violation)
    }

    pub(crate) fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.values()
    }

    pub(crate) fn record(&self, id: &Fingerprint) -> Option<&Record> {
        self.records.get(id)
    }

    pub(crate) fn version(&self) -> Version {
        self.version
    }

    /// A process that runs on and matches no more. One that only changed is as good as gone and resolves like one:
    /// after two passes, so that a process that changes to and fro does not open and resolve at each turn.
    fn clear(&mut self, found: &Match, why: Cleared, now: Moment) {
        let reason = match why {
            Cleared::RuleRemoved => ResolvedReason::RuleRemoved,
            Cleared::Exempt => ResolvedReason::Exempt,
            Cleared::Changed => return,
        };
        let id = fingerprint(found, self.whose.node());
        let Some(record) = self.records.get_mut(&id).filter(|record| record.is_open()) else { return };
        record.resolve(reason, now);
        self.count_resolved([(id, reason)]);
    }

    /// The matches that no scope exempts.
    fn without_exempt<'a>(&mut self, matches: &'a [Arc<Match>], now: Moment) -> HashMap<Fingerprint, &'a Arc<Match>> {
        let mut present: HashMap<Fingerprint, &Arc<Match>> =
            matches.iter().map(|found| (fingerprint(found, self.whose.node()), found)).collect();
        let exempt: HashMap<Fingerprint, ExemptScope> =
            present.iter().filter_map(|(id, found)| Some((id.clone(), self.exemption_of(id, found, now)?))).collect();
        self.exempt.retain(|id, _| exempt.contains_key(id));
        for (id, scope) in exempt {
            if let Some(found) = present.remove(&id) {
                self.exempt_match(id, found, scope, now);
            }
        }
        present
    }

    /// Counts one pass against every open record that is not among `present`.
    fn miss_all_but(&mut self, present: &HashMap<Fingerprint, &Arc<Match>>, now: Moment) {
        let absent = self.records.iter_mut().filter(|(id, _)| !present.contains_key(id));
        let gone: Vec<(Fingerprint, ResolvedReason)> =
            absent.filter_map(|(id, record)| Some((id.clone(), record.miss(now)?))).collect();
        self.count_resolved(gone);
    }

    fn count_resolved(&mut self, resolved: impl IntoIterator<Item = (Fingerprint, ResolvedReason)>) {
        for (id, reason) in resolved {
            *self.tally.resolved.entry(reason).or_default() += 1;
            self.turns.push(Turn::Resolved(id));
            self.changed();
        }
    }

    /// Opens, touches or reopens the records of these matches.
    fn see(&mut self, present: HashMap<Fingerprint, &Arc<Match>>, source: Source, now: Moment) {
        let mut unknown = Vec::new();
        for (id, found) in present {
            match self.records.get_mut(&id).map(|record| record.see(found, &self.whose, source, now)) {
                None => unknown.push((id, found)),
                Some(Seen::Same) => {}
                Some(Seen::Changed) => self.changed(),
                Some(Seen::Reopened) => self.count_opened(id, found.severity),
            }
        }
        self.make_room(&mut unknown);
        for (id, found) in unknown {
            self.left_out.remove(&id);
            self.records.insert(id.clone(), Record::open(found, &self.whose, source, now));
            self.count_opened(id, found.severity);
        }
    }

    fn count_opened(&mut self, id: Fingerprint, severity: Severity) {
        *self.tally.opened.entry(severity).or_default() += 1;
        self.turns.push(Turn::Opened(id));
        self.changed();
    }

    /// Drops what does not fit, from the records and from the `newcomers`, before a record is made of these: resolved
    /// ones from the oldest, then open ones from the lowest severity and, of these, the newest. A flood of trifles thus
    /// pushes out neither what was there before nor what is worse, and costs no memory.
    fn make_room(&mut self, newcomers: &mut Vec<(Fingerprint, &Arc<Match>)>) {
        let excess = (self.records.len() + newcomers.len()).saturating_sub(self.limits.max_records);
        if excess == 0 {
            return;
        }
        let known = self.records.iter().map(|(id, record)| (record.rank(), Reverse(id.clone())));
        let new = newcomers.iter().map(|(id, found)| (Rank::of_new(found), Reverse(id.clone())));
        let mut order: Vec<(Rank, Reverse<Fingerprint>)> = known.chain(new).collect();
        order.sort_unstable();
        order.truncate(excess);
        let dropped: HashMap<Fingerprint, Rank> = order.into_iter().map(|(rank, Reverse(id))| (id, rank)).collect();
        newcomers.retain(|(id, _)| !dropped.contains_key(id));
        for (id, rank) in dropped {
            self.records.remove(&id);
            if let Rank::Open(..) = rank {
                self.left_out.insert(id);
            }
        }
        self.changed();
    }

    fn changed(&mut self) {
        self.version.stable += 1;
        self.version.all += 1;
    }
}

#[cfg(test)]
mod tests;
