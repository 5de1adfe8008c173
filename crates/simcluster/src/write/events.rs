//! What an event must say, and that it does not change.
//!
//! Owns the rules of both groups of events: the core group is checked as it ever was, events.k8s.io strictly. Fields have
//! the names of the core group, as in the refusals of real servers.

use serde_json::Value;

use super::{EventRules, Write};
use crate::status::{Cause, Status};
use crate::store::text_at;

/// Fields that no writer of events.k8s.io changes.
const FIXED: &[(&str, &str)] = &[
    ("involvedObject", "involvedObject"),
    ("reason", "reason"),
    ("message", "message"),
    ("source", "source"),
    ("firstTimestamp", "firstTimestamp"),
    ("lastTimestamp", "lastTimestamp"),
    ("count", "count"),
    ("type", "type"),
    ("eventTime", "eventTime"),
    ("action", "action"),
    ("related", "related"),
    ("reportingComponent", "reportingController"),
    ("reportingInstance", "reportingInstance"),
];
/// Fields that only the core group sets.
const CORE_ONLY: &[&str] = &["firstTimestamp", "lastTimestamp", "count", "source"];

/// Refuses a new event that says too little.
pub(super) fn check_new(write: &Write, event: &Value) -> Result<(), Status> {
    if !is_event(write) {
        return Ok(());
    }
    let mut causes = said_by_all(write, event);
    if write.events == EventRules::Strict {
        causes.extend(series(event));
        if text_at(event, "eventTime").is_empty() {
            causes.push(Cause::new("FieldValueRequired", "eventTime", "Required value"));
        }
        let kind = text_at(event, "type");
        if !matches!(kind, "Normal" | "Warning") {
            causes.push(Cause::invalid("type", &"".into(), &format!("has invalid value: {kind}")));
        }
        let unset = |key: &&&str| is_set(&event[**key]);
        causes.extend(CORE_ONLY.iter().filter(unset).map(|key| Cause::invalid(key, &"".into(), "needs to be unset")));
    }
    refuse(write, event, &causes)
}

/// Refuses a change of what an event tells.
pub(super) fn check_change(write: &Write, before: &Value, after: &Value) -> Result<(), Status> {
    if !is_event(write) {
        return Ok(());
    }
    let mut causes = said_by_all(write, after);
    if write.events == EventRules::Strict {
        if before["series"] != after["series"] {
            causes.extend(series(after));
        }
        let has_changed = |key: &str| (is_set(&before[key]) || is_set(&after[key])) && before[key] != after[key];
        let changed = FIXED.iter().filter(|(key, _)| has_changed(key));
        causes.extend(changed.map(|(key, name)| Cause::invalid(name, &after[key], "field is immutable")));
    }
    refuse(write, after, &causes)
}

fn is_event(write: &Write) -> bool {
    write.kind.plural == "events" && write.kind.group.is_empty()
}

fn refuse(write: &Write, event: &Value, causes: &[Cause]) -> Result<(), Status> {
    if causes.is_empty() { Ok(()) } else { Err(Status::invalid(&write.kind, text_at(event, "metadata.name"), causes)) }
}

fn is_set(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Object(map) => map.values().any(is_set),
        Value::String(text) => !text.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) => true,
    }
}

/// What both groups ask for: events with a time are of the newer form, whoever writes them.
fn said_by_all(write: &Write, event: &Value) -> Vec<Cause> {
    let (own, about) = (&*write.key.namespace, text_at(event, "involvedObject.namespace"));
    let has_time = !text_at(event, "eventTime").is_empty();
    let is_free = own == "default" || own == "kube-system" && has_time;
    let disagrees = if about.is_empty() { !is_free } else { about != own && !has_time };
    let mut causes = Vec::new();
    if disagrees {
        causes.push(Cause::invalid("involvedObject.namespace", &about.into(), "does not match event.namespace"));
    }
    if !has_time {
        return causes;
    }
    let controller = if write.events == EventRules::Strict { "reportingController" } else { "reportingComponent" };
    for (key, name) in [
        ("reportingComponent", controller),
        ("reportingInstance", "reportingInstance"),
        ("action", "action"),
        ("reason", "reason"),
    ] {
        match text_at(event, key).len() {
            0 => causes.push(Cause::new("FieldValueRequired", name, "Required value")),
            1..=128 => {}
            _ => causes.push(Cause::invalid(name, &"".into(), "can have at most 128 characters")),
        }
    }
    if text_at(event, "message").len() > 1024 {
        causes.push(Cause::invalid("message", &"".into(), "can have at most 1024 characters"));
    }
    causes
}

fn series(event: &Value) -> Vec<Cause> {
    let series = &event["series"];
    let mut causes = Vec::new();
    if series.is_object() && series["count"].as_i64().unwrap_or(0) < 2 {
        causes.push(Cause::invalid("series.count", &"".into(), "should be at least 2"));
    }
    if series.is_object() && text_at(series, "lastObservedTime").is_empty() {
        causes.push(Cause::new("FieldValueRequired", "series.lastObservedTime", "Required value"));
    }
    causes
}
