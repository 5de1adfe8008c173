//! Wall-clock time as the API serves it.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A moment in whole seconds; text form RFC 3339, UTC, `Z`: `2026-11-21T04:31:02Z`.
///
/// Kept as seconds since 1970: findings and pods have several each, and there are hundreds of thousands of them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(from = "Timestamp", into = "Timestamp")]
#[schemars(with = "Timestamp")]
pub struct Time(i64);

impl Time {
    /// The second that `moment` falls into.
    pub fn of(moment: Timestamp) -> Self {
        Self(moment.as_second() - i64::from(moment.subsec_nanosecond() < 0))
    }

    /// Seconds since 1970.
    pub const fn as_second(self) -> i64 {
        self.0
    }

    /// How much later this is than `earlier`; negative when it is not.
    pub fn since(self, earlier: Self) -> SignedDuration {
        SignedDuration::from_secs(self.0 - earlier.0)
    }
}

impl From<Timestamp> for Time {
    fn from(moment: Timestamp) -> Self {
        Self::of(moment)
    }
}

impl From<Time> for Timestamp {
    fn from(time: Time) -> Self {
        Self::from_second(time.0).expect("a second of a valid moment is valid, but for the first of all time")
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Time({self})")
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Timestamp::from(*self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_served_in_whole_seconds_of_utc() {
        let moment: Timestamp = "2026-11-21T05:31:02.987+01:00".parse().unwrap();
        assert_eq!(Time::of(moment).to_string(), "2026-11-21T04:31:02Z");
    }

    #[test]
    fn a_time_before_1970_falls_into_the_second_it_is_in() {
        let moment: Timestamp = "1969-12-31T23:59:58.5Z".parse().unwrap();
        assert_eq!(Time::of(moment).to_string(), "1969-12-31T23:59:58Z");
    }
}
