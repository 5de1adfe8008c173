//! How many requests a second may be sent.
//!
//! Owns one rule: requests wait for their turn, in the order in which they came.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use api::Clock;

/// A rate. A second's worth may go at once after a pause.
#[derive(Debug)]
pub(super) struct Limit {
    clock: Arc<dyn Clock>,
    interval: Duration,
    /// When the next request would go if they went evenly.
    next: Mutex<Duration>,
}

impl Limit {
    pub(super) fn new(per_second: u32, clock: Arc<dyn Clock>) -> Self {
        let next = Mutex::new(clock.monotonic());
        Self { clock, interval: Duration::from_secs(1) / per_second.max(1), next }
    }

    /// Returns when it is the caller's turn.
    pub(super) async fn turn(&self) {
        let wait = self.take();
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }

    /// Takes the next turn and says how far away it is.
    fn take(&self) -> Duration {
        const BURST: Duration = Duration::from_secs(1);
        let now = self.clock.monotonic();
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = (*next).max(now);
        *next = turn + self.interval;
        // Turns go at `BURST` before their even time; the last of the burst is the one before it.
        (turn + self.interval).saturating_sub(now + BURST)
    }
}

#[cfg(test)]
mod tests {
    use runtime::clock::ManualClock;

    use super::*;

    #[test]
    fn a_second_of_requests_may_go_at_once_and_the_others_evenly() {
        let clock = Arc::new(ManualClock::default());
        let limit = Limit::new(4, clock.clone());
        let waits = |count: usize| (0..count).map(|_| limit.take().as_millis()).collect::<Vec<_>>();
        assert_eq!(waits(6), [0, 0, 0, 0, 250, 500]);
        clock.advance(Duration::from_secs(1));
        assert_eq!(waits(3), [0, 0, 250]);
    }

    #[test]
    fn even_one_request_a_second_goes() {
        let limit = Limit::new(1, Arc::new(ManualClock::default()));
        assert_eq!([limit.take(), limit.take()].map(|wait| wait.as_secs()), [0, 1]);
    }
}
