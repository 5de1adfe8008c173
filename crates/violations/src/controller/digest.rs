//! What the answer of one node changes: what is seen, what is gone, what another node has a better claim to.
//!
//! Owns those decisions. It reads no book and asks no index: what is known comes in.
//!
//! ```text
//! records, judged ─┬─ another node's ──────────────► refused, duplicate
//!                  ├─ active ─────────────────────► seen
//!                  ├─ resolved, known to be open ─► gone
//!                  └─ resolved, never heard of ───► seen, then gone
//! open in this scope and not listed ──────────────► gone, if absence counts
//! ```

use std::collections::{BTreeMap, HashMap, HashSet};

use api::violation::{ResolvedReason, Status};
use api::{Fingerprint, Time};
use findings::Sighting;
use findings::batch::Gone;

use super::about::Absence;
use super::sighting::sighting;
use super::trust::Judged;

/// What is known of a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Held {
    /// The node that it was last seen on, or claimed by in this round.
    pub(crate) by: Box<str>,
    pub(crate) is_open: bool,
    /// How often it was seen.
    pub(crate) count: u64,
}

/// What is known while an answer is digested.
#[derive(Debug)]
pub(crate) struct Knowledge<'a> {
    /// The node that answered.
    pub(crate) node: &'a str,
    /// Boot id of its host.
    pub(crate) boot: &'a str,
    /// The findings that are named in the answer, and all that are open on this node.
    pub(crate) held: &'a HashMap<Fingerprint, Held>,
    /// What was absent from the answer before, of an agent whose absence counts the second time.
    pub(crate) absent: &'a HashSet<Fingerprint>,
    /// What was told as resolved before.
    pub(crate) settled: &'a HashSet<Fingerprint>,
    pub(crate) absence: Absence,
}

/// What an answer changes.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Digest {
    pub(crate) seen: Vec<Sighting>,
    pub(crate) gone: Vec<Gone>,
    /// Of what is seen: it was gone before anybody asked.
    pub(crate) gone_since: Vec<Gone>,
    /// Records that another node has a better claim to.
    pub(crate) duplicates: u64,
    /// The latest time at which anything was seen.
    pub(crate) seen_at: Option<Time>,
    /// What is absent for the first time, where it counts the second time.
    pub(crate) absent: HashSet<Fingerprint>,
    /// What this answer tells as resolved.
    pub(crate) settled: HashSet<Fingerprint>,
    /// An equal answer would bring nothing: what is open here is what the answer lists as active.
    pub(crate) is_whole: bool,
}

/// Digests all records of an answer.
pub(crate) fn digest(records: Vec<Judged>, known: &Knowledge<'_>) -> Digest {
    let mut digest = Digest { is_whole: true, ..Digest::default() };
    let mut named = HashSet::new();
    for record in merged(records) {
        let fingerprint = record.violation.fingerprint.clone();
        if claim(&record, known) == Claim::Theirs {
            digest.duplicates += 1;
            digest.is_whole = false;
            continue;
        }
        digest.take(record, known);
        named.insert(fingerprint);
    }
    digest.take_absence(&named, known);
    digest
}

/// A record that comes twice is one: what was seen last counts.
fn merged(records: Vec<Judged>) -> impl Iterator<Item = Judged> {
    let mut merged: BTreeMap<Fingerprint, Judged> = BTreeMap::new();
    for record in records {
        let before = merged.get(&record.violation.fingerprint);
        if before.is_none_or(|before| before.violation.last_seen <= record.violation.last_seen) {
            merged.insert(record.violation.fingerprint.clone(), record);
        }
    }
    merged.into_values()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claim {
    Ours,
    Theirs,
}

/// The node that the index names has the best claim, and then the one that came first.
fn claim(record: &Judged, known: &Knowledge<'_>) -> Claim {
    let holder = known.held.get(&record.violation.fingerprint).filter(|held| held.is_open && *held.by != *known.node);
    match (holder, record.placed_on.as_deref()) {
        (None, _) => Claim::Ours,
        (Some(_), Some(placed_on)) if placed_on == known.node => Claim::Ours,
        (Some(_), _) => Claim::Theirs,
    }
}

impl Digest {
    fn take(&mut self, record: Judged, known: &Knowledge<'_>) {
        let fingerprint = record.violation.fingerprint.clone();
        let held = known.held.get(&fingerprint);
        // What is open elsewhere and ours by right is seen here before it can be gone.
        let is_open_here = held.is_some_and(|held| held.is_open && *held.by == *known.node);
        let gone =
            |reason: ResolvedReason| Gone { fingerprint: fingerprint.clone(), reason: reason.as_str().to_owned() };
        self.is_whole &= record.is_settled;
        if record.is_exempt {
            self.gone.extend(is_open_here.then(|| gone(ResolvedReason::Exempt)));
            return;
        }
        match record.violation.status {
            Status::Active => self.see(record, held, known.boot),
            Status::Resolved => {
                self.settled.insert(fingerprint.clone());
                let gone = gone(record.violation.resolved_reason.unwrap_or(ResolvedReason::ProcessGone));
                match held {
                    Some(_) if is_open_here => self.gone.push(gone),
                    None if !known.settled.contains(&fingerprint) => {
                        self.see(record, held, known.boot);
                        self.gone_since.push(gone);
                    }
                    Some(_) | None => {}
                }
            }
        }
    }

    fn see(&mut self, record: Judged, held: Option<&Held>, boot: &str) {
        let Judged { violation, belongs, .. } = record;
        self.seen_at = self.seen_at.max(Some(violation.last_seen));
        // An agent that has started again counts from one; what was counted before stays.
        let count = held.map_or(violation.count, |held| violation.count.max(held.count));
        self.seen.push(sighting(violation, belongs, boot, count));
    }

    fn take_absence(&mut self, named: &HashSet<Fingerprint>, known: &Knowledge<'_>) {
        let open_here = known.held.iter().filter(|(_, held)| held.is_open && *held.by == *known.node);
        let absent = open_here.map(|(fingerprint, _)| fingerprint).filter(|fingerprint| !named.contains(*fingerprint));
        for fingerprint in absent {
            let is_gone = match known.absence {
                Absence::Gone => true,
                Absence::GoneTheSecondTime => known.absent.contains(fingerprint),
                Absence::Unknown => false,
            };
            if is_gone {
                let reason = ResolvedReason::ProcessGone.as_str().to_owned();
                self.gone.push(Gone { fingerprint: fingerprint.clone(), reason });
                continue;
            }
            self.is_whole = false;
            if known.absence == Absence::GoneTheSecondTime {
                self.absent.insert(fingerprint.clone());
            }
        }
        // In an order that no map decides.
        self.gone.sort_by(|one, other| one.fingerprint.cmp(&other.fingerprint));
    }
}

#[cfg(test)]
mod tests;
