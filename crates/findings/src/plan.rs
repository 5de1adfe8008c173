//! What is to be stored and then to be true: decided before anything changes, so that a failed write changes nothing.

use api::finding::Source;
use api::{Fingerprint, Time};
use serde_json::{Map, Value};

use crate::batch::Order;
use crate::event::{Event, Transition};
use crate::record::Record;
use crate::silence::Silence;

/// What one batch, silence or moment changes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plan {
    /// The scope that was looked at, and the order of this look.
    pub looked: Option<Looked>,
    /// Findings as they are from here on.
    pub records: Vec<Record>,
    /// Unchanged findings that were seen again.
    pub touches: Vec<Touch>,
    /// Findings that go, with their history.
    pub forgotten: Vec<Fingerprint>,
    /// Silences that begin.
    pub begun: Vec<Silence>,
    /// Silences that end.
    pub ended: Vec<(String, Time)>,
    /// What happened, in order.
    pub transitions: Vec<Transition>,
    /// What was not taken.
    pub refused: Vec<Refused>,
}

/// A scope that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// Who looked.
    pub source: Source,
    /// At what.
    pub scope: String,
    /// In which order.
    pub order: Order,
    /// When.
    pub at: Time,
}

/// An unchanged finding that was seen again.
#[derive(Debug, Clone, PartialEq)]
pub struct Touch {
    /// Which.
    pub fingerprint: Fingerprint,
    /// When.
    pub last_seen: Time,
    /// How often by now.
    pub count: u64,
    /// Evidence that is no change.
    pub figures: Map<String, Value>,
    /// Whether this is to be stored, or only to be known until the next start.
    pub keep: Keep,
}

/// Whether a touch is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// `touch_every` has gone by since the last one that was.
    Stored,
    /// It is too soon.
    InMemory,
}

/// A sighting that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Which.
    pub fingerprint: Fingerprint,
    /// Why.
    pub reason: Reason,
}

/// Why a sighting is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// There is no room, and nothing resolved to forget.
    Full,
    /// The evidence is larger than 16 KiB.
    Evidence,
    /// The batch names it twice.
    Malformed,
}

impl Plan {
    /// Takes a record as it is from here on, with what happened to it.
    pub(crate) fn changes(&mut self, record: Record, events: Vec<Event>) {
        for event in events {
            self.tell(&record, event);
        }
        self.records.push(record);
    }

    fn tell(&mut self, record: &Record, event: Event) {
        let (fingerprint, at) = (record.told.fingerprint.clone(), record.changed_at);
        self.transitions.push(Transition { fingerprint, at, event });
    }
}
