//! When the server is asked again; pure.
//!
//! Owns back-off and the distance between complete lists, whatever the server does. Waiting is `run`'s.

use std::time::Duration;

use super::Relist;
use crate::random::Random;

/// The first pause is up to this, each further one up to twice as long.
const FIRST: Duration = Duration::from_millis(800);

/// No pause is longer.
const LONGEST: Duration = Duration::from_secs(30);

/// A watch that lived this long was healthy: the next pause is a first one.
const HEALTHY: Duration = Duration::from_mins(1);

/// Complete lists begin at least this far apart, at random between the two.
const BETWEEN_LISTS: [Duration; 2] = [Duration::from_secs(30), Duration::from_secs(40)];

/// Lists that settings ask for begin this far apart.
const BETWEEN_SETTINGS: Duration = Duration::from_mins(1);

/// A watch that the server ends sooner than this has not ended normally: resuming at once would go round in circles.
const SHORT: Duration = Duration::from_secs(1);

/// What was asked when, and how it went. Times are monotonic.
#[derive(Debug)]
pub(super) struct Pace {
    random: Random,
    /// Pauses since the last health.
    pauses: u32,
    /// When the next list may begin; `None` before the first.
    next_list: Option<Duration>,
    last_settings: Option<Duration>,
    /// The first list that a 410 asks for need not wait.
    spares_expired: bool,
}

impl Pace {
    pub(super) const fn new(seed: u64) -> Self {
        Self { random: Random::new(seed), pauses: 0, next_list: None, last_settings: None, spares_expired: true }
    }

    /// How long to wait before a list that begins for this reason.
    pub(super) fn before_list(&mut self, reason: Relist, now: Duration) -> Duration {
        let Some(spaced) = self.next_list else { return Duration::ZERO };
        if reason == Relist::Expired && self.spares_expired {
            self.spares_expired = false;
            return Duration::ZERO;
        }
        let wanted = match (reason, self.last_settings) {
            (Relist::Settings, Some(settings)) => spaced.max(settings + BETWEEN_SETTINGS),
            (Relist::Start | Relist::Expired | Relist::Broken | Relist::Settings, _) => spaced,
        };
        wanted.saturating_sub(now)
    }

    /// A list was asked of the server at `now`.
    pub(super) fn list_began(&mut self, reason: Relist, now: Duration) {
        let [least, most] = BETWEEN_LISTS;
        self.next_list = Some(now + self.random.between(least, most));
        if reason == Relist::Settings {
            self.last_settings = Some(now);
        }
    }

    /// How long to wait after something went wrong. `asked` is what the server asks for.
    pub(super) fn after_failure(&mut self, asked: Option<Duration>) -> Duration {
        let longest = FIRST.saturating_mul(1 << self.pauses.min(10)).min(LONGEST);
        self.pauses = self.pauses.saturating_add(1);
        self.random.between(Duration::ZERO, longest).max(asked.unwrap_or_default())
    }

    /// How long to wait after the server ended a watch that lived this long.
    pub(super) fn after_end(&mut self, lived: Duration) -> Duration {
        if lived < SHORT { self.after_failure(None) } else { Duration::ZERO }
    }

    /// A watch lived this long.
    pub(super) fn lived(&mut self, lived: Duration) {
        if lived >= HEALTHY {
            self.pauses = 0;
        }
    }

    /// How long the server is asked to keep a watch.
    pub(super) fn watch_for(&mut self) -> Duration {
        let [least, most] = [5, 10].map(Duration::from_mins);
        Duration::from_secs(self.random.between(least, most).as_secs())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn pauses_double_up_to_30_s_until_a_minute_of_health() {
        let mut longest = [Duration::ZERO; 8];
        for seed in 0..500 {
            let mut pace = Pace::new(seed);
            for longest in &mut longest {
                *longest = pace.after_failure(None).max(*longest);
            }
        }
        let bounds = [800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000].map(Duration::from_millis);
        for (longest, bound) in longest.into_iter().zip(bounds) {
            assert!(longest <= bound && longest > bound * 9 / 10, "{longest:?} of {bound:?}");
        }
        let mut pace = Pace::new(1);
        (0..10).for_each(|_| _ = pace.after_failure(None));
        pace.lived(Duration::from_mins(1));
        assert!(pace.after_failure(None) <= FIRST);
    }

    #[test]
    fn the_server_may_ask_for_a_longer_pause() {
        assert_eq!(Pace::new(3).after_failure(Some(45 * SECOND)), 45 * SECOND);
    }

    #[test]
    fn a_watch_that_ends_at_once_is_not_resumed_at_once() {
        let mut pace = Pace::new(3);
        assert_eq!(pace.after_end(SECOND), Duration::ZERO);
        (0..10).for_each(|_| _ = pace.after_end(Duration::ZERO));
        let pauses: Duration = (0..10).map(|_| pace.after_end(Duration::ZERO)).sum();
        assert!(pauses > 60 * SECOND, "{pauses:?}");
    }

    #[test]
    fn only_the_first_list_and_the_first_after_a_410_come_at_once() {
        let mut pace = Pace::new(3);
        assert_eq!(pace.before_list(Relist::Start, SECOND), Duration::ZERO);
        pace.list_began(Relist::Start, SECOND);
        assert_eq!(pace.before_list(Relist::Expired, 2 * SECOND), Duration::ZERO);
        pace.list_began(Relist::Expired, 2 * SECOND);
        let wait = pace.before_list(Relist::Expired, 2 * SECOND);
        assert!((30 * SECOND..=40 * SECOND).contains(&wait), "{wait:?}");
    }

    #[test]
    fn lists_that_settings_ask_for_are_a_minute_apart() {
        let mut pace = Pace::new(3);
        pace.list_began(Relist::Settings, SECOND);
        let wait = pace.before_list(Relist::Settings, 2 * SECOND);
        assert_eq!(wait, 59 * SECOND);
        assert!(pace.before_list(Relist::Broken, 2 * SECOND) < 40 * SECOND);
    }

    proptest! {
        #[test]
        fn lists_are_30_s_apart_whatever_asks_for_them(seed: u64, steps in prop::collection::vec((0u8..4, 0u64..90), 1..60)) {
            let mut pace = Pace::new(seed);
            let mut now = Duration::ZERO;
            let mut began = Vec::new();
            for (reason, passed) in steps {
                now += Duration::from_secs(passed);
                let reason = [Relist::Start, Relist::Expired, Relist::Broken, Relist::Settings][usize::from(reason)];
                now += pace.before_list(reason, now);
                pace.list_began(reason, now);
                began.push(now);
            }
            let close = began.windows(2).filter(|pair| pair[1].saturating_sub(pair[0]) < 30 * SECOND).count();
            prop_assert!(close <= 1, "{} lists were too close", close);
        }
    }
}
