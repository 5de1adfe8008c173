//! Every finding that is known, and what is to happen to it. Pure: it decides a plan, and takes it once it is stored.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use api::finding::Source;
use api::{Fingerprint, Time};

use crate::batch::{Batch, Gone, Order, Sighting};
use crate::event::Event;
use crate::life::{self, Seen};
use crate::plan::{Keep, Looked, Plan, Reason, Refused, Touch};
use crate::record::{Life, Record, Stale};
use crate::silence::Silence;

/// How long and how many findings are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long a resolved finding is kept.
    pub keep_resolved: Duration,
    /// A finding that returns sooner than this goes on.
    pub reopen_within: Duration,
    /// Last seen and count of an unchanged finding are stored no more often.
    pub touch_every: Duration,
    /// All findings, resolved ones too.
    pub max_findings: usize,
}

/// Every finding that is known.
#[derive(Debug)]
pub struct Book {
    limits: Limits,
    records: HashMap<Fingerprint, Record>,
    silences: BTreeMap<String, Silence>,
    scopes: BTreeMap<(Source, String), Scope>,
}

/// What is known of the looks at one scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The last batch that was taken.
    pub order: Order,
    /// Why nobody looks now.
    pub stale: Option<Stale>,
}

/// A later batch of the same scope has been taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a later batch of {scope} has been taken")]
pub struct Superseded {
    scope: String,
}

/// Most bytes of evidence, as JSON.
const EVIDENCE_BYTES: usize = 16 << 10;

impl Book {
    /// A book of nothing.
    pub fn new(limits: Limits) -> Self {
        Self { limits, records: HashMap::new(), silences: BTreeMap::new(), scopes: BTreeMap::new() }
    }

    /// A book of what was stored. Nobody has looked since `now`, so all of it is stale.
    pub fn restored(
        limits: Limits,
        records: impl IntoIterator<Item = Record>,
        silences: impl IntoIterator<Item = Silence>,
        looks: impl IntoIterator<Item = Looked>,
        now: Time,
    ) -> Self {
        let stale = || Some(Stale { since: now, reason: "not-looked-yet".to_owned() });
        let scope = |look: Looked| ((look.source, look.scope), Scope { order: look.order, stale: stale() });
        Self {
            limits,
            records: records.into_iter().map(|record| (record.told.fingerprint.clone(), record)).collect(),
            silences: silences.into_iter().map(|silence| (silence.id.clone(), silence)).collect(),
            scopes: looks.into_iter().map(scope).collect(),
        }
    }

    /// The finding of this fingerprint.
    pub fn get(&self, fingerprint: &Fingerprint) -> Option<&Record> {
        self.records.get(fingerprint)
    }

    /// All findings, in no order.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.values()
    }

    /// All silences, by id.
    pub fn silences(&self) -> impl Iterator<Item = &Silence> {
        self.silences.values()
    }

    /// Why a finding is stale; none if its source looks.
    pub fn stale(&self, record: &Record) -> Option<&Stale> {
        self.scopes.get(&(record.source, record.scope.clone()))?.stale.as_ref()
    }

    /// Decides what a batch changes.
    pub fn take(&self, batch: Batch) -> Result<Plan, Superseded> {
        let Batch { source, scope, order, at, seen, gone } = batch;
        let look = Looked { source, scope, order, at };
        if self.scopes.get(&(source, look.scope.clone())).is_some_and(|last| order < last.order) {
            return Err(Superseded { scope: look.scope });
        }
        let mut plan = Plan::default();
        let mut named = HashSet::new();
        let mut new = Vec::new();
        for told in seen {
            match self.admit(&told, &mut named) {
                Err(reason) => plan.refused.push(Refused { fingerprint: told.fingerprint, reason }),
                Ok(Some(record)) => self.see(record, told, &look, &mut plan),
                Ok(None) => new.push(told),
            }
        }
        self.open(new, &look, &mut plan);
        for Gone { fingerprint, reason } in gone {
            let record = self.records.get(&fingerprint).filter(|_| named.insert(fingerprint));
            if let Some((record, event)) = record.and_then(|record| life::gone(record, &reason, at)) {
                plan.changes(record, vec![event]);
            }
        }
        plan.looked = Some(look);
        Ok(plan)
    }

    /// Decides what a new silence changes.
    #[must_use = "nothing changes until this is stored and applied"]
    pub fn silence(&self, silence: Silence, at: Time) -> Plan {
        let mut plan = Plan::default();
        let open = self.records.values().filter(|record| matches!(record.life, Life::Open { silence: None }));
        let meant = open.filter(|record| silence.holds(at) && silence.matches.matches(record.source, &record.told));
        for record in sorted(meant) {
            mute(&mut plan, life::muted(record, Some(silence.id.clone()), at));
        }
        plan.begun.push(silence);
        plan
    }

    /// Decides what the end of a silence changes. One that has ended, or was never, changes nothing.
    #[must_use = "nothing changes until this is stored and applied"]
    pub fn end_silence(&self, id: &str, at: Time) -> Plan {
        let ends = self.silences.get(id).filter(|silence| silence.ended.is_none());
        self.end(ends.map(|silence| (silence.id.clone(), at)).into_iter().collect())
    }

    /// Decides what the time alone changes: silences end, what was resolved long ago goes.
    #[must_use = "nothing changes until this is stored and applied"]
    pub fn pass(&self, now: Time) -> Plan {
        let over = self.silences.values().filter(|silence| silence.ended.is_none() && !silence.holds(now));
        let mut plan = self.end(over.map(|silence| (silence.id.clone(), silence.until)).collect());
        let keep = life::signed(self.limits.keep_resolved);
        let is_old = |record: &&Record| match record.life {
            Life::Resolved { at, .. } => now.since(at) >= keep,
            Life::Open { .. } => false,
        };
        plan.forgotten = sorted(self.records.values().filter(is_old)).into_iter().map(fingerprint).collect();
        plan
    }

    /// Makes a plan true. It must have been decided by this book as it is.
    pub fn apply(&mut self, plan: Plan) {
        let Plan { looked, records, touches, forgotten, begun, ended, transitions: _, refused: _ } = plan;
        for fingerprint in forgotten {
            self.records.remove(&fingerprint);
        }
        self.records.extend(records.into_iter().map(|record| (record.told.fingerprint.clone(), record)));
        for Touch { fingerprint, last_seen, count, figures, keep } in touches {
            let Some(record) = self.records.get_mut(&fingerprint) else { continue };
            (record.last_seen, record.count, record.told.figures) = (last_seen, count, figures);
            match keep {
                Keep::Stored => record.touched = last_seen,
                Keep::InMemory => {}
            }
        }
        self.silences.extend(begun.into_iter().map(|silence| (silence.id.clone(), silence)));
        for (id, at) in ended {
            if let Some(silence) = self.silences.get_mut(&id) {
                silence.ended = Some(at);
            }
        }
        if let Some(Looked { source, scope, order, at: _ }) = looked {
            self.scopes.insert((source, scope), Scope { order, stale: None });
        }
    }

    /// The record that a sighting is of, if it is known.
    fn admit(&self, told: &Sighting, named: &mut HashSet<Fingerprint>) -> Result<Option<&Record>, Reason> {
        if !named.insert(told.fingerprint.clone()) {
            return Err(Reason::Malformed);
        }
        let length = |map| serde_json::to_string(map).map_or(usize::MAX, |text| text.len());
        if length(&told.facts).saturating_add(length(&told.figures)) > EVIDENCE_BYTES {
            return Err(Reason::Evidence);
        }
        Ok(self.records.get(&told.fingerprint))
    }

    fn see(&self, record: &Record, told: Sighting, look: &Looked, plan: &mut Plan) {
        let silence = self.silence_of(look.source, &told, record.silence(), (look.at, &[]));
        let Limits { reopen_within, touch_every, .. } = self.limits;
        match life::seen(record, told, look, silence, (reopen_within, touch_every)) {
            Seen::Same(touch) => plan.touches.push(touch),
            Seen::Record(record, events) => plan.changes(*record, events),
        }
    }

    /// Opens what is new, the worst first; for want of room the oldest resolved go, and then the least is refused.
    fn open(&self, mut new: Vec<Sighting>, look: &Looked, plan: &mut Plan) {
        new.sort_by_key(|told| Reverse(told.severity));
        let wanted = (self.records.len() + new.len()).saturating_sub(self.limits.max_findings);
        let touched: HashSet<&Fingerprint> = plan.records.iter().map(|record| &record.told.fingerprint).collect();
        let mut resolved: Vec<(Time, &Fingerprint)> = Vec::new();
        if wanted > 0 {
            resolved = self.records.values().filter_map(resolved_at).filter(|(_, of)| !touched.contains(of)).collect();
            resolved.sort_unstable();
            resolved.truncate(wanted);
        }
        plan.forgotten = resolved.iter().map(|(_, fingerprint)| (*fingerprint).clone()).collect();
        let room = new.len() - (wanted - plan.forgotten.len()).min(new.len());
        for told in new.split_off(room) {
            plan.refused.push(Refused { fingerprint: told.fingerprint, reason: Reason::Full });
        }
        for told in new {
            let silence = self.silence_of(look.source, &told, None, (look.at, &[]));
            let (record, events) = life::opened(told, look, silence);
            plan.changes(record, events);
        }
    }

    fn end(&self, ended: Vec<(String, Time)>) -> Plan {
        let mut plan = Plan::default();
        let held = |record: &&Record| ended.iter().any(|(id, _)| record.silence() == Some(id));
        for record in sorted(self.records.values().filter(held)) {
            let at = ended.iter().find(|(id, _)| record.silence() == Some(id)).map_or(record.changed_at, |(_, at)| *at);
            let next = self.silence_of(record.source, &record.told, None, (at, &ended));
            mute(&mut plan, life::muted(record, next, at));
        }
        plan.ended = ended;
        plan
    }

    /// The exemption or silence that holds for a finding. The one that held goes on as long as it can.
    fn silence_of(
        &self,
        source: Source,
        told: &Sighting,
        held: Option<&str>,
        (at, but): (Time, &[(String, Time)]),
    ) -> Option<String> {
        if let Some(exemption) = &told.exemption {
            return Some(exemption.id.clone());
        }
        let holds = |silence: &&Silence| {
            silence.holds(at) && but.iter().all(|(id, _)| *id != silence.id) && silence.matches.matches(source, told)
        };
        let kept = held.and_then(|id| self.silences.get(id)).filter(holds);
        kept.or_else(|| self.silences.values().find(holds)).map(|silence| silence.id.clone())
    }
}

fn mute(plan: &mut Plan, muted: Option<(Record, Vec<Event>)>) {
    if let Some((record, events)) = muted {
        plan.changes(record, events);
    }
}

fn resolved_at(record: &Record) -> Option<(Time, &Fingerprint)> {
    match record.life {
        Life::Resolved { at, .. } => Some((at, &record.told.fingerprint)),
        Life::Open { .. } => None,
    }
}

fn fingerprint(record: &Record) -> Fingerprint {
    record.told.fingerprint.clone()
}

/// In an order that does not depend on the map.
fn sorted<'a>(records: impl Iterator<Item = &'a Record>) -> Vec<&'a Record> {
    let mut records: Vec<&Record> = records.collect();
    records.sort_unstable_by(|a, b| a.told.fingerprint.cmp(&b.told.fingerprint));
    records
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
