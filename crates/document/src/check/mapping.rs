//! Keys of mappings: unknown ones, missing ones, and those that exclude each other.

use serde_json::{Map, Value};

use super::{Checker, scalar};
use crate::path::{self, Step};
use crate::scalar::Meaning;
use crate::schema::{Additional, Schema};
use crate::tree::{Content, Entry, Node};
use crate::words;

impl<'a> Checker<'a> {
    pub(super) fn mapping(&mut self, node: &Node, entries: &[Entry], schema: Schema<'a>) -> Value {
        self.count(node.at, entries.len(), [schema.get("minProperties"), schema.get("maxProperties")], "key");
        let mut values = Map::with_capacity(entries.len());
        for entry in entries {
            self.steps.push(Step::Key(entry.key.to_string()));
            if let Some(value) = self.entry(entry, schema) {
                values.insert(entry.key.to_string(), value);
            }
            self.steps.pop();
        }
        self.missing(node, entries, schema);
        self.excluding(node, entries, schema);
        Value::Object(values)
    }

    fn entry(&mut self, entry: &Entry, schema: Schema<'a>) -> Option<Value> {
        if let Some(property) = schema.property(&entry.key) {
            return Some(self.value(&entry.value, property));
        }
        match schema.additional() {
            Additional::Of(schema) => Some(self.value(&entry.value, schema)),
            Additional::Any => Some(scalar::untyped(&entry.value)),
            Additional::Refused => {
                self.refuse(entry.at, unknown(&entry.key, schema));
                None
            }
        }
    }

    fn missing(&mut self, node: &Node, entries: &[Entry], schema: Schema<'a>) {
        for key in schema.required() {
            if entries.iter().any(|entry| *entry.key == *key) {
                continue;
            }
            self.steps.push(Step::Key(key.to_owned()));
            self.refuse(node.at, format!("key {key} is missing"));
            self.steps.pop();
        }
    }

    fn excluding(&mut self, node: &Node, entries: &[Entry], schema: Schema<'a>) {
        let given = |keyword: &str| -> Vec<&str> {
            schema
                .names(keyword)
                .filter(|key| entries.iter().any(|entry| *entry.key == **key && !is_nothing(entry)))
                .collect()
        };
        let path = path::render(&self.steps);
        let keys = schema.names("x-exactly-one-of").collect::<Vec<_>>().join(", ");
        let among = given("x-exactly-one-of");
        if !keys.is_empty() && among.is_empty() {
            self.refuse_at(node.at, path.clone(), format!("a key is missing (accepted: one of {keys})"));
        }
        if among.len() > 1 {
            let both = among.join(" and ");
            self.refuse_at(node.at, path.clone(), format!("{both} are given together (accepted: one of {keys})"));
        }
        let keys = schema.names("x-at-least-one-of").collect::<Vec<_>>().join(", ");
        if !keys.is_empty() && given("x-at-least-one-of").is_empty() {
            self.refuse_at(node.at, path, format!("a key is missing (accepted: at least one of {keys})"));
        }
    }
}

/// A key without a value says no more than a key that is left out.
fn is_nothing(entry: &Entry) -> bool {
    matches!(&entry.value.content, Content::Scalar(scalar) if scalar.meaning() == Meaning::Null)
}

fn unknown(key: &str, schema: Schema<'_>) -> String {
    let shown = words::shown(key);
    let known: Vec<&str> = schema.properties().map(|(key, _)| key).collect();
    match words::nearest(key, known.iter().copied()) {
        Some(near) => format!("unknown key {shown}, did you mean {near}"),
        None if known.is_empty() => format!("unknown key {shown} (accepted: no key)"),
        None => format!("unknown key {shown} (accepted: {})", known.join(", ")),
    }
}
