//! The same error again within a minute is counted, not repeated.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// How long an error stays told.
const PAUSE: Duration = Duration::from_mins(1);

/// Errors that are remembered. A process has a few hundred places that log errors; at 40 bytes each they take 40 KiB.
/// Beyond that, what was told longest ago is forgotten.
const REMEMBERED: usize = 1_024;

/// Errors of the last minute, by target and message.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    hasher: RandomState,
    told: HashMap<u64, Error>,
}

#[derive(Debug)]
struct Error {
    told_at: Duration,
    since: u64,
}

/// Whether an error is to be told.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// It is, with how often it was not told since the last time.
    Now { repeated: u64 },
    /// It was, less than a minute ago.
    Already,
}

impl Repeats {
    /// Decides whether an error at `now`, in monotonic time, is to be told.
    pub(super) fn tell(&mut self, target: &str, message: &str, now: Duration) -> Told {
        let key = self.hasher.hash_one((target, message));
        if let Some(error) = self.told.get_mut(&key) {
            if now.saturating_sub(error.told_at) < PAUSE {
                error.since += 1;
                return Told::Already;
            }
            let repeated = std::mem::take(&mut error.since);
            error.told_at = now;
            return Told::Now { repeated };
        }
        self.make_room();
        self.told.insert(key, Error { told_at: now, since: 0 });
        Told::Now { repeated: 0 }
    }

    fn make_room(&mut self) {
        if self.told.len() < REMEMBERED {
            return;
        }
        let oldest = self.told.iter().min_by_key(|(_, error)| error.told_at).map(|(key, _)| *key);
        if let Some(key) = oldest {
            self.told.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_once_a_minute_with_the_count_of_the_others() {
        let mut repeats = Repeats::default();
        let seconds = [0, 1, 59, 60, 61, 200];
        let told = seconds.map(|second| repeats.tell("web", "no", Duration::from_secs(second)));
        let now = |repeated| Told::Now { repeated };
        assert_eq!(told, [now(0), Told::Already, Told::Already, now(2), Told::Already, now(1)]);
    }

    #[test]
    fn errors_of_other_targets_and_messages_are_others() {
        let mut repeats = Repeats::default();
        for (target, message) in [("web", "no"), ("pods", "no"), ("web", "nope")] {
            assert_eq!(repeats.tell(target, message, Duration::ZERO), Told::Now { repeated: 0 });
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut repeats = Repeats::default();
        for error in 0..2_000_u64 {
            repeats.tell("web", &error.to_string(), Duration::from_millis(error));
        }
        assert_eq!(repeats.told.len(), REMEMBERED);
        assert_eq!(repeats.tell("web", "1999", Duration::from_secs(3)), Told::Already);
    }
}
