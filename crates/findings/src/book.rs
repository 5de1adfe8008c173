//! Every finding that is known. Pure: what changes is decided as a plan, and becomes true once that is stored.
//!
//! Owns what is known and the questions about it. Deciding is in `decide` and `rounds`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use api::finding::Source;
use api::{Fingerprint, Time};

use crate::columns::Columns;
use crate::life;
use crate::plan::{Ended, Keep, Plan, Touch};
use crate::record::{Record, Stale};
use crate::round::{Freshness, Look, Looks, RoundState, Scope, with_look};
use crate::silence::Silence;

mod decide;
#[cfg(test)]
pub(crate) mod model;
mod rounds;
mod scopes;
mod tally;
#[cfg(test)]
mod tests;
mod texts;

pub use decide::{Group, Superseded};
pub use tally::Tally;

use rounds::Refusals;
use scopes::Scopes;
use texts::Texts;

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

/// Everything that was stored, for a book.
#[derive(Debug, Default)]
pub struct Stored {
    /// Every finding.
    pub records: Vec<Record>,
    /// Every silence.
    pub silences: Vec<Silence>,
    /// Every scope.
    pub scopes: Vec<Scope>,
    /// The last round of each source; whether it is current is said by the leadership.
    pub rounds: Vec<RoundState>,
    /// Who leads; none if nobody ever did.
    pub lead: Option<Leadership>,
}

/// Who leads, and since when. What was looked at before does not count as looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leadership {
    /// Number of the leader.
    pub fence: i64,
    /// Since when.
    pub since: Time,
}

/// Every finding that is known.
#[derive(Debug)]
pub struct Book {
    limits: Limits,
    silences: BTreeMap<String, Silence>,
    scopes: Scopes,
    rounds: BTreeMap<Source, RoundState>,
    refusals: BTreeMap<Source, Refusals>,
    lead: Option<(i64, Stale)>,
    tally: Tally,
    columns: Columns,
    texts: Texts,
    revision: u64,
}

impl Book {
    /// A book of nothing.
    pub fn new(limits: Limits) -> Self {
        Self::restored(limits, Stored::default(), 0)
    }

    /// A book of what was stored. Its revisions go on after `revision`.
    pub fn restored(limits: Limits, stored: Stored, revision: u64) -> Self {
        let Stored { records, silences, scopes, rounds, lead } = stored;
        let mut book = Self {
            limits,
            silences: silences.into_iter().map(|silence| (silence.id.clone(), silence)).collect(),
            scopes: Scopes::default(),
            rounds: rounds.into_iter().map(|round| (round.source, round)).collect(),
            refusals: BTreeMap::new(),
            lead: None,
            tally: Tally::default(),
            columns: Columns::default(),
            texts: Texts::default(),
            revision: revision + 1,
        };
        for scope in scopes {
            book.scopes.put(scope);
        }
        for record in records {
            book.recall(record);
        }
        if let Some(lead) = lead {
            book.lead(lead);
        }
        book
    }

    /// Takes other limits.
    pub fn limit(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Somebody leads from here on: nothing has been looked at since.
    pub fn lead(&mut self, Leadership { fence, since }: Leadership) {
        self.lead = Some((fence, Stale { since, reason: "not-looked-yet".to_owned() }));
        self.rounds.values_mut().for_each(|round| round.current = round.order.fence >= fence);
        self.revision += 1;
    }

    /// Grows with everything that may change an answer; of this book alone.
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// The finding of this fingerprint.
    pub fn get(&self, fingerprint: &Fingerprint) -> Option<&Record> {
        self.columns.get(fingerprint)
    }

    /// All findings, in no order.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.columns.records()
    }

    /// Open findings of a scope, silenced ones too, in no order.
    pub fn in_scope(&self, source: Source, scope: &str) -> impl Iterator<Item = &Record> {
        let open = self.scopes.get(source, scope).into_iter().flat_map(|place| place.open.keys());
        open.filter_map(|fingerprint| self.get(fingerprint))
    }

    /// All silences, by id, with those that ended within 30 days.
    pub fn silences(&self) -> impl Iterator<Item = &Silence> {
        self.silences.values()
    }

    /// How many findings there are of each kind.
    pub const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Every finding, with what filters and orders look at.
    pub(crate) const fn columns(&self) -> &Columns {
        &self.columns
    }

    /// Whether what is new may be refused: there is no room, and nothing resolved to forget.
    pub(crate) fn is_full(&self) -> bool {
        self.columns.len() >= self.limits.max_findings && !self.columns.has_resolved()
    }

    /// The last round of a source that ended.
    pub fn round(&self, source: Source) -> Option<&RoundState> {
        self.rounds.get(&source)
    }

    /// What is known of the scopes of a source, by name.
    pub fn scopes(&self, source: Source) -> impl Iterator<Item = &Scope> {
        self.scopes.of(source).filter_map(|(_, place)| place.scope.as_ref())
    }

    /// Why the findings of a scope are stale; none if its source looks.
    pub fn stale_scope(&self, source: Source, scope: &str) -> Option<&Stale> {
        let place = self.scopes.get(source, scope);
        let order = place.and_then(|place| place.scope.as_ref()).map(|scope| scope.order);
        match &self.lead {
            Some((fence, stale)) if order.is_none_or(|order| order.fence < *fence) => Some(stale),
            _ => place.and_then(|place| place.stale.as_ref()),
        }
    }

    /// Why a finding is stale; none if its source looks.
    pub fn stale(&self, record: &Record) -> Option<&Stale> {
        self.stale_scope(record.source, &record.scope)
    }

    /// How many open findings of a source are stale.
    pub fn stale_number(&self, source: Source) -> usize {
        let stale = self.scopes.of(source).filter(|(name, _)| self.stale_scope(source, name).is_some());
        stale.map(|(_, place)| place.open.len()).sum()
    }

    /// Makes a plan true. It must have been decided by this book as it is, perhaps together with others of one group.
    pub fn apply(&mut self, plan: Plan) {
        // A new part of a plan fails to build here until it becomes true.
        let Plan { looked, round, records, touches, forgotten, begun, ended, heard, lapsed, transitions: _, refused } =
            plan;
        self.revision += 1;
        for fingerprint in &forgotten {
            self.forget(fingerprint);
        }
        let look = looked.as_ref().map(|scope| (scope.source, scope.name.clone(), scope.order));
        if let Some(scope) = looked {
            self.refusals.entry(scope.source).or_default().note(scope.order, &refused);
            self.scopes.put(scope);
        }
        let named: Vec<Fingerprint> = records.iter().map(|record| record.told.fingerprint.clone()).collect();
        for record in records {
            self.put(record);
        }
        if let Some((source, name, order)) = look {
            let touched = touches.iter().map(|touch| &touch.fingerprint);
            self.scopes.saw((source, &name), named.iter().chain(touched), order);
        }
        for touch in touches {
            self.touch(touch);
        }
        self.silences.extend(begun.into_iter().chain(heard).map(|silence| (silence.id.clone(), silence)));
        for (id, at) in ended {
            if let Some(silence) = self.silences.get_mut(&id) {
                silence.ended = Some(at);
            }
        }
        for id in &lapsed {
            drop(self.silences.remove(id));
        }
        if let Some(round) = round {
            self.end(round);
        }
    }

    /// Lets go of texts that no finding has any more.
    pub fn sweep(&mut self) {
        self.texts.sweep();
    }

    /// Takes a finding as it is stored.
    pub(crate) fn recall(&mut self, mut record: Record) {
        let scope = self.scopes.get(record.source, &record.scope).and_then(|place| place.scope.as_ref());
        if let Some(scope) = scope {
            record.scope = scope.name.clone();
            if record.is_open() && life::is_counted_by_rounds(record.source) {
                record.count = record.count.saturating_add(scope.rounds.saturating_sub(record.rounds));
                record.rounds = record.rounds.max(scope.rounds);
                record.last_seen = record.last_seen.max(scope.looked_at.unwrap_or(record.last_seen));
                record.looks = since(&scope.looks, record.first_seen);
            }
        }
        self.put(record);
    }

    /// Takes scopes and a round as they are stored.
    pub(crate) fn recall_round(&mut self, round: RoundState, scopes: Vec<Scope>) {
        self.revision += 1;
        let current = self.lead.as_ref().is_none_or(|(fence, _)| round.order.fence >= *fence);
        let gone: Vec<Arc<str>> = self.scopes.of(round.source).map(|(name, _)| name.clone()).collect();
        let kept: HashSet<&str> = scopes.iter().map(|scope| &*scope.name).collect();
        let gone: Vec<Arc<str>> = gone.into_iter().filter(|name| !kept.contains(&**name)).collect();
        for name in &gone {
            self.scopes.drop(round.source, name);
        }
        for scope in scopes {
            self.recall_scope(scope);
        }
        self.rounds.insert(round.source, RoundState { current, ..round });
    }

    /// Takes a scope as it is stored: what its rounds say of its findings is so from here on.
    pub(crate) fn recall_scope(&mut self, scope: Scope) {
        let (source, name) = (scope.source, scope.name.clone());
        self.scopes.put(scope);
        if life::is_counted_by_rounds(source) {
            let records: Vec<Record> = self.in_scope(source, &name).cloned().collect();
            for record in records {
                self.recall(record);
            }
        }
    }

    /// Takes all silences as they are stored.
    pub(crate) fn recall_silences(&mut self, silences: Vec<Silence>) {
        self.revision += 1;
        self.silences = silences.into_iter().map(|silence| (silence.id.clone(), silence)).collect();
    }

    pub(crate) fn forget(&mut self, fingerprint: &Fingerprint) {
        if let Some(record) = self.columns.remove(fingerprint) {
            self.tally.remove(&record);
            self.scopes.remove(&record);
            self.revision += 1;
        }
    }

    fn put(&mut self, mut record: Record) {
        self.texts.share(&mut record.told);
        self.revision += 1;
        let fingerprint = &record.told.fingerprint;
        let seen = self.columns.get(fingerprint).and_then(|before| {
            self.tally.remove(before);
            self.scopes.remove(before)
        });
        self.tally.add(&record);
        self.scopes.add(&record);
        if let Some(order) = seen {
            self.scopes.saw((record.source, &record.scope), std::iter::once(fingerprint), order);
        }
        self.columns.put(record);
    }

    fn touch(&mut self, touch: Touch) {
        let Touch { fingerprint, last_seen, count, figures, looks: _, keep } = touch;
        self.columns.touch(&fingerprint, |record| {
            (record.last_seen, record.count) = (last_seen, count);
            if let Some(figures) = figures {
                record.told.figures = figures;
            }
            match keep {
                Keep::Stored => record.touched = last_seen,
                Keep::InMemory => {}
            }
        });
    }

    fn end(&mut self, ended: Ended) {
        let Ended { state, scopes, dropped, look } = ended;
        let source = state.source;
        let mut shared = Shared::default();
        for name in &dropped {
            self.scopes.drop(source, name);
        }
        for scope in scopes {
            let (name, rounds, fresh) = (scope.name.clone(), scope.rounds, scope.freshness == Freshness::Fresh);
            self.scopes.put(scope);
            let Some(place) = self.scopes.get(source, &name).filter(|_| fresh) else { continue };
            let by_rounds = life::is_counted_by_rounds(source);
            for (fingerprint, seen) in &place.open {
                if !by_rounds && *seen != state.order {
                    continue;
                }
                self.columns.touch(fingerprint, |record| {
                    record.looks = shared.with(&record.looks, look);
                    if by_rounds {
                        record.count = record.count.saturating_add(u64::from(record.rounds < rounds));
                        record.rounds = record.rounds.max(rounds);
                        record.last_seen = record.last_seen.max(look.at);
                    }
                });
            }
        }
        self.rounds.insert(source, state);
    }
}

/// Looks that many findings share, each with one more: as few texts as there were before.
#[derive(Debug, Default)]
struct Shared(HashMap<usize, (Looks, Looks)>);

impl Shared {
    fn with(&mut self, looks: &Looks, look: Look) -> Looks {
        // The old ones are held meanwhile, so that no other can have their address.
        let address = Arc::as_ptr(looks).cast::<Look>().addr();
        let (_, with) = self.0.entry(address).or_insert_with(|| (looks.clone(), with_look(looks, look)));
        with.clone()
    }
}

fn since(looks: &Looks, first_seen: Time) -> Looks {
    if looks.first().is_none_or(|look| look.at >= first_seen) {
        return looks.clone();
    }
    looks.iter().filter(|look| look.at >= first_seen).copied().collect()
}
