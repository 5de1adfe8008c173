//! Strategic merge patches: merge patches that know the keys of lists.
//!
//! Owns the directives `$patch`, `$retainKeys` and `$deleteFromPrimitiveList`. `$setElementOrder` is read and not used:
//! items of the patch that are new come first, as they do without it.

use serde_json::{Map, Value};

use super::PatchError;
use super::lists::{ITEM, ListTypes, MergeStrategy};

const DIRECTIVE: &str = "$patch";
const RETAIN: &str = "$retainKeys";
const ORDER: &str = "$setElementOrder/";
const DELETE_FROM: &str = "$deleteFromPrimitiveList/";

/// What `$patch` asks for.
enum Directive {
    Merge,
    Replace,
    Delete,
}

/// Merges `patch` into `object`.
pub(super) fn apply(object: &mut Value, patch: &Value, lists: &dyn ListTypes) -> Result<(), PatchError> {
    let (Value::Object(object), Value::Object(patch)) = (object, patch) else {
        return Err(PatchError::WrongShape("the root".to_owned()));
    };
    Merge { lists, path: Vec::new() }.maps(object, patch)
}

struct Merge<'a> {
    lists: &'a dyn ListTypes,
    path: Vec<&'a str>,
}

impl<'a> Merge<'a> {
    fn maps(&mut self, target: &mut Map<String, Value>, patch: &'a Map<String, Value>) -> Result<(), PatchError> {
        match directive(patch)? {
            Directive::Delete => {
                target.clear();
                return Ok(());
            }
            Directive::Replace => target.clear(),
            Directive::Merge => {}
        }
        if let Some(Value::Array(kept)) = patch.get(RETAIN) {
            target.retain(|key, _| kept.iter().any(|name| name == key));
        }
        for (key, change) in patch {
            if key == DIRECTIVE || key == RETAIN || key.starts_with(ORDER) {
                continue;
            }
            if let Some(field) = key.strip_prefix(DELETE_FROM) {
                delete_scalars(target.get_mut(field), change);
            } else if change.is_null() {
                target.shift_remove(key);
            } else {
                self.path.push(key);
                self.field(target.entry(key.as_str()).or_insert(Value::Null), change)?;
                self.path.pop();
            }
        }
        Ok(())
    }

    fn field(&mut self, target: &mut Value, change: &'a Value) -> Result<(), PatchError> {
        match change {
            Value::Object(change) => {
                if !target.is_object() {
                    *target = Value::Object(Map::new());
                }
                let Value::Object(target) = target else { unreachable!("the target was made an object above") };
                self.maps(target, change)
            }
            Value::Array(change) => {
                let present = match target.take() {
                    Value::Array(items) => items,
                    Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => Vec::new(),
                };
                *target = Value::Array(self.list(present, change)?);
                Ok(())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                *target = change.clone();
                Ok(())
            }
        }
    }

    fn list(&mut self, present: Vec<Value>, patch: &'a [Value]) -> Result<Vec<Value>, PatchError> {
        match self.lists.strategy(&self.path) {
            MergeStrategy::Replace => Ok(patch.iter().filter(|item| !is_replace_marker(item)).cloned().collect()),
            MergeStrategy::Union => Ok(union(present, patch)),
            MergeStrategy::By(key) => {
                self.path.push(ITEM);
                let merged = self.keyed(present, patch, key);
                self.path.pop();
                merged
            }
        }
    }

    fn keyed(&mut self, present: Vec<Value>, patch: &'a [Value], key: &str) -> Result<Vec<Value>, PatchError> {
        let order: Vec<Value> = present.iter().map(|item| item[key].clone()).collect();
        let replaces = patch.iter().any(is_replace_marker);
        let mut left = if replaces { Vec::new() } else { present };
        let mut merged: Vec<Value> = Vec::new();
        for item in patch.iter().filter(|item| !is_replace_marker(item)) {
            let Value::Object(change) = item else { return Err(PatchError::WrongShape(self.path.join("."))) };
            let Some(name) = change.get(key) else {
                return Err(PatchError::NoMergeKey { item: in_go(item), key: key.to_owned() });
            };
            let same = |other: &Value| other[key] == *name;
            if matches!(directive(change)?, Directive::Delete) {
                left.retain(|item| !same(item));
                merged.retain(|item| !same(item));
                continue;
            }
            let known = merged.iter().position(same);
            let mut target = match known.or_else(|| left.iter().position(same)) {
                Some(at) if known.is_some() => merged.remove(at),
                Some(at) => left.remove(at),
                None => Value::Object(Map::new()),
            };
            self.field(&mut target, item)?;
            merged.insert(known.unwrap_or(merged.len()), target);
        }
        Ok(interleave(left, merged, |item| order.iter().position(|name| *name == item[key])))
    }
}

/// Puts the items of the server between those of the patch, where their old places allow; else behind.
fn interleave(server: Vec<Value>, patch: Vec<Value>, place: impl Fn(&Value) -> Option<usize>) -> Vec<Value> {
    let mut merged = Vec::with_capacity(server.len() + patch.len());
    let mut server = server.into_iter().peekable();
    for item in patch {
        let limit = place(&item);
        while let Some(earlier) = server.next_if(|candidate| limit.is_some() && place(candidate) < limit) {
            merged.push(earlier);
        }
        merged.push(item);
    }
    merged.extend(server);
    merged
}

fn union(present: Vec<Value>, patch: &[Value]) -> Vec<Value> {
    let order = present.clone();
    let (_, left): (Vec<_>, Vec<_>) = present.into_iter().partition(|item| patch.contains(item));
    let mut added: Vec<Value> = Vec::new();
    for item in patch {
        if !added.contains(item) {
            added.push(item.clone());
        }
    }
    interleave(left, added, |item| order.iter().position(|other| other == item))
}

fn delete_scalars(target: Option<&mut Value>, gone: &Value) {
    if let (Some(Value::Array(items)), Value::Array(gone)) = (target, gone) {
        items.retain(|item| !gone.contains(item));
    }
}

fn directive(patch: &Map<String, Value>) -> Result<Directive, PatchError> {
    let Some(asked) = patch.get(DIRECTIVE) else { return Ok(Directive::Merge) };
    match asked.as_str() {
        Some("merge") => Ok(Directive::Merge),
        Some("replace") => Ok(Directive::Replace),
        Some("delete") => Ok(Directive::Delete),
        _ => Err(PatchError::UnknownDirective(in_go(asked))),
    }
}

/// `{"$patch": "replace"}` in a list asks for the other items instead of the present ones.
fn is_replace_marker(item: &Value) -> bool {
    item.as_object().is_some_and(|map| map.len() == 1) && item[DIRECTIVE] == "replace"
}

/// As Go prints a value: `map[image:nginx ports:[80 443]]`.
fn in_go(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(items) => format!("[{}]", items.iter().map(in_go).collect::<Vec<_>>().join(" ")),
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().map(|(key, value)| format!("{key}:{}", in_go(value))).collect();
            entries.sort();
            format!("map[{}]", entries.join(" "))
        }
    }
}

#[cfg(test)]
#[expect(clippy::needless_pass_by_value, reason = "json! makes values")]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::patch::BuiltInLists;

    #[track_caller]
    fn check(object: Value, patch: Value, expected: Value) {
        let mut object = object;
        apply(&mut object, &patch, &BuiltInLists).unwrap();
        assert_eq!(object, expected);
    }

    fn pod(containers: Value) -> Value {
        json!({"spec": {"containers": containers}})
    }

    #[test]
    fn labels_merge_and_null_removes() {
        check(
            json!({"metadata": {"labels": {"a": "1", "b": "2"}}}),
            json!({"metadata": {"labels": {"b": null, "probe": "1"}}}),
            json!({"metadata": {"labels": {"a": "1", "probe": "1"}}}),
        );
    }

    #[test]
    fn containers_merge_by_name_and_new_ones_come_first() {
        check(
            pod(
                json!([{"name": "a", "image": "x"}, {"name": "b", "image": "y", "env": [{"name": "K", "value": "1"}]}]),
            ),
            pod(json!([{"name": "c"}, {"name": "b", "image": "z", "env": [{"name": "L"}]}])),
            pod(json!([
                {"name": "c"},
                {"name": "a", "image": "x"},
                {"name": "b", "image": "z", "env": [{"name": "L"}, {"name": "K", "value": "1"}]}
            ])),
        );
    }

    #[test]
    fn an_item_is_deleted_by_its_key() {
        check(
            pod(json!([{"name": "a"}, {"name": "b"}])),
            pod(json!([{"name": "a", "$patch": "delete"}, {"name": "nope", "$patch": "delete"}])),
            pod(json!([{"name": "b"}])),
        );
    }

    #[test]
    fn a_list_or_a_map_is_replaced_on_demand() {
        check(
            pod(json!([{"name": "a"}, {"name": "b"}])),
            pod(json!([{"$patch": "replace"}, {"name": "b", "image": "z"}])),
            pod(json!([{"name": "b", "image": "z"}])),
        );
        check(
            json!({"spec": {"selector": {"a": "1"}}}),
            json!({"spec": {"selector": {"$patch": "replace", "b": "2"}}}),
            json!({"spec": {"selector": {"b": "2"}}}),
        );
    }

    #[test]
    fn finalizers_are_added_and_taken_out_one_by_one() {
        check(
            json!({"metadata": {"finalizers": ["a", "b"]}}),
            json!({"metadata": {"finalizers": ["c"], "$setElementOrder/finalizers": ["a", "b", "c"]}}),
            json!({"metadata": {"finalizers": ["c", "a", "b"]}}),
        );
        check(
            json!({"metadata": {"finalizers": ["a", "b"]}}),
            json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}}),
            json!({"metadata": {"finalizers": ["b"]}}),
        );
    }

    #[test]
    fn keys_that_are_not_retained_go() {
        check(
            json!({"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {}}}}),
            json!({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}),
            json!({"spec": {"strategy": {"type": "Recreate"}}}),
        );
    }

    #[test]
    fn lists_without_a_key_are_replaced() {
        check(
            json!({"spec": {"tolerations": [{"key": "a"}]}}),
            json!({"spec": {"tolerations": [{"key": "b"}]}}),
            json!({"spec": {"tolerations": [{"key": "b"}]}}),
        );
    }

    #[test]
    fn an_item_without_its_key_is_refused_in_the_words_of_kubernetes() {
        let refused = apply(&mut pod(json!([])), &pod(json!([{"image": "x", "args": [1, "b"]}])), &BuiltInLists);
        let message = "map: map[args:[1 b] image:x] does not contain declared merge key: name";
        assert_eq!(refused.unwrap_err().message(), message);
    }
}
