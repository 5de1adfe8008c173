//! JSON merge patches (RFC 7386).

use serde_json::{Map, Value};

/// Merges `patch` into `target`: null removes, objects merge, all else replaces.
pub(super) fn merge_patch(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(target) = target else { unreachable!("the target was made an object above") };
    for (key, change) in patch {
        if change.is_null() {
            target.shift_remove(key);
        } else {
            merge_patch(target.entry(key.as_str()).or_insert(Value::Null), change);
        }
    }
}
