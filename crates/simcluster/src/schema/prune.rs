//! Dropping what a schema does not know.

use serde_json::{Map, Value};

use super::node::{Additional, Node};

/// Fields of `metadata` of every object.
const METADATA: &[&str] = &[
    "annotations",
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "labels",
    "managedFields",
    "name",
    "namespace",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// Drops unknown fields and returns their paths, sorted.
pub(super) fn prune(root: &Node, object: &mut Value) -> Vec<String> {
    let mut unknown = Vec::new();
    value(root, object, "", &mut unknown);
    unknown.sort();
    unknown
}

fn value(node: &Node, value: &mut Value, path: &str, unknown: &mut Vec<String>) {
    match value {
        Value::Object(object) => fields(node, object, path, unknown),
        Value::Array(items) => {
            let Some(schema) = &node.items else { return };
            for (nth, item) in items.iter_mut().enumerate() {
                self::value(schema, item, &format!("{path}[{nth}]"), unknown);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn metadata(value: &mut Value, path: &str, unknown: &mut Vec<String>) {
    let Value::Object(metadata) = value else { return };
    metadata.retain(|key, _| {
        let is_known = METADATA.contains(&key.as_str());
        if !is_known {
            unknown.push(child(path, key));
        }
        is_known
    });
}

fn fields(node: &Node, object: &mut Map<String, Value>, path: &str, unknown: &mut Vec<String>) {
    // The identity of a whole object is known without being declared.
    let is_whole = node.is_resource || path.is_empty();
    object.retain(|key, value| {
        let path = child(path, key);
        match (key.as_str(), node.properties.get(key), &node.additional) {
            ("apiVersion" | "kind", _, _) if is_whole => {}
            ("metadata", _, _) if is_whole => metadata(value, &path, unknown),
            (_, Some(schema), _) => self::value(schema, value, &path, unknown),
            (_, None, Additional::Of(schema)) => self::value(schema, value, &path, unknown),
            (_, None, Additional::Any) => {}
            (_, None, Additional::None) => {
                if !node.preserves_unknown {
                    unknown.push(path);
                }
                return node.preserves_unknown;
            }
        }
        true
    });
}

/// The path of a field.
pub(super) fn child(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
