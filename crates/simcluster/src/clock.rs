//! The time of the cluster.
//!
//! Owns one clock: it starts where it is told, goes on with tokio's (which tests pause), or stands until it is stepped.

use std::sync::Mutex;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::settings::Pace;

/// What time it is in the cluster.
#[derive(Debug)]
pub struct SimClock {
    origin: Timestamp,
    pace: Mutex<Going>,
    /// Told when the clock was set.
    set: watch::Sender<()>,
}

#[derive(Debug, Clone, Copy)]
enum Going {
    /// It was this long after the origin at that instant.
    Since(Duration, Instant),
    /// It is this long after the origin.
    Stands(Duration),
}

impl SimClock {
    pub(crate) fn new(origin: Timestamp, pace: Pace) -> Self {
        let going = match pace {
            Pace::Auto => Going::Since(Duration::ZERO, Instant::now()),
            Pace::Manual => Going::Stands(Duration::ZERO),
        };
        Self { origin, pace: Mutex::new(going), set: watch::Sender::new(()) }
    }

    /// The present of the cluster.
    pub fn now(&self) -> Timestamp {
        let elapsed = SignedDuration::try_from(self.elapsed()).unwrap_or(SignedDuration::MAX);
        self.origin.saturating_add(elapsed).unwrap_or(Timestamp::MAX)
    }

    pub(crate) fn advance(&self, by: Duration) {
        let mut going = self.lock();
        *going = match *going {
            Going::Since(before, instant) => Going::Since(before + by, instant),
            Going::Stands(before) => Going::Stands(before + by),
        };
        drop(going);
        self.set.send_replace(());
    }

    /// Returns when it is `at` in the cluster.
    pub(crate) async fn sleep_until(&self, at: Timestamp) {
        let mut set = self.set.subscribe();
        loop {
            let left = Duration::try_from(at.duration_since(self.now())).unwrap_or(Duration::ZERO);
            if left.is_zero() {
                return;
            }
            let goes = self.goes();
            tokio::select! {
                // The clock lives as long as `self`: its sender is never gone.
                _ = set.changed() => {}
                () = tokio::time::sleep(left), if goes => {}
            }
        }
    }

    pub(crate) fn goes(&self) -> bool {
        matches!(*self.lock(), Going::Since(..))
    }

    /// From now on it goes by itself, or it stands.
    pub(crate) fn set_pace(&self, pace: Pace) {
        let elapsed = self.elapsed();
        *self.lock() = match pace {
            Pace::Auto => Going::Since(elapsed, Instant::now()),
            Pace::Manual => Going::Stands(elapsed),
        };
        self.set.send_replace(());
    }

    fn elapsed(&self) -> Duration {
        match *self.lock() {
            Going::Since(before, instant) => before + instant.elapsed(),
            Going::Stands(elapsed) => elapsed,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Going> {
        self.pace.lock().expect("no one panics while the clock is read")
    }
}

/// Whole seconds, as `creationTimestamp` has them.
pub(crate) fn seconds(at: Timestamp) -> String {
    Timestamp::from_second(at.as_second()).unwrap_or(at).to_string()
}
