//! Durations as settings and rules write them: `500ms`, `2s`, `5m`, `24h`, `7d`.
//!
//! A serde `with` module for [`Duration`]; the module [`option`] does the same for `Option<Duration>`.

use std::borrow::Cow;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serializer};

use crate::quantity::{self, Unit};

const UNITS: [Unit; 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Says in a schema that a text is a duration. `x-min` and `x-max` beside it are the accepted range.
#[derive(Debug, Clone, Copy)]
pub struct DurationText;

/// The text is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a duration (accepted: a whole number with ms, s, m, h or d)")]
pub struct InvalidDuration;

/// Reads `500ms`, `2s`, `5m`, `24h` or `7d`.
pub fn parse(text: &str) -> Result<Duration, InvalidDuration> {
    quantity::parse(text, &UNITS).map(Duration::from_millis).ok_or(InvalidDuration)
}

/// Writes `duration` in the largest unit that is exact. What is finer than a millisecond is cut off.
pub fn text(duration: Duration) -> String {
    quantity::text(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX), &UNITS, "s")
}

/// Serializes as text; a duration with a part finer than a millisecond has none.
pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    if Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)) != *duration {
        return Err(S::Error::custom("a duration in settings is a whole number of milliseconds"));
    }
    serializer.serialize_str(&text(*duration))
}

/// Deserializes from text.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    parse(&Cow::<str>::deserialize(deserializer)?).map_err(D::Error::custom)
}

/// A serde `with` module for `Option<Duration>`.
pub mod option {
    use super::{Cow, Deserialize, Deserializer, Duration, Serializer};

    /// Serializes as text, or as nothing.
    pub fn serialize<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        match duration {
            Some(duration) => super::serialize(duration, serializer),
            None => serializer.serialize_none(),
        }
    }

    /// Deserializes from text, or from nothing.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        let text = Option::<Cow<str>>::deserialize(deserializer)?;
        text.map(|text| super::parse(&text).map_err(serde::de::Error::custom)).transpose()
    }
}

impl JsonSchema for DurationText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "duration", "pattern": "^[0-9]+(ms|s|m|h|d)$"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_whole_number_and_a_unit() {
        let read = ["500ms", "2s", "5m", "24h", "7d", "0s"].map(|text| parse(text).unwrap().as_millis());
        assert_eq!(read, [500, 2_000, 300_000, 86_400_000, 604_800_000, 0]);
    }

    #[test]
    fn anything_else_is_no_duration() {
        for text in [
            "",
            "0",
            "5",
            "s",
            "1.5s",
            "-1s",
            "+1s",
            "1 s",
            "1S",
            "1m30s",
            "1µs",
            "99999999999999999999s",
            "999999999999d",
        ] {
            assert_eq!(parse(text), Err(InvalidDuration), "{text}");
        }
    }

    #[test]
    fn a_duration_is_written_in_the_largest_exact_unit() {
        let written = [0, 500, 90_000, 300_000, 86_400_000, 604_800_000].map(|ms| text(Duration::from_millis(ms)));
        assert_eq!(written, ["0s", "500ms", "90s", "5m", "1d", "7d"]);
    }
}
