//! What a source knows of a finding beyond the common fields, kept as text: a tree of values would take several times the memory.

use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value};

/// A JSON object, kept as its text with sorted keys. Equal objects have equal texts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Facts(Arc<str>);

static NOTHING: LazyLock<Facts> = LazyLock::new(|| Facts("{}".into()));

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
        self.0.len() == "{}".len()
    }

    /// The object as JSON.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What was kept as text; none if it is no object.
    pub(crate) fn stored(text: &str) -> Option<Self> {
        let begins = text.starts_with('{') && text.ends_with('}');
        begins.then(|| if text.len() == "{}".len() { Self::default() } else { Self(text.into()) })
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
}
