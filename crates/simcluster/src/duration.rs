//! Durations as text: `500ms`, `2s`, `5m`, `24h`, `7d`.
//!
//! Owns their form in settings and on the control routes: a serde `with` module. It is the form that all settings have; this
//! room may use none of the others.

use std::borrow::Cow;
use std::time::Duration;

use jiff::SignedDuration;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serializer};

/// Milliseconds of a unit, the largest first.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// What is said of a text that is no duration.
const WANTED: &str = "not a duration (accepted: a whole number with ms, s, m, h or d)";

/// Says in a schema that a text is a duration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DurationText;

pub(crate) fn parse(text: &str) -> Option<Duration> {
    let digits = text.find(|character: char| !character.is_ascii_digit()).filter(|&digits| digits > 0)?;
    let (amount, unit) = text.split_at(digits);
    let (_, millis) = UNITS.iter().find(|(name, _)| *name == unit)?;
    amount.parse::<u64>().ok()?.checked_mul(*millis).map(Duration::from_millis)
}

/// The text in the largest unit that is exact.
pub(crate) fn text(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let exact = UNITS.iter().find(|(_, unit)| millis.is_multiple_of(*unit));
    match exact {
        Some((name, unit)) if millis > 0 => format!("{}{name}", millis / unit),
        _ => "0s".to_owned(),
    }
}

pub(crate) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text(*duration))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    parse(&Cow::<str>::deserialize(deserializer)?).ok_or_else(|| D::Error::custom(WANTED))
}

/// The same with a sign: `-30s`.
pub(crate) mod signed {
    use super::{Cow, Deserialize, Deserializer, Serializer, SignedDuration, WANTED};

    pub(crate) fn parse(text: &str) -> Option<SignedDuration> {
        let (unsigned, is_negative) = match text.strip_prefix('-') {
            Some(rest) => (rest, true),
            None => (text.strip_prefix('+').unwrap_or(text), false),
        };
        let duration = SignedDuration::try_from(super::parse(unsigned)?).ok()?;
        Some(if is_negative { -duration } else { duration })
    }

    pub(crate) fn text(duration: SignedDuration) -> String {
        let sign = if duration.is_negative() { "-" } else { "" };
        format!("{sign}{}", super::text(duration.unsigned_abs()))
    }

    pub(crate) fn serialize<S: Serializer>(duration: &SignedDuration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&text(*duration))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SignedDuration, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        parse(&text).ok_or_else(|| serde::de::Error::custom(WANTED))
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
        for text in ["", "0", "s", "1.5s", "-1s", "1 s", "1S", "1m30s", "1µs", "99999999999999999999s"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_duration_is_written_in_the_largest_exact_unit() {
        let written = [0, 500, 90_000, 300_000, 86_400_000].map(|millis| text(Duration::from_millis(millis)));
        assert_eq!(written, ["0s", "500ms", "90s", "5m", "1d"]);
    }

    #[test]
    fn a_signed_duration_may_go_back() {
        let read = ["-30s", "+2m", "0s"].map(|text| signed::parse(text).unwrap());
        assert_eq!(read.map(|by| by.as_secs()), [-30, 120, 0]);
        assert_eq!(read.map(signed::text), ["-30s", "2m", "0s"]);
        assert_eq!(signed::parse("--1s"), None);
    }
}
