//! One step of a path through an object, as managed fields write it.
//!
//! Owns its text forms: `f:name`, `k:{"name":"x"}`, `v:"x"` in fieldsV1; `.name`, `[name="x"]`, `[="x"]` in messages.

use std::cmp::Ordering;
use std::fmt;

use serde_json::{Map, Value};

use super::lists::{ListType, MapKey};

/// One step. The order is that of fieldsV1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// A field of an object, or a key of a map.
    Field(String),
    /// The item of a list with these values of its key fields, sorted by name.
    Key(Vec<(String, Literal)>),
    /// The item of a set.
    Value(Literal),
}

/// A JSON value that has an order: numbers, texts, booleans, lists, objects, null.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Literal(pub(super) Value);

/// Why an item of a list cannot be told from others.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ItemError {
    /// A list of objects holds something else.
    #[error("associative list with keys may not have non-map elements")]
    NotAnObject,
    /// A key field is missing.
    #[error("associative list with keys has an element that omits key field {0:?} (and doesn't have default value)")]
    NoKey(String),
    /// A set of scalars holds something else.
    #[error("associative list without keys has an element that's a {0} type")]
    NotAScalar(&'static str),
}

impl Step {
    pub(super) fn field(name: &str) -> Self {
        Self::Field(name.to_owned())
    }

    /// The step to `item` of an associative list.
    pub(super) fn to_item(list: ListType<'_>, item: &Value) -> Result<Self, ItemError> {
        match list {
            ListType::Map(keys) => Self::to_keyed(keys, item),
            ListType::Set | ListType::Atomic => match item {
                Value::Object(_) => Err(ItemError::NotAScalar("map")),
                Value::Array(_) => Err(ItemError::NotAScalar("list")),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                    Ok(Self::Value(Literal(item.clone())))
                }
            },
        }
    }

    fn to_keyed(keys: &[MapKey], item: &Value) -> Result<Self, ItemError> {
        let item = item.as_object().ok_or(ItemError::NotAnObject)?;
        let value = |key: &MapKey| match item.get(&key.name).or(key.default.as_ref()) {
            Some(value) => Ok((key.name.clone(), Literal(value.clone()))),
            None => Err(ItemError::NoKey(key.name.clone())),
        };
        let mut values: Vec<_> = keys.iter().map(value).collect::<Result<_, _>>()?;
        values.sort();
        Ok(Self::Key(values))
    }

    /// The key under which fieldsV1 holds it.
    pub(super) fn to_v1(&self) -> String {
        match self {
            Self::Field(name) => format!("f:{name}"),
            Self::Key(values) => {
                let values: Map<_, _> = values.iter().map(|(name, value)| (name.clone(), value.0.clone())).collect();
                format!("k:{}", Value::Object(values))
            }
            Self::Value(value) => format!("v:{}", value.0),
        }
    }

    pub(super) fn from_v1(text: &str) -> Option<Self> {
        if let Some(name) = text.strip_prefix("f:") {
            return Some(Self::field(name));
        }
        if let Some(value) = text.strip_prefix("v:") {
            return serde_json::from_str(value).ok().map(|value| Self::Value(Literal(value)));
        }
        let values: Map<String, Value> = serde_json::from_str(text.strip_prefix("k:")?).ok()?;
        let mut values: Vec<_> = values.into_iter().map(|(name, value)| (name, Literal(value))).collect();
        values.sort();
        Some(Self::Key(values))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, ".{name}"),
            Self::Key(values) => {
                let values: Vec<_> = values.iter().map(|(name, value)| format!("{name}={}", value.0)).collect();
                write!(f, "[{}]", values.join(","))
            }
            Self::Value(value) => write!(f, "[={}]", value.0),
        }
    }
}

impl Ord for Literal {
    fn cmp(&self, other: &Self) -> Ordering {
        let rank = |value: &Value| match value {
            Value::Number(_) => 0,
            Value::String(_) => 1,
            Value::Bool(_) => 2,
            Value::Array(_) => 3,
            Value::Object(_) => 4,
            Value::Null => 5,
        };
        match (&self.0, &other.0) {
            (Value::String(a), Value::String(b)) => a.cmp(b),
            (Value::Number(a), Value::Number(b)) => {
                let numbers = a.as_f64().unwrap_or_default().total_cmp(&b.as_f64().unwrap_or_default());
                // Numbers beyond the precision of f64 must not be taken for each other.
                numbers.then_with(|| a.to_string().cmp(&b.to_string()))
            }
            (a, b) => rank(a).cmp(&rank(b)).then_with(|| a.to_string().cmp(&b.to_string())),
        }
    }
}

impl PartialOrd for Literal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
