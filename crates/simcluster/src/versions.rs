//! One object in several versions of its kind.
//!
//! Owns the two forms of events, which share their objects. Custom resources differ in `apiVersion` alone, as the default
//! strategy of real servers has it.

use serde_json::{Map, Value};

use crate::kind::Kind;
use crate::store::Entry;

/// Names of the same field: in `v1`, and in `events.k8s.io/v1`.
const FIELDS: &[(&str, &str)] = &[
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
];

const NEWER_EVENTS: &str = "events.k8s.io";

/// Whether the encoding of an object is that of `kind`.
pub(crate) fn is_stored_as(kind: &Kind, entry: &Entry) -> bool {
    if kind.plural == "events" {
        return kind.group != NEWER_EVENTS;
    }
    let Some(_) = kind.custom() else { return true };
    let head = entry.body().strip_prefix(b"{\"apiVersion\":\"").unwrap_or_default();
    let version = head.strip_prefix(kind.group.as_bytes()).and_then(|head| head.strip_prefix(b"/")).unwrap_or_default();
    version.strip_prefix(kind.version.as_bytes()).is_some_and(|rest| rest.starts_with(b"\""))
}

/// The object in the form of `kind`.
pub(crate) fn decode_as(kind: &Kind, entry: &Entry) -> Value {
    let object = entry.decode();
    if is_stored_as(kind, entry) { object } else { served(kind, object) }
}

/// The form of `kind`, of an object as it is stored.
pub(crate) fn served(kind: &Kind, object: Value) -> Value {
    let mut object = if is_newer_event(kind) { renamed(object, |core, newer| (core, newer)) } else { object };
    object["apiVersion"] = kind.api_version().into();
    object
}

/// The form of events.k8s.io, of an event as it is stored.
pub(crate) fn newer(event: Value) -> Value {
    let mut event = renamed(event, |core, newer| (core, newer));
    event["apiVersion"] = "events.k8s.io/v1".into();
    event
}

/// The form in which an object of `kind` is stored.
pub(crate) fn stored(object: Value) -> Value {
    let mut object = renamed(object, |core, newer| (newer, core));
    object["apiVersion"] = "v1".into();
    object
}

pub(crate) fn is_newer_event(kind: &Kind) -> bool {
    kind.group == NEWER_EVENTS && kind.plural == "events"
}

fn renamed(object: Value, direction: impl Fn(&'static str, &'static str) -> (&'static str, &'static str)) -> Value {
    let Value::Object(map) = object else { return object };
    let renamed = map.into_iter().map(|(key, value)| {
        let found = FIELDS.iter().map(|&(core, newer)| direction(core, newer)).find(|(from, _)| *from == key);
        (found.map_or(key, |(_, to)| to.to_owned()), value)
    });
    Value::Object(renamed.collect::<Map<_, _>>())
}
