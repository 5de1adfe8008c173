//! Filling in defaults.

use serde_json::{Map, Value};

use super::node::{Additional, Node};

/// Sets what is missing and has a default. A null where none is allowed counts as missing.
pub(super) fn fill(node: &Node, value: &mut Value) {
    match value {
        Value::Object(object) => fill_object(node, object),
        Value::Array(items) => {
            let Some(schema) = &node.items else { return };
            for item in items {
                fill_null(schema, item);
                fill(schema, item);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn fill_object(node: &Node, object: &mut Map<String, Value>) {
    object.retain(|key, value| {
        let schema = match (node.properties.get(key), &node.additional) {
            (Some(schema), _) => schema,
            (None, Additional::Of(schema)) => schema,
            (None, Additional::Any | Additional::None) => return true,
        };
        fill_null(schema, value);
        !value.is_null() || schema.is_nullable
    });
    for (key, schema) in &node.properties {
        if let (Some(default), false) = (&schema.default, object.contains_key(key)) {
            object.insert(key.clone(), default.clone());
        }
    }
    for (key, value) in object.iter_mut() {
        match (node.properties.get(key), &node.additional) {
            (Some(schema), _) => fill(schema, value),
            (None, Additional::Of(schema)) => fill(schema, value),
            (None, Additional::Any | Additional::None) => {}
        }
    }
}

fn fill_null(schema: &Node, value: &mut Value) {
    if let (true, false, Some(default)) = (value.is_null(), schema.is_nullable, &schema.default) {
        *value = default.clone();
    }
}
