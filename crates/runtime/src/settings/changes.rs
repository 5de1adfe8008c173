//! Which changed settings wait for the next start.

use document::schema::{Schema, SchemaTree};
use serde_json::Value;

use super::Root;

/// `wanted` with every start-only key as `running` has it, and the paths of those that differ.
pub(super) fn keep_started<T: Root>(running: &T, wanted: T) -> Result<(T, Vec<String>), serde_json::Error> {
    let running = serde_json::to_value(running)?;
    let mut merged = serde_json::to_value(&wanted)?;
    let mut kept = Vec::new();
    let schema = SchemaTree::of::<T>();
    keep(schema.root(), "", &running, &mut merged, &mut kept);
    if kept.is_empty() {
        return Ok((wanted, kept));
    }
    Ok((serde_json::from_value(merged)?, kept))
}

fn keep(schema: Schema<'_>, path: &str, running: &Value, wanted: &mut Value, kept: &mut Vec<String>) {
    if running == wanted {
        return;
    }
    if schema.text("x-applies") == Some("start") {
        differences(path, running, wanted, kept);
        *wanted = running.clone();
        return;
    }
    let Some(schema) = schema.mapping() else { return };
    for (key, property) in schema.properties() {
        if let (Some(running), Some(wanted)) = (running.get(key), wanted.get_mut(key)) {
            keep(property, &document::under(path, key), running, wanted, kept);
        }
    }
}

/// The paths of the keys in which two values differ; lists are told as one.
fn differences(path: &str, running: &Value, wanted: &Value, differ: &mut Vec<String>) {
    let (Value::Object(running), Value::Object(wanted)) = (running, wanted) else {
        differ.push(path.to_owned());
        return;
    };
    for (key, value) in wanted {
        let before = running.get(key).unwrap_or(&Value::Null);
        if before != value {
            differences(&document::under(path, key), before, value, differ);
        }
    }
}
