//! Sizes as settings write them: `256B`, `64KiB`, `16MiB`, `2GiB`.
//!
//! A serde `with` module for a `u64` of bytes.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serializer};

use crate::quantity::{self, Unit};

const UNITS: [Unit; 5] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];

/// Says in a schema that a text is a size. `x-min` and `x-max` beside it are the accepted range.
#[derive(Debug, Clone, Copy)]
pub struct SizeText;

/// The text is no size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a size (accepted: a whole number with B, KiB, MiB, GiB or TiB)")]
pub struct InvalidSize;

/// Reads `256B`, `64KiB`, `16MiB`, `2GiB` or `1TiB` as bytes.
pub fn parse(text: &str) -> Result<u64, InvalidSize> {
    quantity::parse(text, &UNITS).ok_or(InvalidSize)
}

/// Writes `bytes` in the largest unit that is exact.
pub fn text(bytes: u64) -> String {
    quantity::text(bytes, &UNITS, "B")
}

/// Serializes as text.
pub fn serialize<S: Serializer>(bytes: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text(*bytes))
}

/// Deserializes from text.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    parse(&Cow::<str>::deserialize(deserializer)?).map_err(D::Error::custom)
}

impl JsonSchema for SizeText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "size", "pattern": "^[0-9]+(B|[KMGT]iB)$"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_a_whole_number_and_a_unit() {
        assert_eq!(
            ["0B", "256B", "64KiB", "16MiB", "2GiB"].map(|text| parse(text).unwrap()),
            [0, 256, 65_536, 16 << 20, 2 << 30]
        );
    }

    #[test]
    fn anything_else_is_no_size() {
        for text in ["", "0", "64", "64K", "64KB", "64kib", "1.5MiB", "-1B", "99999999999GiB"] {
            assert_eq!(parse(text), Err(InvalidSize), "{text}");
        }
    }

    #[test]
    fn a_size_is_written_in_the_largest_exact_unit() {
        assert_eq!([0, 256, 1_536, 65_536, 3 << 30].map(text), ["0B", "256B", "1536B", "64KiB", "3GiB"]);
    }
}
