//! One record as JSON text, made once and served many times.
//!
//! Owns the split of the text into what stays and the three fields that every pass moves. An answer is then copied
//! together, and its ETag is taken over the part that stays, so that a node with nothing new answers 304.

use api::{Time, Violation};
use serde_json::Value;

/// A record as JSON text without `timestamp`, `last_seen` and `count`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Encoded {
    text: Box<str>,
    /// Where `timestamp` belongs.
    timestamp_at: usize,
    /// Where `last_seen` and `count` belong.
    last_seen_at: usize,
}

impl Encoded {
    /// Encodes a record.
    pub(crate) fn of(violation: &Violation) -> Self {
        let value = serde_json::to_value(violation).expect("a record is plain data");
        let fields = value.as_object().expect("a record is an object");
        let mut text = String::from("{");
        let (mut timestamp_at, mut last_seen_at) = (0, 0);
        for (key, value) in fields {
            match key.as_str() {
                "timestamp" => timestamp_at = text.len(),
                "last_seen" => last_seen_at = text.len(),
                "count" => {}
                stable => push_field(&mut text, stable, value),
            }
        }
        text.pop();
        text.push('}');
        Self { text: text.into_boxed_str(), timestamp_at, last_seen_at }
    }

    /// What the ETag is taken over.
    pub(crate) fn stable(&self) -> &str {
        &self.text
    }

    /// Appends the whole record.
    pub(crate) fn write(&self, last_seen: Time, count: u64, out: &mut String) {
        let (head, rest) = self.text.split_at(self.timestamp_at);
        let (middle, tail) = rest.split_at(self.last_seen_at - self.timestamp_at);
        let last_seen = last_seen.to_string();
        for part in [head, "\"timestamp\":\"", &last_seen, "\",", middle] {
            out.push_str(part);
        }
        for part in ["\"last_seen\":\"", &last_seen, "\",\"count\":", &count.to_string(), ",", tail] {
            out.push_str(part);
        }
    }
}

/// Appends a field and a comma.
fn push_field(text: &mut String, key: &str, value: &Value) {
    text.push('"');
    text.push_str(key);
    text.push_str("\":");
    text.push_str(&value.to_string());
    text.push(',');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use crate::record::{Sightings, record};

    #[test]
    fn a_written_record_is_byte_for_byte_what_serde_makes_of_it() {
        for found in [fixture::in_pod(), fixture::on_host(), fixture::worst(3)] {
            let seen = Time::of(found.seen);
            let violation = record(&found, fixture::NODE, Sightings { first: seen, last: seen, count: 31 });
            let mut text = String::new();
            Encoded::of(&violation).write(seen, 31, &mut text);
            assert_eq!(text, serde_json::to_string(&violation).unwrap());
        }
    }
}
