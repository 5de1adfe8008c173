//! The findings of a page: which of those that match come next, in the order that is asked for.
//!
//! Owns orders and the choice of the first so many behind a place, in one look at every row. Pure.

use api::finding::Source;
use api::{Fingerprint, Severity};

use crate::columns::Row;
use crate::filter::Wanted;

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sort {
    pub(crate) by: By,
    /// The other way round.
    pub(crate) descending: bool,
}

/// What a list is ordered by; equal ones by fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum By {
    /// The worst first, of equal ones the oldest.
    #[default]
    Severity,
    FirstSeen,
    LastSeen,
    ChangedAt,
}

/// The place of a finding in a list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) rank: (i64, i64),
    pub(crate) fingerprint: Fingerprint,
}

/// The first so many behind a place, and how many match at all.
#[derive(Debug)]
pub(crate) struct Selection {
    sort: Sort,
    after: Option<Key>,
    /// One more than is wanted: it says that there are more.
    most: usize,
    /// No worse than `worst`, up to twice `most`, in no order.
    best: Vec<Key>,
    worst: Option<Key>,
    counts: Counts,
}

/// What was selected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Selected {
    /// In order.
    pub(crate) keys: Vec<Key>,
    /// Whether others stand behind the last one.
    pub(crate) has_more: bool,
    /// Of all that match, wherever they stand.
    pub(crate) counts: Counts,
}

/// How many findings match, by what they are; places are those of `Severity::ALL` and `Source::ALL`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    pub(crate) severities: [u64; Severity::ALL.len()],
    pub(crate) sources: [u64; Source::ALL.len()],
}

/// Selects from all rows that `wanted` has, those behind `after`.
pub(crate) fn select(mut wanted: Wanted<'_>, sort: Sort, after: Option<Key>, limit: usize) -> Selected {
    let mut selection = Selection::new(sort, after, limit);
    for row in wanted.rows() {
        if wanted.matches(row) {
            selection.offer(row);
        }
    }
    selection.finish()
}

impl Sort {
    /// The words of `sort`.
    pub(crate) const WORDS: [(&'static str, Self); 8] = [
        ("severity", Self { by: By::Severity, descending: false }),
        ("-severity", Self { by: By::Severity, descending: true }),
        ("first_seen", Self { by: By::FirstSeen, descending: false }),
        ("-first_seen", Self { by: By::FirstSeen, descending: true }),
        ("last_seen", Self { by: By::LastSeen, descending: false }),
        ("-last_seen", Self { by: By::LastSeen, descending: true }),
        ("changed_at", Self { by: By::ChangedAt, descending: false }),
        ("-changed_at", Self { by: By::ChangedAt, descending: true }),
    ];

    /// The word that it is asked for by.
    pub(crate) fn word(self) -> &'static str {
        let named = Self::WORDS.into_iter().find(|(_, sort)| *sort == self);
        named.map_or("", |(word, _)| word)
    }

    fn rank(self, row: &Row) -> (i64, i64) {
        let (first, second) = match self.by {
            By::Severity => (-(row.severity as i64), row.first_seen),
            By::FirstSeen => (row.first_seen, 0),
            By::LastSeen => (row.last_seen, 0),
            By::ChangedAt => (row.changed_at, 0),
        };
        if self.descending { (-first, -second) } else { (first, second) }
    }
}

impl Selection {
    pub(crate) fn new(sort: Sort, after: Option<Key>, limit: usize) -> Self {
        Self { sort, after, most: limit + 1, best: Vec::new(), worst: None, counts: Counts::default() }
    }

    /// A row that matches.
    pub(crate) fn offer(&mut self, row: &Row) {
        self.counts.add(row);
        let rank = self.sort.rank(row);
        // Most rows are behind the page, which their rank alone says.
        if self.worst.as_ref().is_some_and(|worst| rank > worst.rank) {
            return;
        }
        let key = Key { rank, fingerprint: row.fingerprint.clone() };
        if self.after.as_ref().is_some_and(|after| key <= *after)
            || self.worst.as_ref().is_some_and(|worst| key > *worst)
        {
            return;
        }
        self.best.push(key);
        if self.best.len() >= 2 * self.most {
            self.cut();
        }
    }

    pub(crate) fn finish(mut self) -> Selected {
        if self.best.len() > self.most {
            self.cut();
        }
        self.best.sort_unstable();
        let has_more = self.best.len() == self.most;
        self.best.truncate(self.most - 1);
        Selected { keys: self.best, has_more, counts: self.counts }
    }

    fn cut(&mut self) {
        let (_, worst, _) = self.best.select_nth_unstable(self.most - 1);
        self.worst = Some(worst.clone());
        self.best.truncate(self.most);
    }
}

impl Counts {
    pub(crate) fn add(&mut self, row: &Row) {
        self.severities[row.severity as usize] += 1;
        self.sources[row.source as usize] += 1;
    }

    pub(crate) fn all(&self) -> u64 {
        self.sources.iter().sum()
    }
}

#[cfg(test)]
mod tests;
