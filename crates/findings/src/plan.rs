//! What is to be stored and then to be true: decided before anything changes, so that a failed write changes nothing.

use api::{Fingerprint, Time};

use crate::event::{Event, Transition};
use crate::record::Record;
use crate::round::{Look, Looks, RoundState, Scope};
use crate::silence::Silence;
use api::Facts;

/// What one batch, round, silence or moment changes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plan {
    /// The scope that a batch looked at, as it is from here on, and the order of this look.
    pub looked: Option<Scope>,
    /// The round that ended.
    pub round: Option<Ended>,
    /// Findings as they are from here on.
    pub records: Vec<Record>,
    /// Unchanged findings that were seen again.
    pub touches: Vec<Touch>,
    /// Findings that go.
    pub forgotten: Vec<Fingerprint>,
    /// Silences that begin, to be stored.
    pub begun: Vec<Silence>,
    /// Silences that end, to be stored.
    pub ended: Vec<(String, Time)>,
    /// Silences as they are stored already.
    pub heard: Vec<Silence>,
    /// Ended silences that go.
    pub lapsed: Vec<String>,
    /// What happened, in order.
    pub transitions: Vec<Transition>,
    /// What was not taken.
    pub refused: Vec<Refused>,
}

/// The end of a round.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// The round.
    pub state: RoundState,
    /// Every scope of it, as it is from here on.
    pub scopes: Vec<Scope>,
    /// Scopes that are not expected any more and have nothing open.
    pub dropped: Vec<String>,
    /// The look of those that it saw.
    pub look: Look,
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
    /// Evidence that is no change; none if it is as it was.
    pub figures: Option<Facts>,
    /// The rounds that saw it so far.
    pub looks: Looks,
    /// Whether this is to be stored, or only to be known until the next start.
    pub keep: Keep,
}

/// Whether a touch is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// `touch_every` has gone by since the last one that was.
    Stored,
    /// It is too soon, or it follows from the rounds.
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
    /// The batch names it twice, or a text of it holds NUL.
    Malformed,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Full, Self::Evidence, Self::Malformed];

    /// Why it is missing, as a gap of its round says it.
    pub(crate) const fn in_words(self) -> &'static str {
        match self {
            Self::Full => "refused: there is no room",
            Self::Evidence => "refused: the evidence is larger than 16 KiB",
            Self::Malformed => "refused: malformed",
        }
    }

    /// The word used in metric labels and coverage.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Evidence => "evidence",
            Self::Malformed => "malformed",
        }
    }
}

impl Plan {
    /// Takes a record as it is from here on, with what happened to it.
    pub(crate) fn changes(&mut self, record: Record, events: Vec<Event>) {
        for event in events {
            self.tell(&record, event);
        }
        self.records.push(record);
    }

    /// Whether anything of it is to be stored. A look alone is not: the end of the round stores it.
    pub(crate) fn stores(&self) -> bool {
        let Self {
            looked: _,
            round,
            records,
            touches,
            forgotten,
            begun: _,
            ended: _,
            heard: _,
            lapsed: _,
            transitions: _,
            refused: _,
        } = self;
        round.is_some()
            || !(records.is_empty() && forgotten.is_empty())
            || self.changes_silences()
            || touches.iter().any(|touch| touch.keep == Keep::Stored)
    }

    /// Whether it begins, ends or forgets silences.
    pub(crate) const fn changes_silences(&self) -> bool {
        !(self.begun.is_empty() && self.ended.is_empty() && self.lapsed.is_empty())
    }

    fn tell(&mut self, record: &Record, event: Event) {
        let (fingerprint, at) = (record.told.fingerprint.clone(), record.changed_at);
        self.transitions.push(Transition { fingerprint, at, event });
    }
}
