//! One record of the store: what it says, and how far its life has come.
//!
//! Owns what seeing its process, missing it, or learning whose it is does to a record, and the order in which records go
//! when there is no room. Which record is meant, and what is counted, is the store's job.

use std::cell::OnceCell;
use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use api::violation::{ExemptScope, ResolvedReason, Status};
use api::{Severity, Time, Violation};
use processes::cgroup::Place;
use processes::matches::Match;

use super::asked::Asked;
use super::{ABSENT_PASSES, Moment};
use crate::attribution::Whose;
use crate::encoded::Encoded;
use crate::record::{Sightings, attribute, record_of};
use crate::subject::Subject;

#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) violation: Violation,
    life: Life,
    /// Where the process is.
    place: Place,
    /// Asking again tells no more of whose it is.
    is_settled: bool,
    encoded: OnceCell<Encoded>,
}

#[derive(Debug)]
enum Life {
    /// `missed` completed passes in a row did not show the process.
    Open { found: Arc<Match>, missed: u32 },
    /// Resolved at this moment of the monotonic clock.
    Resolved { since: Duration },
}

/// What seeing a process did to its record.
pub(super) enum Seen {
    /// No more than a later `last_seen`.
    Same,
    /// Other texts or another severity.
    Changed,
    /// It was resolved.
    Reopened,
}

/// What asking whose it is did to a record.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Learned {
    /// It stays as it is.
    Nothing,
    /// It says more, or something else.
    More,
    /// Its pod is known now.
    Pod,
    /// Its pod is known, and this scope exempts it.
    Exempt(ExemptScope),
}

/// The order in which records go when there is no room, first to go first. Equal ones go from the largest fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// Since when.
    Resolved(Duration),
    /// How bad, and first seen when.
    Open(Severity, Reverse<Time>),
}

/// What shows that a process is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// A completed pass.
    Pass,
    /// An exec event.
    Event,
}

impl Record {
    pub(super) fn open(found: &Arc<Match>, whose: &Whose, source: Source, now: Moment) -> Self {
        let sightings = Sightings { first: Time::of(found.seen), last: now.wall, count: source.passes() };
        let Asked { subject, exempt: _, is_settled } = Asked::about(&found.place, &found.exempt_if, whose, now.wall);
        Self {
            violation: record_of(found, whose.node(), sightings, subject),
            life: Life::Open { found: Arc::clone(found), missed: 0 },
            place: found.place.clone(),
            is_settled,
            encoded: OnceCell::new(),
        }
    }

    /// The record as text.
    pub(crate) fn encoded(&self) -> &Encoded {
        self.encoded.get_or_init(|| Encoded::of(&self.violation))
    }

    pub(crate) fn is_open(&self) -> bool {
        match self.life {
            Life::Open { .. } => true,
            Life::Resolved { .. } => false,
        }
    }

    /// Whether it was resolved for so long that it goes.
    pub(super) fn is_over(&self, now: Duration, retain: Duration) -> bool {
        match self.life {
            Life::Open { .. } => false,
            Life::Resolved { since } => now.saturating_sub(since) >= retain,
        }
    }

    pub(super) fn rank(&self) -> Rank {
        match self.life {
            Life::Open { .. } => Rank::Open(self.violation.severity, Reverse(self.violation.first_seen)),
            Life::Resolved { since } => Rank::Resolved(since),
        }
    }

    pub(super) fn see(&mut self, found: &Arc<Match>, whose: &Whose, source: Source, now: Moment) -> Seen {
        let count = self.violation.count + source.passes();
        if let Life::Open { found: known, missed } = &mut self.life
            && Arc::ptr_eq(known, found)
        {
            *missed = 0;
            self.violation.timestamp = now.wall;
            self.violation.last_seen = now.wall;
            self.violation.count = count;
            return Seen::Same;
        }
        let seen = if self.is_open() { Seen::Changed } else { Seen::Reopened };
        let before = std::mem::replace(self, Self::open(found, whose, source, now));
        self.violation.first_seen = before.violation.first_seen;
        self.violation.count = count;
        let (was, is) = (Subject::in_record(&before.violation), Subject::in_record(&self.violation));
        // The index forgets a pod that was deleted; the record of its process does not.
        if was.is_resolved() && !is.is_resolved() {
            attribute(&mut self.violation, was);
        }
        seen
    }

    /// Asks once more whose it is, unless that is settled.
    pub(super) fn ask(&mut self, whose: &Whose, now: Time) -> Learned {
        if self.is_settled {
            return Learned::Nothing;
        }
        let Asked { subject, exempt, is_settled } = Asked::about(&self.place, self.scopes(), whose, now);
        self.is_settled = is_settled;
        let was = Subject::in_record(&self.violation);
        let is_forgotten = was.is_resolved() && !subject.is_resolved();
        if is_forgotten || (subject == was && exempt.is_none()) {
            return Learned::Nothing;
        }
        let is_new = subject.is_resolved() && !was.is_resolved();
        attribute(&mut self.violation, subject);
        self.encoded = OnceCell::new();
        match exempt {
            Some(scope) => Learned::Exempt(scope),
            None if is_new => Learned::Pod,
            None => Learned::More,
        }
    }

    /// What it says of its pod is to be asked for anew.
    pub(super) const fn unsettle(&mut self) {
        self.is_settled = false;
    }

    /// The match that an open record is of.
    pub(super) fn found(&self) -> Option<&Arc<Match>> {
        match &self.life {
            Life::Open { found, .. } => Some(found),
            Life::Resolved { .. } => None,
        }
    }

    /// Scopes that exempt it if its pod is in one of them.
    fn scopes(&self) -> &[ExemptScope] {
        match &self.life {
            Life::Open { found, .. } => &found.exempt_if,
            Life::Resolved { .. } => &self.violation.exempt_if,
        }
    }

    /// Counts a completed pass that did not show the process; the reason if that resolves it.
    pub(super) fn miss(&mut self, now: Moment) -> Option<ResolvedReason> {
        let Life::Open { missed, .. } = &mut self.life else { return None };
        *missed += 1;
        if *missed < ABSENT_PASSES {
            return None;
        }
        self.resolve(ResolvedReason::ProcessGone, now);
        Some(ResolvedReason::ProcessGone)
    }

    pub(super) fn resolve(&mut self, reason: ResolvedReason, now: Moment) {
        self.violation.status = Status::Resolved;
        self.violation.resolved_at = Some(now.wall);
        self.violation.resolved_reason = Some(reason);
        self.life = Life::Resolved { since: now.monotonic };
        self.encoded = OnceCell::new();
    }

    /// Says of a record that was resolved before its pod was known that it never was a violation.
    pub(super) fn correct(&mut self, reason: ResolvedReason) {
        self.violation.resolved_reason = Some(reason);
        self.encoded = OnceCell::new();
    }
}

impl Rank {
    pub(super) fn of_new(found: &Match) -> Self {
        Self::Open(found.severity, Reverse(Time::of(found.seen)))
    }
}

impl Source {
    /// Passes that this counts for.
    const fn passes(self) -> u64 {
        match self {
            Self::Pass => 1,
            Self::Event => 0,
        }
    }
}
