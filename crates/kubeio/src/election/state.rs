//! Who may lead, from what was seen and when; pure.
//!
//! Owns the decision. All times are monotonic and of this process alone, so clocks of others do not matter:
//!
//! - The holder's proof ends `renew` after the moment **before** it sent the last renewal that succeeded.
//! - A candidate takes the Lease `duration` after it last **saw** it change, which is after that renewal was stored.
//!
//! With `renew` < `duration` the first is over before the second. A Lease that is missing may have been deleted under a leader that
//! knows nothing of it: who creates it proves nothing until `duration` after, when any proof from before has ended.

use std::time::Duration;

/// The longest `duration` that settings allow; a Lease that claims more is not believed.
const LONGEST: Duration = Duration::from_mins(5);

/// Times of an election.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) duration: Duration,
    pub(super) renew: Duration,
    pub(super) retry: Duration,
}

/// A Lease, as far as it decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    /// "" for nobody.
    pub(super) holder: String,
    /// What its holder says that others wait.
    pub(super) lasts: Duration,
    /// Changes with every renewal: uid, time of renewal, transitions.
    pub(super) mark: String,
}

/// What one candidate knows.
#[derive(Debug)]
pub(super) struct State {
    me: String,
    times: Times,
    /// What was seen last, missing Leases too, and since when it has been so.
    seen: Option<(Option<Record>, Duration)>,
    proof: Option<Proof>,
}

/// From when and until when this process leads, as far as it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Proof {
    from: Duration,
    until: Duration,
}

/// What there is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// Make a Lease with this process as its holder.
    Create,
    /// Become the holder of the Lease that is there.
    Take,
    /// Stay its holder.
    Renew,
    /// Nothing.
    Wait,
}

impl State {
    pub(super) const fn new(me: String, times: Times) -> Self {
        Self { me, times, seen: None, proof: None }
    }

    /// The Lease is like this; the answer that says so came at `now`.
    pub(super) fn saw(&mut self, record: Option<Record>, now: Duration) {
        if record.as_ref().is_some_and(|record| record.holder != self.me) {
            self.proof = None;
        }
        match &self.seen {
            Some((before, _)) if *before == record => {}
            _ => self.seen = Some((record, now)),
        }
    }

    /// What to do, after having looked.
    pub(super) fn wish(&self, now: Duration) -> Wish {
        let Some((record, _)) = &self.seen else { return Wish::Wait };
        match record {
            Some(record) if record.holder == self.me => Wish::Renew,
            Some(record) if record.holder.is_empty() => Wish::Take,
            None => Wish::Create,
            Some(_) if self.is_free_at() <= now => Wish::Take,
            Some(_) => Wish::Wait,
        }
    }

    /// A write is about to be sent. Whether it succeeds may never be known.
    pub(super) fn asks(&mut self, wish: Wish, now: Duration) {
        if wish == Wish::Create && !self.is_leader(now) {
            self.proof = None;
        }
    }

    /// A write that made this process the holder succeeded: it was sent after `before`, and its answer came at `now`.
    pub(super) fn wrote(&mut self, wish: Wish, record: Record, before: Duration, now: Duration) {
        let from = match (wish, self.proof) {
            (_, Some(proof)) if self.is_leader(now) => proof.from,
            // Holding a Lease that was not lost meanwhile goes on as it began.
            (Wish::Renew, Some(proof)) => proof.from,
            // Held without a proof, it was created or taken by a request whose answer did not come.
            (Wish::Create | Wish::Renew, _) => now + self.times.duration,
            (Wish::Take | Wish::Wait, _) => now,
        };
        self.seen = Some((Some(record), now));
        self.proof = Some(Proof { from, until: before + self.times.renew });
    }

    /// Whether the proof holds.
    pub(super) fn is_leader(&self, now: Duration) -> bool {
        self.proof.is_some_and(|proof| (proof.from..proof.until).contains(&now))
    }

    /// When the proof ends, if it holds.
    pub(super) fn proof(&self, now: Duration) -> Option<Duration> {
        self.proof.filter(|_| self.is_leader(now)).map(|proof| proof.until)
    }

    /// The proof is given up.
    pub(super) const fn resign(&mut self) {
        self.proof = None;
    }

    /// Who leads, as far as was seen; "" for nobody.
    pub(super) fn holder(&self, now: Duration) -> &str {
        match &self.seen {
            Some((Some(record), _)) if record.holder != self.me && now < self.is_free_at() => &record.holder,
            _ => "",
        }
    }

    /// How long until the next look, after one that began at `began`: sooner than `retry` if the Lease falls free or a proof begins.
    pub(super) fn rest(&self, began: Duration, now: Duration) -> Duration {
        let begins = self.proof.map_or(Duration::MAX, |proof| proof.from);
        let times = [self.is_free_at(), begins].into_iter().filter(|time| *time > now);
        times.chain([began + self.times.retry]).min().unwrap_or(now).saturating_sub(now)
    }

    /// When a Lease that does not change any more may be taken.
    fn is_free_at(&self) -> Duration {
        let Some((record, since)) = &self.seen else { return Duration::MAX };
        let claimed = record.as_ref().map_or(Duration::ZERO, |record| record.lasts.min(LONGEST));
        *since + claimed.max(self.times.duration)
    }
}

#[cfg(test)]
mod tests;
