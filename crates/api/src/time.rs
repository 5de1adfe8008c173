//! Wall-clock time as the API serves it.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A moment in whole seconds; text form RFC 3339, UTC, `Z`: `2026-11-21T04:31:02Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(from = "Timestamp", into = "Timestamp")]
#[schemars(with = "Timestamp")]
pub struct Time(Timestamp);

impl Time {
    /// The second that `moment` falls into.
    pub fn of(moment: Timestamp) -> Self {
        let second = moment.as_second() - i64::from(moment.subsec_nanosecond() < 0);
        Self(
            Timestamp::from_second(second).expect("a second of a valid moment is valid, but for the first of all time"),
        )
    }

    /// How much later this is than `earlier`; negative when it is not.
    pub fn since(self, earlier: Self) -> SignedDuration {
        self.0.duration_since(earlier.0)
    }
}

impl From<Timestamp> for Time {
    fn from(moment: Timestamp) -> Self {
        Self::of(moment)
    }
}

impl From<Time> for Timestamp {
    fn from(time: Time) -> Self {
        time.0
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
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
