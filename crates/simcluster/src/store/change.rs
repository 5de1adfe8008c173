//! One write, as history keeps it and as watchers see it.
//!
//! Owns the translation of a write into an event for one selection. Who watches is `watchers`'.

use std::sync::{Arc, OnceLock};

use jiff::Timestamp;

use super::{Entry, Key};
use crate::selector::Selection;

/// What one write did to one object.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) version: u64,
    pub(crate) at: Timestamp,
    pub(crate) table: Arc<str>,
    /// `None`: it was created.
    pub(crate) before: Option<Arc<Entry>>,
    /// `None`: it was deleted.
    pub(crate) after: Option<Arc<Entry>>,
    /// The state before, under the version of this change.
    gone: OnceLock<Arc<Entry>>,
}

/// What a watcher is told.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) kind: EventKind,
    pub(crate) entry: Arc<Entry>,
}

/// The type of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventKind {
    Added,
    Modified,
    Deleted,
}

impl Change {
    pub(crate) fn new(
        at: Timestamp,
        version: u64,
        table: Arc<str>,
        before: Option<Arc<Entry>>,
        after: Option<Arc<Entry>>,
    ) -> Self {
        Self { version, at, table, before, after, gone: OnceLock::new() }
    }

    pub(crate) fn key(&self) -> &Key {
        let entry = self.after.as_ref().or(self.before.as_ref());
        &entry.expect("a change has a state before or after").key
    }

    /// What someone who looks at `selection` sees of this.
    pub(crate) fn event(&self, selection: &Selection) -> Option<Event> {
        let before = self.before.as_ref().filter(|entry| selection.admits(entry));
        let after = self.after.as_ref().filter(|entry| selection.admits(entry));
        let (kind, entry) = match (before, after) {
            (None, None) => return None,
            (None, Some(after)) => (EventKind::Added, Arc::clone(after)),
            (Some(_), Some(after)) => (EventKind::Modified, Arc::clone(after)),
            (Some(before), None) => {
                let gone = self.gone.get_or_init(|| Arc::new(before.at_version(self.version)));
                (EventKind::Deleted, Arc::clone(gone))
            }
        };
        Some(Event { kind, entry })
    }
}

impl EventKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
        }
    }
}
