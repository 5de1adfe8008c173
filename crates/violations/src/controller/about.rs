//! What a node says of itself beside its records: the headers of its answer.
//!
//! Owns reading them, and what follows for freshness and for what is absent. Pure.

use std::time::Duration;

use api::Time;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use jiff::{SignedDuration, Timestamp};

use crate::headers::{BOOT, INTERVAL, LAST_PASS, PASSES, RULES, TRUNCATED};
use crate::record::COUNT_MAX;

/// What a node says of itself.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct About {
    /// Boot id of its host; empty if it does not say.
    pub(crate) boot: String,
    /// When its last completed pass ended, by its own clock; none from a former agent.
    pub(crate) last_pass: Option<Time>,
    /// Completed passes since its start; none from a former agent.
    pub(crate) passes: Option<u64>,
    /// Between two passes.
    pub(super) interval: Duration,
    /// Revision of its rules; empty if it does not say.
    pub(crate) rules: String,
    /// Open records that it left out.
    pub(crate) truncated: u64,
    /// Tag of what it answered.
    pub(crate) etag: Option<HeaderValue>,
    /// Its time when it answered.
    pub(super) date: Option<Time>,
}

/// What follows from a record that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Absence {
    /// Its process is gone.
    Gone,
    /// Its process is gone if it is not there in the next answer either.
    GoneTheSecondTime,
    /// Nothing.
    Unknown,
}

/// Texts of a node that are shown again.
const SHOWN_BYTES: usize = 64;

/// A pass that is later than this many intervals is overdue.
const INTERVALS: u32 = 3;

/// But not before this.
const LEAST_OVERDUE: Duration = Duration::from_secs(30);

impl About {
    /// What the headers of an answer say. A header that cannot be read is as one that is not there.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
        let shown = |name| {
            let text = text(name).unwrap_or_default();
            crate::record::head(text, SHOWN_BYTES).to_owned()
        };
        let number = |name| text(name)?.parse::<u64>().ok().map(|number| number.min(COUNT_MAX));
        let interval =
            text(&INTERVAL).and_then(|text| text.parse().ok()).and_then(|s| Duration::try_from_secs_f64(s).ok());
        Self {
            boot: shown(&BOOT),
            last_pass: text(&LAST_PASS).and_then(|text| text.parse::<Timestamp>().ok()).map(Time::of),
            passes: number(&PASSES),
            interval: interval.unwrap_or_default(),
            rules: shown(&RULES),
            truncated: number(&TRUNCATED).unwrap_or_default(),
            etag: headers.get(header::ETAG).cloned(),
            date: text(&header::DATE)
                .and_then(|text| jiff::fmt::rfc2822::parse(text).ok())
                .map(|date| Time::of(date.timestamp())),
        }
    }

    /// Whether its passes stand still: it answers, and looks no more. Its own clock counts, as the same answer shows it, because
    /// it may be off by hours.
    pub(crate) fn is_overdue(&self, now: Time) -> bool {
        let Some(last_pass) = self.last_pass else { return false };
        let patience = self.interval.saturating_mul(INTERVALS).max(LEAST_OVERDUE);
        let patience = SignedDuration::try_from(patience).unwrap_or(SignedDuration::MAX);
        self.date.unwrap_or(now).since(last_pass) > patience
    }

    /// When it saw what is open: its last pass, by our clock.
    pub(crate) fn seen_at(&self, now: Time) -> Time {
        let (Some(last_pass), date) = (self.last_pass, self.date.unwrap_or(now)) else { return now };
        let age = date.since(last_pass).max(SignedDuration::ZERO);
        Timestamp::from(now).checked_sub(age).map_or(now, Time::of)
    }

    /// What it means that a record is not in the list of this answer. `is_whole`: every record of it could be read.
    pub(crate) fn absence(&self, is_whole: bool, now: Time) -> Absence {
        match self.passes {
            _ if !is_whole || self.truncated > 0 || self.is_overdue(now) => Absence::Unknown,
            None => Absence::GoneTheSecondTime,
            // In its first pass an agent may not have seen every process yet.
            Some(0 | 1) => Absence::Unknown,
            Some(_) => Absence::Gone,
        }
    }

    /// Passes since an earlier answer of the same agent; 1 if that cannot be said.
    pub(crate) fn passes_since(&self, earlier: Option<u64>) -> u64 {
        match (self.passes, earlier) {
            (Some(now), Some(then)) if now >= then => now - then,
            _ => 1,
        }
    }
}

#[cfg(test)]
mod tests;
