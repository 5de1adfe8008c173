//! When a task runs again.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Time between the starts of two runs. Clones share it.
#[derive(Clone)]
pub struct Schedule {
    period: Arc<dyn Fn() -> Duration + Send + Sync>,
    /// Share of the period, 0 to 1, by which a start may be earlier or later.
    jitter: f64,
}

impl Schedule {
    /// Runs start `period` after each other; a run that takes longer is followed by the next at once.
    pub fn every(period: Duration) -> Self {
        Self::read(move || period)
    }

    /// As [`Schedule::every`], with a period that is asked for before each run, since settings change.
    pub fn read(period: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self { period: Arc::new(period), jitter: 0.0 }
    }

    /// Spreads the starts by up to `share` of the period, so that many processes do not act as one.
    #[must_use]
    pub fn jitter(self, share: f64) -> Self {
        Self { jitter: share.clamp(0.0, 1.0), ..self }
    }

    pub(super) fn period(&self) -> Duration {
        (self.period)()
    }

    /// How long to wait after a run that `took` so long; `chance` is between 0 and 1.
    pub(super) fn pause(&self, took: Duration, chance: f64) -> Duration {
        let spread = 1.0 + self.jitter * (2.0 * chance - 1.0);
        self.period().mul_f64(spread.max(0.0)).saturating_sub(took)
    }
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schedule").field("period", &self.period()).field("jitter", &self.jitter).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_are_a_period_apart_and_spread_by_the_jitter() {
        let schedule = Schedule::every(Duration::from_secs(100));
        let seconds = |schedule: &Schedule, took, chance| schedule.pause(Duration::from_secs(took), chance).as_secs();
        assert_eq!(
            [(0, 0.9), (30, 0.1), (120, 0.5)].map(|(took, chance)| seconds(&schedule, took, chance)),
            [100, 70, 0]
        );
        let spread = schedule.jitter(0.1);
        assert_eq!([0.0, 0.5, 1.0].map(|chance| seconds(&spread, 0, chance)), [90, 100, 110]);
    }
}
