//! How many requests a second may be sent.
//!
//! Owns one rule: requests wait for their turn, in the order in which they came, and whoever will not wait so long takes none.

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
        self.wait(Duration::MAX).await;
    }

    /// Returns when it is the caller's turn; false at once if that is farther away than `most`: then it has taken none, and others
    /// wait no longer for it.
    pub(super) async fn turn_within(&self, most: Duration) -> bool {
        self.wait(most).await
    }

    async fn wait(&self, most: Duration) -> bool {
        let Some(wait) = self.take(most) else { return false };
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        true
    }

    /// Takes the next turn and says how far away it is, if it is no farther than `most`.
    fn take(&self, most: Duration) -> Option<Duration> {
        const BURST: Duration = Duration::from_secs(1);
        let now = self.clock.monotonic();
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let after = (*next).max(now) + self.interval;
        // Turns go at `BURST` before their even time; the last of the burst is the one before it.
        let wait = after.saturating_sub(now + BURST);
        if wait > most {
            return None;
        }
        *next = after;
        Some(wait)
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
        let waits = |count: usize| {
            (0..count).filter_map(|_| limit.take(Duration::MAX)).map(|wait| wait.as_millis()).collect::<Vec<_>>()
        };
        assert_eq!(waits(6), [0, 0, 0, 0, 250, 500]);
        clock.advance(Duration::from_secs(1));
        assert_eq!(waits(3), [0, 0, 250]);
    }

    #[test]
    fn even_one_request_a_second_goes() {
        let limit = Limit::new(1, Arc::new(ManualClock::default()));
        let wait = || limit.take(Duration::MAX).map(|wait| wait.as_secs());
        assert_eq!([wait(), wait()], [Some(0), Some(1)]);
    }

    #[test]
    fn whoever_will_not_wait_so_long_takes_no_turn_from_others() {
        let limit = Limit::new(4, Arc::new(ManualClock::default()));
        let most = Duration::from_millis(300);
        let waits: Vec<Option<u128>> = (0..1000).map(|_| limit.take(most).map(|wait| wait.as_millis())).collect();
        assert_eq!(waits[..6], [Some(0), Some(0), Some(0), Some(0), Some(250), None]);
        assert!(waits[6..].iter().all(Option::is_none));
        assert_eq!(limit.take(Duration::MAX), Some(Duration::from_millis(500)));
    }
}
