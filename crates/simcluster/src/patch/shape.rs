//! How one value merges: as a whole, field by field, or item by item.

use serde_json::Value;

use super::lists::{ListType, ListTypes, MapType};

/// How a value that is there merges.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Shape<'a> {
    Leaf,
    Map,
    /// A list of items that can be told from each other.
    List(ListType<'a>),
}

/// The shape of `value`; `None` if it is absent or null, which goes with any shape.
pub(super) fn shape_of<'l>(lists: &'l dyn ListTypes, path: &[&str], value: Option<&Value>) -> Option<Shape<'l>> {
    match value? {
        Value::Null => None,
        Value::Bool(_) | Value::Number(_) | Value::String(_) => Some(Shape::Leaf),
        Value::Object(_) => Some(match lists.map(path) {
            MapType::Granular => Shape::Map,
            MapType::Atomic => Shape::Leaf,
        }),
        Value::Array(_) => Some(match lists.of(path) {
            ListType::Atomic => Shape::Leaf,
            list @ (ListType::Set | ListType::Map(_)) => Shape::List(list),
        }),
    }
}

/// Whether there is nothing in a value: it is absent, null, or holds no items.
pub(super) fn is_empty(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::Array(items)) => items.is_empty(),
        Some(Value::Object(map)) => map.is_empty(),
        Some(Value::Bool(_) | Value::Number(_) | Value::String(_)) => false,
    }
}

/// The fields of an object; none if it is anything else.
pub(super) fn fields(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flatten()
}

/// The items of a list; none if it is anything else.
pub(super) fn items(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
