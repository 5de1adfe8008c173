//! What a batch, a silence or the time changes.

use std::cmp::Reverse;
use std::sync::Arc;

use api::finding::Source;
use api::{Fingerprint, Time};
use hashbrown::{HashMap, HashSet};
use jiff::SignedDuration;

use super::{Book, Limits};
use crate::batch::{Batch, Gone, Sighting, Told};
use crate::event::Event;
use crate::life::{self, Glance, Seen};
use crate::plan::{Plan, Reason, Refused};
use crate::record::{Life, Record};
use crate::silence::Silence;

/// A later batch of the same scope has been taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a later batch of {scope} has been taken")]
pub struct Superseded {
    pub(super) scope: String,
}

/// Batches that are decided by one state of the book, to be stored together: no two of them touch the same thing.
#[derive(Debug, Default)]
pub struct Group {
    scopes: HashSet<(Source, Arc<str>)>,
    /// Scopes of which everything was seen again.
    again: HashSet<(Source, Arc<str>)>,
    /// What batches name, each with the place of its batch.
    named: HashMap<Fingerprint, usize>,
    batches: usize,
    forgotten: HashSet<Fingerprint>,
    opened: usize,
}

impl Group {
    /// Notes that the present batch names a finding; false if it does so twice.
    fn name(&mut self, fingerprint: &Fingerprint) -> bool {
        self.named.insert(fingerprint.clone(), self.batches) != Some(self.batches)
    }

    fn has_named(&self, fingerprint: &Fingerprint) -> bool {
        self.named.get(fingerprint) == Some(&self.batches)
    }
}

/// Most bytes of evidence, as JSON.
pub(super) const EVIDENCE_BYTES: usize = 16 << 10;

/// Ended silences are listed for so long.
const ENDED_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

impl Book {
    /// Whether a batch can be decided together with those of `group`: neither its scope nor any of its findings is in it.
    pub fn admits(&self, group: &Group, batch: &Batch) -> bool {
        let scope: (Source, Arc<str>) = (batch.source, self.scopes.name(batch.source, &batch.scope));
        let names = batch
            .seen
            .iter()
            .map(|sighting| &sighting.told.fingerprint)
            .chain(batch.gone.iter().map(|gone| &gone.fingerprint));
        let is_free = |fingerprint: &Fingerprint| {
            let is_named = group.named.contains_key(fingerprint) || group.forgotten.contains(fingerprint);
            let is_touched = |record: &Record| group.again.contains(&(record.source, record.scope.clone()));
            !is_named && (group.again.is_empty() || !self.get(fingerprint).is_some_and(is_touched))
        };
        let again = batch.again.is_some();
        let open = || self.in_scope(batch.source, &batch.scope).all(|record| is_free(&record.told.fingerprint));
        !group.scopes.contains(&scope) && names.into_iter().all(is_free) && (!again || open())
    }

    /// Decides what a batch changes, beside what those of `group` change already.
    pub fn take(&self, batch: &Batch, group: &mut Group) -> Result<Plan, Superseded> {
        let Batch { source, scope, order, at, seen, gone, again } = batch;
        let known = self.scopes.get(*source, scope).and_then(|place| place.scope.as_ref());
        if known.is_some_and(|last| *order < last.order) {
            return Err(Superseded { scope: scope.clone() });
        }
        let looked = self.scopes.looked(*source, scope, *order, *at);
        let glance = Glance { scope: &looked, at: *at };
        let mut plan = Plan::default();
        group.batches += 1;
        let mut new = Vec::new();
        for sighting in seen {
            match self.admit(&sighting.told, group) {
                Err(reason) => plan.refused.push(Refused { fingerprint: sighting.told.fingerprint.clone(), reason }),
                Ok(Some(record)) => self.see(record, sighting, glance, &mut plan),
                Ok(None) => new.push(sighting),
            }
        }
        self.open(new, glance, group, &mut plan);
        for Gone { fingerprint, reason } in gone {
            let record = self.get(fingerprint).filter(|_| group.name(fingerprint));
            if let Some((record, event)) = record.and_then(|record| life::gone(record, reason, *at)) {
                plan.changes(record, vec![event]);
            }
        }
        if let Some(again) = again {
            let others = self.in_scope(*source, scope).filter(|record| !group.has_named(&record.told.fingerprint));
            let touch_every = self.limits.touch_every;
            let touch = |record: &Record| {
                life::touch(record, *at, record.count.saturating_add(again.counts), None, touch_every)
            };
            plan.touches.extend(others.map(touch));
            group.again.insert((*source, looked.name.clone()));
        }
        group.scopes.insert((*source, looked.name.clone()));
        group.forgotten.extend(plan.forgotten.iter().cloned());
        plan.looked = Some(looked);
        Ok(plan)
    }

    /// Decides what a new silence changes; it is stored with the plan.
    #[must_use = "nothing changes until this is stored and applied"]
    pub fn silence(&self, silence: Silence, at: Time) -> Plan {
        let mut plan = self.mute(&silence, at);
        plan.begun.push(silence);
        plan
    }

    /// Decides what the end of a silence changes. One that has ended, or was never, changes nothing.
    #[must_use = "nothing changes until this is stored and applied"]
    pub fn end_silence(&self, id: &str, at: Time) -> Plan {
        let ends = self.silences.get(id).filter(|silence| silence.ended.is_none());
        self.unmute(ends.map(|silence| (silence.id.clone(), at)).into_iter().collect())
    }

    /// Decides what a silence changes that somebody stored, or ended in the store.
    #[must_use = "nothing changes until this is stored and applied"]
    pub fn heard(&self, silence: Silence, now: Time) -> Plan {
        let mut plan = match silence.ended {
            None => self.mute(&silence, now),
            Some(at) => Plan { ended: Vec::new(), ..self.unmute(vec![(silence.id.clone(), at)]) },
        };
        plan.heard.push(silence);
        plan
    }

    /// Decides what is to be put right after a start: findings whose silence does not hold, and those that one holds for.
    #[must_use = "nothing changes until this is stored and applied"]
    pub fn settle(&self, now: Time) -> Plan {
        let mut plan = Plan::default();
        for record in sorted(self.records().filter(|record| record.is_open())) {
            let silence = self.silence_of(record.source, &record.told, record.silence(), (now, &[]));
            mute(&mut plan, life::muted(record, silence, now));
        }
        plan
    }

    /// Decides what the time alone changes: silences end and later go, what was resolved long ago goes.
    #[must_use = "nothing changes until this is stored and applied"]
    pub fn pass(&self, now: Time) -> Plan {
        let over = self.silences.values().filter(|silence| silence.ended.is_none() && !silence.holds(now));
        let mut plan = self.unmute(over.map(|silence| (silence.id.clone(), silence.until)).collect());
        let keep = life::signed(self.limits.keep_resolved);
        let is_old = |record: &&Record| match record.life {
            Life::Resolved { at, .. } => now.since(at) >= keep,
            Life::Open { .. } => false,
        };
        plan.forgotten = sorted(self.records().filter(is_old)).into_iter().map(fingerprint).collect();
        let lapsed =
            self.silences.values().filter(|silence| silence.ended.is_some_and(|at| now.since(at) >= ENDED_KEPT));
        plan.lapsed = lapsed.map(|silence| silence.id.clone()).collect();
        plan
    }

    /// The record that a sighting is of, if it is known.
    fn admit(&self, told: &Told, group: &mut Group) -> Result<Option<&Record>, Reason> {
        // PostgreSQL takes no NUL in a text; in JSON it is escaped.
        let holds_nul = [&*told.rule, &told.title, &told.description].into_iter().any(|text| text.contains('\0'));
        if holds_nul || !group.name(&told.fingerprint) {
            return Err(Reason::Malformed);
        }
        if told.facts.as_str().len() + told.figures.as_str().len() > EVIDENCE_BYTES {
            return Err(Reason::Evidence);
        }
        Ok(self.get(&told.fingerprint))
    }

    fn see(&self, record: &Record, sighting: &Sighting, glance: Glance<'_>, plan: &mut Plan) {
        let silence = self.silence_of(glance.scope.source, &sighting.told, record.silence(), (glance.at, &[]));
        let Limits { reopen_within, touch_every, .. } = self.limits;
        match life::seen(record, sighting, glance, silence, (reopen_within, touch_every)) {
            Seen::Same(touch) => plan.touches.push(touch),
            Seen::Record(record, events) => plan.changes(*record, events),
        }
    }

    /// Opens what is new, the worst first; for want of room the oldest resolved go, and then the least is refused.
    fn open(&self, mut new: Vec<&Sighting>, glance: Glance<'_>, group: &mut Group, plan: &mut Plan) {
        new.sort_by_key(|sighting| Reverse(sighting.told.severity));
        let there = self.columns.len() + group.opened - group.forgotten.len();
        let wanted = (there + new.len()).saturating_sub(self.limits.max_findings);
        if wanted > 0 {
            let touched: HashSet<&Fingerprint> = plan.records.iter().map(|record| &record.told.fingerprint).collect();
            let is_free = |of: &Fingerprint| {
                !touched.contains(of) && !group.named.contains_key(of) && !group.forgotten.contains(of)
            };
            let resolved = self.records().filter_map(resolved_at);
            let mut resolved: Vec<(Time, &Fingerprint)> = resolved.filter(|(_, of)| is_free(of)).collect();
            resolved.sort_unstable();
            resolved.truncate(wanted);
            plan.forgotten = resolved.iter().map(|(_, fingerprint)| (*fingerprint).clone()).collect();
        }
        let room = new.len() - (wanted - plan.forgotten.len()).min(new.len());
        for Sighting { told, .. } in new.split_off(room) {
            plan.refused.push(Refused { fingerprint: told.fingerprint.clone(), reason: Reason::Full });
        }
        group.opened += new.len();
        for sighting in new {
            let silence = self.silence_of(glance.scope.source, &sighting.told, None, (glance.at, &[]));
            let (record, events) = life::opened(sighting, glance, silence, (1, None));
            plan.changes(record, events);
        }
    }

    fn mute(&self, silence: &Silence, at: Time) -> Plan {
        let mut plan = Plan::default();
        let open = self.records().filter(|record| matches!(record.life, Life::Open { silence: None }));
        let meant = open.filter(|record| silence.holds(at) && silence.matches.matches(record.source, &record.told));
        for record in sorted(meant) {
            mute(&mut plan, life::muted(record, Some(silence.id.as_str().into()), at));
        }
        plan
    }

    fn unmute(&self, ended: Vec<(String, Time)>) -> Plan {
        let mut plan = Plan::default();
        if ended.is_empty() {
            return plan;
        }
        let held = |record: &&Record| ended.iter().any(|(id, _)| record.silence() == Some(id));
        for record in sorted(self.records().filter(held)) {
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
        told: &Told,
        held: Option<&str>,
        (at, but): (Time, &[(String, Time)]),
    ) -> Option<Box<str>> {
        if let Some(exemption) = &told.exemption {
            return Some(exemption.id.as_str().into());
        }
        let holds = |silence: &&Silence| {
            silence.holds(at) && but.iter().all(|(id, _)| *id != silence.id) && silence.matches.matches(source, told)
        };
        let kept = held.and_then(|id| self.silences.get(id)).filter(holds);
        kept.or_else(|| self.silences.values().find(holds)).map(|silence| silence.id.as_str().into())
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

/// By fingerprint: plans are the same whatever order a table has.
fn sorted<'a>(records: impl Iterator<Item = &'a Record>) -> Vec<&'a Record> {
    let mut records: Vec<&Record> = records.collect();
    records.sort_unstable_by(|a, b| a.told.fingerprint.cmp(&b.told.fingerprint));
    records
}
