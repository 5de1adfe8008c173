//! What the store does with what is known of pods.
//!
//! Owns exempting a match once its pod is known, and asking again for records whose pod was not. Whose a process is,
//! `attribution` finds out; whether a scope holds, `exemption`.

use std::sync::Arc;

use api::Fingerprint;
use api::violation::{ExemptScope, ResolvedReason};
use processes::matches::Match;

use super::asked::Asked;
use super::entry::Learned;
use super::{Moment, Record, Store, Turn};
use crate::attribution::PodIndex;

impl Store {
    /// From now on this index is asked for pods.
    pub fn ask_of(&mut self, index: Arc<dyn PodIndex>) {
        self.whose.ask(index);
    }

    /// Asks once more for every record of which more may be known by now.
    pub fn ask_again(&mut self, now: Moment) -> Vec<Turn> {
        self.ask(now);
        std::mem::take(&mut self.turns)
    }

    /// Asks for all records, because what the index says of a pod is another now.
    pub fn ask_anew(&mut self, now: Moment) -> Vec<Turn> {
        self.records.values_mut().for_each(Record::unsettle);
        self.ask_again(now)
    }

    pub(super) fn ask(&mut self, now: Moment) {
        if !self.whose.has_index() {
            return;
        }
        let asked = self.records.iter_mut().map(|(id, record)| (id, record.ask(&self.whose, now.wall)));
        let learned: Vec<(Fingerprint, Learned)> = asked
            .filter(|(_, learned)| *learned != Learned::Nothing)
            .map(|(id, learned)| (id.clone(), learned))
            .collect();
        for (id, learned) in learned {
            self.changed();
            match learned {
                Learned::Nothing | Learned::More => {}
                Learned::Pod => self.turns.push(Turn::Attributed(id)),
                Learned::Exempt(scope) => self.exempt_record(id, scope, now),
            }
        }
    }

    /// The scope that exempts this match, as far as is known now. One that did goes on when the index forgets the pod,
    /// which was deleted, before the process ends.
    pub(super) fn exemption_of(&self, id: &Fingerprint, found: &Match, now: Moment) -> Option<ExemptScope> {
        if found.exempt_if.is_empty() || !self.whose.has_index() {
            return None;
        }
        let Asked { subject, exempt, .. } = Asked::about(&found.place, &found.exempt_if, &self.whose, now.wall);
        let before = || {
            let scope = self.exempt.get(id).filter(|_| !subject.is_resolved())?;
            let stands = found.exempt_if.contains(scope) && scope.until.is_none_or(|until| now.wall < until);
            stands.then(|| scope.clone())
        };
        exempt.or_else(before)
    }

    /// Exempts a match: its record resolves, or is never opened. It is told when it begins to be exempt.
    pub(super) fn exempt_match(&mut self, id: Fingerprint, found: &Match, scope: ExemptScope, now: Moment) {
        if self.exempt.insert(id.clone(), scope.clone()).is_none() {
            self.turns.push(Turn::Exempted { pack: found.pack.clone(), scope });
        }
        let Some(record) = self.records.get_mut(&id).filter(|record| record.is_open()) else { return };
        record.ask(&self.whose, now.wall);
        record.resolve(ResolvedReason::Exempt, now);
        self.count_resolved([(id, ResolvedReason::Exempt)]);
    }

    fn exempt_record(&mut self, id: Fingerprint, scope: ExemptScope, now: Moment) {
        let Some(record) = self.records.get_mut(&id) else { return };
        let Some(found) = record.found().cloned() else {
            record.correct(ResolvedReason::Exempt);
            return;
        };
        self.exempt_match(id, &found, scope, now);
    }
}

#[cfg(test)]
mod tests;
