//! Waiting for a condition, in place of sleeping.

use std::time::Duration;

/// Between two questions.
const PAUSE: Duration = Duration::from_millis(20);

/// Asks `probe` until it answers; fails the test if it has not within a minute.
#[track_caller]
pub(crate) fn until<T>(what: &str, probe: impl FnMut() -> Option<T>) -> T {
    // A minute for a slow and busy machine; most conditions hold within milliseconds.
    let Some(answer) = within(Duration::from_mins(1), probe) else { panic!("waited a minute for {what}") };
    answer
}

/// Asks `probe` until it answers, for about as long as this.
#[expect(clippy::disallowed_methods, reason = "the one place that sleeps, between two questions")]
pub(crate) fn within<T>(patience: Duration, mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    for _ in 0..patience.as_millis() / PAUSE.as_millis() {
        if let Some(answer) = probe() {
            return Some(answer);
        }
        std::thread::sleep(PAUSE);
    }
    None
}
