//! When attempts are made. Pure.
//!
//! Owns pauses after failures, and rates.

use std::collections::VecDeque;
use std::time::Duration;

use api::Fingerprint;

use super::settings::{NotifierKind, Rate};

/// The pause after the first failure; each more doubles it.
const FIRST: Duration = Duration::from_secs(5);

/// The longest pause, also if the receiver asks for a longer one.
pub(crate) const LONGEST: Duration = Duration::from_mins(10);

/// What Lark takes of one bot.
const LARK: Rate = Rate { per_second: 5, per_minute: 100 };

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

/// How long to wait after so many failures in a row, one at least; `name` decides the fifth that is added or taken off.
pub(crate) fn pause(failures: u32, name: &str) -> Duration {
    let doubled = FIRST.saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX)).min(LONGEST);
    let drawn = Fingerprint::over([name, &failures.to_string()]);
    let drawn = u32::from_str_radix(&drawn.as_str()[..4], 16).unwrap_or_default();
    // From 0.8 to 1.2.
    doubled.mul_f64(0.8 + 0.4 * f64::from(drawn) / f64::from(0xffff))
}

/// How long to wait after a failure: what the receiver asks for, up to ten minutes, or else as always.
pub(crate) fn pause_after(asked: Option<Duration>, failures: u32, name: &str) -> Duration {
    asked.map_or_else(|| pause(failures, name), |asked| asked.min(LONGEST))
}

/// Attempts of the last minute, 16 bytes each and 10,000 at most.
#[derive(Debug, Clone)]
pub(crate) struct Meter {
    limits: Rate,
    sent: VecDeque<Duration>,
}

impl Meter {
    /// A meter before the first attempt.
    pub(crate) const fn new() -> Self {
        Self { limits: LARK, sent: VecDeque::new() }
    }

    /// Takes the limits of a notifier; what was sent counts on.
    pub(crate) fn limit(&mut self, kind: NotifierKind, wanted: Rate) {
        let Rate { per_second, per_minute } = wanted;
        self.limits = match kind {
            NotifierKind::Lark => {
                Rate { per_second: per_second.min(LARK.per_second), per_minute: per_minute.min(LARK.per_minute) }
            }
            NotifierKind::Webhook | NotifierKind::Alertmanager | NotifierKind::Event => wanted,
        };
    }

    /// When the next attempt may be made; a time that has gone by means now.
    pub(crate) fn free_at(&self) -> Duration {
        let nth_last = |count: u32| {
            let place = self.sent.len().checked_sub(usize::try_from(count).unwrap_or(usize::MAX));
            place.and_then(|place| self.sent.get(place)).copied()
        };
        let second = nth_last(self.limits.per_second).map(|sent| sent + SECOND);
        let minute = nth_last(self.limits.per_minute).map(|sent| sent + MINUTE);
        second.max(minute).unwrap_or_default()
    }

    /// Counts an attempt.
    pub(crate) fn count(&mut self, now: Duration) {
        while self.sent.front().is_some_and(|sent| *sent + MINUTE <= now) {
            self.sent.pop_front();
        }
        self.sent.push_back(now);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_pause_is_doubled_up_to_ten_minutes_give_or_take_a_fifth() {
        let expected = [5, 10, 20, 40, 80, 160, 320, 600, 600];
        for (failures, seconds) in (1..).zip(expected) {
            for name in ["a", "b", "c"] {
                let pause = pause(failures, name).as_secs_f64() / f64::from(seconds);
                assert!((0.8..=1.2).contains(&pause), "{failures} {pause}");
            }
        }
        assert_ne!(pause(1, "a"), pause(1, "b"));
        assert!(pause(u32::MAX, "a") <= LONGEST.mul_f64(1.2));
    }

    #[test]
    fn a_receiver_may_ask_for_ten_minutes_at_most() {
        let asked = |seconds| pause_after(Some(Duration::from_secs(seconds)), 1, "a");
        assert_eq!([asked(7), asked(3600)], [7, 600].map(Duration::from_secs));
    }

    #[test]
    fn lark_is_not_asked_faster_than_it_takes() {
        let limited = |kind| {
            let mut rate = Meter::new();
            rate.limit(kind, Rate { per_second: 50, per_minute: 60 });
            (rate.limits.per_second, rate.limits.per_minute)
        };
        assert_eq!([limited(NotifierKind::Lark), limited(NotifierKind::Webhook)], [(5, 60), (50, 60)]);
    }

    proptest! {
        #[test]
        fn no_second_and_no_minute_has_more_attempts_than_allowed(
            waits in prop::collection::vec(0_u64..400, 1..300), per_second in 1_u32..6, per_minute in 1_u32..40,
        ) {
            let mut rate = Meter::new();
            rate.limit(NotifierKind::Webhook, Rate { per_second, per_minute });
            let mut now = Duration::ZERO;
            let mut sent = Vec::new();
            for wait in waits {
                now = rate.free_at().max(now + Duration::from_millis(wait));
                rate.count(now);
                sent.push(now);
            }
            let within = |span: Duration| {
                let counts = sent.iter().map(|from| sent.iter().filter(|at| (*from..*from + span).contains(*at)).count());
                counts.max().unwrap_or_default()
            };
            prop_assert!(within(SECOND) <= per_second as usize);
            prop_assert!(within(MINUTE) <= per_minute as usize);
        }
    }
}
