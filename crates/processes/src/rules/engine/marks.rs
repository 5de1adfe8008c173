//! Which clauses hold for the process at hand, and by what.

use super::super::clause::{AtomId, ClauseId};
use super::super::names::Who;

/// By what a clause holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Found {
    /// Names that satisfy it; of a clause on another field, [`Who::NO_NAME`].
    pub(in super::super) who: Who,
    /// The first name that satisfies it.
    pub(in super::super) first: Who,
    /// The first text of the rule, by file order, that this name satisfies.
    pub(in super::super) atom: AtomId,
}

/// One [`Found`] for each clause of the set.
#[derive(Debug)]
pub(super) struct Marks {
    found: Box<[Option<Found>]>,
    touched: Vec<ClauseId>,
}

impl Marks {
    pub(super) fn new(clauses: usize) -> Self {
        Self { found: vec![None; clauses].into_boxed_slice(), touched: Vec::new() }
    }

    pub(super) fn clear(&mut self) {
        for clause in self.touched.drain(..) {
            self.found[clause.0 as usize] = None;
        }
    }

    pub(super) fn touched(&self) -> &[ClauseId] {
        &self.touched
    }

    pub(super) fn get(&self, clause: ClauseId) -> Option<Found> {
        self.found[clause.0 as usize]
    }

    /// Says that the clause holds.
    pub(super) fn set(&mut self, clause: ClauseId, who: Who, atom: AtomId) {
        let first = who.first();
        match &mut self.found[clause.0 as usize] {
            Some(found) => {
                found.who = found.who.with(who);
                if (first, atom) < (found.first, found.atom) {
                    (found.first, found.atom) = (first, atom);
                }
            }
            none @ None => {
                *none = Some(Found { who, first, atom });
                self.touched.push(clause);
            }
        }
    }
}
