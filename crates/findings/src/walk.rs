//! All findings that match, in order and in pieces, for streams and exports of any size.
//!
//! Owns the way through them: places are chosen many at a time, records are read few at a time, and nothing is held in between. A
//! finding that matches during the whole walk and keeps its place is told once.

use std::collections::VecDeque;

use api::Fingerprint;
use api::finding::Finding;

use crate::filter::Filter;
use crate::findings::Findings;
use crate::select::{Key, Selected, Sort, select};

/// Places that are chosen in one look at every row: at 48 bytes they are some 500 KiB, and a hundred thousand findings take ten
/// looks.
const CHOSEN: usize = 10_000;

/// Findings that are read under one lock, which takes less than a millisecond.
const PIECE: usize = 100;

/// A walk through all findings that match.
#[derive(Debug)]
pub(crate) struct Walk {
    filter: Filter,
    sort: Sort,
    after: Option<Key>,
    chosen: VecDeque<Fingerprint>,
    has_more: bool,
}

impl Walk {
    /// From the first one on, the worst first.
    pub(crate) fn new(filter: Filter) -> Self {
        Self::in_order(filter, Sort::default())
    }

    /// From the first one on, in this order.
    pub(crate) fn in_order(filter: Filter, sort: Sort) -> Self {
        Self { filter, sort, after: None, chosen: VecDeque::new(), has_more: true }
    }

    /// The next ones; none at the end.
    pub(crate) fn next(&mut self, findings: &Findings) -> Option<Vec<Finding>> {
        if self.chosen.is_empty() && self.has_more {
            self.choose(findings);
        }
        if self.chosen.is_empty() {
            return None;
        }
        let piece: Vec<Fingerprint> = self.chosen.drain(..PIECE.min(self.chosen.len())).collect();
        Some(findings.ask(|book| {
            let known = piece.iter().filter_map(|fingerprint| book.get(fingerprint));
            // One that has ceased to match since it was chosen is not told.
            let matching = known.filter_map(|record| {
                let stale = book.stale(record);
                self.filter.matches(record, stale.is_some()).then(|| record.finding(stale))
            });
            matching.collect()
        }))
    }

    fn choose(&mut self, findings: &Findings) {
        let after = self.after.take();
        let Selected { keys, has_more, .. } =
            findings.ask(|book| select(self.filter.over(book), self.sort, after, CHOSEN));
        self.after = keys.last().cloned();
        self.has_more = has_more;
        self.chosen = keys.into_iter().map(|key| key.fingerprint).collect();
    }
}
