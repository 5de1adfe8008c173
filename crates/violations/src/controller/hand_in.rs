//! From the answer of one node to the store: judged, digested, handed in as batches.
//!
//! Owns what is asked of the book and the index for that, and who claims a fingerprint while its batch is on the way.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use api::finding::Source;
use api::{Fingerprint, Time, Violation};
use findings::Findings;
use findings::StoreError;
use findings::batch::{Again, Batch, Gone, Order};
use tracing::debug;

use super::about::{About, Absence};
use super::ask::{Answered, Early, List};
use super::digest::{Digest, Held, Knowledge, digest};
use super::metrics::Counts;
use super::nodes::{Heard, Listed};
use super::trust::{Judged, judge};
use crate::attribution::{PodIndex, Whose};

/// What one round hands in to, and by.
#[derive(Debug)]
pub(crate) struct HandIn {
    pub(crate) findings: Findings,
    pub(crate) index: Arc<dyn PodIndex>,
    pub(crate) order: Order,
    pub(crate) counts: Arc<Counts>,
    /// Who has claimed what in batches that are not stored yet.
    claims: Mutex<HashMap<Fingerprint, Box<str>>>,
}

/// The answer of one node while it is being handed in, in one part or in several.
#[derive(Debug)]
pub(crate) struct Visit {
    to: Arc<HandIn>,
    node: String,
    /// Passes that its former answer told.
    passes: Option<u64>,
    absent: HashSet<Fingerprint>,
    settled: HashSet<Fingerprint>,
    /// What was handed in early.
    named: HashSet<Fingerprint>,
    so_far: SoFar,
}

#[derive(Debug)]
struct SoFar {
    is_stored: bool,
    is_whole: bool,
    settled: HashSet<Fingerprint>,
}

/// What is known of a node before it answers.
#[derive(Debug, Default)]
pub(crate) struct Before {
    pub(crate) passes: Option<u64>,
    pub(crate) absent: HashSet<Fingerprint>,
    pub(crate) settled: HashSet<Fingerprint>,
}

impl HandIn {
    pub(crate) fn new(findings: Findings, index: Arc<dyn PodIndex>, order: Order, counts: Arc<Counts>) -> Self {
        Self { findings, index, order, counts, claims: Mutex::default() }
    }

    /// The node has left: whatever is open on it is resolved.
    pub(crate) async fn gone(&self, node: &str, at: Time) -> Result<(), StoreError> {
        let reason = api::violation::ResolvedReason::NodeGone.as_str();
        let gone = self.findings.ask(|book| {
            let open = book.in_scope(Source::Process, node);
            open.map(|record| Gone { fingerprint: record.told.fingerprint.clone(), reason: reason.to_owned() })
                .collect()
        });
        self.take(Batch { gone, ..self.batch(node, at) }).await.map(drop)
    }

    fn batch(&self, node: &str, at: Time) -> Batch {
        Batch {
            source: Source::Process,
            scope: node.to_owned(),
            order: self.order,
            at,
            seen: Vec::new(),
            gone: Vec::new(),
            again: None,
        }
    }

    /// Whether all of it was taken.
    async fn take(&self, batch: Batch) -> Result<bool, StoreError> {
        if batch.seen.is_empty() && batch.gone.is_empty() && batch.again.is_none() {
            return Ok(true);
        }
        // What was refused is counted by the book, and shown in coverage.
        let done = self.findings.take(batch).await?;
        Ok(done.refused.is_empty())
    }

    fn claims(&self) -> MutexGuard<'_, HashMap<Fingerprint, Box<str>>> {
        // Every change leaves a whole table.
        self.claims.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of these records, and of all that is open on the node.
    fn held(&self, node: &str, records: &[Judged]) -> HashMap<Fingerprint, Held> {
        let mut held = self.findings.ask(|book| {
            let named = records.iter().filter_map(|record| book.get(&record.violation.fingerprint));
            let open = book.in_scope(Source::Process, node);
            let known = named.chain(open).map(|record| {
                let by = if record.source == Source::Process { record.scope.as_ref() } else { "" };
                let held = Held { by: by.into(), is_open: record.is_open() || by.is_empty(), count: record.count };
                (record.told.fingerprint.clone(), held)
            });
            known.collect::<HashMap<_, _>>()
        });
        let claims = self.claims();
        for fingerprint in records.iter().map(|record| &record.violation.fingerprint) {
            if let Some(by) = claims.get(fingerprint).filter(|by| ***by != *node) {
                let count = held.get(fingerprint).map_or(0, |held| held.count);
                held.insert(fingerprint.clone(), Held { by: by.clone(), is_open: true, count });
            }
        }
        held
    }
}

impl Visit {
    pub(crate) fn new(to: Arc<HandIn>, node: String, before: Before) -> Self {
        let Before { passes, absent, settled } = before;
        let so_far = SoFar { is_stored: true, is_whole: true, settled: HashSet::new() };
        Self { to, node, passes, absent, settled, named: HashSet::new(), so_far }
    }

    /// What was known before, because nothing has been learned.
    pub(crate) fn back(self) -> Before {
        let Self { passes, absent, settled, .. } = self;
        Before { passes, absent, settled }
    }

    /// Hands in the rest of an answer, and says what is remembered of it.
    pub(crate) async fn end(mut self, answered: Answered) -> Heard {
        let Answered { about, at, list } = answered;
        let Some(List { records, malformed, share }) = list else {
            let is_stored = self.again(&about, at).await;
            return Heard { about, at, is_stored, is_whole: true, listed: None };
        };
        self.to.counts.rejected_malformed(malformed);
        let absence = about.absence(malformed == 0, at);
        let digest = self.part(&about, at, records, absence).await;
        drop(share);
        let mut settled = self.so_far.settled;
        settled.extend(digest.settled);
        let is_whole = self.so_far.is_whole && digest.is_whole && malformed == 0;
        let listed = Some(Listed { absent: digest.absent, settled });
        Heard { about, at, is_stored: self.so_far.is_stored, is_whole, listed }
    }

    /// All that is open on the node was seen again, in its last pass.
    async fn again(&self, about: &About, at: Time) -> bool {
        let is_clean = || self.to.findings.ask(|book| book.in_scope(Source::Process, &self.node).next().is_none());
        if about.is_overdue(at) || is_clean() {
            return true;
        }
        let counts = about.passes_since(self.passes);
        let batch = Batch { again: Some(Again { counts }), ..self.to.batch(&self.node, about.seen_at(at)) };
        self.store(batch).await.is_ok()
    }

    /// Hands in some records; with the last of them, what their absence says of others.
    async fn part(&mut self, about: &About, at: Time, records: Vec<Violation>, absence: Absence) -> Digest {
        let mut whose = Whose::without_index(self.node.clone());
        whose.ask(Arc::clone(&self.to.index));
        let index = self.to.index.as_ref();
        let judged: Vec<Judged> = records.into_iter().map(|record| judge(record, &whose, index, at)).collect();
        let misplaced = judged.iter().filter(|record| record.is_misplaced()).count();
        self.to.counts.rejected_wrong_node(misplaced as u64);
        let mut held = self.to.held(&self.node, &judged);
        held.retain(|fingerprint, _| !self.named.contains(fingerprint));
        let known = Knowledge {
            node: &self.node,
            boot: &about.boot,
            held: &held,
            absent: &self.absent,
            settled: &self.settled,
            absence,
        };
        let mut digest = digest(judged, &known);
        self.to.counts.rejected_duplicates(digest.duplicates);
        let seen = std::mem::take(&mut digest.seen);
        let claimed: Vec<Fingerprint> = seen.iter().map(|sighting| sighting.told.fingerprint.clone()).collect();
        let claims = claimed.iter().map(|fingerprint| (fingerprint.clone(), self.node.as_str().into()));
        self.to.claims().extend(claims);
        let seen_at = match (about.last_pass, digest.seen_at) {
            (Some(_), seen) => about.seen_at(at).max(seen.unwrap_or(about.seen_at(at))),
            (None, seen) => seen.unwrap_or(at),
        };
        let (gone, gone_since) = (std::mem::take(&mut digest.gone), std::mem::take(&mut digest.gone_since));
        let batch = |seen, gone| Batch { seen, gone, ..self.to.batch(&self.node, seen_at) };
        // What was opened and resolved between two rounds is both, one after the other.
        for batch in [batch(seen, gone), batch(Vec::new(), gone_since)] {
            match self.store(batch).await {
                Ok(is_all) => digest.is_whole &= is_all,
                Err(()) => self.so_far.is_stored = false,
            }
        }
        let mut claims = self.to.claims();
        for fingerprint in &claimed {
            claims.remove(fingerprint);
        }
        drop(claims);
        self.named.extend(claimed);
        digest
    }

    /// Whether all of it was taken.
    async fn store(&self, batch: Batch) -> Result<bool, ()> {
        let stored = self.to.take(batch).await;
        stored.map_err(|error| debug!(node = self.node, "failed to store what node {} said: {error}", self.node))
    }
}

impl Early for Visit {
    async fn hand_in(&mut self, about: &About, at: Time, records: Vec<Violation>) {
        let digest = self.part(about, at, records, Absence::Unknown).await;
        self.so_far.is_whole &= digest.is_whole;
        self.so_far.settled.extend(digest.settled);
    }
}
