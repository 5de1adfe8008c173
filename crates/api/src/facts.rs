//! What a source knows of a finding beyond the common fields, kept as text: a tree of values would take several times the memory.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use schemars::JsonSchema;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Deserializer, Map, Value};
use serde_transcode::Transcoder;

/// A JSON object, kept as its text with sorted keys. Equal objects have equal texts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(from = "Map<String, Value>")]
#[schemars(with = "Map<String, Value>")]
pub struct Facts(Arc<str>);

static NOTHING: LazyLock<Facts> = LazyLock::new(|| Facts(EMPTY.into()));

const EMPTY: &str = "{}";

impl Facts {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<Value> {
        self.map().remove(key)
    }

    /// All keys and values.
    pub fn map(&self) -> Map<String, Value> {
        serde_json::from_str(&self.0).unwrap_or_default()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.len() == EMPTY.len()
    }

    /// The object as JSON.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What `as_str` once gave; none if it is no object.
    pub fn stored(text: &str) -> Option<Self> {
        let begins = text.starts_with('{') && text.ends_with('}');
        begins.then(|| if text == EMPTY { Self::default() } else { Self(text.into()) })
    }

    /// These and `more`, whose values win.
    #[must_use]
    pub fn with(&self, more: &Self) -> Self {
        match (self.is_empty(), more.is_empty()) {
            (_, true) => self.clone(),
            (true, false) => more.clone(),
            (false, false) if self.may_share_a_key(more) => {
                let mut all = self.map();
                all.extend(more.map());
                all.into()
            }
            // The texts are put together as they are: a list of a thousand findings is a thousand of these.
            (false, false) => Self([&self.0[..self.0.len() - 1], ",", &more.0[1..]].concat().into()),
        }
    }

    /// Whether a key of `more` stands anywhere in this text; keys with escapes may be written in two ways.
    #[expect(clippy::zero_sized_map_values, reason = "the values are skipped, and only a map is read from an object")]
    fn may_share_a_key(&self, more: &Self) -> bool {
        let keys: BTreeMap<String, IgnoredAny> = serde_json::from_str(&more.0).unwrap_or_default();
        more.0.contains('\\') || keys.keys().any(|key| self.0.contains(key.as_str()))
    }
}

impl Default for Facts {
    fn default() -> Self {
        NOTHING.clone()
    }
}

impl From<Map<String, Value>> for Facts {
    fn from(map: Map<String, Value>) -> Self {
        if map.is_empty() {
            return Self::default();
        }
        let mut value = Value::Object(map);
        value.sort_all_objects();
        Self(value.to_string().into())
    }
}

/// As an object of whatever format is written, without a tree of values in between.
impl Serialize for Facts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Transcoder::new(&mut Deserializer::from_str(&self.0)).serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn facts(value: &Value) -> Facts {
        Facts::from(value.as_object().unwrap().clone())
    }

    #[test]
    fn the_order_of_keys_makes_no_difference_at_any_depth() {
        let one = facts(&json!({"b": 1, "a": [{"y": 1, "x": 2}]}));
        let other = facts(&json!({"a": [{"x": 2, "y": 1}], "b": 1}));
        assert_eq!((one.as_str(), &one), (r#"{"a":[{"x":2,"y":1}],"b":1}"#, &other));
        assert_eq!((one.get("b"), one.get("c"), Facts::stored(one.as_str())), (Some(json!(1)), None, Some(other)));
    }

    #[test]
    fn they_are_written_and_read_as_the_object_that_they_are() {
        let object =
            json!({"list": [1, -2, 2.5, 18_446_744_073_709_551_615_u64], "none": null, "quoted\"": {"ö\n": true}});
        let text = serde_json::to_string(&facts(&object)).unwrap();
        assert_eq!(text, object.to_string());
        assert_eq!(serde_json::from_str::<Facts>(&text).unwrap(), facts(&object));
        serde_json::from_str::<Facts>("[1]").unwrap_err();
    }

    #[test]
    fn of_two_that_are_put_together_each_key_is_there_once_and_the_second_wins() {
        let (one, none) = (facts(&json!({"pid": 1, "word": "age"})), Facts::default());
        let both = |more: &Value| one.with(&facts(more)).map();
        assert_eq!((one.with(&none), none.with(&one)), (one.clone(), one.clone()));
        assert_eq!(Value::Object(both(&json!({"age": 2}))), json!({"pid": 1, "word": "age", "age": 2}));
        assert_eq!(Value::Object(both(&json!({"cpu": [3]}))), json!({"pid": 1, "word": "age", "cpu": [3]}));
        assert_eq!(Value::Object(both(&json!({"pid": 4}))), json!({"pid": 4, "word": "age"}));
        let escaped = facts(&json!({"a\"b": 1})).with(&facts(&json!({"a\"b": 2})));
        assert_eq!(escaped.as_str(), r#"{"a\"b":2}"#);
    }
}
