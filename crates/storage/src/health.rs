//! Whether the store is well: what the last read and the last write met.
//!
//! Owns the answer for readiness and metrics. It heals by the next success; `probe` sees to it that there is a next one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use runtime::probes::Check;
use tracing::{info, warn};

use crate::failure::{Failure, Kind};

/// What went wrong last on each side, until something goes well there.
#[derive(Debug, Default)]
pub(crate) struct Health {
    reads: Mutex<Option<Failure>>,
    writes: Mutex<Option<Failure>>,
    errors: [AtomicU64; Kind::ALL.len()],
    bytes: AtomicU64,
}

/// The two sides: one may fail while the other goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Reads,
    Writes,
}

impl Side {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Reads => "reads",
            Self::Writes => "writes",
        }
    }
}

impl Health {
    /// Notes how a read or a write ended.
    pub(crate) fn note<T>(&self, side: Side, ended: &Result<T, Failure>) {
        let failure = ended.as_ref().err();
        if let Some(kind) = failure.and_then(Failure::kind) {
            self.errors[kind as usize].fetch_add(1, Ordering::Relaxed);
        }
        let outage = failure.filter(|failure| failure.is_outage());
        let mut last = self.of(side).lock().unwrap_or_else(PoisonError::into_inner);
        match (&*last, outage) {
            (None, Some(failure)) => {
                let (side, cause) = (side.as_str(), failure.in_words());
                warn!(cause, "{side} of the store fail: {cause}");
            }
            (Some(_), None) => info!("{} of the store succeed again", side.as_str()),
            (None, None) | (Some(_), Some(_)) => {}
        }
        *last = outage.cloned();
    }

    /// What fails now; writes first, since they are what is lost.
    pub(crate) fn failing(&self) -> Option<(Side, Failure)> {
        [Side::Writes, Side::Reads].into_iter().find_map(|side| {
            let last = self.of(side).lock().unwrap_or_else(PoisonError::into_inner);
            last.clone().map(|failure| (side, failure))
        })
    }

    /// For readiness: an unwell store is a warning, since sources keep looking and answers come from memory.
    pub(crate) fn check(&self) -> Check {
        match self.failing() {
            None => Check::Ok,
            Some((side, failure)) => Check::Warn(format!("{} fail: {}", side.as_str(), failure.in_words())),
        }
    }

    pub(crate) fn errors(&self, kind: Kind) -> u64 {
        self.errors[kind as usize].load(Ordering::Relaxed)
    }

    /// Size of the database when it was last asked.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn measured(&self, bytes: u64) {
        self.bytes.store(bytes, Ordering::Relaxed);
    }

    const fn of(&self, side: Side) -> &Mutex<Option<Failure>> {
        match side {
            Side::Reads => &self.reads,
            Side::Writes => &self.writes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Cause;

    #[test]
    fn a_side_that_fails_is_told_until_it_succeeds_and_a_refused_write_is_no_outage() {
        let health = Health::default();
        health.note::<()>(Side::Writes, &Err(Failure::Full(Cause::new("database or disk is full"))));
        health.note(Side::Reads, &Ok(()));
        health.note::<()>(Side::Reads, &Err(Failure::Refused(Cause::new("UNIQUE constraint failed"))));
        let told = "writes fail: the disk of the database is full: database or disk is full";
        assert_eq!(health.check(), Check::Warn(told.to_owned()));
        health.note(Side::Writes, &Ok(()));
        assert_eq!((health.check(), health.errors(Kind::Full), health.errors(Kind::Other)), (Check::Ok, 1, 1));
    }
}
