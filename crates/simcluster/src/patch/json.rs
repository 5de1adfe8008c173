//! JSON patches (RFC 6902) and the pointers in them (RFC 6901).
//!
//! Owns the operations and their bounds: a small request must not make a large or deep object.

use serde_json::Value;

use super::PatchError;

/// As the API server: more operations are refused.
pub(super) const MOST_OPERATIONS: usize = 10_000;

/// All that `copy` may add together, in bytes: what a request may weigh.
const MOST_COPIED: usize = 3 << 20;

/// Levels of an object. serde_json reads 128, and what is stored must be read again.
const DEEPEST: usize = 120;

/// Why an operation fails. Kubernetes does not tell its clients.
struct Failed;

enum Operation<'a> {
    Add(Pointer, &'a Value),
    Remove(Pointer),
    Replace(Pointer, &'a Value),
    Move { from: Pointer, path: Pointer },
    Copy { from: Pointer, path: Pointer },
    Test(Pointer, &'a Value),
}

/// Reference tokens, unescaped.
struct Pointer(Vec<String>);

/// Applies `operations` in order.
pub(super) fn apply(document: &mut Value, operations: &[Value]) -> Result<(), PatchError> {
    if operations.len() > MOST_OPERATIONS {
        return Err(PatchError::TooManyOperations(operations.len()));
    }
    if let Some(other) = operations.iter().find(|operation| !operation.is_object()) {
        return Err(PatchError::Operation(go_type(other)));
    }
    let mut copied = 0;
    for operation in operations {
        perform(document, operation, &mut copied).map_err(|Failed| PatchError::Unprocessable)?;
    }
    Ok(())
}

/// Go's name of a value's type, as real servers word it.
pub(crate) fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn perform(document: &mut Value, operation: &Value, copied: &mut usize) -> Result<(), Failed> {
    match Operation::read(operation)? {
        Operation::Add(path, value) => path.add(document, value.clone()),
        Operation::Remove(path) => path.remove(document).map(drop),
        Operation::Replace(path, value) => {
            path.check_depth(value)?;
            path.set(document, value.clone())
        }
        Operation::Move { from, path } => {
            if path.0.len() > from.0.len() && path.0.starts_with(&from.0) {
                return Err(Failed);
            }
            let value = from.remove(document)?;
            path.add(document, value)
        }
        Operation::Copy { from, path } => {
            // What is not there is copied as null by real servers, and so it is by them.
            let value = from.get(document).cloned().unwrap_or_default();
            *copied += value.to_string().len();
            if *copied > MOST_COPIED {
                return Err(Failed);
            }
            path.add(document, value)
        }
        Operation::Test(path, expected) => {
            let holds = path.get(document).unwrap_or(&Value::Null) == expected;
            if holds { Ok(()) } else { Err(Failed) }
        }
    }
}

impl<'a> Operation<'a> {
    fn read(operation: &'a Value) -> Result<Self, Failed> {
        let pointer = |key: &str| Pointer::parse(operation[key].as_str().ok_or(Failed)?);
        let value = || operation.get("value").ok_or(Failed);
        match operation["op"].as_str().ok_or(Failed)? {
            "add" => Ok(Self::Add(pointer("path")?, value()?)),
            "remove" => Ok(Self::Remove(pointer("path")?)),
            "replace" => Ok(Self::Replace(pointer("path")?, value()?)),
            "move" => Ok(Self::Move { from: pointer("from")?, path: pointer("path")? }),
            "copy" => Ok(Self::Copy { from: pointer("from")?, path: pointer("path")? }),
            "test" => Ok(Self::Test(pointer("path")?, value()?)),
            _ => Err(Failed),
        }
    }
}

impl Pointer {
    fn parse(text: &str) -> Result<Self, Failed> {
        let Some(tokens) = text.strip_prefix('/') else {
            return if text.is_empty() { Ok(Self(Vec::new())) } else { Err(Failed) };
        };
        let unescape = |token: &str| token.replace("~1", "/").replace("~0", "~");
        Ok(Self(tokens.split('/').map(unescape).collect()))
    }

    fn get<'v>(&self, document: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(document, |value, token| match value {
            Value::Object(map) => map.get(token),
            Value::Array(items) => items.get(index(token)?),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        })
    }

    /// Replaces what is there. As on real servers, an object takes a key that it did not have.
    fn set(&self, document: &mut Value, value: Value) -> Result<(), Failed> {
        self.put(document, value, |items, token, value| {
            *index(token).and_then(|at| items.get_mut(at)).ok_or(Failed)? = value;
            Ok(())
        })
    }

    fn add(&self, document: &mut Value, value: Value) -> Result<(), Failed> {
        self.check_depth(&value)?;
        self.put(document, value, |items, token, value| {
            let at = if token == "-" { items.len() } else { index(token).ok_or(Failed)? };
            if at > items.len() {
                return Err(Failed);
            }
            items.insert(at, value);
            Ok(())
        })
    }

    /// Puts a value into the object that is pointed to, or into the list as `into` does.
    fn put(
        &self,
        document: &mut Value,
        value: Value,
        into: impl FnOnce(&mut Vec<Value>, &str, Value) -> Result<(), Failed>,
    ) -> Result<(), Failed> {
        let Some((last, above)) = self.0.split_last() else {
            *document = value;
            return Ok(());
        };
        match descend(document, above).ok_or(Failed)? {
            Value::Object(map) => {
                map.insert(last.clone(), value);
                Ok(())
            }
            Value::Array(items) => into(items, last, value),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Err(Failed),
        }
    }

    fn remove(&self, document: &mut Value) -> Result<Value, Failed> {
        let (last, above) = self.0.split_last().ok_or(Failed)?;
        match descend(document, above).ok_or(Failed)? {
            Value::Object(map) => map.shift_remove(last).ok_or(Failed),
            Value::Array(items) => {
                let at = index(last).filter(|&at| at < items.len()).ok_or(Failed)?;
                Ok(items.remove(at))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Err(Failed),
        }
    }

    fn check_depth(&self, value: &Value) -> Result<(), Failed> {
        if self.0.len() + depth(value) > DEEPEST { Err(Failed) } else { Ok(()) }
    }
}

fn descend<'v>(document: &'v mut Value, tokens: &[String]) -> Option<&'v mut Value> {
    tokens.iter().try_fold(document, |value, token| match value {
        Value::Object(map) => map.get_mut(token),
        Value::Array(items) => items.get_mut(index(token)?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    })
}

/// An index of an array: digits without a leading zero.
fn index(token: &str) -> Option<usize> {
    let is_canonical = token == "0" || !token.starts_with(['0', '+']);
    token.parse().ok().filter(|_| is_canonical)
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(document: Value, operations: Value, expected: Option<Value>) {
        let mut document = document;
        let Value::Array(operations) = operations else { panic!("operations are a list") };
        let applied = apply(&mut document, &operations);
        match expected {
            Some(expected) => assert_eq!((applied, document), (Ok(()), expected)),
            None => assert_eq!(applied, Err(PatchError::Unprocessable)),
        }
    }

    #[test]
    fn operations_apply_in_order() {
        let operations = json!([
            {"op": "test", "path": "/a", "value": 1},
            {"op": "replace", "path": "/a", "value": [1, 2]},
            {"op": "add", "path": "/a/-", "value": 3},
            {"op": "add", "path": "/a/0", "value": 0},
            {"op": "remove", "path": "/a/1"},
            {"op": "copy", "from": "/a", "path": "/b"},
            {"op": "move", "from": "/b/0", "path": "/x~1y~0z"},
        ]);
        check(json!({"a": 1}), operations, Some(json!({"a": [0, 2, 3], "b": [2, 3], "x/y~z": 0})));
    }

    #[test]
    fn an_operation_that_does_not_fit_fails_the_patch() {
        for operation in [
            json!({"op": "test", "path": "/a", "value": 9}),
            json!({"op": "remove", "path": "/nope"}),
            json!({"op": "replace", "path": "/nope/b", "value": 1}),
            json!({"op": "replace", "path": "/l/1", "value": 1}),
            json!({"op": "add", "path": "/nope/b", "value": 1}),
            json!({"op": "add", "path": "/l/2", "value": 1}),
            json!({"op": "add", "path": "/l/00", "value": 1}),
            json!({"op": "add", "path": "a", "value": 1}),
            json!({"op": "add", "path": "/a"}),
            json!({"op": "move", "from": "/m", "path": "/m/b"}),
            json!({"op": "remove", "path": ""}),
            json!({"op": "fly", "path": "/a"}),
            json!({"path": "/a"}),
        ] {
            check(json!({"a": 1, "l": [0], "m": {}}), json!([operation]), None);
        }
    }

    #[test]
    fn what_is_not_there_is_replaced_and_copied() {
        let operations =
            json!([{"op": "replace", "path": "/a", "value": 1}, {"op": "copy", "from": "/b", "path": "/c"}]);
        check(json!({}), operations, Some(json!({"a": 1, "c": null})));
    }

    #[test]
    fn a_test_for_null_holds_where_nothing_is() {
        check(json!({}), json!([{"op": "test", "path": "/a", "value": null}]), Some(json!({})));
    }

    #[test]
    fn copies_can_neither_grow_nor_nest_without_end() {
        let doubling: Vec<Value> =
            (0..64).map(|n| json!({"op": "copy", "from": "", "path": format!("/k{n}")})).collect();
        check(json!({"data": "x".repeat(1000)}), Value::Array(doubling), None);
        let nesting: Vec<Value> = (1..400).map(|n| json!({"op": "add", "path": "/a".repeat(n), "value": {}})).collect();
        check(json!({}), Value::Array(nesting), None);
    }

    #[test]
    fn what_is_no_operation_is_a_bad_request() {
        let refused = apply(&mut json!({}), &[json!("add")]).unwrap_err();
        assert_eq!((refused.code(), refused.reason()), (400, "BadRequest"));
    }

    #[test]
    fn more_operations_than_allowed_are_too_large() {
        let operations = vec![json!({"op": "test", "path": "", "value": {}}); MOST_OPERATIONS + 1];
        let refused = apply(&mut json!({}), &operations).unwrap_err();
        assert_eq!(refused, PatchError::TooManyOperations(10_001));
    }
}
