//! How fast the cluster is written to.

use std::sync::Arc;
use std::time::Duration;

use api::Clock;

/// Ten writes a second.
const BETWEEN: Duration = Duration::from_millis(100);

/// One write after another.
#[derive(Debug)]
pub(super) struct Pace {
    clock: Arc<dyn Clock>,
    next: Duration,
}

impl Pace {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, next: Duration::ZERO }
    }

    /// Returns when the next write may be sent.
    pub(super) async fn turn(&mut self) {
        let wait = self.next.saturating_sub(self.clock.monotonic());
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        self.next = self.clock.monotonic() + BETWEEN;
    }
}
