//! Waiting for a condition, in place of sleeping.

use std::time::Duration;

/// Asks `probe` until it answers; fails the test if it has not within a minute.
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "the one place that sleeps, between two questions")]
pub(crate) fn until<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    // A minute for a slow and busy machine; most conditions hold within milliseconds.
    for _ in 0..3_000 {
        if let Some(answer) = probe() {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("waited a minute for {what}");
}
