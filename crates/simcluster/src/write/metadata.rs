//! What every object says of itself under `metadata`.
//!
//! Owns which of it a writer may set. Names are `names`' to judge.

use serde_json::Value;

use super::Write;
use super::create::Ownership;
use crate::kind::Kind;
use crate::patch::go_type;
use crate::selector::is_word;
use crate::status::{Cause, Status};
use crate::store::text_at;

/// What only the server sets.
const SYSTEM: &[&str] = &[
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "selfLink",
];

/// Takes off what only the server sets.
pub(super) fn reset(object: &mut Value, ownership: Ownership) {
    if !object["metadata"].is_object() {
        object["metadata"] = Value::Object(serde_json::Map::new());
    }
    for key in SYSTEM {
        remove(&mut object["metadata"], key);
    }
    if ownership == Ownership::Update {
        remove(&mut object["metadata"], "managedFields");
    }
}

/// Sets what only the server sets to what it was.
pub(super) fn restore(object: &mut Value, before: &Value) {
    if !object["metadata"].is_object() {
        object["metadata"] = Value::Object(serde_json::Map::new());
    }
    for &key in SYSTEM.iter().chain(&["name", "namespace", "generateName"]) {
        match before["metadata"].get(key) {
            Some(value) => object["metadata"][key] = value.clone(),
            None => remove(&mut object["metadata"], key),
        }
    }
}

pub(super) fn remove(object: &mut Value, key: &str) {
    if let Some(map) = object.as_object_mut() {
        map.shift_remove(key);
    }
}

/// Null is the same as absent for types of Go.
pub(crate) fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// An empty map or list is the same as none where the types of Go leave it out.
pub(super) fn drop_empty(kind: &Kind, object: &mut Value) {
    let (map, list) = (Value::Object(serde_json::Map::new()), Value::Array(Vec::new()));
    for (key, empty) in [("labels", &map), ("annotations", &map), ("finalizers", &list), ("ownerReferences", &list)] {
        if object["metadata"].get(key) == Some(empty) {
            remove(&mut object["metadata"], key);
        }
    }
    if kind.group.is_empty() && matches!(kind.plural.as_str(), "configmaps" | "secrets") {
        for key in ["data", "binaryData", "stringData"] {
            if object.get(key) == Some(&map) {
                remove(object, key);
            }
        }
    }
}

/// A body may leave out its namespace, but not state another one.
pub(super) fn check_namespace(write: &Write, object: &Value) -> Result<(), Status> {
    let stated = text_at(object, "metadata.namespace");
    if stated.is_empty() || *stated == *write.key.namespace {
        return Ok(());
    }
    let message = "the namespace of the provided object does not match the namespace sent on the request";
    Err(Status::bad_request(message))
}

pub(super) fn other_name(stated: &str, path: &str) -> Status {
    Status::bad_request(format!("the name of the object ({stated}) does not match the name on the URL ({path})"))
}

/// A body that replaces an object is about the object of the path.
pub(super) fn check_agreement(write: &Write, object: &Value) -> Result<(), Status> {
    let stated = text_at(object, "metadata.name");
    if stated.is_empty() {
        let message = "the name of the object () does not match the name on the URL";
        return Err(Status::bad_request(format!("{message} ({})", write.key.name)));
    }
    if *stated != *write.key.name {
        return Err(other_name(stated, &write.key.name));
    }
    check_namespace(write, object)
}

/// That what the cluster reads in an object has the shape that it is read in; whatever is stored passed this.
pub(crate) fn check_shape(kind: &Kind, object: &Value) -> Result<(), Status> {
    check_shapes(kind, object)?;
    check_body(kind, object)
}

/// Shapes and grammar of labels, annotations, finalizers and owners.
pub(super) fn check(kind: &Kind, object: &Value) -> Result<(), Status> {
    check_shape(kind, object)?;
    let metadata = &object["metadata"];
    let mut causes = Vec::new();
    for (key, value) in metadata["labels"].as_object().into_iter().flatten() {
        causes.extend(label_cause(key, value.as_str().unwrap_or_default()));
    }
    for key in metadata["annotations"].as_object().into_iter().flatten().map(|(key, _)| key) {
        causes.extend(key_cause("metadata.annotations", &key.to_lowercase(), key));
    }
    for finalizer in metadata["finalizers"].as_array().into_iter().flatten() {
        let name = finalizer.as_str().unwrap_or_default();
        causes.extend(key_cause("metadata.finalizers", name, name));
    }
    for (nth, owner) in metadata["ownerReferences"].as_array().into_iter().flatten().enumerate() {
        for key in ["apiVersion", "kind", "name", "uid"] {
            if owner[key].as_str().unwrap_or_default().is_empty() {
                let field = format!("metadata.ownerReferences[{nth}].{key}");
                let message = if key == "apiVersion" { "version must not be empty" } else { "must not be empty" };
                causes.push(Cause::invalid(&field, &"".into(), message));
            }
        }
    }
    if causes.is_empty() { Ok(()) } else { Err(Status::invalid(kind, text_at(object, "metadata.name"), &causes)) }
}

fn check_shapes(kind: &Kind, object: &Value) -> Result<(), Status> {
    let metadata = &object["metadata"];
    for key in ["labels", "annotations"] {
        match &metadata[key] {
            Value::Null => {}
            Value::Object(map) => {
                if let Some(value) = map.values().find(|value| !value.is_string()) {
                    return Err(wrong_shape(kind, key, value, "string"));
                }
            }
            other => return Err(wrong_shape(kind, key, other, "map[string]string")),
        }
    }
    for (key, is_item) in
        [("finalizers", Value::is_string as fn(&Value) -> bool), ("ownerReferences", Value::is_object)]
    {
        match &metadata[key] {
            Value::Null => {}
            Value::Array(items) => {
                if let Some(item) = items.iter().find(|item| !is_item(item)) {
                    return Err(wrong_shape(kind, key, item, "string"));
                }
            }
            other => return Err(wrong_shape(kind, key, other, "[]string")),
        }
    }
    Ok(())
}

/// What the cluster itself reads and writes in objects of its own kinds: objects, if they are there.
const OBJECTS: &[&str] = &[
    "/spec",
    "/spec/affinity",
    "/spec/affinity/nodeAffinity",
    "/spec/selector",
    "/spec/selector/matchLabels",
    "/spec/template",
    "/spec/template/metadata",
    "/spec/template/metadata/annotations",
    "/spec/template/metadata/labels",
    "/spec/template/spec",
    "/spec/template/spec/affinity",
    "/spec/template/spec/affinity/nodeAffinity",
    "/status",
];

/// Managed fields nest five levels deeper than what they are of, and a decoder gives up at 127.
const DEEPEST: usize = 110;

/// As [`check_shape`], of all but the metadata.
pub(super) fn check_body(kind: &Kind, object: &Value) -> Result<(), Status> {
    if is_deeper(object, DEEPEST) {
        let (name, version) = (&kind.kind, &kind.version);
        return Err(Status::bad_request(format!(
            "{name} in version \"{version}\" cannot be handled as a {name}: json: exceeded max depth"
        )));
    }
    if kind.custom().is_some() {
        return Ok(());
    }
    let wrong = OBJECTS.iter().find_map(|path| Some((*path, object.pointer(path)?)).filter(|(_, at)| !is_object(at)));
    wrong.map_or(Ok(()), |(path, value)| {
        let (name, version, found) = (&kind.kind, &kind.version, go_type(value));
        let field = path.trim_start_matches('/').replace('/', ".");
        Err(Status::bad_request(format!(
            "{name} in version \"{version}\" cannot be handled as a {name}: json: cannot unmarshal {found} into Go struct field \
             {name}.{field} of type map[string]interface {{}}"
        )))
    })
}

fn is_object(value: &Value) -> bool {
    value.is_object() || value.is_null()
}

fn is_deeper(value: &Value, levels: usize) -> bool {
    match (value, levels.checked_sub(1)) {
        (Value::Array(_) | Value::Object(_), None) => true,
        (Value::Array(items), Some(left)) => items.iter().any(|item| is_deeper(item, left)),
        (Value::Object(map), Some(left)) => map.values().any(|item| is_deeper(item, left)),
        _ => false,
    }
}

fn wrong_shape(kind: &Kind, key: &str, value: &Value, wanted: &str) -> Status {
    let (name, version, found) = (&kind.kind, &kind.version, go_type(value));
    Status::bad_request(format!(
        "{name} in version \"{version}\" cannot be handled as a {name}: json: cannot unmarshal {found} into Go struct field \
         ObjectMeta.metadata.{key} of type {wanted}"
    ))
}

fn label_cause(key: &str, value: &str) -> Option<Cause> {
    if let Some(cause) = key_cause("metadata.labels", key, key) {
        return Some(cause);
    }
    let why = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
        alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is \
        '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
    let why = if value.len() > 63 { "must be no more than 63 bytes" } else { why };
    (!value.is_empty() && !is_word(value)).then(|| Cause::invalid("metadata.labels", &value.into(), why))
}

fn key_cause(field: &str, key: &str, shown: &str) -> Option<Cause> {
    let (prefix, name) = key.rsplit_once('/').unwrap_or(("x", key));
    let why = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric \
        character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
        '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
    let is_fine = is_word(name) && !prefix.is_empty() && prefix.len() <= 253 && !prefix.contains('/');
    (!is_fine).then(|| Cause::invalid(field, &shown.into(), why))
}
