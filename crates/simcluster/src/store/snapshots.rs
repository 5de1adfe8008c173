//! Lists as they were, for the pages that follow a first one.
//!
//! Owns the few that are kept. How a list of the past is worked out is the store's.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Entry;

/// Lists that are kept. Each takes 8 bytes an object, 1.2 MB for 150,000 pods, and holds the objects that changed since; one
/// that is not kept any more is worked out again.
const KEPT: usize = 8;

/// The lists that were asked for last.
#[derive(Debug, Default)]
pub(super) struct Snapshots(VecDeque<Snapshot>);

/// Which list it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Of {
    pub(super) table: Box<str>,
    /// `None`: all namespaces.
    pub(super) namespace: Option<Box<str>>,
    pub(super) version: u64,
}

#[derive(Debug)]
struct Snapshot {
    of: Of,
    entries: Arc<[Arc<Entry>]>,
}

impl Snapshots {
    pub(super) fn get(&self, of: &Of) -> Option<Arc<[Arc<Entry>]>> {
        self.0.iter().find(|snapshot| snapshot.of == *of).map(|snapshot| Arc::clone(&snapshot.entries))
    }

    /// Keeps a list, in the place of the oldest one.
    pub(super) fn keep(&mut self, of: Of, entries: Vec<Arc<Entry>>) -> Arc<[Arc<Entry>]> {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        let entries: Arc<[Arc<Entry>]> = entries.into();
        self.0.push_back(Snapshot { of, entries: Arc::clone(&entries) });
        entries
    }

    /// Forgets those of versions before this one: nobody may ask for them any more.
    pub(super) fn forget_before(&mut self, version: u64) {
        self.0.retain(|snapshot| snapshot.of.version >= version);
    }
}
