//! What time it is: the one place that asks the system, and a clock that tests move by hand.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use api::Clock;
use jiff::Timestamp;

/// The time of this machine.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    started: Instant,
}

/// A clock that stands until it is moved.
#[derive(Debug)]
pub struct ManualClock {
    times: Mutex<Times>,
}

#[derive(Debug, Clone, Copy)]
struct Times {
    now: Timestamp,
    monotonic: Duration,
}

impl SystemClock {
    /// A clock whose monotonic time starts here.
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everyone else takes as an argument")]
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everyone else takes as an argument")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}

impl ManualClock {
    /// A clock that stands at `now`, with no monotonic time gone.
    pub const fn new(now: Timestamp) -> Self {
        Self { times: Mutex::new(Times { now, monotonic: Duration::ZERO }) }
    }

    /// Lets time go by, on the wall and monotonic.
    pub fn advance(&self, by: Duration) {
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        times.now = times.now.checked_add(by).expect("a test stays within the range of time");
        times.monotonic += by;
    }

    /// Sets the wall clock, as an administrator might; monotonic time goes on as before.
    pub fn set(&self, now: Timestamp) {
        self.times.lock().unwrap_or_else(PoisonError::into_inner).now = now;
    }

    fn times(&self) -> Times {
        *self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for ManualClock {
    /// A clock that stands at the beginning of 2026-11-21, UTC.
    fn default() -> Self {
        const BEGINNING: i64 = 1_795_219_200;
        Self::new(Timestamp::constant(BEGINNING, 0))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.times().now
    }

    fn monotonic(&self) -> Duration {
        self.times().monotonic
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_by_hand() {
        let clock = ManualClock::default();
        clock.advance(Duration::from_secs(90));
        assert_eq!(clock.now().to_string(), "2026-11-21T00:01:30Z");
        clock.set("2020-01-01T00:00:00Z".parse().unwrap());
        assert_eq!(
            (clock.now().to_string().as_str(), clock.monotonic()),
            ("2020-01-01T00:00:00Z", Duration::from_secs(90))
        );
    }

    #[test]
    fn the_system_clock_does_not_go_back() {
        let clock = SystemClock::new();
        let before = clock.monotonic();
        assert!(clock.monotonic() >= before);
        assert!(clock.now().as_second() > 1_700_000_000);
    }
}
