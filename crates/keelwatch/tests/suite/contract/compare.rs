//! Comparing what a server said with what the contract promises.
//!
//! Owns what does not count: identities, versions, times, and who else owns fields.

use serde_json::{Map, Value, json};

use super::case::{Ending, Verdict};
use super::client::Answer;

/// Fails unless code and body are these; the body is compared without what differs from run to run.
pub(super) fn same(answer: &Answer, code: u16, body: &Value) -> Verdict {
    equal("code and body", &json!([answer.code, masked(answer.json())]), &json!([code, body]))
}

/// Fails unless the answer refuses with this code, reason and message.
pub(super) fn refused(answer: &Answer, code: u16, reason: &str, message: &str) -> Verdict {
    let body = answer.json();
    let got = json!([
        answer.code,
        body["code"],
        body["kind"],
        body["status"],
        body["reason"],
        masked(body["message"].clone())
    ]);
    equal("refusal", &got, &json!([code, code, "Status", "Failure", reason, message]))
}

/// Fails unless the answer has this code.
pub(super) fn coded(answer: &Answer, code: u16) -> Verdict {
    if answer.code == code {
        return Ok(());
    }
    Err(Ending::different("code", &code.into(), &json!([answer.code, answer.json()])))
}

pub(super) fn equal(what: &str, got: &Value, expected: &Value) -> Verdict {
    if got == expected {
        return Ok(());
    }
    Err(Ending::different(what, expected, got))
}

/// Fails with what was got unless `holds`.
pub(super) fn holds(what: &str, holds: bool, got: &Value) -> Verdict {
    if holds {
        return Ok(());
    }
    Err(Ending::different(what, &true.into(), got))
}

/// A Status that says Failure; `details` as the server names the object.
pub(super) fn failure(code: u16, reason: &str, message: &str, details: &Value) -> Value {
    let mut status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "details": details, "code": code,
    });
    if details.is_null() {
        status.as_object_mut().expect("made above").shift_remove("details");
    }
    status
}

pub(super) fn not_found(plural: &str, name: &str) -> Value {
    let message = format!("{plural} \"{name}\" not found");
    failure(404, "NotFound", &message, &json!({"name": name, "kind": plural}))
}

/// What differs from run to run is one word; the order of keys and of managers does not count.
pub(super) fn masked(value: Value) -> Value {
    match value {
        Value::Object(map) => map.into_iter().filter_map(|(key, value)| masked_field(key, value)).collect(),
        Value::Array(items) => items.into_iter().map(masked).collect(),
        Value::String(text) => masked_text(&text).into(),
        other => other,
    }
}

fn masked_field(key: String, value: Value) -> Option<(String, Value)> {
    let value = match (key.as_str(), value) {
        ("uid" | "resourceVersion" | "continue", Value::String(_)) => format!("<{key}>").into(),
        ("time" | "creationTimestamp" | "deletionTimestamp", Value::String(_)) => "<time>".into(),
        ("managedFields", _) => return None,
        (_, value) => masked(value),
    };
    Some((key, value))
}

/// Namespaces and plurals of this run end in the word that the server chose for it.
fn masked_text(text: &str) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(super::ground::PREFIX) {
        result.push_str(&rest[..at]);
        result.push_str("<namespace>");
        rest = rest[at + super::ground::PREFIX.len()..].trim_start_matches(|one: char| one.is_ascii_alphanumeric());
    }
    result + rest
}

/// Who owns which fields: manager, operation, subresource and fields, sorted.
pub(super) fn owners(object: &Value) -> Value {
    let mut owners: Vec<Value> =
        object["metadata"]["managedFields"].as_array().into_iter().flatten().map(owner).collect();
    owners.sort_by_key(Value::to_string);
    owners.into()
}

fn owner(entry: &Value) -> Value {
    let mut owner = Map::new();
    for key in ["manager", "operation", "subresource", "fieldsV1"] {
        if let Some(value) = entry.get(key) {
            owner.insert(key.to_owned(), value.clone());
        }
    }
    Value::Object(owner)
}

/// Names of the items of a list, in its order.
pub(super) fn names(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().map_or(&[][..], Vec::as_slice);
    items.iter().map(|item| item["metadata"]["name"].as_str().unwrap_or_default()).collect()
}

pub(super) fn version(object: &Value) -> String {
    object["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned()
}
